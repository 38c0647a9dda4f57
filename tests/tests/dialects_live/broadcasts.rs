//! Broadcasters that are loaded again, gone, replaced or not allowed.

use std::time::Duration;

use samewire_tests::live::raw::{frame, opcode};
use samewire_tests::live::{Host, http, within};
use serde_json::json;

use crate::stage::{API_KEY, Old, STREAM, config, goes_on, host, negotiate, pair};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broadcaster_that_is_loaded_again_finds_its_viewers() {
    let host = host().await;
    let (broadcaster, mut first, id) = pair(&host, STREAM).await;
    drop(broadcaster);
    // Its page comes back, as another connection.
    let mut broadcaster = Old::broadcaster(&host, "ada", STREAM).await;
    let again = broadcaster.viewer_joined(STREAM).await;
    assert_ne!(again, id);
    negotiate(&mut broadcaster, &mut first, STREAM, &again).await;
    // The same connection may say so again: it has lost its peer connections.
    let ready = async {
        loop {
            if let Some(id) = ready_again(&mut broadcaster, &again).await {
                break id;
            }
        }
    };
    let mut last = within("its turn", ready).await;
    // Not all the time.
    let refused = async {
        while let Some(id) = ready_again(&mut broadcaster, &last).await {
            last = id;
        }
    };
    within("a refusal", refused).await;
    negotiate(&mut broadcaster, &mut first, STREAM, &last).await;
    goes_on(&mut broadcaster, &mut first, STREAM, &last).await;
}

