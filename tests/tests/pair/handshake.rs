//! The hello, the welcome, and what comes before them.

use std::time::Duration;

use samewire_protocol::Code;
use samewire_protocol::session::Status;
use samewire_protocol::wire::Continuity;
use samewire_tests::net::{Frame, Reach, Side};
use samewire_tests::pair::Pair;

#[test]
fn a_token_gives_the_session_its_identity() {
    let mut pair = Pair::new(1);
    pair.net.trace = Some(Vec::new());
    pair.connect();
    let (_, continuity, identity) = &pair.client().welcomes[0];
    assert_eq!((*continuity, identity.as_deref()), (Continuity::Fresh, Some("ada")));
    let trace = pair.net.trace.as_deref().unwrap();
    assert_eq!(trace[0].1, Side::Client);
    assert_eq!(trace[0].2, r#"{"type":"hello","token":"ada"}"#);
    assert!(trace[1].2.starts_with(r#"{"type":"welcome","session":"se_"#), "{}", trace[1].2);
}

#[test]
fn without_a_token_a_client_is_nobody() {
    let mut pair = Pair::new(2);
    let who = pair.add_client(None);
    pair.connect_as(who);
    assert!(pair.run_until(|pair| pair.is_live(who)));
    assert_eq!(pair.clients[who].welcomes[0].2, None);
}

#[test]
fn the_servers_numbers_reach_the_client() {
    let mut pair = Pair::new(3);
    pair.server.config.limits.max_calls = 7;
    pair.server.config.limits.window = 123_456;
    pair.connect();
    assert_eq!(pair.client().session.limits().max_calls, 7);
    assert_eq!(pair.client().session.limits().window, 123_456);
}

#[test]
fn a_forged_token_ends_it_for_good() {
    let mut pair = Pair::new(4);
    let who = pair.add_client(Some("forged"));
    pair.connect_as(who);
    pair.run_for(Duration::from_secs(300));
    let Status::Closed { why } = pair.clients[who].session.status() else { panic!("it still tries") };
    assert_eq!(why.code, Code::TokenInvalid);
    let dials = pair.clients[who].statuses.iter().filter(|status| **status == Status::Connecting).count();
    assert_eq!(dials, 1);
}

#[test]
fn a_new_token_and_connect_begin_anew_after_that() {
    let mut pair = Pair::new(5);
    let who = pair.add_client(Some("forged"));
    pair.connect_as(who);
    pair.run_for(Duration::from_secs(5));
    pair.act(who, |client, net| {
        client.session.set_token(net.now, Some("bob".to_owned()));
        client.session.connect(net.now);
    });
    assert!(pair.run_until(|pair| pair.is_live(who)));
    assert_eq!(pair.clients[who].welcomes[0].2.as_deref(), Some("bob"));
}

#[test]
fn calls_and_streams_made_before_the_connection_go_out_with_it() {
    let mut pair = Pair::new(6);
    let stream = pair.upload("early".into());
    let id = pair.client().uploads[&stream].id;
    let call = pair.call("upload", &format!(r#"{{"tag":"u","stream":"{id}"}}"#));
    assert_eq!(pair.result(call), Ok(r#"{"first":101,"size":5}"#.to_owned()));
    assert_eq!(pair.uploaded(stream).map(|(size, _)| size), Ok(5));
}

#[test]
fn a_server_that_does_not_answer_is_given_up_after_ten_seconds_and_tried_again() {
    let mut pair = Pair::new(7);
    pair.net.reach = Reach::Silent;
    pair.connect_as(0);
    pair.run_for(Duration::from_secs(9));
    assert_eq!(pair.client().session.status(), Status::Connecting);
    pair.run_for(Duration::from_millis(1_001));
    assert!(matches!(pair.client().session.status(), Status::Waiting { .. }));
    pair.net.reach = Reach::Open;
    assert!(pair.run_until(|pair| pair.is_live(0)));
}

#[test]
fn a_frame_before_the_hello_ends_the_socket_and_creates_nothing() {
    let frames = [
        Frame::Text(r#"{"type":"call","id":1,"method":"echo","payload":{"tag":"early"}}"#.to_owned()),
        Frame::Text("no json".to_owned()),
        Frame::Binary(vec![1; 32].into()),
    ];
    for frame in frames {
        let mut pair = Pair::new(8);
        pair.connect_as(0);
        pair.inject_frame(frame);
        assert!(pair.run_until(|pair| matches!(pair.client().session.status(), Status::Closed { .. })));
        let Status::Closed { why } = pair.client().session.status() else { unreachable!() };
        assert_eq!(why.code, Code::BadFrame);
        assert_eq!(pair.server.runs("early"), 0);
        assert_eq!(pair.server.sessions().count(), 0);
    }
}

#[test]
fn a_hello_longer_than_the_protocol_allows_is_refused() {
    let mut pair = Pair::new(9);
    let who = pair.add_client(Some(&"x".repeat(9_000)));
    pair.connect_as(who);
    assert!(pair.run_until(|pair| matches!(pair.clients[who].session.status(), Status::Closed { .. })));
    let Status::Closed { why } = pair.clients[who].session.status() else { unreachable!() };
    assert_eq!(why.code, Code::TooBig);
}

#[test]
fn what_the_server_says_before_the_welcome_is_of_no_session() {
    let mut pair = Pair::new(10);
    pair.connect_as(0);
    pair.inject_down(Frame::Text(r#"{"type":"open","stream":2,"ref":"st_00000000000000000000000000000000"}"#.to_owned()));
    pair.inject_down(Frame::Text(r#"{"type":"result","id":1,"payload":1}"#.to_owned()));
    assert!(pair.run_until(|pair| pair.is_live(0)));
    assert!(pair.client().downloads.is_empty() && pair.client().calls.is_empty());
}
