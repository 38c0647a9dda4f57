//! A room's state is the same at every member, whenever it came.

use samewire_protocol::Code;
use samewire_server::rooms::KindPolicy;
use samewire_tests::net::Reach;
use samewire_tests::pair::Pair;
use serde_json::{Value, json};

use super::ROOM;

fn pair(seed: u64, history: usize) -> Pair {
    let mut pair = Pair::with_rooms(seed);
    pair.server.kind("chat", KindPolicy { state: true, history, ..KindPolicy::default() });
    pair
}

fn change(pair: &mut Pair, how: &str, to: Value) {
    let call = pair.publish_with(0, ROOM, "set", json!({ how: to }), None);
    assert!(pair.result(call).is_ok());
}

#[test]
fn late_and_early_members_have_the_same() {
    let mut pair = pair(1, 100);
    let bob = pair.add_client(Some("bob"));
    pair.join(0, ROOM);
    pair.catch_up(0, ROOM);
    assert_eq!(pair.view(0, ROOM).state, Some(Value::Null));
    change(&mut pair, "state", json!({"page": 1, "notes": {"a": 1}}));
    change(&mut pair, "patch", json!({"page": 2, "notes": {"a": null, "b": 2}}));
    pair.join(bob, ROOM);
    change(&mut pair, "patch", json!({"title": "t"}));
    pair.catch_up(0, ROOM);
    pair.catch_up(bob, ROOM);
    let wanted = json!({"page": 2, "notes": {"b": 2}, "title": "t"});
    assert_eq!(pair.view(0, ROOM).state.as_ref(), Some(&wanted));
    assert_eq!(pair.view(bob, ROOM).state.as_ref(), Some(&wanted));
    let now = pair.ask(bob, "rooms/state", &json!({"room": ROOM})).unwrap();
    assert_eq!((&now["state"], &now["offset"]), (&wanted, &json!(3)));
}

/// From the events that were missed, or from the state that comes in their place.
#[test]
fn it_is_right_after_a_cut_either_way() {
    for (history, recovered) in [(100, true), (1, false)] {
        let mut pair = pair(2, history);
        let bob = pair.add_client(Some("bob"));
        pair.join(0, ROOM);
        pair.join(bob, ROOM);
        change(&mut pair, "state", json!({"n": 0}));
        pair.catch_up(bob, ROOM);
        pair.net.reach = Reach::Refused;
        pair.cut_as(bob, samewire_tests::net::Blow::default());
        for n in 1..=3 {
            change(&mut pair, "patch", json!({"n": n, n.to_string(): n}));
        }
        pair.net.reach = Reach::Open;
        pair.catch_up(bob, ROOM);
        let view = pair.view(bob, ROOM);
        assert_eq!(view.joined[1].recovered, recovered);
        assert_eq!(view.state, Some(json!({"n": 3, "1": 1, "2": 2, "3": 3})));
    }
}

#[test]
fn null_is_a_state_like_any_other() {
    let mut pair = pair(3, 100);
    pair.join(0, ROOM);
    change(&mut pair, "state", json!([1]));
    change(&mut pair, "state", Value::Null);
    pair.catch_up(0, ROOM);
    assert_eq!(pair.view(0, ROOM).state, Some(Value::Null));
}

#[test]
fn a_room_without_a_state_takes_no_patch() {
    let mut pair = Pair::with_rooms(4);
    pair.join(0, ROOM);
    let call = pair.publish_with(0, ROOM, "set", json!({"patch": {"a": 1}}), None);
    assert_eq!(pair.result(call).unwrap_err().code, Code::BadParams);
    assert_eq!(pair.view(0, ROOM).state, None);
}
