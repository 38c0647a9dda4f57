//! A server that is killed and comes back: its rooms begin anew, everybody is told, and everything goes on.

use std::time::Duration;

use futures_util::FutureExt;
use samewire::Code;
use samewire::rooms::{JoinOptions, RoomStatus};
use samewire_tests::live::proxy::Proxy;
use samewire_tests::live::{Child, Insistent, until, within};
use samewire_tests::rng::Rng;
use serde_json::{Value, json};

use crate::place::{Heard, numbers};

async fn child() -> Child {
    // With it there are rooms for everybody.
    Child::start(&[("DEV", "true")]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_servers_rooms_begin_anew() {
    let mut child = child().await;
    let proxy = Proxy::start(child.addr()).await;
    let people: Vec<_> = (0..2).map(|_| Insistent::new(&proxy.url(), None)).collect();
    let mut rooms = Vec::new();
    for person in &people {
        rooms.push(within("a join", person.client.join("demo:restart", JoinOptions::new())).await.expect("a room"));
    }
    let [ada, bob] = &rooms[..] else { panic!("two of them") };
    let mut epochs = Vec::new();
    for round in 0..3_u64 {
        for n in 1..=5_u64 {
            assert_eq!(within("a publication", ada.publish("count", &n)).await.expect("published").offset, n);
        }
        let patched = within("a patch", ada.patch(&json!({"round": round}))).await.expect("patched");
        epochs.push(patched.epoch);
        let mut heard = Heard::default();
        heard.until(bob, "all of this round", |heard| heard.messages.len() == 6).await;
        assert_eq!(heard.offsets(), (1..=6).collect::<Vec<_>>());
        assert_eq!(numbers(&heard.messages[..5]), [1, 2, 3, 4, 5]);
        assert_eq!(heard.lost.len(), 0);
        assert_eq!(bob.state().as_deref(), Some(&json!({"round": round})));

        proxy.retarget(None);
        child.kill();
        within("a lost connection", bob.watch_status().wait_for(|status| *status == RoomStatus::Away)).await.expect("a room");
        // Begun while there is no server, and finished when there is one.
        let late = tokio::spawn({
            let ada = ada.clone();
            async move { ada.publish("late", &"?").await }
        });
        child.restart().await;
        proxy.retarget(Some(child.addr()));
        let late = within("a late publication", late).await.expect("no panic").expect("published");
        assert_eq!((late.offset, late.duplicate), (1, false));
        assert!(!epochs.contains(&late.epoch), "another memory is another epoch");
        // What was published before they were told that they are in the new room is part of what they lost.
        for room in [ada, bob] {
            let mut heard = Heard::default();
            heard.until(room, "the word of it", |heard| !heard.lost.is_empty()).await;
            assert_eq!(heard.lost, [None], "nobody knows how many");
        }
        for room in [ada, bob] {
            until("the state is that of the new room", || async { room.state().as_deref() == Some(&Value::Null) }).await;
        }
        until("both are there again", || async { ada.presence().members == 2 && bob.presence().members == 2 }).await;
        // The next round counts from the beginning.
        while let Some(Some(_)) = ada.next().now_or_never() {}
        while let Some(Some(_)) = bob.next().now_or_never() {}
        child.kill();
        proxy.retarget(None);
        child.restart().await;
        proxy.retarget(Some(child.addr()));
        for room in [ada, bob] {
            let mut heard = Heard::default();
            heard.until(room, "another restart", |heard| !heard.lost.is_empty()).await;
        }
    }
}

/// Publications in the middle of kills: each ends well, and nobody hears one twice in one life of the server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_published_in_the_middle_of_kills_is_published() {
    const KILLS: u64 = 6;
    let mut child = child().await;
    let proxy = Proxy::start(child.addr()).await;
    let people: Vec<_> = (0..2).map(|_| Insistent::new(&proxy.url(), None)).collect();
    let mut rooms = Vec::new();
    for person in &people {
        rooms.push(within("a join", person.client.join("demo:kills", JoinOptions::new())).await.expect("a room"));
    }
    let [ada, bob] = &rooms[..] else { panic!("two of them") };
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let writing = tokio::spawn({
        let ada = ada.clone();
        async move {
            let mut n = 0_u64;
            while !*stopped.borrow() {
                n += 1;
                while let Err(failure) = ada.publish("count", &n).await {
                    assert_eq!(failure.code, Code::RateLimited, "{failure}");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
            n
        }
    });
    let mut rng = Rng::new(4);
    let mut heard = Heard::default();
    for kill in 1..=KILLS {
        let enough = heard.messages.len() + 20 + usize::try_from(rng.below(100)).expect("small");
        heard.until(bob, "some of it", |heard| heard.messages.len() >= enough).await;
        proxy.retarget(None);
        child.kill();
        child.restart().await;
        proxy.retarget(Some(child.addr()));
        heard.until(bob, "the word of a restart", |heard| heard.lost.len() as u64 >= kill).await;
    }
    stop.send_replace(true);
    let last = within("the writer's end", writing).await.expect("no panic");
    ada.publish("end", &()).await.expect("published");
    heard.up_to(bob, "end").await;
    heard.messages.pop();
    // Each life counts from 1; in each, no publication comes twice, and they come in their order.
    let lives = heard.messages.chunk_by(|one, next| one.offset < next.offset);
    let mut told = 0;
    for life in lives {
        let numbers = numbers(life);
        assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
        told += numbers.len() as u64;
    }
    assert!(told <= last + KILLS, "{told} of {last} were told");
}
