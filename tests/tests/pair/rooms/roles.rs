//! What a member may, and what becomes of it when that changes.

use std::time::Duration;

use samewire_protocol::Code;
use samewire_server::rooms::KindPolicy;
use samewire_server::rooms::policy::{EventRule, Roles};
use samewire_tests::pair::Pair;
use serde_json::json;

use super::ROOM;

/// Ada is the host; only hosts publish.
fn hosted(seed: u64) -> Pair {
    let mut pair = Pair::with_rooms(seed);
    pair.server
        .kind("chat", KindPolicy { publish: Roles::only(&["host"]), cast: Roles::only(&["host"]), ..KindPolicy::default() });
    pair.set_role("ada", ROOM, Some("host"));
    pair.add_client(Some("bob"));
    pair.join(0, ROOM);
    pair.join(1, ROOM);
    pair
}

#[test]
fn a_role_that_may_not_publish_is_refused_and_nobody_hears_of_it() {
    let mut pair = hosted(1);
    let call = pair.publish(1, ROOM, "message", json!(1));
    let failure = pair.result_as(1, call).unwrap_err();
    assert_eq!(failure.code, Code::Forbidden);
    assert!(failure.message.contains("host"), "{failure}");
    assert!(pair.cast(1, ROOM, "typing", "1"));
    pair.run_for(Duration::from_secs(1));
    assert_eq!(pair.view(1, ROOM).errors[0].code, Code::Forbidden);
    assert!(pair.view(0, ROOM).events.is_empty());
    assert_eq!(pair.room(ROOM).newest(), 0);
}

#[test]
fn a_new_role_is_told_and_counts_at_once() {
    let mut pair = hosted(2);
    pair.announce(ROOM, "before", json!(null));
    pair.set_role("bob", ROOM, Some("host"));
    pair.announce(ROOM, "after", json!(null));
    pair.catch_up(1, ROOM);
    let view = pair.view(1, ROOM);
    assert_eq!(view.joined.last().map(|joined| (joined.role.as_str(), joined.recovered)), Some(("host", true)));
    assert_eq!(view.names(), ["before", "after"]);
    let call = pair.publish(1, ROOM, "message", json!(1));
    assert!(pair.result_as(1, call).is_ok());
}

#[test]
fn whose_grant_ends_is_told_and_hears_no_more() {
    let mut pair = hosted(3);
    pair.set_role("bob", ROOM, None);
    pair.announce(ROOM, "secret", json!(null));
    pair.run_for(Duration::from_secs(2));
    let view = pair.view(1, ROOM);
    assert_eq!(view.left[0].as_ref().map(|failure| &failure.code), Some(&Code::Forbidden));
    assert!(view.events.is_empty() && !view.inside);
    assert_eq!(pair.view(0, ROOM).ids(), ["ada"]);
    let call = pair.publish(1, ROOM, "message", json!(1));
    assert_eq!(pair.result_as(1, call).unwrap_err().code, Code::NotJoined);
}

#[test]
fn a_grant_that_ended_during_a_cut_is_told_on_the_next_link() {
    let mut pair = hosted(4);
    pair.cut_as(1, samewire_tests::net::Blow::default());
    pair.set_role("bob", ROOM, None);
    assert!(pair.run_until(|pair| !pair.view(1, ROOM).left.is_empty()));
}

/// An event that only some roles hear has no number: to the others that would be a gap.
#[test]
fn events_for_other_roles_are_no_gap() {
    let mut pair = Pair::with_rooms(5);
    let mut policy = KindPolicy::default();
    policy
        .events
        .insert("secret".parse().unwrap(), EventRule { to: Roles::only(&["host"]), keep: Some(false), ..EventRule::default() });
    pair.server.kind("chat", policy);
    pair.set_role("ada", ROOM, Some("host"));
    pair.add_client(Some("bob"));
    pair.join(0, ROOM);
    pair.join(1, ROOM);
    for name in ["open", "secret", "secret", "open", "secret", "open"] {
        pair.announce(ROOM, name, json!(null));
    }
    pair.run_for(Duration::from_secs(1));
    assert_eq!(pair.view(0, ROOM).names(), ["open", "secret", "secret", "open", "secret", "open"]);
    assert_eq!(pair.view(1, ROOM).names(), ["open", "open", "open"]);
    assert_eq!((pair.view(1, ROOM).offsets(), pair.view(1, ROOM).joined.len()), (vec![1, 2, 3], 1));
}
