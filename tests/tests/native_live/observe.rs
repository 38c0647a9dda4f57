//! Who only follows a stream: the record at once, the events in order, and the right counts after any cut.

use samewire::Code;
use samewire::live::{BroadcastOptions, EndReason, LiveEvent, LiveState, Media, StreamEnded};
use samewire_tests::live::proxy::Proxy;
use samewire_tests::live::{Insistent, within};

use crate::cuts::cuts;
use crate::place::{STREAM, client, host, pass, start, watch};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_followed_from_before_its_start_to_its_end() {
    let host = host().await;
    let observer =
        within("an observer", client(&host.url(), "eve", "audience").live().observe(STREAM)).await.expect("a stream");
    let before = observer.record().expect("a record");
    assert_eq!((before.state, before.viewer_count, before.started_at), (LiveState::Offline, 0, None));

    let ada = client(&host.url(), "ada", "broadcaster");
    let media = Media { audio: true, video: true };
    let options = BroadcastOptions {
        max_viewers: Some(7),
        title: Some("Kettles".into()),
        info: Some(serde_json::json!({"shelf": 4})),
        media: Some(media),
        ..BroadcastOptions::default()
    };
    let broadcast = within("a start", ada.live().start(STREAM, options)).await.expect("a broadcast");
    let record = within("the start", observer.until(|record| record.state == LiveState::Live)).await.expect("a record");
    assert_eq!((record.title.as_deref(), record.max_viewers, record.media), (Some("Kettles"), 7, Some(media)));
    assert_eq!((record.broadcaster.as_deref(), &record.info), (Some("ada"), &Some(serde_json::json!({"shelf": 4}))));

    let bob = watch(&client(&host.url(), "bob", "viewer")).await;
    within("a viewer", observer.until(|record| record.viewer_count == 1)).await.expect("a record");
    drop(bob);
    within("no viewer", observer.until(|record| record.viewer_count == 0)).await.expect("a record");
    within("a stop", broadcast.stop()).await.expect("stopped");

    let mut told = Vec::new();
    while !matches!(told.last(), Some(LiveEvent::Ended(_))) {
        told.push(within("the end", observer.next()).await.expect("an event").expect("an event"));
    }
    let names: Vec<_> = told.iter().map(LiveEvent::name).collect();
    assert_eq!(names, ["stream_started", "viewer_count_changed", "viewer_count_changed", "stream_ended"]);
    assert!(told.iter().all(|event| event.stream_id().as_str() == STREAM));
    assert!(told.is_sorted_by_key(LiveEvent::timestamp), "{told:?}");
    let counts = told.iter().filter_map(|event| match event {
        LiveEvent::ViewerCount(count) => Some((count.viewer_count, count.peak_viewers)),
        _ => None,
    });
    assert_eq!(counts.collect::<Vec<_>>(), [(1, 1), (0, 1)]);
    assert!(matches!(told.last(), Some(LiveEvent::Ended(StreamEnded { reason: EndReason::Stopped, .. }))), "{told:?}");
    let after = observer.record().expect("a record");
    assert_eq!((after.state, after.end_reason, after.peak_viewers), (LiveState::Ended, Some(EndReason::Stopped), 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_who_comes_late_knows_at_once_how_it_is() {
    let host = host().await;
    let _broadcast = start(&client(&host.url(), "ada", "broadcaster")).await;
    let bob = client(&host.url(), "bob", "viewer");
    let _watch = watch(&bob).await;
    let eve = client(&host.url(), "eve", "audience");
    let observer = within("an observer", eve.live().observe(STREAM)).await.expect("a stream");
    let record = observer.record().expect("a record");
    assert_eq!(
        (record.state, record.viewer_count, record.peak_viewers),
        (LiveState::Live, 1, 1),
        "nothing had to be heard first"
    );
    let got = within("a look", bob.live().get(STREAM)).await.expect("a record");
    assert_eq!((got.state, got.viewer_count, got.started_at), (record.state, 1, record.started_at));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_are_listed_and_ended_by_who_may() {
    let host = host().await;
    let (ada, eve) = (client(&host.url(), "ada", "broadcaster"), client(&host.url(), "eve", "audience"));
    let live = ada.live();
    let mut broadcasts = Vec::new();
    for name in ["b", "a", "c"] {
        broadcasts.push(within("a start", live.start(name, BroadcastOptions::default())).await.expect("a broadcast"));
    }
    let names = async |after| {
        let list = within("a list", eve.live().list(after)).await.expect("a list");
        assert!(!list.more);
        list.streams.iter().map(|record| record.stream_id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names(None).await, ["a", "b", "c"]);
    assert_eq!(names(Some("a")).await, ["b", "c"]);
    let refused = within("a refusal", eve.live().end("a")).await.expect_err("she has no right to");
    assert_eq!(refused.code, Code::Forbidden);
    within("an end", live.end("a")).await.expect("ended");
    assert_eq!(names(None).await, ["b", "c"]);
    let refused = within("a refusal", live.get("no stream")).await.expect_err("that is no name");
    assert_eq!(refused.code, Code::BadName);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_are_right_whatever_is_cut() {
    const ROUNDS: u64 = 12;
    let host = host().await;
    let proxy = Proxy::start(host.addr()).await;
    let eve = Insistent::new(&proxy.url(), Some(pass("eve", "audience")));
    let observer = within("an observer", eve.client.live().observe(STREAM)).await.expect("a stream");
    cuts(&proxy, 11, 100, 3_000);
    proxy.cut_all();
    let broadcast = start(&client(&host.url(), "ada", "broadcaster")).await;
    let bob = client(&host.url(), "bob", "viewer");
    for round in 1..=ROUNDS {
        let carol = client(&host.url(), "carol", "viewer");
        let (first, second) = (watch(&bob).await, watch(&carol).await);
        within("two viewers", observer.until(|record| record.viewer_count == 2)).await.expect("a record");
        drop((first, second));
        let left = within("nobody", observer.until(|record| record.viewer_count == 0)).await.expect("a record");
        assert_eq!(left.peak_viewers, 2, "round {round}");
        proxy.cut_all();
    }
    drop(broadcast);
    within("the end", observer.until(|record| record.state == LiveState::Ended)).await.expect("a record");
    assert!(proxy.counts().connections > ROUNDS, "{:?}", proxy.counts());
}
