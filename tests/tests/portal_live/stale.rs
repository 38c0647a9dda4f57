//! What was decided about somebody counts until it is decided anew, and not a moment longer: also while that somebody is on the way
//! in. With a kind of rooms that takes its time, the moment is as long as a test needs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use samewire::method::AnyRoute;
use samewire::{Failure, Method};
use samewire_protocol::Code;
use samewire_protocol::rooms::{Role, RoomName};
use samewire_server::calls::State;
use samewire_server::rooms::{Deciding, Joining, KindPolicy, RoomKind, Rooms};
use samewire_tests::live::raw::Raw;
use samewire_tests::live::{Host, settings, token, within};
use serde_json::json;
use tokio::sync::Notify;

#[derive(Clone, Default)]
struct Slow(Arc<Inner>);

#[derive(Default)]
struct Inner {
    is_closed: AtomicBool,
    decided: Notify,
    go_on: Notify,
}

fn refusal() -> Failure {
    Failure::new(Code::RoomNotFound, "there is no such room any more")
}

impl RoomKind for Slow {
    fn policy(&self) -> KindPolicy {
        KindPolicy::default()
    }

    fn join<'a>(&'a self, joining: Joining<'a>) -> Deciding<'a, Role> {
        let is_closed = self.0.is_closed.load(Ordering::SeqCst);
        Box::pin(async move {
            self.0.decided.notify_one();
            self.0.go_on.notified().await;
            if is_closed { Err(refusal()) } else { Ok(joining.policy.role.clone()) }
        })
    }
}

/// Does with a room what is asked for.
struct Do;

impl Method for Do {
    const NAME: &'static str = "test/do";
    const TITLE: &'static str = "Take ada out, or everybody";
    const IDEMPOTENT: bool = true;
    type Route = AnyRoute;
    type Params = String;
    type Args = String;
    type Output = ();
    type Reply = ();
}

async fn take_out(State(rooms): State<Rooms>, what: String) -> Result<(), Failure> {
    let room: RoomName = "slow:1".parse()?;
    match what.as_str() {
        "remove" => drop(rooms.remove(&room, "ada", &refusal())),
        "close" => drop(rooms.close(&room, &refusal())),
        "recheck" => rooms.recheck(&room),
        _ => rooms.recheck_user(&room, "ada").await,
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_on_the_way_in_is_asked_for_again() {
    let slow = Slow::default();
    let kind = slow.clone();
    let host =
        Host::with(settings(), move |builder| builder.room_kind("slow", kind.clone()).method::<Do, _, _>(take_out)).await;
    let mut owner = Raw::session(host.addr(), Some(&token("olga"))).await;
    for (number, what) in (1..).zip(["remove", "close", "recheck", "recheck_user"]) {
        slow.0.is_closed.store(false, Ordering::SeqCst);
        let mut ada = Raw::session(host.addr(), Some(&token("ada"))).await;
        ada.send(&json!({"type": "join", "room": "slow:1"})).await;
        within("the decision", slow.0.decided.notified()).await;
        slow.0.is_closed.store(true, Ordering::SeqCst);
        owner.call(number, "test/do", json!(what)).await.expect("done");
        // What was decided first is told only now, and counts no more.
        slow.0.go_on.notify_one();
        within("the second decision", slow.0.decided.notified()).await;
        slow.0.go_on.notify_one();
        let left = ada.expect("left").await;
        assert_eq!(left["error"]["code"], "room-not-found", "{what}");
        assert!(ada.skipped.iter().all(|frame| frame["type"] != "joined"), "{what}: {:?}", ada.skipped);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_about_one_user_is_waited_for() {
    let slow = Slow::default();
    let kind = slow.clone();
    let host =
        Host::with(settings(), move |builder| builder.room_kind("slow", kind.clone()).method::<Do, _, _>(take_out)).await;
    let mut owner = Raw::session(host.addr(), Some(&token("olga"))).await;
    let (mut ada, mut bob) =
        (Raw::session(host.addr(), Some(&token("ada"))).await, Raw::session(host.addr(), Some(&token("bob"))).await);
    for raw in [&mut ada, &mut bob] {
        raw.send(&json!({"type": "join", "room": "slow:1"})).await;
        slow.0.go_on.notify_one();
        raw.expect("joined").await;
        within("the decision", slow.0.decided.notified()).await;
    }
    slow.0.is_closed.store(true, Ordering::SeqCst);
    owner.send(&json!({"type": "call", "id": 1, "method": "test/do", "payload": "recheck_user"})).await;
    within("the decision", slow.0.decided.notified()).await;
    slow.0.go_on.notify_one();
    owner.answer(1).await.expect("done");
    // Before the answer came, ada was out; bob was not asked for.
    ada.send(&json!({"type": "call", "id": 1, "method": "rooms/publish", "payload": {"room": "slow:1", "name": "a"}})).await;
    assert_eq!(ada.answer(1).await.expect_err("no member")["code"], "not-joined");
    bob.call(1, "rooms/publish", json!({"room": "slow:1", "name": "b"})).await.expect("a member");
}
