//! After a cut a member goes on where it was, without a gap and without a duplicate, or is told that it cannot.

use std::time::Duration;

use samewire_server::rooms::KindPolicy;
use samewire_tests::net::{Blow, Reach, Side};
use samewire_tests::pair::Pair;
use serde_json::json;

use super::ROOM;

/// All of the events, whatever byte the connection is cut at.
#[test]
fn a_cut_at_any_byte_loses_nothing_and_doubles_nothing() {
    for bytes in (0..1_500).step_by(53) {
        let mut pair = Pair::with_rooms(bytes);
        let bob = pair.add_client(Some("bob"));
        pair.join(bob, ROOM);
        pair.join(0, ROOM);
        pair.cut_as(bob, Blow::default());
        pair.net.cut_next = Some((Side::Server, bytes, Blow { down: bytes % 200, ..Blow::default() }));
        for n in 0..10 {
            pair.publish(0, ROOM, "n", json!(n));
            pair.run_for(Duration::from_millis(300));
        }
        pair.catch_up(bob, ROOM);
        let view = pair.view(bob, ROOM);
        assert!(view.joined.iter().skip(1).all(|joined| joined.recovered), "{bytes}: {view:?}");
        assert_eq!(view.offsets(), (1..=10).collect::<Vec<_>>(), "{bytes}");
        let said: Vec<_> = (0..10).map(|n| json!(n)).collect();
        assert!(view.payloads().into_iter().eq(&said), "{bytes}");
    }
}

#[test]
fn what_a_member_missed_comes_when_it_is_back() {
    let mut pair = Pair::with_rooms(1);
    pair.join(0, ROOM);
    pair.announce(ROOM, "a", json!(null));
    pair.catch_up(0, ROOM);
    pair.net.reach = Reach::Refused;
    pair.cut();
    for _ in 0..50 {
        pair.announce(ROOM, "b", json!(null));
    }
    pair.run_for(Duration::from_secs(5));
    pair.net.reach = Reach::Open;
    pair.catch_up(0, ROOM);
    let view = pair.view(0, ROOM);
    assert_eq!(view.offsets(), (1..=51).collect::<Vec<_>>());
    assert_eq!(view.joined.iter().map(|joined| joined.recovered).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn what_was_not_kept_is_said_to_be_lost() {
    let mut pair = Pair::with_rooms(2);
    pair.server.kind("chat", KindPolicy { history: 5, ..KindPolicy::default() });
    pair.join(0, ROOM);
    pair.announce(ROOM, "a", json!(null));
    pair.catch_up(0, ROOM);
    pair.net.reach = Reach::Refused;
    pair.cut();
    for _ in 0..7 {
        pair.announce(ROOM, "b", json!(null));
    }
    pair.run_for(Duration::from_secs(1));
    pair.net.reach = Reach::Open;
    pair.catch_up(0, ROOM);
    pair.announce(ROOM, "c", json!(null));
    pair.catch_up(0, ROOM);
    let view = pair.view(0, ROOM);
    assert_eq!((view.joined[1].recovered, view.joined[1].missed), (false, Some(7)));
    assert_eq!(view.offsets(), [1, 9]);
}

#[test]
fn a_server_that_lost_its_memory_says_so() {
    let mut pair = Pair::with_rooms(3);
    pair.join(0, ROOM);
    pair.announce(ROOM, "a", json!(null));
    pair.catch_up(0, ROOM);
    let before = pair.view(0, ROOM).place.unwrap();
    pair.restart();
    assert!(pair.run_until(|pair| pair.view(0, ROOM).joined.len() == 2));
    // The new room has an event of the same number, which is another.
    pair.announce(ROOM, "b", json!(null));
    pair.catch_up(0, ROOM);
    let view = pair.view(0, ROOM);
    assert_eq!((view.joined[1].recovered, view.names()), (false, vec!["a", "b"]));
    assert_ne!(view.place.unwrap().0, before.0);
}

#[test]
fn a_member_that_is_away_for_long_still_recovers_what_is_kept() {
    let mut pair = Pair::with_rooms(4);
    pair.join(0, ROOM);
    pair.announce(ROOM, "a", json!(null));
    pair.catch_up(0, ROOM);
    let bob = pair.add_client(Some("bob"));
    pair.join(bob, ROOM);
    pair.net.reach = Reach::Refused;
    pair.cut();
    // Longer than the session is kept, and longer than the member counts as there.
    pair.run_for(Duration::from_secs(300));
    pair.announce(ROOM, "b", json!(null));
    pair.net.reach = Reach::Open;
    pair.catch_up(0, ROOM);
    let view = pair.view(0, ROOM);
    assert_eq!((view.joined[1].recovered, view.offsets()), (true, vec![1, 2]));
    assert_ne!(view.joined[1].member, view.joined[0].member);
}

#[test]
fn rooms_recover_when_the_server_restarts_again_and_again() {
    let mut pair = Pair::with_rooms(5);
    pair.join(0, ROOM);
    for n in 0..10 {
        let call = pair.publish_with(0, ROOM, "n", json!({"payload": n, "key": n.to_string()}), None);
        if n % 3 == 0 {
            pair.restart();
        }
        assert!(pair.result(call).is_ok());
    }
    assert_eq!(pair.view(0, ROOM).left.len(), 0);
}
