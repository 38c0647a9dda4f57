//! A server that was restarted, a session that expired: what can go on does, and what cannot is said to be lost.

use std::time::Duration;

use samewire_protocol::Code;
use samewire_protocol::failure::Ran;
use samewire_protocol::wire::Continuity;
use samewire_tests::net::Reach;
use samewire_tests::pair::{Pair, request};

fn last_welcome(pair: &Pair) -> Continuity {
    pair.client().welcomes.last().unwrap().1
}

#[test]
fn a_cut_keeps_the_session() {
    let mut pair = Pair::connected(1);
    pair.cut();
    pair.run_for(Duration::from_secs(5));
    assert_eq!(last_welcome(&pair), Continuity::Kept);
    assert_eq!(pair.client().welcomes[0].0, pair.client().welcomes[1].0);
}

#[test]
fn a_restart_keeps_the_id_and_says_that_the_memory_is_gone() {
    let mut pair = Pair::connected(2);
    pair.restart();
    pair.run_for(Duration::from_secs(5));
    assert_eq!(last_welcome(&pair), Continuity::Restarted);
    assert_eq!(pair.client().welcomes[0].0, pair.client().welcomes[1].0);
}

#[test]
fn after_a_restart_a_call_that_may_have_run_is_not_made_again() {
    let mut pair = Pair::connected(3);
    let call = pair.call("once", r#"{"tag":"a","delay":60000}"#);
    pair.run_for(Duration::from_secs(1));
    pair.restart();
    let failure = pair.result(call).unwrap_err();
    assert_eq!((failure.code, failure.ran, failure.retryable), (Code::ConnectionLost, Ran::Maybe, true));
    pair.run_for(Duration::from_secs(100));
    assert_eq!(pair.server.runs("a"), 1);
}

#[test]
fn after_a_restart_a_call_that_may_run_twice_is_made_again() {
    let mut pair = Pair::connected(4);
    let call = pair.call_idempotent("echo", r#"{"tag":"a","delay":5000}"#);
    pair.run_for(Duration::from_secs(1));
    pair.restart();
    assert!(pair.result(call).is_ok());
    assert_eq!(pair.server.runs("a"), 2);
}

#[test]
fn calls_that_never_went_out_are_made_whatever_became_of_the_session() {
    for fresh in [false, true] {
        let mut pair = Pair::connected(5);
        let session = pair.client().welcomes[0].0;
        pair.net.reach = Reach::Refused;
        pair.cut();
        pair.run_for(Duration::from_secs(1));
        let call = pair.call("once", r#"{"tag":"a"}"#);
        if fresh {
            pair.expire(session);
        } else {
            pair.restart();
        }
        pair.net.reach = Reach::Open;
        assert!(pair.result(call).is_ok());
        assert_eq!(pair.server.runs("a"), 1);
    }
}

#[test]
fn a_session_that_expired_is_a_new_one() {
    let mut pair = Pair::connected(6);
    let once = pair.call("once", r#"{"tag":"a","delay":600000}"#);
    let again = pair.call_idempotent("echo", r#"{"tag":"b","delay":1000}"#);
    pair.run_for(Duration::from_millis(100));
    pair.net.reach = Reach::Refused;
    pair.cut();
    pair.run_for(Duration::from_secs(121));
    assert_eq!(pair.server.sessions().count(), 0);
    assert_eq!(pair.server.runs["a"].cancelled, 1, "what ran for a session that is over is stopped");
    pair.net.reach = Reach::Open;
    let failure = pair.result(once).unwrap_err();
    assert_eq!((failure.code, failure.ran), (Code::ConnectionLost, Ran::Maybe));
    assert!(pair.result(again).is_ok());
    assert_eq!(last_welcome(&pair), Continuity::Fresh);
    assert_ne!(pair.client().welcomes[0].0, pair.client().welcomes[1].0);
    assert_eq!(pair.server.runs("a"), 1);
}

#[test]
fn uploads_of_a_named_client_go_on_in_a_fresh_session() {
    let mut pair = Pair::connected(7);
    pair.net.rate = Some(1_000_000);
    let content = pair.rng.bytes(2_000_000);
    let stream = pair.upload(content.clone());
    pair.run_for(Duration::from_secs(1));
    let session = pair.client().welcomes[0].0;
    let durable = pair.stored(stream).unwrap().durable;
    pair.net.reach = Reach::Refused;
    pair.cut();
    pair.run_for(Duration::from_millis(1));
    pair.expire(session);
    pair.net.reach = Reach::Open;
    pair.net.trace = Some(Vec::new());
    assert!(pair.uploaded(stream).is_ok());
    assert_eq!(pair.stored(stream).unwrap().content, content);
    assert_eq!(last_welcome(&pair), Continuity::Fresh);
    let trace = pair.net.trace.as_deref().unwrap();
    let opened = trace.iter().find(|(_, _, text)| text.contains("opened")).unwrap();
    assert!(opened.2.contains(&format!(r#""offset":{durable},"#)), "{}", opened.2);
}

#[test]
fn an_anonymous_clients_uploads_begin_anew_in_a_fresh_session() {
    let mut pair = Pair::new(8);
    let who = pair.add_client(None);
    pair.connect_as(who);
    pair.run_for(Duration::from_secs(1));
    pair.net.rate = Some(1_000_000);
    let content = pair.rng.bytes(2_000_000);
    let stream = pair.upload_as(who, content.clone(), Some(2_000_000), samewire_protocol::streams::Source::Seekable);
    pair.run_for(Duration::from_secs(1));
    let (session, id) = (pair.clients[who].welcomes[0].0, pair.clients[who].uploads[&stream].id);
    let socket = pair.clients[who].session.link();
    pair.net.reach = Reach::Refused;
    pair.cut_as(who, samewire_tests::net::Blow::default());
    pair.run_for(Duration::from_millis(1));
    pair.expire(session);
    pair.net.reach = Reach::Open;
    assert!(pair.run_until(|pair| !pair.clients[who].uploads[&stream].outcomes.is_empty()));
    assert!(pair.clients[who].uploads[&stream].outcomes[0].is_ok());
    assert_ne!(pair.clients[who].session.link(), socket);
    let now = pair.clients[who].welcomes.last().unwrap().0;
    assert_eq!(pair.stored_as(&now.to_string(), id).unwrap().content, content);
    assert!(pair.stored_as(&session.to_string(), id).is_none());
}

#[test]
fn call_numbers_go_on_over_sessions() {
    let mut pair = Pair::connected(9);
    let first = pair.call("once", r#"{"tag":"a"}"#);
    assert!(pair.result(first).is_ok());
    pair.restart();
    pair.run_for(Duration::from_secs(5));
    let second = pair.call("once", r#"{"tag":"b"}"#);
    assert!(second > first);
    assert!(pair.result(second).is_ok());
    assert_eq!((pair.server.runs("a"), pair.server.runs("b")), (1, 1));
}

#[test]
fn a_restart_in_the_middle_of_a_stream_and_the_call_that_names_it() {
    let mut pair = Pair::connected(10);
    pair.net.rate = Some(1_000_000);
    pair.server.flush_time = Duration::from_millis(100);
    let content = pair.rng.bytes(2_000_000);
    let stream = pair.upload(content.clone());
    let id = pair.client().uploads[&stream].id;
    let mut upload = request("upload", &format!(r#"{{"tag":"u","stream":"{id}"}}"#));
    upload.idempotent = true;
    let call = pair.call_as(0, upload);
    pair.run_for(Duration::from_secs(1));
    pair.restart();
    let first = content[0];
    assert_eq!(pair.result(call), Ok(format!(r#"{{"first":{first},"size":2000000}}"#)));
    assert!(pair.uploaded(stream).is_ok());
}
