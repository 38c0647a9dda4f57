//! The flow of messages as it was written down for the signalling format, byte for byte.

use samewire_tests::live::raw::Heard;
use serde_json::json;

use crate::stage::{Old, STREAM, host, ice, negotiate};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broadcaster_and_its_viewer_say_what_they_always_said() {
    let host = host().await;
    let mut broadcaster = Old::broadcaster(&host, "ada", STREAM).await;
    let mut viewer = Old::viewer(&host, "eve", STREAM).await;
    assert_eq!(broadcaster.hears().await, json!({"type": "viewer-joined", "streamId": STREAM, "viewerId": "client_1"}));

    let offer = json!({"type": "offer", "sdp": "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\n"});
    broadcaster.say(json!({"type": "webrtc-offer", "offer": offer, "streamId": STREAM, "viewerId": "client_1"})).await;
    let told = viewer.hears().await;
    assert_eq!(told, json!({"type": "webrtc-offer", "offer": offer, "streamId": STREAM, "viewerId": "client_1"}));

    let answer = json!({"type": "answer", "sdp": "v=0\r\no=- 3 4 IN IP4 127.0.0.1\r\ns=-\r\n"});
    viewer.say(json!({"type": "webrtc-answer", "answer": answer, "streamId": STREAM, "viewerId": "client_1"})).await;
    let told = broadcaster.hears().await;
    assert_eq!(told, json!({"type": "webrtc-answer", "answer": answer, "streamId": STREAM, "viewerId": "client_1"}));

    for (from, to) in [(&mut broadcaster, &mut viewer)] {
        from.candidate(STREAM, "client_1", "candidate:1 1 udp 1 127.0.0.1 9 typ host").await;
        let candidate = ice("candidate:1 1 udp 1 127.0.0.1 9 typ host");
        let expected =
            json!({"type": "webrtc-ice-candidate", "candidate": candidate, "streamId": STREAM, "viewerId": "client_1"});
        assert_eq!(to.hears().await, expected);
        to.candidate(STREAM, "client_1", "candidate:1 1 udp 1 127.0.0.1 9 typ host").await;
        assert_eq!(from.hears().await, expected);
    }
}

/// What `RTCIceCandidate` gives JSON, with and without its optional parts, and the end of candidates, which is no news.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn candidates_come_one_by_one_in_order_and_each_once() {
    let host = host().await;
    let (mut broadcaster, mut viewer, id) = crate::stage::pair(&host, STREAM).await;
    for number in 0..60 {
        broadcaster.candidate(STREAM, &id, &format!("candidate:{number}")).await;
    }
    for end in [json!(null), json!({"candidate": "", "sdpMid": "0", "sdpMLineIndex": 0})] {
        broadcaster.say(json!({"type": "webrtc-ice-candidate", "candidate": end, "streamId": STREAM, "viewerId": id})).await;
    }
    broadcaster.say(json!({"type": "webrtc-ice-candidate", "streamId": STREAM, "viewerId": id})).await;
    let bare = json!({"candidate": "candidate:bare", "sdpMid": null, "sdpMLineIndex": 1, "usernameFragment": null});
    broadcaster.say(json!({"type": "webrtc-ice-candidate", "candidate": bare, "streamId": STREAM, "viewerId": id})).await;
    for number in 0..60 {
        let told = viewer.told("webrtc-ice-candidate").await;
        assert_eq!(told["candidate"], ice(&format!("candidate:{number}")));
    }
    let told = viewer.told("webrtc-ice-candidate").await;
    assert_eq!(told["candidate"], json!({"candidate": "candidate:bare", "sdpMLineIndex": 1}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn viewers_come_when_they_like_and_each_has_a_connection_of_its_own() {
    let host = host().await;
    // One waits before there is a broadcaster.
    let mut early = Old::viewer(&host, "eve", STREAM).await;
    let mut broadcaster = Old::broadcaster(&host, "ada", STREAM).await;
    let first = broadcaster.viewer_joined(STREAM).await;
    negotiate(&mut broadcaster, &mut early, STREAM, &first).await;
    let mut others = Vec::new();
    for user in ["mallory", "oscar"] {
        let mut viewer = Old::viewer(&host, user, STREAM).await;
        let id = broadcaster.viewer_joined(STREAM).await;
        negotiate(&mut broadcaster, &mut viewer, STREAM, &id).await;
        others.push((viewer, id));
    }
    let ids: std::collections::BTreeSet<_> = others.iter().map(|(_, id)| id).chain([&first]).collect();
    assert_eq!(ids.len(), 3);
    // Nobody hears what was for another.
    let (mut gone, id) = others.pop().expect("two more");
    gone.0.close(1000).await;
    assert_eq!(gone.0.next().await, Heard::Close(1000, String::new()), "the handshake of the end is answered");
    assert_eq!(broadcaster.hears().await, json!({"type": "viewer-left", "streamId": STREAM, "viewerId": id}));
    let (second, id) = &mut others[0];
    crate::stage::goes_on(&mut broadcaster, second, STREAM, id).await;
    crate::stage::goes_on(&mut broadcaster, &mut early, STREAM, &first).await;
}

/// A second offer, as for another path of the network, goes to the viewer as the first did: what to make of it is the pages' affair.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn later_offers_and_their_answers_are_passed_on_too() {
    let host = host().await;
    let (mut broadcaster, mut viewer, id) = crate::stage::pair(&host, STREAM).await;
    for round in 0..3 {
        // One that is refused does not count.
        broadcaster.offers(STREAM, &id, "no description").await;
        assert_eq!(broadcaster.error().await, "bad-params");
        broadcaster.offers(STREAM, &id, &format!("v=0 again {round}")).await;
        assert_eq!(viewer.offered().await, format!("v=0 again {round}"));
        broadcaster.candidate(STREAM, &id, "a way").await;
        assert_eq!(viewer.told("webrtc-ice-candidate").await["candidate"]["candidate"], "a way");
        viewer.answers(STREAM, &id, &format!("v=0 answer {round}")).await;
        assert_eq!(broadcaster.told("webrtc-answer").await["answer"]["sdp"], format!("v=0 answer {round}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_connection_broadcasts_a_stream_and_watches_others() {
    let host = host().await;
    let mut ada = Old::broadcaster(&host, "ada", "one").await;
    let mut eve = Old::broadcaster(&host, "eve", "two").await;
    let mut both = Old::broadcaster(&host, "mallory", "three").await;
    for (stream, broadcaster) in [("one", &mut ada), ("two", &mut eve)] {
        both.join(stream).await;
        let id = broadcaster.viewer_joined(stream).await;
        negotiate(broadcaster, &mut both, stream, &id).await;
    }
    eve.join("three").await;
    let id = both.viewer_joined("three").await;
    negotiate(&mut both, &mut eve, "three", &id).await;
    // Its own picture it has without the network.
    both.join("three").await;
    assert_eq!(both.error().await, "forbidden");
    both.say(json!({"type": "leave-stream", "streamId": "one"})).await;
    assert_eq!(ada.told("viewer-left").await["streamId"], "one");
    both.say(json!({"type": "leave-stream", "streamId": "three"})).await;
    assert_eq!(eve.hears().await, json!({"type": "stream-ended", "streamId": "three", "reason": "stopped"}));
}
