//! Coming and going of viewers: waiting for a stream, a cap, leaving, vanishing.

use std::time::Duration;

use samewire::Code;
use samewire::live::{
    BroadcastEvent, BroadcastOptions, EndReason, LeaveReason, LiveEvent, LiveState, WatchEvent, WatchOptions,
};
use samewire_server::config::Secret;
use samewire_tests::live::proxy::{Fate, Proxy};
use samewire_tests::live::{Host, Insistent, within};

use crate::place::{STREAM, begun, client, config, gone, heard, host, let_in, pass, seen, start, watch};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_not_there_is_waited_for_or_refused() {
    let host = host().await;
    let bob = client(&host.url(), "bob", "viewer");
    let refused =
        within("a refusal", bob.live().watch(STREAM, WatchOptions { wait: false })).await.expect_err("nobody is there");
    assert_eq!(refused.code, Code::LiveNotFound);
    let watch = watch(&bob).await;
    assert_eq!((watch.peer(), watch.record().expect("a record").state), (None, LiveState::Offline));
    let broadcast = start(&client(&host.url(), "ada", "broadcaster")).await;
    let peer = let_in(&watch).await;
    assert_eq!((begun(&broadcast).await, watch.peer()), (peer, Some(peer)));
}

/// While it waits it has only what takes anybody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passwords_for_turn_are_there_when_it_is_let_in() {
    let mut settings = config();
    settings.live.turn.urls = vec!["turn:turn.example.com".into()];
    settings.live.turn.secret = Some(Secret::new("a secret of at least thirty-two bytes"));
    let host = Host::start(settings).await;
    let watch = watch(&client(&host.url(), "bob", "viewer")).await;
    assert_eq!((watch.peer(), watch.ice().ice_servers.len()), (None, 0));
    let broadcast = start(&client(&host.url(), "ada", "broadcaster")).await;
    let peer = let_in(&watch).await;
    assert_eq!(begun(&broadcast).await, peer);
    let names: Vec<_> = [watch.ice(), broadcast.ice()].into_iter().map(|ice| ice.ice_servers[0].username.clone()).collect();
    assert!(names[0].is_some() && names[1].is_some() && names[0] != names[1], "{names:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_many_watch_as_may() {
    let host = host().await;
    let ada = client(&host.url(), "ada", "broadcaster");
    let options = BroadcastOptions { max_viewers: Some(2), ..BroadcastOptions::default() };
    let _broadcast = within("a start", ada.live().start(STREAM, options)).await.expect("a broadcast");
    let (bob, carol, dan) =
        (client(&host.url(), "bob", "viewer"), client(&host.url(), "carol", "viewer"), client(&host.url(), "dan", "viewer"));
    let first = watch(&bob).await;
    let _second = watch(&carol).await;
    let full = within("a refusal", dan.live().watch(STREAM, WatchOptions::default())).await.expect_err("there is no room");
    assert_eq!((full.code, full.retryable), (Code::LiveFull, true));
    within("a leave", first.leave()).await.expect("left");
    assert_eq!(within("the end", async { while first.next().await.expect("an event").is_some() {} }).await, ());
    let third = within("a watch", dan.live().watch(STREAM, WatchOptions::default())).await.expect("there is room now");
    let_in(&third).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_who_leaves_or_drops_its_watch_is_counted_out_at_once() {
    let host = host().await;
    let broadcast = start(&client(&host.url(), "ada", "broadcaster")).await;
    let bob = client(&host.url(), "bob", "viewer");
    // Another handle of the room keeps the membership, and yet the viewer is gone.
    let observer = within("an observer", bob.live().observe(STREAM)).await.expect("a stream");
    for drops in [false, true] {
        let watch = watch(&bob).await;
        let peer = let_in(&watch).await;
        assert_eq!(begun(&broadcast).await, peer);
        within("a viewer", observer.until(|record| record.viewer_count == 1)).await.expect("a record");
        match drops {
            true => drop(watch),
            false => within("a leave", watch.leave()).await.expect("left"),
        }
        let left = heard(&broadcast, "its end", |event| match event {
            BroadcastEvent::Left(left) => Some(left),
            _ => None,
        });
        let left = left.await;
        assert_eq!((left.viewer, left.reason), (peer.viewer, LeaveReason::Left));
        within("no viewer", observer.until(|record| record.viewer_count == 0)).await.expect("a record");
    }
    assert_eq!(broadcast.peers(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_does_not_come_back_in_time_loses_its_place_and_gets_another() {
    let mut settings = config();
    settings.live.pause_after = Duration::from_millis(50);
    settings.live.hold = Duration::from_millis(300);
    let host = Host::start(settings).await;
    let proxy = Proxy::start(host.addr()).await;
    let broadcast = start(&client(&host.url(), "ada", "broadcaster")).await;
    let bob = Insistent::new(&proxy.url(), Some(pass("bob", "viewer")));
    let watch = watch(&bob.client).await;
    let first = let_in(&watch).await;
    assert_eq!(begun(&broadcast).await, first);
    proxy.fates(|_| Fate::Refuse);
    proxy.cut_all();
    assert_eq!(gone(&broadcast).await, first.viewer);
    proxy.fates(|_| Fate::Pass);
    let second = let_in(&watch).await;
    assert!(second.viewer != first.viewer && second.negotiation > first.negotiation, "{first:?} {second:?}");
    assert_eq!(begun(&broadcast).await, second);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_ended_meanwhile_is_over_for_one_who_comes_back() {
    let host = host().await;
    let proxy = Proxy::start(host.addr()).await;
    let broadcast = start(&client(&host.url(), "ada", "broadcaster")).await;
    let bob = Insistent::new(&proxy.url(), Some(pass("bob", "viewer")));
    let watch = watch(&bob.client).await;
    let_in(&watch).await;
    begun(&broadcast).await;
    proxy.fates(|_| Fate::Refuse);
    proxy.cut_all();
    within("a stop", broadcast.stop()).await.expect("stopped");
    proxy.fates(|_| Fate::Pass);
    let ended = seen(&watch, "the end", |event| match event {
        WatchEvent::Stream(LiveEvent::Ended(ended)) => Some(ended),
        _ => None,
    });
    assert_eq!(ended.await.reason, EndReason::Stopped);
    assert_eq!(within("nothing", watch.next()).await.expect("an end"), None);
}
