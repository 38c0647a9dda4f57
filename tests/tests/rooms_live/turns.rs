//! What else happens while a program takes its time to decide.

use std::sync::Arc;

use samewire_protocol::rooms::RoomName;
use samewire_server::rooms::{Deciding, KindPolicy, Publishing, RoomKind};
use samewire_tests::live::Host;
use samewire_tests::live::raw::{frame, opcode};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::stage::{code, config, join, leave, session, stage, token};

/// Rooms whose program waits for a sign before it answers.
#[derive(Clone)]
struct Careful {
    sign: Arc<Semaphore>,
    asked: Arc<Semaphore>,
}

impl Careful {
    async fn waits(&self) {
        self.sign.acquire().await.expect("never closed").forget();
    }
}

impl RoomKind for Careful {
    fn policy(&self) -> KindPolicy {
        KindPolicy { rate: 1, burst: 5, ..stage() }
    }

    fn load<'a>(&'a self, _: &'a RoomName) -> Deciding<'a, Option<Value>> {
        Box::pin(async move {
            self.waits().await;
            Ok(None)
        })
    }

    fn publish<'a>(&'a self, publishing: Publishing) -> Deciding<'a, Publishing> {
        Box::pin(async move {
            self.asked.add_permits(1);
            self.waits().await;
            Ok(publishing)
        })
    }
}

async fn careful() -> (Careful, Host) {
    let careful = Careful { sign: Arc::new(Semaphore::new(0)), asked: Arc::new(Semaphore::new(0)) };
    let kind = careful.clone();
    (careful, Host::with(config(), move |builder| builder.room_kind("careful", kind.clone())).await)
}

#[tokio::test]
async fn who_loses_a_grant_on_the_way_in_does_not_come_in() {
    let (kind, host) = careful().await;
    let mut sven = session(&host, "sven", "speaker").await;
    sven.send(&json!({"type": "join", "room": "careful:1"})).await;
    // The join waits for the room; the token that allowed it is replaced.
    assert_eq!(sven.call(1, "system/echo", json!(1)).await, Ok(json!(1)));
    sven.send(&json!({"type": "token", "token": token("sven", "chat:*", "speaker")})).await;
    sven.expect("token").await;
    kind.sign.add_permits(10);
    let left = sven.expect("left").await;
    assert_eq!(left["error"]["code"], "forbidden", "{left}");
    assert_eq!(host.rooms().counts(&"careful:1".parse().expect("a name")).members, 0);
}

#[tokio::test]
async fn what_goes_beyond_the_rate_does_not_wait_for_its_turn() {
    let (kind, host) = careful().await;
    kind.sign.add_permits(1);
    let mut sven = session(&host, "sven", "speaker").await;
    join(&mut sven, "careful:1").await.expect("open");
    let say = json!({"room": "careful:1", "name": "say"});
    for id in 1..=20 {
        let call = json!({"type": "call", "id": id, "method": "rooms/publish", "payload": say, "done": 1});
        sven.send(&call).await;
    }
    for id in 6..=20 {
        assert_eq!(code(sven.answer(id).await), "rate-limited");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_have_their_turn_in_the_order_in_which_they_came() {
    let (kind, host) = careful().await;
    kind.sign.add_permits(100);
    let mut sven = session(&host, "sven", "speaker").await;
    for round in 1..=10 {
        let room = format!("careful:{round}");
        join(&mut sven, &room).await.expect("open");
        let call = |n: u64| json!({"type": "call", "id": round * 5 + n, "method": "rooms/publish", "payload": {"room": room, "name": "say"}});
        let calls = (0..5).flat_map(|n| frame(0x80 | opcode::TEXT, call(n).to_string().as_bytes()));
        sven.write(&calls.collect::<Vec<_>>()).await;
        for n in 0..5 {
            let id = round * 5 + n;
            let answer = match sven.skipped.iter().position(|frame| frame["id"] == id) {
                Some(at) => sven.skipped.remove(at)["payload"].clone(),
                None => sven.answer(id).await.expect("published"),
            };
            assert_eq!(answer["offset"], n + 1);
        }
    }
}

#[tokio::test]
async fn an_event_of_somebody_who_has_gone_is_made_once() {
    let (kind, host) = careful().await;
    kind.sign.add_permits(1);
    let mut sven = session(&host, "sven", "speaker").await;
    join(&mut sven, "careful:1").await.expect("open");
    let say = json!({"room": "careful:1", "name": "say", "key": "once"});
    sven.send(&json!({"type": "call", "id": 1, "method": "rooms/publish", "payload": say, "done": 1})).await;
    kind.asked.acquire().await.expect("never closed").forget();
    leave(&mut sven, "careful:1").await;
    kind.sign.add_permits(10);
    assert_eq!(sven.answer(1).await.expect("published")["offset"], 1);
    join(&mut sven, "careful:1").await.expect("open");
    let again = sven.call(2, "rooms/publish", say).await.expect("published");
    assert_eq!((&again["offset"], &again["duplicate"]), (&json!(1), &json!(true)));
}

#[tokio::test]
async fn casts_that_wait_for_a_decision_are_bounded_in_bytes() {
    let (kind, host) = careful().await;
    let mut sven = session(&host, "sven", "speaker").await;
    sven.send(&json!({"type": "join", "room": "careful:1"})).await;
    let payload = "x".repeat(200_000);
    for _ in 0..10 {
        sven.send(&json!({"type": "cast", "room": "careful:1", "name": "wave", "payload": payload})).await;
    }
    // 1 MiB of them may wait.
    for _ in 0..5 {
        assert_eq!(sven.expect("error").await["error"]["code"], "overloaded");
    }
    kind.sign.add_permits(1);
    for _ in 0..5 {
        assert_eq!(sven.expect("error").await["error"]["code"], "too-big");
    }
}
