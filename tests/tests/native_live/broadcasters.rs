//! One broadcaster at a time: a second one is refused, or takes the stream; and what becomes of it when a broadcast is dropped.

use samewire::live::{BroadcastEvent, BroadcastOptions, EndReason, LiveEvent, LiveState, PeerRef};
use samewire::{Client, Code};
use samewire_tests::live::within;

use crate::place::{STREAM, begun, client, from_viewer, heard, host, let_in, offer, start, watch};

async fn superseded(broadcast: &samewire::live::Broadcast) -> Option<Box<str>> {
    let by = heard(broadcast, "to be superseded", |event| match event {
        BroadcastEvent::Superseded(superseded) => Some(superseded.by),
        _ => None,
    });
    let by = by.await;
    assert_eq!(within("nothing", broadcast.next()).await.expect("an end"), None);
    by
}

async fn take(client: &Client) -> samewire::live::Broadcast {
    let options = BroadcastOptions { takeover: true, ..BroadcastOptions::default() };
    within("a takeover", client.live().start(STREAM, options)).await.expect("a broadcast")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_broadcaster_is_refused_unless_it_takes_over() {
    let host = host().await;
    let (ada, eve) = (client(&host.url(), "ada", "broadcaster"), client(&host.url(), "eve", "broadcaster"));
    let first = start(&ada).await;
    let watch = watch(&client(&host.url(), "bob", "viewer")).await;
    let before = let_in(&watch).await;
    assert_eq!(begun(&first).await, before);
    let refused = within("a refusal", eve.live().start(STREAM, BroadcastOptions::default())).await.expect_err("it is taken");
    assert_eq!(refused.code, Code::LiveTaken);

    let second = take(&eve).await;
    let after = begun(&second).await;
    assert_eq!(after.viewer, before.viewer);
    assert!(after.negotiation > before.negotiation, "a new peer connection, to another broadcaster");
    assert_eq!(let_in(&watch).await, after);
    assert_eq!(superseded(&first).await.as_deref(), Some("eve"));
    let late = offer(1, "late");
    within("a refusal", first.signal(before.viewer, before.negotiation, &late)).await.expect_err("it broadcasts no more");
    // That the first one is dropped is nothing to the stream.
    drop((first, ada));
    within("a word", watch.signal(after.negotiation, &offer(1, "hello"))).await.expect("said");
    assert_eq!(from_viewer(&second).await, (after, offer(1, "hello")));
    assert_eq!(watch.record().expect("a record").state, LiveState::Live);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_may_always_go_on_in_another_session() {
    let host = host().await;
    let (desk, phone) = (client(&host.url(), "ada", "broadcaster"), client(&host.url(), "ada", "broadcaster"));
    let first = start(&desk).await;
    let watch = watch(&client(&host.url(), "bob", "viewer")).await;
    let before = let_in(&watch).await;
    let second = start(&phone).await;
    superseded(&first).await;
    let PeerRef { viewer, negotiation } = begun(&second).await;
    assert!(viewer == before.viewer && negotiation > before.negotiation);
    let record = within("a look", phone.live().get(STREAM)).await.expect("a record");
    assert_eq!((record.state, record.viewer_count), (LiveState::Live, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_ends_when_its_last_handle_is_dropped() {
    let host = host().await;
    let ada = client(&host.url(), "ada", "broadcaster");
    let broadcast = start(&ada).await;
    let observer = within("an observer", ada.live().observe(STREAM)).await.expect("a stream");
    let other = broadcast.clone();
    drop(broadcast);
    assert_eq!(within("a look", ada.live().get(STREAM)).await.expect("a record").state, LiveState::Live);
    drop(other);
    let ended = within("the end", observer.until(|record| record.state == LiveState::Ended)).await.expect("a record");
    assert_eq!(ended.end_reason, Some(EndReason::Stopped));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_from_outside_is_told_the_broadcaster_and_it_may_start_again() {
    let host = host().await;
    let (ada, operator) = (client(&host.url(), "ada", "broadcaster"), client(&host.url(), "op", "broadcaster"));
    for _ in 0..2 {
        let broadcast = start(&ada).await;
        within("an end", operator.live().end(STREAM)).await.expect("ended");
        let ended = heard(&broadcast, "the end", |event| match event {
            BroadcastEvent::Stream(LiveEvent::Ended(ended)) => Some(ended),
            _ => None,
        });
        assert_eq!(ended.await.reason, EndReason::EndedByOperator);
        assert_eq!(within("nothing", broadcast.next()).await.expect("an end"), None);
    }
}
