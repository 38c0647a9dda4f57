//! Whoever leaves hears nothing more, and the others are told, whatever becomes of the link.

use std::time::Duration;

use samewire_tests::net::{Blow, Reach};
use samewire_tests::pair::Pair;
use serde_json::json;

use super::ROOM;

fn two(seed: u64) -> Pair {
    let mut pair = Pair::with_rooms(seed);
    pair.add_client(Some("bob"));
    pair.join(0, ROOM);
    pair.join(1, ROOM);
    pair
}

#[test]
fn whoever_leaves_hears_nothing_more() {
    let mut pair = two(1);
    pair.leave(1, ROOM);
    pair.announce(ROOM, "late", json!(null));
    pair.run_for(Duration::from_secs(1));
    assert!(pair.view(1, ROOM).events.is_empty());
    assert_eq!(pair.view(0, ROOM).ids(), ["ada"]);
    assert_eq!(pair.clients[1].session.load().untold, 0);
}

#[test]
fn a_leave_that_is_lost_with_its_link_counts_all_the_same() {
    for blow in [Blow::default(), Blow { up: 10_000, ..Blow::default() }] {
        let mut pair = two(2);
        pair.leave(1, ROOM);
        pair.cut_as(1, blow);
        pair.run_for(Duration::from_secs(3));
        assert_eq!(pair.view(0, ROOM).ids(), ["ada"], "long before it would have been given up");
        assert_eq!(pair.clients[1].session.load().untold, 0);
    }
}

#[test]
fn whoever_leaves_while_away_is_out_when_it_is_back() {
    let mut pair = two(3);
    pair.net.reach = Reach::Refused;
    pair.cut_as(1, Blow::default());
    pair.run_for(Duration::from_millis(500));
    pair.leave(1, ROOM);
    pair.net.reach = Reach::Open;
    pair.run_for(Duration::from_secs(3));
    assert_eq!((pair.is_live(1), pair.view(0, ROOM).ids()), (true, vec!["ada"]));
}

#[test]
fn leaving_and_joining_at_once_ends_inside() {
    let mut pair = two(4);
    for _ in 0..3 {
        pair.leave(1, ROOM);
        pair.join_as(1, ROOM);
    }
    pair.run_for(Duration::from_secs(1));
    assert!(pair.view(1, ROOM).inside);
    pair.announce(ROOM, "heard", json!(null));
    pair.catch_up(1, ROOM);
    assert_eq!((pair.view(1, ROOM).names(), pair.view(0, ROOM).ids()), (vec!["heard"], vec!["ada", "bob"]));
}

#[test]
fn the_end_of_a_session_is_the_end_of_its_memberships() {
    let mut pair = two(5);
    pair.act(1, |client, net| client.session.close(net.now));
    pair.run_for(Duration::from_secs(1));
    assert_eq!(pair.view(0, ROOM).ids(), ["ada"]);
    assert_eq!(pair.view(1, ROOM).left.len(), 1);
}
