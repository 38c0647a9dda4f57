//! What is ephemeral reaches those who are there now, and is never kept for later.

use std::time::Duration;

use samewire_tests::net::{Blow, Reach};
use samewire_tests::pair::Pair;
use serde_json::json;

use super::ROOM;

#[test]
fn a_cast_reaches_the_others_and_takes_no_number() {
    let mut pair = Pair::with_rooms(1);
    let bob = pair.add_client(Some("bob"));
    pair.join(0, ROOM);
    pair.join(bob, ROOM);
    assert!(pair.cast(0, ROOM, "typing", "true"));
    pair.run_for(Duration::from_secs(1));
    pair.announce(ROOM, "message", json!(1));
    pair.catch_up(bob, ROOM);
    pair.catch_up(0, ROOM);
    assert_eq!((pair.view(bob, ROOM).names(), pair.view(0, ROOM).names()), (vec!["typing", "message"], vec!["message"]));
    assert_eq!(pair.view(bob, ROOM).offsets(), [1]);
}

#[test]
fn what_is_cast_without_a_link_is_never_said() {
    let mut pair = Pair::with_rooms(2);
    let bob = pair.add_client(Some("bob"));
    pair.join(0, ROOM);
    pair.join(bob, ROOM);
    pair.cut();
    pair.run_for(Duration::from_millis(1));
    assert!(!pair.cast(0, ROOM, "typing", "true"));
    assert!(pair.run_until(|pair| pair.view(0, ROOM).joined.len() == 2));
    assert!(pair.cast(0, ROOM, "typing", "false"));
    pair.run_for(Duration::from_secs(1));
    assert_eq!(pair.view(bob, ROOM).payloads(), [&json!(false)]);
}

#[test]
fn whoever_is_away_does_not_hear_it_later() {
    let mut pair = Pair::with_rooms(3);
    let bob = pair.add_client(Some("bob"));
    pair.join(0, ROOM);
    pair.join(bob, ROOM);
    pair.net.reach = Reach::Refused;
    pair.cut_as(bob, Blow::default());
    pair.run_for(Duration::from_millis(100));
    pair.cast(0, ROOM, "typing", "true");
    pair.announce(ROOM, "message", json!(1));
    pair.net.reach = Reach::Open;
    pair.catch_up(bob, ROOM);
    assert_eq!(pair.view(bob, ROOM).names(), ["message"]);
}
