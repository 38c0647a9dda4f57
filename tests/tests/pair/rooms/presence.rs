//! Who is there: a user comes with its first member and goes with its last, and a cut that heals is no news.

use std::time::Duration;

use samewire_protocol::session::JoinRequest;
use samewire_server::rooms::KindPolicy;
use samewire_server::rooms::policy::PresenceMode;
use samewire_tests::net::{Blow, Reach};
use samewire_tests::pair::Pair;

use super::ROOM;

fn settle(pair: &mut Pair) {
    pair.run_for(Duration::from_secs(2));
}

#[test]
fn a_user_comes_with_its_first_member_and_goes_with_its_last() {
    let mut pair = Pair::with_rooms(1);
    let tabs = [pair.add_client(Some("bob")), pair.add_client(Some("bob"))];
    pair.join(0, ROOM);
    for (tab, counts) in tabs.into_iter().zip([(2, 2), (2, 3)]) {
        pair.join(tab, ROOM);
        settle(&mut pair);
        assert_eq!((pair.view(0, ROOM).ids(), pair.view(0, ROOM).counts), (vec!["ada", "bob"], counts));
    }
    for (tab, (ids, counts)) in tabs.into_iter().zip([(vec!["ada", "bob"], (2, 2)), (vec!["ada"], (1, 1))]) {
        pair.leave(tab, ROOM);
        settle(&mut pair);
        assert_eq!((pair.view(0, ROOM).ids(), pair.view(0, ROOM).counts), (ids, counts));
    }
}

#[test]
fn a_member_that_is_soon_back_was_never_away() {
    let mut pair = Pair::with_rooms(2);
    let bob = pair.add_client(Some("bob"));
    pair.join(0, ROOM);
    pair.join(bob, ROOM);
    settle(&mut pair);
    pair.net.trace = Some(Vec::new());
    pair.cut_as(bob, Blow::default());
    settle(&mut pair);
    assert!(pair.is_live(bob) && pair.view(bob, ROOM).joined.len() == 2);
    let told = pair.net.trace.iter().flatten().filter(|(_, _, text)| text.starts_with(r#"{"type":"presence""#));
    assert_eq!(told.count(), 0);

    pair.net.reach = Reach::Refused;
    pair.cut_as(bob, Blow::default());
    pair.run_for(Duration::from_secs(9));
    assert_eq!(pair.view(0, ROOM).ids(), ["ada", "bob"]);
    pair.run_for(Duration::from_secs(3));
    assert_eq!(pair.view(0, ROOM).ids(), ["ada"]);
}

#[test]
fn whoever_comes_back_sees_who_is_there_now() {
    let mut pair = Pair::with_rooms(3);
    let bob = pair.add_client(Some("bob"));
    let eve = pair.add_client(Some("eve"));
    pair.join(0, ROOM);
    pair.join(bob, ROOM);
    settle(&mut pair);
    pair.cut();
    pair.leave(bob, ROOM);
    pair.join(eve, ROOM);
    assert!(pair.run_until(|pair| pair.view(0, ROOM).joined.len() == 2));
    settle(&mut pair);
    assert_eq!(pair.view(0, ROOM).ids(), ["ada", "eve"]);
}

#[test]
fn whoever_does_not_ask_is_not_told() {
    let mut pair = Pair::with_rooms(4);
    let bob = pair.add_client(Some("bob"));
    let request = JoinRequest { room: ROOM.parse().unwrap(), presence: false, info: None };
    pair.act(0, |client, net| client.session.join(net.now, request));
    pair.join(bob, ROOM);
    settle(&mut pair);
    assert_eq!(pair.view(0, ROOM).counts, (0, 0));
}

#[test]
fn members_are_told_one_by_one_where_the_kind_says_so() {
    let mut pair = Pair::with_rooms(5);
    pair.server.kind("chat", KindPolicy { presence: PresenceMode::Members, ..KindPolicy::default() });
    let bob = [pair.add_client(Some("bob")), pair.add_client(Some("bob"))];
    pair.join(0, ROOM);
    bob.into_iter().for_each(|tab| pair.join(tab, ROOM));
    settle(&mut pair);
    assert_eq!(pair.view(0, ROOM).ids(), ["1", "2", "3"]);
}
