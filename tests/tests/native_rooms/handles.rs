//! Handles of a room: they share a membership, and the last one takes it along.

use futures_util::StreamExt;
use samewire::rooms::{JoinOptions, MOST_WAITING, PublishOptions, RoomEvent, RoomStatus};
use samewire::{Code, Status};
use samewire_tests::live::proxy::Proxy;
use samewire_tests::live::{until, within};
use serde_json::json;
use serde_json::value::to_raw_value;

use crate::place::{Heard, client, host, join, numbers, open};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handles_share_a_membership_and_each_hears_everything() {
    let host = host(open()).await;
    let ada = client(&host.url(), None);
    let watcher = join(&client(&host.url(), None), "handles").await.expect("a room");
    let one = within("a join", ada.join("test:handles", JoinOptions::new().info("first"))).await.expect("a room");
    let other = within("a join", ada.join("test:handles", JoinOptions::new().info("second"))).await.expect("a room");
    let clone = one.clone();
    assert_eq!(one.member(), other.member());
    until("two members are there", || async { watcher.presence().members == 2 }).await;
    for n in 1..=10_u64 {
        watcher.publish("count", &n).await.expect("published");
    }
    let mut heard = Heard::default();
    heard.until(&other, "all of them", |heard| heard.messages.len() == 10).await;
    assert_eq!(numbers(&heard.messages), (1..=10).collect::<Vec<_>>());
    // A clone shares what waits with the handle that it was made of.
    let mut shared = Heard::default();
    shared.until(&one, "some of them", |heard| heard.messages.len() == 4).await;
    let rest: Vec<_> = within("the rest", clone.events().take(6).collect::<Vec<_>>()).await;
    assert_eq!((numbers(&shared.messages), rest.len()), (vec![1, 2, 3, 4], 6));

    drop(one);
    drop(clone);
    assert_eq!(other.status(), RoomStatus::Joined);
    watcher.publish("count", &11).await.expect("published");
    heard.until(&other, "one more", |heard| heard.messages.len() == 11).await;
    drop(other);
    until("the last handle took the membership along", || async { watcher.presence().members == 1 }).await;
    // The client itself goes on, and may come back.
    assert_eq!(ada.status(), Status::Live);
    let again = join(&ada, "handles").await.expect("a room");
    until("it is back", || async { watcher.presence().members == 2 }).await;
    assert_eq!(again.publish("count", &12).await.expect("published").offset, 12);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaving_ends_every_handle_and_what_was_heard_before_is_told() {
    let host = host(open()).await;
    let ada = client(&host.url(), None);
    let one = join(&ada, "leave").await.expect("a room");
    let other = join(&ada, "leave").await.expect("a room");
    let watcher = join(&client(&host.url(), None), "leave").await.expect("a room");
    let published = watcher.publish("count", &1).await.expect("published");
    assert_eq!(published.offset, 1);
    let third = join(&ada, "leave").await.expect("a room");
    one.publish("count", &2).await.expect("published");
    // The answer may come before the event itself.
    Heard::default().until(&third, "the newest", |heard| heard.offsets().last() == Some(&2)).await;
    one.leave();
    assert_eq!(other.status(), RoomStatus::Left { why: None });
    assert_eq!(other.publish("count", &3).await.expect_err("it has left").code, Code::NotJoined);
    assert!(!other.cast("count", &3).expect("small enough"), "nothing is cast by who has left");
    for room in [&one, &other] {
        let told: Vec<_> = within("the end", room.events().collect::<Vec<_>>()).await;
        assert_eq!(told.len(), 2, "{told:?}");
    }
    until("one is left", || async { watcher.presence().members == 1 }).await;
    // Leaving and joining in one breath, many times.
    for _ in 0..50 {
        let room = join(&ada, "leave").await.expect("a room");
        assert_eq!(room.status(), RoomStatus::Joined);
        room.leave();
    }
    let room = join(&ada, "leave").await.expect("a room");
    let last = room.publish("end", &()).await.expect("published");
    let mut heard = Heard::default();
    heard.up_to(&room, "end").await;
    assert_eq!(heard.messages.last().and_then(|message| message.offset), Some(last.offset));
    assert_eq!(heard.messages.len(), 1, "what was said before is not told: {:?}", heard.messages);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_join_that_is_given_up_leaves_nothing() {
    let host = host(open()).await;
    let proxy = Proxy::start(host.addr()).await;
    let ada = client(&proxy.url(), None);
    let watcher = join(&client(&host.url(), None), "given-up").await.expect("a room");
    within("a session", ada.connect()).await.expect("a session");
    for _ in 0..20 {
        let joining = ada.join("test:given-up", JoinOptions::new());
        tokio::select! {
            biased;
            joined = joining => drop(joined),
            () = tokio::task::yield_now() => {}
        }
    }
    // What is joined afterwards is joined for good.
    let room = join(&ada, "given-up").await.expect("a room");
    room.publish("mark", &()).await.expect("published");
    let mut heard = Heard::default();
    heard.up_to(&watcher, "mark").await;
    until("the two of them are there", || async { watcher.presence().members == 2 }).await;
    drop(room);
    until("one is there", || async { watcher.presence().members == 1 }).await;
    // Joined while there is no connection, and given up before there is one.
    proxy.retarget(None);
    proxy.cut_all();
    let joining = ada.join("test:given-up", JoinOptions::new());
    assert!(tokio::time::timeout(std::time::Duration::from_millis(50), joining).await.is_err());
    proxy.retarget(Some(host.addr()));
    within("a connection", ada.connect()).await.expect("a session");
    within("a call", ada.call::<samewire::system::Echo>(&to_raw_value(&1).expect("JSON"))).await.expect("an answer");
    assert_eq!(watcher.presence().members, 1);
}

/// An app that takes no events costs a bounded amount of memory, knows the state all the same, and is told what it missed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_that_does_not_listen_is_told_what_it_missed() {
    let host = host(open()).await;
    let ada = join(&client(&host.url(), None), "deaf").await.expect("a room");
    let bob = join(&client(&host.url(), None), "deaf").await.expect("a room");
    let all = MOST_WAITING as u64 + 500;
    for batch in 0..all.div_ceil(100) {
        let batch = (batch * 100 + 1..=all.min(batch * 100 + 100)).map(|n| {
            let ada = ada.clone();
            async move { ada.publish("count", &n).await }
        });
        let published = within("publications", futures_util::future::try_join_all(batch)).await.expect("published");
        assert!(published.iter().all(|published| published.offset <= all));
    }
    let options = PublishOptions { patch: Some(json!({"end": true})), ..PublishOptions::default() };
    ada.publish_with("end", &(), options).await.expect("published");
    let mut state = bob.watch_state();
    within("the end", state.wait_for(|state| state.as_deref().is_some_and(|state| state["end"] == true)))
        .await
        .expect("a room");
    let mut heard = Heard::default();
    heard.up_to(&bob, "end").await;
    let [Some(missed)] = heard.lost[..] else { panic!("it was told once how much it missed: {:?}", heard.lost) };
    let kept = MOST_WAITING as u64;
    // Whoever hears of the state first may be at the queue before the event that made it.
    assert!((kept..=kept + 1).contains(&(heard.messages.len() as u64)), "{missed} lost, {} kept", heard.messages.len());
    assert_eq!(heard.offsets(), (missed + 1..=all + 1).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_closes_ends_its_rooms() {
    let host = host(open()).await;
    let ada = client(&host.url(), None);
    let room = join(&ada, "closed").await.expect("a room");
    let waiting = tokio::spawn({
        let room = room.clone();
        async move { room.next().await }
    });
    ada.close();
    let told = within("the end", waiting).await.expect("no panic");
    assert!(told.is_none(), "{told:?}");
    let RoomStatus::Left { why: Some(why) } = room.status() else { panic!("{:?}", room.status()) };
    assert_eq!(why.code, Code::SessionClosed);
    assert_eq!(room.publish("count", &1).await.expect_err("it is over").code, Code::SessionClosed);
    let refused = join(&ada, "closed").await.expect_err("it is over");
    assert_eq!(refused.code, Code::SessionClosed);
    assert!(!matches!(room.next().await, Some(RoomEvent::Lost { .. })));
}