/// It says that it is ready, with one viewer that it has. The viewer's next name; none when that is too often.
async fn ready_again(broadcaster: &mut Old, viewer: &str) -> Option<String> {
    broadcaster.say(json!({"type": "broadcaster-ready", "streamId": STREAM})).await;
    let told = broadcaster.hears().await;
    if told["type"] == "error" {
        assert_eq!(told["code"], "rate-limited");
        return None;
    }
    assert_eq!((&told["type"], &told["viewerId"]), (&json!("viewer-left"), &json!(viewer)));
    Some(broadcaster.viewer_joined(STREAM).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn viewers_of_a_broadcaster_that_is_gone_wait_for_the_next_one() {
    let mut config = config();
    config.live.hold = Duration::from_millis(200);
    let host = Host::start(config).await;
    let (broadcaster, mut viewer, _) = pair(&host, STREAM).await;
    drop(broadcaster);
    let told = viewer.hears().await;
    assert_eq!(told, json!({"type": "stream-ended", "streamId": STREAM, "reason": "broadcaster-gone"}));
    let mut next = Old::broadcaster(&host, "ada", STREAM).await;
    let id = next.viewer_joined(STREAM).await;
    negotiate(&mut next, &mut viewer, STREAM, &id).await;
    // An operator ends it: both hear so, and the viewer waits again.
    let end = http::requests().post(format!("{}/api/live/{STREAM}/end", host.url()));
    let ended = http::send(end.bearer_auth(API_KEY)).await;
    assert!(ended.status < 300, "{ended:?}");
    for old in [&mut next, &mut viewer] {
        assert_eq!(old.hears().await["type"], "stream-ended");
    }
    next.say(json!({"type": "broadcaster-ready", "streamId": STREAM})).await;
    let id = next.viewer_joined(STREAM).await;
    negotiate(&mut next, &mut viewer, STREAM, &id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_broadcast_and_is_ready_last_does() {
    let host = host().await;
    let (mut first, mut viewer, id) = pair(&host, STREAM).await;
    let mut second = Old::broadcaster(&host, "grace", STREAM).await;
    assert_eq!(first.error().await, "superseded");
    let late = id;
    let id = second.viewer_joined(STREAM).await;
    negotiate(&mut second, &mut viewer, STREAM, &id).await;
    // What the first still says is for nobody.
    first.offers(STREAM, &late, "v=0 late").await;
    assert_eq!(first.error().await, "not-joined");
    goes_on(&mut second, &mut viewer, STREAM, &id).await;
    // It may watch what was its own.
    first.join(STREAM).await;
    let other = second.viewer_joined(STREAM).await;
    negotiate(&mut second, &mut first, STREAM, &other).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_only_watch_or_only_listen_is_told_so() {
    let host = host().await;
    let (mut broadcaster, mut viewer, id) = pair(&host, STREAM).await;
    let mut mallory = Old::new(&host, "mallory", "viewer").await;
    mallory.say(json!({"type": "broadcaster-ready", "streamId": STREAM})).await;
    assert_eq!(mallory.error().await, "forbidden");
    // A viewer that tries goes on watching.
    viewer.say(json!({"type": "broadcaster-ready", "streamId": STREAM})).await;
    assert_eq!(viewer.error().await, "forbidden");
    goes_on(&mut broadcaster, &mut viewer, STREAM, &id).await;
    let mut listener = Old::new(&host, "oscar", "audience").await;
    listener.join(STREAM).await;
    assert_eq!(listener.error().await, "forbidden");
    let mut outsider = Old::dial(&host, &format!("/ws?token={}", samewire_tests::live::token("eve"))).await;
    outsider.join(STREAM).await;
    assert_eq!(outsider.error().await, "forbidden");
    goes_on(&mut broadcaster, &mut viewer, STREAM, &id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_full_says_so() {
    let mut config = config();
    config.live.max_viewers = 1;
    let host = Host::start(config).await;
    let (mut broadcaster, mut viewer, id) = pair(&host, STREAM).await;
    let mut late = Old::viewer(&host, "late", STREAM).await;
    assert_eq!(late.error().await, "live-full");
    goes_on(&mut broadcaster, &mut viewer, STREAM, &id).await;
    viewer.say(json!({"type": "leave-stream", "streamId": STREAM})).await;
    broadcaster.told("viewer-left").await;
    late.join(STREAM).await;
    let id = broadcaster.viewer_joined(STREAM).await;
    negotiate(&mut broadcaster, &mut late, STREAM, &id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broadcaster_that_leaves_at_once_broadcasts_nothing() {
    let host = host().await;
    let mut viewer = Old::viewer(&host, "eve", STREAM).await;
    let mut hasty = Old::new(&host, "ada", "broadcaster").await;
    let ready = json!({"type": "broadcaster-ready", "streamId": STREAM}).to_string();
    let leave = json!({"type": "leave-stream", "streamId": STREAM}).to_string();
    let both: Vec<u8> = [&ready, &leave].iter().flat_map(|text| frame(0x80 | opcode::TEXT, text.as_bytes())).collect();
    hasty.0.write(&both).await;
    // The viewer may have been let in for a moment; then it waits again.
    let mut next = Old::broadcaster(&host, "grace", STREAM).await;
    loop {
        let told = next.hears().await;
        if told["type"] == "viewer-joined" {
            let id = told["viewerId"].as_str().expect("an id").to_owned();
            next.offers(STREAM, &id, "v=0 to you").await;
            break;
        }
    }
    while viewer.hears().await["type"] != "webrtc-offer" {}
    next.say(json!({"type": "leave-stream", "streamId": STREAM})).await;
    assert_eq!(viewer.told("stream-ended").await["reason"], "stopped");
    hasty.say(json!({"type": "webrtc-offer", "streamId": STREAM, "offer": {"type": "offer", "sdp": "v=0"}})).await;
    // It may have heard of the viewer before it left.
    let told = loop {
        let told = hasty.hears().await;
        if told["type"] == "error" {
            break told;
        }
    };
    assert_eq!(told["code"], "not-joined");
    let record = http::send(http::requests().get(format!("{}/api/live/{STREAM}", host.url())).bearer_auth(API_KEY)).await;
    assert_eq!(record.json()["state"], "ended", "{record:?}");
}
