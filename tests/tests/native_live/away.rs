//! A broadcaster that is away: the stream is paused, goes on when it comes back, and ends when it does not.

use std::time::Duration;

use samewire::live::{BroadcastEvent, EndReason, LiveEvent, LiveState};
use samewire_tests::live::proxy::{Fate, Proxy};
use samewire_tests::live::{Host, Insistent, within};

use crate::place::{
    STREAM, begun, candidate, client, config, from_broadcaster, from_viewer, heard, host, let_in, pass, start, told_up_to,
    watch,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_who_comes_back_in_time_goes_on_with_the_same_peer_connections() {
    let host = host().await;
    let proxy = Proxy::start(host.addr()).await;
    let ada = Insistent::new(&proxy.url(), Some(pass("ada", "broadcaster")));
    let broadcast = start(&ada.client).await;
    let bob = client(&host.url(), "bob", "viewer");
    let watch = watch(&bob).await;
    let peer = let_in(&watch).await;
    assert_eq!(begun(&broadcast).await, peer);

    proxy.fates(|_| Fate::Refuse);
    proxy.cut_all();
    told_up_to(&watch, "stream_paused").await;
    let record = watch.record().expect("a record");
    assert_eq!((record.state, record.viewer_count), (LiveState::Paused, 1));
    assert!(record.hold_until > Some(record.timestamp), "{record:?}");
    // What is said meanwhile is kept for it.
    within("a word", watch.signal(peer.negotiation, &candidate(1, "meanwhile"))).await.expect("said");
    proxy.fates(|_| Fate::Pass);
    assert_eq!(told_up_to(&watch, "stream_resumed").await, ["stream_resumed"]);
    assert_eq!(from_viewer(&broadcast).await, (peer, candidate(1, "meanwhile")));
    within("a word", broadcast.signal(peer.viewer, peer.negotiation, &candidate(1, "back"))).await.expect("said");
    assert_eq!(from_broadcaster(&watch).await, (peer, candidate(1, "back")), "and no other peer connection was begun");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_came_and_left_meanwhile_is_known_to_one_who_comes_back() {
    let host = host().await;
    let proxy = Proxy::start(host.addr()).await;
    let ada = Insistent::new(&proxy.url(), Some(pass("ada", "broadcaster")));
    let broadcast = start(&ada.client).await;
    let leaving = watch(&client(&host.url(), "bob", "viewer")).await;
    let left = let_in(&leaving).await;
    assert_eq!(begun(&broadcast).await, left);
    proxy.fates(|_| Fate::Refuse);
    proxy.cut_all();
    told_up_to(&leaving, "stream_paused").await;
    let carol = client(&host.url(), "carol", "viewer");
    let coming = watch(&carol).await;
    let came = let_in(&coming).await;
    // So many come and go that not all of it can be kept for the broadcaster.
    for _ in 0..50 {
        let dan = client(&host.url(), "dan", "viewer");
        let _passing = watch(&dan).await;
    }
    within("a leave", leaving.leave()).await.expect("left");
    proxy.fates(|_| Fate::Pass);
    let mut there = vec![left.viewer];
    while there != [came.viewer] {
        match within("who is there", broadcast.next()).await.expect("an event").expect("an event") {
            BroadcastEvent::Begin(peer) => there.push(peer.viewer),
            BroadcastEvent::Left(gone) => there.retain(|viewer| *viewer != gone.viewer),
            BroadcastEvent::Stream(_) => {}
            other => panic!("{other:?}"),
        }
    }
    within("a word", coming.signal(came.negotiation, &candidate(1, "hello"))).await.expect("said");
    let said = heard(&broadcast, "a word", |event| match event {
        BroadcastEvent::Message(from, message) => Some((from, message)),
        _ => None,
    });
    assert_eq!(said.await, (came, candidate(1, "hello")));
    assert_eq!(broadcast.peers().iter().map(|peer| peer.viewer).collect::<Vec<_>>(), [came.viewer], "nobody else is left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_who_does_not_come_back_in_time_has_ended_the_stream() {
    let mut settings = config();
    settings.live.hold = Duration::from_millis(300);
    let host = Host::start(settings).await;
    let proxy = Proxy::start(host.addr()).await;
    let ada = Insistent::new(&proxy.url(), Some(pass("ada", "broadcaster")));
    let broadcast = start(&ada.client).await;
    let watch = watch(&client(&host.url(), "bob", "viewer")).await;
    let_in(&watch).await;
    begun(&broadcast).await;
    proxy.fates(|_| Fate::Refuse);
    proxy.cut_all();
    let told = told_up_to(&watch, "stream_ended").await;
    assert!(told.ends_with(&["stream_paused", "stream_ended"]), "{told:?}");
    assert_eq!(watch.record().expect("a record").end_reason, Some(EndReason::BroadcasterGone));
    assert_eq!(within("nothing", watch.next()).await.expect("an end"), None);
    proxy.fates(|_| Fate::Pass);
    let ended = heard(&broadcast, "the end", |event| match event {
        BroadcastEvent::Stream(LiveEvent::Ended(ended)) => Some(ended),
        BroadcastEvent::Stream(_) | BroadcastEvent::Left(_) => None,
        other => panic!("{other:?}"),
    });
    assert_eq!(ended.await.reason, EndReason::BroadcasterGone);
    assert_eq!(within("nothing", broadcast.next()).await.expect("an end"), None);
    // It may start again.
    let again = start(&ada.client).await;
    assert_eq!((again.stream().as_str(), again.peers()), (STREAM, vec![]));
}
