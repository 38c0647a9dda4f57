//! The updates of a stream as they were written down: `{ "event", "data" }`, and how things are when one comes.

use std::collections::BTreeSet;

use samewire_tests::live::raw::{Heard, Raw};
use samewire_tests::live::{Host, within};
use serde_json::{Value, json};

use crate::stage::{Old, STREAM, host, pass};

pub(crate) async fn watcher(host: &Host, stream: &str) -> Raw {
    let path = format!("/api/v1/streams/{stream}/ws?token={}", pass("eve", "viewer"));
    Raw::dial_at(host.addr(), &path, &[]).await.expect("a handshake")
}

/// The next update: its event, and its data without the time, which is one.
pub(crate) async fn told(raw: &mut Raw) -> (String, Value) {
    match raw.next().await {
        Heard::Text(mut told) => {
            let fields: BTreeSet<_> = told.as_object().expect("an object").keys().cloned().collect();
            assert_eq!(fields, BTreeSet::from(["event".to_owned(), "data".to_owned()]));
            let at = told["data"].as_object_mut().and_then(|data| data.remove("timestamp")).expect("a time");
            let at = at.as_str().expect("a time");
            assert!(at.len() == 24 && at.ends_with('Z') && at.contains('T'), "{at}");
            (told["event"].as_str().unwrap_or_default().to_owned(), told["data"].take())
        }
        end => panic!("waited for an update, and heard {end:?}"),
    }
}

fn counts(now: u64, peak: u64) -> (String, Value) {
    ("viewer_count_changed".into(), json!({"stream_id": STREAM, "viewer_count": now, "peak_viewers": peak}))
}

fn event(name: &str, more: Value) -> (String, Value) {
    let mut data = more;
    data["stream_id"] = STREAM.into();
    (name.into(), data)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_followed_from_before_its_start_to_its_end_and_beyond() {
    let host = host().await;
    // Nobody has ever heard of it.
    let mut first = watcher(&host, STREAM).await;
    assert_eq!(told(&mut first).await, counts(0, 0));
    let mut broadcaster = Old::broadcaster(&host, "ada", STREAM).await;
    let started = event("stream_started", json!({"broadcaster": "ada"}));
    assert_eq!(told(&mut first).await, started);
    let _viewer = Old::viewer(&host, "bob", STREAM).await;
    broadcaster.viewer_joined(STREAM).await;
    assert_eq!(told(&mut first).await, counts(1, 1));
    let mut late = watcher(&host, STREAM).await;
    assert_eq!((told(&mut late).await, told(&mut late).await), (started, counts(1, 1)));
    broadcaster.say(json!({"type": "leave-stream", "streamId": STREAM})).await;
    let ended = event("stream_ended", json!({"reason": "stopped"}));
    for raw in [&mut first, &mut late] {
        assert_eq!(told(raw).await, ended);
    }
    let mut after = watcher(&host, STREAM).await;
    assert_eq!((told(&mut after).await, told(&mut after).await), (counts(0, 1), ended));
    // It starts again, and its viewer is still there.
    broadcaster.say(json!({"type": "broadcaster-ready", "streamId": STREAM})).await;
    for raw in [&mut first, &mut late, &mut after] {
        assert_eq!(told(raw).await, event("stream_started", json!({"broadcaster": "ada"})));
        assert_eq!(told(raw).await, counts(1, 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watchers_of_both_kinds_see_the_same_counts() {
    let host = host().await;
    let client = samewire::Client::builder(host.url()).token(pass("oscar", "audience")).build().expect("a client");
    let observer = within("an observer", client.live().observe(STREAM)).await.expect("a stream");
    let mut old = watcher(&host, STREAM).await;
    assert_eq!(told(&mut old).await, counts(0, 0));
    let mut broadcaster = Old::broadcaster(&host, "ada", STREAM).await;
    let mut viewers = Vec::new();
    for user in ["a", "b", "c"] {
        viewers.push(Old::viewer(&host, user, STREAM).await);
        broadcaster.viewer_joined(STREAM).await;
    }
    viewers.pop();
    broadcaster.told("viewer-left").await;
    broadcaster.say(json!({"type": "leave-stream", "streamId": STREAM})).await;
    let mut here = Vec::new();
    while here.last().is_none_or(|(name, _)| name != "stream_ended") {
        here.push(told(&mut old).await);
    }
    let mut there = Vec::new();
    while there.last().is_none_or(|(name, _)| name != "stream_ended") {
        let event = within("an event", observer.next()).await.expect("an event").expect("an event");
        let mut data: Value = serde_json::from_str(event.payload().expect("JSON").get()).expect("JSON");
        data.as_object_mut().expect("an object").remove("timestamp");
        there.push((event.name().to_owned(), data));
    }
    // Of each, the newest counts: how many were gathered is the reader's own affair.
    let last = |told: &[(String, Value)]| {
        let mut counts = told.iter().filter(|(name, _)| name == "viewer_count_changed").map(|(_, data)| data.clone());
        counts.next_back().expect("a count")
    };
    assert_eq!((last(&here), here.first(), here.last()), (last(&there), there.first(), there.last()));
    assert_eq!(last(&here)["peak_viewers"], 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_broadcaster_measures_is_told() {
    let host = host().await;
    let mut old = watcher(&host, STREAM).await;
    assert_eq!(told(&mut old).await, counts(0, 0));
    let client = samewire::Client::builder(host.url()).token(pass("ada", "broadcaster")).build().expect("a client");
    let broadcast = within("a start", client.live().start(STREAM, Default::default())).await.expect("a broadcast");
    assert_eq!(told(&mut old).await.0, "stream_started");
    let summary =
        json!({"seconds": 5.0, "bitrate": 2_500_000, "fps": 30.0, "width": 1280, "height": 720, "limited_by": "none"});
    let summary: samewire::live::Summary = serde_json::from_value(summary).expect("a summary");
    within("a report", broadcast.report(None, summary)).await.expect("taken");
    let (name, data) = told(&mut old).await;
    assert_eq!((name.as_str(), &data["quality"]["level"]), ("quality_changed", &json!("high")), "{data}");
    assert_eq!((&data["quality"]["height"], &data["stream_id"]), (&json!(720), &json!(STREAM)));
    let mut late = watcher(&host, STREAM).await;
    assert_eq!(told(&mut late).await.0, "stream_started");
    assert_eq!(told(&mut late).await, counts(0, 0));
    assert_eq!(told(&mut late).await, (name, data));
}
