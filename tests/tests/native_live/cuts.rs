//! Connections cut at random bytes: what two ends say gets there once and in order, and no peer connection is begun anew for it.

use std::time::Duration;

use samewire::live::{BroadcastEvent, PeerMessage, WatchEvent};
use samewire::{Code, Failure};
use samewire_tests::live::proxy::{Counts, Cut, Fate, Proxy};
use samewire_tests::live::{Insistent, within};
use samewire_tests::rng::Rng;

use crate::place::{STREAM, begun, candidate, from_broadcaster, from_viewer, heard, host, let_in, pass, seen, start, watch};

/// So many cuts, each after a random number of bytes below `longest`; what comes after them is left alone.
pub(crate) fn cuts(proxy: &Proxy, seed: u64, wanted: u64, longest: u64) {
    let mut rng = Rng::new(seed);
    proxy.fates(move |counts: Counts| {
        if counts.cuts >= wanted {
            return Fate::Pass;
        }
        let how = rng.pick(&[Cut::End, Cut::Reset, Cut::Reset, Cut::HalfUp, Cut::HalfDown]);
        Fate::Cut { after: rng.below(longest) + 1, how }
    });
}

fn number(message: &PeerMessage) -> u64 {
    let PeerMessage::Candidates(said) = message else { panic!("{message:?}") };
    said.candidates[0].candidate.parse().expect("a number")
}

/// Says something as soon as it may be said: so much a second passes between two ends, and so much is kept for one that is away.
async fn insist<F: Future<Output = Result<(), Failure>>>(say: impl Fn() -> F) {
    within("a word", async {
        while let Err(failure) = say().await {
            assert!(matches!(failure.code, Code::RateLimited | Code::Overloaded) && failure.retryable, "{failure:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_two_ends_say_arrives_once_and_in_order_through_sixty_cuts() {
    const SAID: u64 = 120;
    let host = host().await;
    let proxy = Proxy::start(host.addr()).await;
    let ada = Insistent::new(&proxy.url(), Some(pass("ada", "broadcaster")));
    let bob = Insistent::new(&proxy.url(), Some(pass("bob", "viewer")));
    let broadcast = start(&ada.client).await;
    let watch = watch(&bob.client).await;
    let peer = let_in(&watch).await;
    assert_eq!(begun(&broadcast).await, peer);
    cuts(&proxy, 7, 60, 6_000);
    proxy.cut_all();

    let (down, up) = (broadcast.clone(), watch.clone());
    let saying = tokio::spawn(async move {
        for n in 1..=SAID {
            let message = candidate(1, &n.to_string());
            insist(|| down.signal(peer.viewer, peer.negotiation, &message)).await;
        }
    });
    let answering = tokio::spawn(async move {
        for n in 1..=SAID {
            let message = candidate(1, &n.to_string());
            insist(|| up.signal(peer.negotiation, &message)).await;
        }
    });
    let hearing = tokio::spawn(async move {
        for n in 1..=SAID {
            let (from, message) = from_broadcaster(&watch).await;
            assert_eq!((from, number(&message)), (peer, n));
        }
        watch
    });
    for n in 1..=SAID {
        let (from, message) = from_viewer(&broadcast).await;
        assert_eq!((from, number(&message)), (peer, n));
    }
    for task in [saying, answering] {
        task.await.expect("all is said");
    }
    let watch = hearing.await.expect("all is heard");
    assert!(proxy.counts().cuts > 0, "{:?}", proxy.counts());
    // Neither was begun anew, nor ended.
    let record = within("a look", bob.client.live().get(STREAM)).await.expect("a record");
    assert_eq!((record.viewer_count, record.peak_viewers), (1, 1));
    let last = candidate(1, "0");
    insist(|| broadcast.signal(peer.viewer, peer.negotiation, &last)).await;
    seen(&watch, "the last word", |event| matches!(event, WatchEvent::Message(from, _) if from == peer).then_some(())).await;
    drop(watch);
    heard(&broadcast, "the viewer's end", |event| matches!(event, BroadcastEvent::Left(_)).then_some(())).await;
}
