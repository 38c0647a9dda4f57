//! A session outlives its tokens: the app is asked for the next one in time, and once at a time.

use std::time::Duration;

use samewire_protocol::Code;
use samewire_protocol::session::{Config, Status, TokenReason};
use samewire_server::rooms::KindPolicy;
use samewire_tests::net::Reach;
use samewire_tests::pair::Pair;
use serde_json::json;

const ROOM: &str = "chat:lobby";

/// A live client in a room, with a token that expires 61 s after the beginning of time, which is 1 s ago.
fn pair(seed: u64, refreshes: bool) -> Pair {
    let mut pair = Pair::new(seed);
    pair.server.kind("chat", KindPolicy::default());
    pair.clients.clear();
    pair.add_client_with(Config { token: Some("ada@61000".to_owned()), refreshes, ..Config::default() });
    pair.connect();
    pair.join(0, ROOM);
    pair
}

#[test]
fn a_session_goes_on_over_many_tokens_without_a_reconnect() {
    let mut pair = pair(1, true);
    pair.clients[0].tokens = (2..10).map(|n| format!("ada@{}", n * 60_000)).collect();
    pair.run_for(Duration::from_secs(400));
    assert_eq!(pair.client().statuses.iter().filter(|status| **status == Status::Live).count(), 1);
    assert!(pair.client().wanted.len() >= 6 && pair.client().wanted.iter().all(|why| *why == TokenReason::Expiring));
    pair.announce(ROOM, "still-here", json!(null));
    pair.catch_up(0, ROOM);
}

#[test]
fn without_a_new_one_the_session_ends_with_a_code_that_says_so() {
    let mut pair = pair(2, false);
    pair.run_for(Duration::from_secs(100));
    assert!(matches!(pair.client().session.status(), Status::Closed { why } if why.code == Code::TokenExpired));
    assert_eq!(pair.view(0, ROOM).left[0].as_ref().map(|failure| &failure.code), Some(&Code::TokenExpired));
}

/// The app is slow: the token expires meanwhile. When it comes, everything goes on where it was.
#[test]
fn a_token_that_comes_late_brings_everything_back() {
    let mut pair = pair(3, true);
    pair.announce(ROOM, "one", json!(null));
    pair.run_for(Duration::from_secs(70));
    assert_eq!(pair.client().session.status(), Status::Connecting);
    assert_eq!(pair.client().wanted, [TokenReason::Expiring]);
    pair.announce(ROOM, "two", json!(null));
    pair.act(0, |client, net| client.session.set_token(net.now, Some("ada".to_owned())));
    pair.catch_up(0, ROOM);
    let view = pair.view(0, ROOM);
    assert_eq!((view.names(), view.joined[1].recovered), (vec!["one", "two"], true));
    assert_eq!(pair.client().welcomes.len(), 2);
}

#[test]
fn a_token_that_expired_during_a_cut_is_replaced() {
    let mut pair = pair(4, true);
    pair.net.reach = Reach::Refused;
    pair.cut();
    pair.clients[0].tokens = ["ada".to_owned()].into();
    pair.run_for(Duration::from_secs(90));
    pair.net.reach = Reach::Open;
    assert!(pair.run_until(|pair| pair.is_live(0)));
    assert_eq!(pair.client().wanted, [TokenReason::Expired]);
}

#[test]
fn a_token_of_somebody_else_is_not_taken_and_the_old_one_counts_on() {
    let mut pair = pair(5, true);
    pair.act(0, |client, net| client.session.set_token(net.now, Some("eve".to_owned())));
    pair.run_for(Duration::from_secs(1));
    assert_eq!(pair.client().errors[0].code, Code::TokenInvalid);
    assert_eq!(pair.client().wanted, [TokenReason::Refused]);
    assert!(pair.is_live(0));
    pair.act(0, |client, net| client.session.set_token(net.now, Some("ada@200000".to_owned())));
    pair.run_for(Duration::from_secs(80));
    assert!(pair.is_live(0));
    assert_eq!(pair.client().welcomes.len(), 1);
}

#[test]
fn the_first_token_comes_from_the_app() {
    let mut pair = Pair::new(6);
    let bob = pair.add_client_with(Config { refreshes: true, ..Config::default() });
    pair.clients[bob].tokens = ["forged".to_owned(), "bob".to_owned()].into();
    pair.connect_as(bob);
    assert!(pair.run_until(|pair| pair.is_live(bob)));
    assert_eq!(pair.clients[bob].wanted, [TokenReason::First, TokenReason::Refused]);
    assert_eq!(pair.clients[bob].welcomes[0].2.as_deref(), Some("bob"));
}
