//! Offers, answers and candidates between a broadcaster and its viewers, each for one peer connection alone.

use samewire::Code;
use samewire::live::{PeerMessage, ViewerId, WatchEvent};
use samewire_tests::live::within;

use crate::place::{
    answer, begun, candidate, client, from_broadcaster, from_viewer, host, let_in, number, offer, seen, start, watch,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_viewer_hears_what_is_for_it_and_nothing_else() {
    let host = host().await;
    let broadcast = start(&client(&host.url(), "ada", "broadcaster")).await;
    let mut viewers = Vec::new();
    for user in ["bob", "carol", "dan"] {
        let watch = watch(&client(&host.url(), user, "viewer")).await;
        let peer = let_in(&watch).await;
        assert_eq!((begun(&broadcast).await, watch.peer()), (peer, Some(peer)));
        viewers.push((user, watch, peer));
    }
    assert_eq!(broadcast.peers().iter().filter_map(|peer| peer.user.as_deref()).count(), 3);
    for (user, _, peer) in &viewers {
        for message in [offer(1, user), candidate(1, user)] {
            within("a word", broadcast.signal(peer.viewer, peer.negotiation, &message)).await.expect("said");
        }
    }
    for (user, watch, peer) in &viewers {
        assert_eq!(from_broadcaster(watch).await, (*peer, offer(1, user)));
        assert_eq!(from_broadcaster(watch).await, (*peer, candidate(1, user)));
        for message in [answer(1, user), candidate(1, user)] {
            within("a word", watch.signal(peer.negotiation, &message)).await.expect("said");
        }
        assert_eq!(from_viewer(&broadcast).await, (*peer, answer(1, user)));
        assert_eq!(from_viewer(&broadcast).await, (*peer, candidate(1, user)));
    }
    // What each of them hears next is the end: nothing else was for it.
    within("a stop", broadcast.stop()).await.expect("stopped");
    for (user, watch, _) in &viewers {
        seen(watch, "the end", |event| match event {
            WatchEvent::Stream(event) => (event.name() == "stream_ended").then_some(()),
            other => panic!("{user}: {other:?}"),
        })
        .await;
        assert_eq!(within("nothing", watch.next()).await.expect("an end"), None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_connection_is_made_anew_for_both_ends_and_the_one_before_counts_no_more() {
    let host = host().await;
    let broadcast = start(&client(&host.url(), "ada", "broadcaster")).await;
    let watch = watch(&client(&host.url(), "bob", "viewer")).await;
    let first = let_in(&watch).await;
    begun(&broadcast).await;
    let second = within("another", watch.renegotiate(first.negotiation)).await.expect("another");
    assert!(second > first.negotiation);
    assert_eq!(within("the same", watch.renegotiate(first.negotiation)).await, Ok(second), "asked again, it is the same one");
    assert_eq!(within("the same", broadcast.renegotiate(first.viewer, first.negotiation)).await, Ok(second));
    let peer = begun(&broadcast).await;
    assert_eq!((peer.viewer, peer.negotiation), (first.viewer, second));
    assert_eq!(let_in(&watch).await, peer);
    let late = within("a late word", watch.signal(first.negotiation, &answer(1, "late"))).await.expect_err("it counts no more");
    assert_eq!(late.code, Code::StaleNegotiation);
    let data = late.data.expect("data");
    assert_eq!(serde_json::from_str::<serde_json::Value>(data.get()).expect("JSON")["negotiation"], second.number());
    within("a word", watch.signal(second, &candidate(1, "now"))).await.expect("said");
    assert_eq!(from_viewer(&broadcast).await, (peer, candidate(1, "now")), "and nothing before it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_for_nobody_or_of_no_use_is_refused() {
    let host = host().await;
    let broadcast = start(&client(&host.url(), "ada", "broadcaster")).await;
    let watch = watch(&client(&host.url(), "bob", "viewer")).await;
    let peer = let_in(&watch).await;
    begun(&broadcast).await;
    let nobody: ViewerId = "v_0123456789abcdef".parse().expect("an id");
    let code = |outcome: Result<(), samewire::Failure>| outcome.expect_err("refused").code;
    let hello = offer(1, "hello");
    assert_eq!(code(within("a refusal", broadcast.signal(nobody, peer.negotiation, &hello)).await), Code::PeerNotFound);
    let later = number(peer.negotiation.number() + 9);
    assert_eq!(code(within("a refusal", watch.signal(later, &answer(1, "hello"))).await), Code::StaleNegotiation);
    let too_big = offer(1, &"x".repeat(70_000));
    assert_eq!(code(within("a refusal", broadcast.signal(peer.viewer, peer.negotiation, &too_big)).await), Code::TooBig);
    let PeerMessage::Offer(mut description) = offer(1, "") else { unreachable!("an offer") };
    description.sdp = "hello".into();
    let nonsense = PeerMessage::Offer(description);
    assert_eq!(code(within("a refusal", broadcast.signal(peer.viewer, peer.negotiation, &nonsense)).await), Code::BadParams);
    within("a word", broadcast.signal(peer.viewer, peer.negotiation, &hello)).await.expect("said");
    assert_eq!(from_broadcaster(&watch).await, (peer, hello), "and nothing before it");
}
