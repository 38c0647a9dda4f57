//! A server that is killed and started anew: who broadcast and who watched come back, and are connected anew.

use samewire::live::{LiveState, PeerRef, WatchEvent, WatchOptions};
use samewire_tests::live::proxy::Proxy;
use samewire_tests::live::{Insistent, within};

use crate::place::{STREAM, begun, candidate, from_broadcaster, from_viewer, gone, host, let_in, pass, seen, start, watch};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_goes_on_with_new_peer_connections_after_a_restart() {
    let mut host = host().await;
    let proxy = Proxy::start(host.addr()).await;
    let ada = Insistent::new(&proxy.url(), Some(pass("ada", "broadcaster")));
    let bob = Insistent::new(&proxy.url(), Some(pass("bob", "viewer")));
    let broadcast = start(&ada.client).await;
    let watch = watch(&bob.client).await;
    let before = let_in(&watch).await;
    assert_eq!(begun(&broadcast).await, before);
    for round in 0..2 {
        proxy.retarget(None);
        host.restart().await;
        proxy.retarget(Some(host.addr()));
        // Both have to take what they hear, whoever comes back first.
        let (heard, after) = tokio::join!(
            async {
                let first = gone(&broadcast).await;
                (first, begun(&broadcast).await)
            },
            let_in(&watch)
        );
        assert_eq!(heard.1, after, "round {round}");
        let PeerRef { viewer, negotiation } = after;
        within("a word", broadcast.signal(viewer, negotiation, &candidate(1, "down"))).await.expect("said");
        assert_eq!(from_broadcaster(&watch).await, (after, candidate(1, "down")));
        within("a word", watch.signal(negotiation, &candidate(1, "up"))).await.expect("said");
        assert_eq!(from_viewer(&broadcast).await, (after, candidate(1, "up")));
        let record = watch.record().expect("a record");
        assert_eq!((record.state, record.viewer_count, record.peak_viewers), (LiveState::Live, 1, 1));
    }
}

/// It did not want to wait for a stream that nobody has started, but it was let in since.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_let_in_once_waits_for_the_broadcaster_and_says_so() {
    let mut host = host().await;
    let (stage, hall) = (Proxy::start(host.addr()).await, Proxy::start(host.addr()).await);
    let ada = Insistent::new(&stage.url(), Some(pass("ada", "broadcaster")));
    let bob = Insistent::new(&hall.url(), Some(pass("bob", "viewer")));
    let broadcast = start(&ada.client).await;
    let live = bob.client.live();
    let watch = within("a watch", live.watch(STREAM, WatchOptions { wait: false })).await.expect("it is live");
    let before = let_in(&watch).await;
    assert_eq!(begun(&broadcast).await, before);
    for proxy in [&stage, &hall] {
        proxy.retarget(None);
    }
    host.restart().await;
    hall.retarget(Some(host.addr()));
    seen(&watch, "that it waits", |event| matches!(event, WatchEvent::Waiting).then_some(())).await;
    assert_eq!(watch.peer(), None);
    stage.retarget(Some(host.addr()));
    let (_, after) = tokio::join!(gone(&broadcast), let_in(&watch));
    assert_eq!(begun(&broadcast).await, after);
    assert!(after.viewer != before.viewer && watch.peer() == Some(after));
}
