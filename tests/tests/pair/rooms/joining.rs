//! Who may be in a room, and what is heard there from when on.

use samewire_protocol::Code;
use samewire_protocol::rooms::Member;
use samewire_protocol::session::Config;
use samewire_server::rooms::KindPolicy;
use samewire_tests::pair::Pair;
use serde_json::json;

use super::ROOM;

#[test]
fn members_hear_what_is_published_the_publisher_included() {
    let mut pair = Pair::with_rooms(1);
    let bob = pair.add_client(Some("bob"));
    pair.join(0, ROOM);
    pair.join(bob, ROOM);
    let call = pair.publish(0, ROOM, "message", json!({"text": "hi"}));
    assert!(pair.result(call).unwrap().contains("\"offset\":1"));
    pair.catch_up(bob, ROOM);
    pair.catch_up(0, ROOM);
    for who in [0, bob] {
        let [event] = &pair.view(who, ROOM).events[..] else { panic!("one event was published") };
        assert_eq!((event.name.as_str(), &event.payload), ("message", &json!({"text": "hi"})));
        assert_eq!((event.from, event.user.as_deref()), (Some(Member(1)), Some("ada")));
    }
}

#[test]
fn whoever_comes_late_hears_only_what_is_new() {
    let mut pair = Pair::with_rooms(2);
    let bob = pair.add_client(Some("bob"));
    pair.join(0, ROOM);
    pair.announce(ROOM, "old", json!(null));
    pair.join(bob, ROOM);
    pair.announce(ROOM, "new", json!(null));
    pair.catch_up(bob, ROOM);
    assert_eq!(pair.view(bob, ROOM).names(), ["new"]);
    let page = pair.ask(bob, "rooms/history", &json!({"room": ROOM, "after": 0})).unwrap();
    assert_eq!(page["events"][0]["name"], "old");
    assert_eq!(page["more"], false);
}

#[test]
fn a_join_before_the_connection_goes_out_with_it() {
    let mut pair = Pair::new(3);
    pair.server.kind("chat", KindPolicy::default());
    pair.join(0, ROOM);
    assert!(pair.is_live(0));
}

#[test]
fn a_join_that_may_not_be_is_refused_with_its_reason() {
    let mut pair = Pair::with_rooms(4);
    pair.server.config.limits.max_rooms = 2;
    let bob = pair.add_client(Some("bob"));
    pair.set_role("bob", "chat:secret", None);
    for (room, code) in [("chat:secret", Code::Forbidden), ("unknown:1", Code::RoomNotFound)] {
        pair.join_as(bob, room);
        assert!(pair.run_until(|pair| pair.clients[bob].rooms.contains_key(room)));
        assert_eq!(pair.view(bob, room).left[0].as_ref().map(|failure| &failure.code), Some(&code));
    }
    pair.join(bob, "chat:1");
    pair.join(bob, "chat:2");
    pair.join_as(bob, "chat:3");
    assert!(pair.run_until(|pair| pair.clients[bob].rooms.contains_key("chat:3")));
    let failure = pair.view(bob, "chat:3").left[0].clone().unwrap();
    assert_eq!((failure.code, failure.retryable), (Code::TooManyRooms, true));
    // One that is refused does not come back by itself.
    pair.cut_as(bob, samewire_tests::net::Blow::default());
    pair.run_for(std::time::Duration::from_secs(60));
    assert_eq!(pair.view(bob, "chat:secret").left.len(), 1);
    assert_eq!(pair.clients[bob].session.load().rooms, 2);
}

#[test]
fn calls_about_a_room_need_a_membership() {
    let mut pair = Pair::with_rooms(5);
    for (method, more) in [
        ("rooms/publish", json!({"name": "a"})),
        ("rooms/send", json!({"to": {"member": 1}, "name": "a"})),
        ("rooms/history", json!({})),
        ("rooms/presence", json!({})),
        ("rooms/state", json!({})),
    ] {
        let mut params = more;
        params["room"] = ROOM.into();
        assert_eq!(pair.ask(0, method, &params).unwrap_err().code, Code::NotJoined, "{method}");
    }
}

/// A publish that is made before the join is answered must find it all the same, also on a new link to a new server.
#[test]
fn a_call_finds_the_join_that_was_made_before_it() {
    let mut pair = Pair::with_rooms(6);
    pair.join_as(0, ROOM);
    let call = pair.publish(0, ROOM, "first", json!(1));
    assert!(pair.result(call).is_ok());
    let call = pair.publish_with(0, ROOM, "second", json!({"key": "k"}), None);
    pair.restart();
    assert!(pair.result(call).is_ok());
}

#[test]
fn an_anonymous_client_may_be_in_an_open_room() {
    let mut pair = Pair::with_rooms(7);
    let nobody = pair.add_client_with(Config::default());
    pair.join(nobody, ROOM);
    let call = pair.publish(nobody, ROOM, "a", json!(null));
    assert!(pair.result_as(nobody, call).is_ok());
    pair.catch_up(nobody, ROOM);
    assert_eq!(pair.view(nobody, ROOM).events[0].user, None);
}

#[test]
fn a_key_is_an_event_once_however_often_it_is_published() {
    let mut pair = Pair::with_rooms(8);
    pair.join(0, ROOM);
    for duplicate in [false, true] {
        let call = pair.publish_with(0, ROOM, "a", json!({"key": "k"}), None);
        assert!(pair.result(call).unwrap().contains(&format!("\"duplicate\":{duplicate}")));
    }
    let call = pair.publish_with(0, ROOM, "a", json!({"expected": 7}), None);
    let failure = pair.result(call).unwrap_err();
    assert_eq!((failure.code, failure.data.unwrap().get()), (Code::Conflict, "{\"offset\":1}"));
    assert_eq!(pair.room(ROOM).newest(), 1);
}
