//! A token is asked for before it is needed, once at a time, and a session that waits for one goes on when it comes.

use std::time::Duration;

use samewire_protocol::Code;
use samewire_protocol::session::{Config, Event, Input, Status, TokenReason};

use crate::Client;

fn config(token: Option<&str>) -> Config {
    Config { token: token.map(str::to_owned), refreshes: true, ..Config::default() }
}

/// A client with a token that expires in so many seconds.
fn live(expires: u64) -> Client {
    let mut client = Client::new(config(Some("one")));
    client.act(|session, now| session.connect(now));
    client.welcome("fresh", &format!(r#","expires":{}"#, expires * 1000));
    client.told();
    client
}

fn wanted(client: &mut Client) -> Vec<TokenReason> {
    let reason = |event| match event {
        Event::TokenWanted(reason) => Some(reason),
        _ => None,
    };
    client.told().into_iter().filter_map(reason).collect()
}

fn give(client: &mut Client, token: &str) {
    client.act(|session, now| session.set_token(now, Some(token.to_owned())));
}

fn is_closed(client: &Client, code: Code) -> bool {
    matches!(client.session.status(), Status::Closed { why } if why.code == code)
}

#[test]
fn the_first_token_is_asked_for_before_anything_is_dialled() {
    let mut client = Client::new(config(None));
    client.act(|session, now| session.connect(now));
    assert_eq!((wanted(&mut client), client.dialled), (vec![TokenReason::First], None));
    give(&mut client, "one");
    assert!(client.dialled.is_some());
    client.input(Input::Opened);
    assert_eq!(client.said(), [r#"{"type":"hello","token":"one"}"#]);
}

#[test]
fn no_first_token_means_an_anonymous_client_or_none_at_all() {
    let mut client = Client::new(config(None));
    client.act(|session, now| session.connect(now));
    client.act(|session, now| session.set_token(now, None));
    client.input(Input::Opened);
    assert_eq!(client.said(), [r#"{"type":"hello"}"#]);

    let mut client = Client::new(config(None));
    client.act(|session, now| session.connect(now));
    client.act(|session, now| session.no_token(now));
    assert!(is_closed(&client, Code::Unauthenticated));
}

#[test]
fn a_token_is_refreshed_on_the_live_session_before_it_expires() {
    for (expires, margin) in [(3_600, 60), (100, 20)] {
        let mut client = live(expires);
        client.pass(Duration::from_secs(expires - margin - 1));
        assert_eq!(wanted(&mut client), []);
        client.pass(Duration::from_secs(1));
        assert_eq!(wanted(&mut client), [TokenReason::Expiring]);
        client.pass(Duration::from_secs(10));
        assert_eq!(wanted(&mut client), [], "one request at a time");
        give(&mut client, "two");
        assert_eq!(client.said(), [r#"{"type":"token","token":"two"}"#]);
        client.hear(r#"{"type":"token","expires":100000}"#);
        client.pass(Duration::from_secs(80));
        assert_eq!(wanted(&mut client), [TokenReason::Expiring]);
    }
}

#[test]
fn nobody_is_asked_who_cannot_give_one() {
    let mut client = Client::new(Config { token: Some("one".to_owned()), ..Config::default() });
    client.act(|session, now| session.connect(now));
    client.welcome("fresh", r#","expires":10000"#);
    client.pass(Duration::from_secs(20));
    assert_eq!(wanted(&mut client), []);
    client.goodbye("token-expired", 4504);
    assert!(is_closed(&client, Code::TokenExpired));
}

#[test]
fn whoever_has_none_now_is_asked_again_while_there_is_time() {
    let mut client = live(100);
    client.pass(Duration::from_secs(80));
    assert_eq!(wanted(&mut client), [TokenReason::Expiring]);
    client.act(|session, now| session.no_token(now));
    client.pass(Duration::from_secs(9));
    assert_eq!(wanted(&mut client), []);
    client.pass(Duration::from_secs(1));
    assert_eq!(wanted(&mut client), [TokenReason::Expiring]);
    for _ in 0..10 {
        client.act(|session, now| session.no_token(now));
        client.pass(Duration::from_millis(1_100));
    }
    assert!(wanted(&mut client).len() < 6, "there is an end to asking");
}

#[test]
fn an_expired_token_is_replaced_and_the_session_goes_on() {
    let mut client = live(100);
    client.goodbye("token-expired", 4504);
    assert_eq!(wanted(&mut client), [TokenReason::Expired]);
    assert_eq!((client.session.status(), client.dialled), (Status::Connecting, None));
    client.pass(Duration::from_secs(30));
    give(&mut client, "two");
    client.input(Input::Opened);
    assert_eq!(client.said(), [r#"{"type":"hello","token":"two","ticket":"t"}"#]);
}

#[test]
fn a_request_that_is_under_way_is_not_made_twice() {
    let mut client = live(100);
    client.pass(Duration::from_secs(80));
    client.goodbye("token-expired", 4504);
    assert_eq!(wanted(&mut client), [TokenReason::Expiring]);
    give(&mut client, "two");
    client.welcome("kept", "");
    assert_eq!(client.session.status(), Status::Live);
}

#[test]
fn a_token_that_crosses_the_goodbye_is_used() {
    let mut client = live(100);
    give(&mut client, "two");
    client.goodbye("token-expired", 4504);
    assert_eq!(wanted(&mut client), []);
    client.welcome("kept", "");
    assert_eq!(client.session.status(), Status::Live);
}

#[test]
fn a_refused_token_is_replaced_once() {
    let mut client = Client::new(config(Some("old")));
    client.act(|session, now| session.connect(now));
    client.input(Input::Opened);
    client.goodbye("token-invalid", 4503);
    assert_eq!(wanted(&mut client), [TokenReason::Refused]);
    give(&mut client, "also old");
    client.input(Input::Opened);
    client.goodbye("token-invalid", 4503);
    assert_eq!(wanted(&mut client), [TokenReason::Refused]);
    give(&mut client, "still old");
    client.input(Input::Opened);
    client.goodbye("token-invalid", 4503);
    assert_eq!(wanted(&mut client), []);
    assert!(is_closed(&client, Code::TokenInvalid));
}

#[test]
fn a_refresh_that_is_refused_is_told_and_tried_once_more() {
    let mut client = live(100);
    give(&mut client, "bad");
    client.hear(r#"{"type":"error","error":{"code":"token-invalid"}}"#);
    assert!(client.told.iter().any(|event| matches!(event, Event::ServerError(_))));
    assert_eq!(wanted(&mut client), [TokenReason::Refused]);
    give(&mut client, "bad again");
    client.hear(r#"{"type":"error","error":{"code":"token-invalid"}}"#);
    assert_eq!(wanted(&mut client), []);
    assert_eq!(client.session.status(), Status::Live);
    // An error that is not about a token is none of one.
    give(&mut client, "good");
    client.hear(r#"{"type":"error","error":{"code":"unknown-type"}}"#);
    client.hear(r#"{"type":"error","error":{"code":"token-invalid"}}"#);
    assert_eq!(wanted(&mut client), []);
}

#[test]
fn a_revoked_token_is_the_end() {
    let mut client = live(100);
    client.goodbye("token-revoked", 4505);
    assert_eq!(wanted(&mut client), []);
    assert!(is_closed(&client, Code::TokenRevoked));
}

#[test]
fn nobody_waits_for_a_token_for_ever() {
    let mut client = live(100);
    client.goodbye("token-expired", 4504);
    client.pass(Duration::from_secs(61));
    assert!(is_closed(&client, Code::TokenExpired));
    // Begun anew, it asks anew.
    client.told();
    client.act(|session, now| session.set_token(now, None));
    client.act(|session, now| session.connect(now));
    assert_eq!(wanted(&mut client), [TokenReason::First]);
}
