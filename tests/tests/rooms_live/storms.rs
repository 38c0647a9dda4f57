//! Clients that want to be everywhere at once.

use std::time::Duration;

use samewire_protocol::Failure;
use samewire_protocol::rooms::Role;
use samewire_server::rooms::{Deciding, Joining, KindPolicy, RoomKind};
use samewire_tests::live::raw::{Heard, frame, opcode};
use samewire_tests::live::until;
use serde_json::{Value, json};

use super::stage::{Watched, code, join, leave, session, stage};

/// Takes its time to decide.
struct Slow;

impl RoomKind for Slow {
    fn policy(&self) -> KindPolicy {
        stage()
    }

    fn join<'a>(&'a self, joining: Joining<'a>) -> Deciding<'a, Role> {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok::<_, Failure>(joining.policy.role.clone())
        })
    }
}

fn joins(kind: &str, count: usize) -> Vec<u8> {
    (0..count)
        .flat_map(|n| frame(0x80 | opcode::TEXT, json!({"type": "join", "room": format!("{kind}:{n}")}).to_string().as_bytes()))
        .collect()
}

#[tokio::test]
async fn one_session_is_in_so_many_rooms_and_no_more() {
    let mut watched = Watched::new().await;
    let mut raw = session(&watched.host, "mallory", "speaker").await;
    raw.write(&joins("stage", 1_000)).await;
    let (mut joined, mut refused) = (0, 0);
    while joined + refused < 1_000 {
        match raw.next().await {
            Heard::Text(frame) if frame["type"] == "joined" => joined += 1,
            Heard::Text(frame) if frame["type"] == "left" => {
                assert_eq!(frame["error"]["code"], "too-many-rooms", "{frame}");
                refused += 1;
            }
            Heard::Text(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((joined, refused), (256, 744));
    assert_eq!(code(join(&mut raw, "stage:9999").await), "too-many-rooms");
    leave(&mut raw, "stage:0").await;
    join(&mut raw, "stage:9999").await.expect("one was left");
    watched.hears_nothing_else("one who is everywhere").await;
    raw.close(1000).await;
    let there = || watched.host.rooms().metrics().map(|(_, metrics)| metrics.rooms.get()).sum::<u64>();
    until("rooms that nobody is in are let go", || async { there() == 1 }).await;
}

#[tokio::test]
async fn joining_and_leaving_again_and_again_leaves_nothing() {
    let mut watched = Watched::new().await;
    let mut raw = session(&watched.host, "mallory", "listener").await;
    for _ in 0..300 {
        join(&mut raw, super::stage::ROOM).await.expect("may join");
        leave(&mut raw, super::stage::ROOM).await;
    }
    watched.hears_nothing_else("one who comes and goes").await;
    let members = watched.host.rooms().members(&super::stage::ROOM.parse().expect("a name"));
    assert_eq!(members.len(), 2, "{members:?}");
}

#[tokio::test]
async fn what_waits_to_be_decided_has_bounds() {
    let mut watched = Watched::with(|builder| builder.room_kind("slow", Slow)).await;
    let mut raw = session(&watched.host, "mallory", "speaker").await;
    raw.write(&joins("slow", 2_000)).await;
    let mut refused = 0;
    while refused < 900 {
        match raw.next().await {
            Heard::Text(frame) if frame["type"] == "left" && frame["error"]["code"] == "overloaded" => refused += 1,
            Heard::Text(_) => {}
            other => panic!("{other:?}"),
        }
    }
    watched.hears_nothing_else("one who asks for too much").await;
}

/// A hundred clients join, say something, are cut and come back, all at once.
#[tokio::test]
async fn a_crowd_that_comes_back_at_once_is_let_in() {
    const CROWD: usize = 100;
    let mut watched = Watched::new().await;
    let host = &watched.host;
    let mut crowd = Vec::new();
    for n in 0..CROWD {
        let mut raw = session(host, &format!("u{n}"), "listener").await;
        let joined = join(&mut raw, super::stage::ROOM).await.expect("may join");
        crowd.push((raw.ticket.clone(), joined["member"].clone()));
    }
    // All links are gone, and all come back.
    let back: Vec<_> = crowd
        .into_iter()
        .map(|(ticket, member)| {
            let addr = host.addr();
            tokio::spawn(async move {
                let (mut raw, _) = samewire_tests::live::raw::Raw::resume(addr, &ticket).await;
                let joined = join(&mut raw, super::stage::ROOM).await.expect("may join");
                assert_eq!(joined["member"], member);
                raw
            })
        })
        .collect();
    let mut crowd = Vec::new();
    for raw in back {
        crowd.push(raw.await.expect("it comes back"));
    }
    let counts = host.rooms().counts(&super::stage::ROOM.parse().expect("a name"));
    assert_eq!(counts.members as usize, CROWD + 2);
    watched.hears_nothing_else("a crowd").await;
    for raw in &mut crowd {
        let heard: Value = raw.expect("event").await;
        assert_eq!(heard["offset"], 1);
    }
}
