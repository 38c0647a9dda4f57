//! A gap that no server should make heals itself.

use samewire_tests::net::{Frame, Side};
use samewire_tests::pair::Pair;
use serde_json::json;

use super::ROOM;

#[test]
fn an_event_out_of_turn_is_not_told_and_what_is_missing_is_asked_for() {
    let mut pair = Pair::with_rooms(1);
    pair.join(0, ROOM);
    pair.net.trace = Some(Vec::new());
    let offset = pair.announce(ROOM, "one", json!(null));
    let forged = format!(r#"{{"type":"event","room":"{ROOM}","offset":{},"name":"forged","at":1}}"#, offset + 3);
    pair.inject_down(Frame::Text(forged));
    pair.announce(ROOM, "two", json!(null));
    assert!(pair.run_until(|pair| pair.view(0, ROOM).joined.len() == 2));
    pair.catch_up(0, ROOM);
    assert_eq!(pair.view(0, ROOM).names(), ["one", "two"]);
    assert!(pair.view(0, ROOM).joined[1].recovered);
    let joins = pair.net.trace.iter().flatten().filter(|(_, side, text)| *side == Side::Client && text.contains("\"join\""));
    assert_eq!(joins.count(), 1);
}

#[test]
fn an_event_that_comes_twice_is_told_once() {
    let mut pair = Pair::with_rooms(2);
    pair.join(0, ROOM);
    pair.announce(ROOM, "one", json!(null));
    pair.inject_down(Frame::Text(format!(r#"{{"type":"event","room":"{ROOM}","offset":1,"name":"again","at":1}}"#)));
    pair.announce(ROOM, "two", json!(null));
    pair.catch_up(0, ROOM);
    assert_eq!(pair.view(0, ROOM).names(), ["one", "two"]);
}
