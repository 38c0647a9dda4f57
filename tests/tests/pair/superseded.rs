//! A session lives on one socket: the newest.

use std::time::Duration;

use samewire_protocol::Code;
use samewire_protocol::session::Status;
use samewire_tests::net::{Blow, Frame};
use samewire_tests::pair::Pair;

#[test]
fn a_client_that_comes_back_before_the_server_knows_takes_its_session_over() {
    let mut pair = Pair::connected(1);
    let call = pair.call("once", r#"{"tag":"a","delay":5000}"#);
    pair.run_for(Duration::from_millis(100));
    pair.cut_as(0, Blow { server: Duration::from_secs(60), ..Blow::default() });
    assert!(pair.result(call).is_ok());
    assert_eq!(pair.server.runs("a"), 1);
    let sessions: Vec<_> = pair.client().welcomes.iter().map(|(session, ..)| *session).collect();
    assert_eq!(sessions.len(), 2);
    assert_eq!(sessions[0], sessions[1]);
    pair.run_for(Duration::from_secs(120));
    assert_eq!(pair.client().welcomes.len(), 2, "the old socket's end is of no account");
}

#[test]
fn a_superseded_client_is_told_and_does_not_come_back() {
    let mut pair = Pair::connected(2);
    let ticket = pair.client().session.ticket().unwrap().to_owned();
    let call = pair.call("never", r#"{"tag":"a"}"#);
    pair.run_for(Duration::from_secs(1));
    // Somebody else, say a copy of the page, goes on with the session.
    let other = pair.add_client(Some("ada"));
    pair.connect_as(other);
    let hello = format!(r#"{{"type":"hello","token":"ada","ticket":"{ticket}"}}"#);
    pair.inject_as(other, Frame::Text(hello));
    assert!(pair.run_until(|pair| matches!(pair.client().session.status(), Status::Closed { .. })));
    let Status::Closed { why } = pair.client().session.status() else { unreachable!() };
    assert_eq!(why.code, Code::Superseded);
    assert_eq!(pair.result(call).unwrap_err().code, Code::Superseded);
    pair.run_for(Duration::from_secs(300));
    assert!(matches!(pair.client().session.status(), Status::Closed { .. }));
}

#[test]
fn frames_of_the_old_socket_change_nothing_any_more() {
    let mut pair = Pair::connected(3);
    let content = pair.rng.bytes(400_000);
    pair.net.rate = Some(400_000);
    pair.net.latency = Duration::from_millis(300);
    let stream = pair.upload(content.clone());
    pair.run_for(Duration::from_millis(900));
    // What is on the way still arrives, while the client dials anew.
    pair.cut_as(0, Blow { up: u64::MAX, server: Duration::from_secs(60), ..Blow::default() });
    assert!(pair.uploaded(stream).is_ok());
    assert_eq!(pair.stored(stream).unwrap().content, content);
}
