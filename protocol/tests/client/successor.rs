//! A client that has nothing but the ticket of one before it.

use samewire_protocol::session::{Config, Input};

use crate::Client;

#[test]
fn it_says_so_until_it_is_welcome_and_never_again() {
    let mut client = Client::new(Config { ticket: Some("old".to_owned()), ..Config::default() });
    client.act(|session, now| session.connect(now));
    client.input(Input::Opened);
    assert_eq!(client.said(), [r#"{"type":"hello","ticket":"old","anew":true}"#]);
    // Nobody knows whether it was heard.
    client.input(Input::Closed { code: 1006 });
    client.redial();
    client.input(Input::Opened);
    assert_eq!(client.said(), [r#"{"type":"hello","ticket":"old","anew":true}"#]);
    client.input(Input::Closed { code: 1006 });
    client.redial();
    client.welcome("restarted", "");
    client.said();
    client.input(Input::Closed { code: 1006 });
    client.redial();
    client.input(Input::Opened);
    assert_eq!(client.said(), [r#"{"type":"hello","ticket":"t"}"#]);
}

#[test]
fn one_that_was_closed_begins_a_session_of_its_own() {
    let mut client = Client::new(Config { ticket: Some("old".to_owned()), ..Config::default() });
    client.act(|session, now| session.close(now));
    client.act(|session, now| session.connect(now));
    client.input(Input::Opened);
    assert_eq!(client.said(), [r#"{"type":"hello"}"#]);
}
