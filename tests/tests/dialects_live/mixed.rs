//! Clients of the old format and of the SDK in one stream: each says what it always says.

use std::time::Duration;

use samewire::live::{Broadcast, BroadcastEvent, BroadcastOptions, Candidate, Candidates, Description, PeerMessage, PeerRef};
use samewire::live::{Watch, WatchEvent, WatchOptions};
use samewire_tests::live::{Host, within};
use serde_json::json;

use crate::stage::{Old, STREAM, host, ice, pass};

fn client(host: &Host, user: &str, role: &str) -> samewire::Client {
    samewire::Client::builder(host.url()).token(pass(user, role)).build().expect("a client")
}

async fn start(host: &Host) -> Broadcast {
    let client = client(host, "ada", "broadcaster");
    within("a start", client.live().start(STREAM, BroadcastOptions::default())).await.expect("a broadcast")
}

async fn watch(host: &Host, user: &str) -> Watch {
    let client = client(host, user, "viewer");
    within("a watch", client.live().watch(STREAM, WatchOptions::default())).await.expect("a watch")
}

async fn begins(broadcast: &Broadcast) -> PeerRef {
    loop {
        match within("a viewer", broadcast.next()).await.expect("an event").expect("an event") {
            BroadcastEvent::Begin(peer) => return PeerRef { viewer: peer.viewer, negotiation: peer.negotiation },
            BroadcastEvent::Stream(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

async fn is_begun(watch: &Watch) -> PeerRef {
    loop {
        match within("to be let in", watch.next()).await.expect("an event").expect("an event") {
            WatchEvent::Begin(peer) => return peer,
            WatchEvent::Stream(_) | WatchEvent::Waiting => {}
            other => panic!("{other:?}"),
        }
    }
}

async fn from_viewer(broadcast: &Broadcast) -> PeerMessage {
    loop {
        match within("a viewer's word", broadcast.next()).await.expect("an event").expect("an event") {
            BroadcastEvent::Message(_, message) => return message,
            BroadcastEvent::Stream(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

async fn from_broadcaster(watch: &Watch) -> PeerMessage {
    loop {
        match within("the broadcaster's word", watch.next()).await.expect("an event").expect("an event") {
            WatchEvent::Message(_, message) => return message,
            WatchEvent::Stream(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

fn description(round: u32, sdp: &str) -> Description {
    Description { round, made: None, sdp: sdp.into() }
}

fn candidates(round: u32, texts: &[&str]) -> PeerMessage {
    let candidate = |text: &&str| Candidate {
        candidate: (*text).into(),
        sdp_mid: Some("0".into()),
        sdp_m_line_index: Some(0),
        username_fragment: Some("u".into()),
    };
    PeerMessage::Candidates(Candidates { round: Some(round), candidates: texts.iter().map(candidate).collect(), end: false })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_broadcaster_serves_a_viewer_of_the_sdk() {
    let host = host().await;
    let mut broadcaster = Old::broadcaster(&host, "ada", STREAM).await;
    let watch = {
        let mut early = Old::viewer(&host, "oscar", STREAM).await;
        broadcaster.viewer_joined(STREAM).await;
        early.say(json!({"type": "leave-stream", "streamId": STREAM})).await;
        broadcaster.told("viewer-left").await;
        watch(&host, "eve").await
    };
    let peer = is_begun(&watch).await;
    let id = broadcaster.viewer_joined(STREAM).await;
    assert_eq!(id, "client_2");
    broadcaster.offers(STREAM, &id, "v=0 first").await;
    assert_eq!(from_broadcaster(&watch).await, PeerMessage::Offer(description(1, "v=0 first")));
    broadcaster.candidate(STREAM, &id, "one").await;
    assert_eq!(from_broadcaster(&watch).await, candidates(1, &["one"]));
    let answer = PeerMessage::Answer(description(1, "v=0 answer"));
    for message in [&answer, &answer, &candidates(1, &["a", "b"])] {
        within("a word", watch.signal(peer.negotiation, message)).await.expect("said");
    }
    // An answer that is told again would be an error of the broadcaster's connection; candidates come one by one.
    assert_eq!(broadcaster.told("webrtc-answer").await["answer"], json!({"type": "answer", "sdp": "v=0 answer"}));
    for text in ["a", "b"] {
        assert_eq!(broadcaster.told("webrtc-ice-candidate").await["candidate"], ice(text));
    }

    // The viewer begins anew: the broadcaster makes another connection, to somebody of another name.
    let second = within("another", watch.renegotiate(peer.negotiation)).await.expect("another");
    assert_eq!(broadcaster.told("viewer-left").await["viewerId"], id.as_str());
    let next = broadcaster.viewer_joined(STREAM).await;
    assert_ne!(next, id);
    assert_eq!(is_begun(&watch).await.negotiation, second);
    // What is still said to the one before is for nobody.
    broadcaster.candidate(STREAM, &id, "late").await;
    assert_eq!(broadcaster.error().await, "peer-not-found");
    broadcaster.offers(STREAM, &next, "v=0 second").await;
    assert_eq!(from_broadcaster(&watch).await, PeerMessage::Offer(description(1, "v=0 second")));

    // It makes an offer of its own, as for another way: no broadcaster of this format knows what to do with one.
    let mine = PeerMessage::Offer(description(2, "v=0 mine"));
    within("an offer", watch.signal(second, &mine)).await.expect("said");
    // Told again as long as there is no answer: the connection was begun anew a moment ago, and may not be at once.
    let told = loop {
        tokio::select! {
            told = broadcaster.told("viewer-left") => break told,
            () = tokio::time::sleep(Duration::from_millis(50)) => {}
        }
        let _ = within("the offer again", watch.signal(second, &mine)).await;
    };
    assert_eq!(told["viewerId"], next.as_str());
    assert_ne!(broadcaster.viewer_joined(STREAM).await, next);
    assert!(is_begun(&watch).await.negotiation > second);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broadcaster_of_the_sdk_serves_an_old_viewer() {
    let host = host().await;
    let broadcast = start(&host).await;
    let mut viewer = Old::viewer(&host, "eve", STREAM).await;
    let peer = begins(&broadcast).await;
    let say = |peer: PeerRef, message: PeerMessage| {
        let broadcast = &broadcast;
        async move { within("a word", broadcast.signal(peer.viewer, peer.negotiation, &message)).await.expect("said") }
    };
    let offer = |round| PeerMessage::Offer(description(round, &format!("v=0 {round}")));
    say(peer, offer(3)).await;
    say(peer, candidates(3, &["one", "two"])).await;
    let told = viewer.told("webrtc-offer").await;
    assert_eq!(
        told,
        json!({"type": "webrtc-offer", "offer": {"type": "offer", "sdp": "v=0 3"}, "streamId": STREAM, "viewerId": "client_1"})
    );
    for text in ["one", "two"] {
        assert_eq!(viewer.told("webrtc-ice-candidate").await["candidate"], ice(text));
    }
    // Told again, because no answer came yet, it is no other connection.
    say(peer, offer(3)).await;
    viewer.answers(STREAM, "client_1", "v=0 answer").await;
    assert_eq!(from_viewer(&broadcast).await, PeerMessage::Answer(description(3, "v=0 answer")));
    viewer.say(json!({"type": "webrtc-ice-candidate", "candidate": ice("mine"), "streamId": STREAM})).await;
    assert_eq!(from_viewer(&broadcast).await, candidates(3, &["mine"]));

    // A second offer for the same connection would make another one of the viewer: both ends begin anew.
    say(peer, offer(4)).await;
    // Too late, or not passed on.
    let _ = within("a word", broadcast.signal(peer.viewer, peer.negotiation, &candidates(4, &["of the second"]))).await;
    let next = begins(&broadcast).await;
    assert!(next.viewer == peer.viewer && next.negotiation > peer.negotiation, "{next:?}");
    say(next, offer(1)).await;
    let told = viewer.told("webrtc-offer").await;
    assert_eq!((&told["offer"]["sdp"], &told["viewerId"]), (&json!("v=0 1"), &json!("client_2")), "and nothing in between");
    within("a stop", broadcast.stop()).await.expect("stopped");
    assert_eq!(viewer.told("stream-ended").await["reason"], "stopped");
}

/// Whoever watches is counted, and whoever signals only is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn viewers_of_both_kinds_are_counted_alike() {
    let host = host().await;
    let mut broadcaster = Old::broadcaster(&host, "ada", STREAM).await;
    let _old = Old::viewer(&host, "eve", STREAM).await;
    broadcaster.viewer_joined(STREAM).await;
    let observer = client(&host, "oscar", "audience");
    let observer = within("an observer", observer.live().observe(STREAM)).await.expect("a stream");
    let _new = watch(&host, "mallory").await;
    let record = within("two", observer.until(|record| record.viewer_count == 2)).await.expect("a record");
    assert_eq!((record.peak_viewers, record.broadcaster.as_deref()), (2, Some("ada")));
}
