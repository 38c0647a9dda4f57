//! Deadlines: the caller does not wait longer, and the server knows how long it has.

use std::time::Duration;

use samewire_protocol::Code;
use samewire_protocol::failure::Ran;
use samewire_tests::net::Reach;
use samewire_tests::pair::Pair;

#[test]
fn a_call_ends_at_its_deadline_and_the_handler_is_told() {
    let mut pair = Pair::connected(1);
    let call = pair.call_within(Duration::from_secs(2), "never", r#"{"tag":"a"}"#);
    let before = pair.net.now;
    let failure = pair.result(call).unwrap_err();
    assert_eq!((failure.code, failure.ran), (Code::DeadlineExceeded, Ran::Maybe));
    assert_eq!(pair.net.now.since(before), Duration::from_secs(2));
    pair.run_for(Duration::from_millis(11));
    assert_eq!(pair.server.runs["a"].cancelled, 1);
}

#[test]
fn a_call_that_never_got_a_connection_ends_at_its_deadline_and_did_not_run() {
    let mut pair = Pair::new(2);
    pair.net.reach = Reach::Refused;
    let call = pair.call_within(Duration::from_secs(2), "once", r#"{"tag":"a"}"#);
    let failure = pair.result(call).unwrap_err();
    assert_eq!((failure.code, failure.ran), (Code::DeadlineExceeded, Ran::No));
    pair.net.reach = Reach::Open;
    pair.run_for(Duration::from_secs(60));
    assert!(pair.is_live(0));
    assert_eq!(pair.server.runs("a"), 0);
}

#[test]
fn the_server_is_told_what_is_left_and_not_what_there_was() {
    let mut pair = Pair::new(3);
    pair.net.reach = Reach::Refused;
    pair.call_within(Duration::from_secs(60), "never", r#"{"tag":"a"}"#);
    let asked = pair.net.now;
    pair.run_for(Duration::from_secs(10));
    pair.net.reach = Reach::Open;
    assert!(pair.run_until(|pair| pair.server.runs("a") == 1));
    let told = pair.server.runs["a"].timeout.unwrap();
    let left = Duration::from_secs(60) - pair.net.now.since(asked);
    assert!(told >= left && told < left + Duration::from_millis(50), "{told:?} of {left:?}");
}

#[test]
fn deadlines_run_on_while_the_link_is_down() {
    let mut pair = Pair::connected(4);
    let call = pair.call_within(Duration::from_secs(5), "never", r#"{"tag":"a"}"#);
    let asked = pair.net.now;
    pair.run_for(Duration::from_secs(1));
    pair.net.reach = Reach::Refused;
    pair.cut();
    assert_eq!(pair.result(call).unwrap_err().code, Code::DeadlineExceeded);
    assert_eq!(pair.net.now.since(asked), Duration::from_secs(5));
    pair.net.reach = Reach::Open;
    assert!(pair.run_until(|pair| pair.server.runs["a"].cancelled == 1));
}

#[test]
fn an_answer_before_the_deadline_is_the_answer() {
    let mut pair = Pair::connected(5);
    let call = pair.call_within(Duration::from_secs(2), "once", r#"{"tag":"a","delay":1900}"#);
    assert!(pair.result(call).is_ok());
    pair.run_for(Duration::from_secs(5));
    assert_eq!(pair.client().calls[&call].answers.len(), 1);
}

#[test]
fn each_call_has_its_own_deadline() {
    let mut pair = Pair::connected(6);
    let mut calls = Vec::new();
    for seconds in [5, 1, 3, 2, 4] {
        calls.push((seconds, pair.call_within(Duration::from_secs(seconds), "never", &format!(r#"{{"tag":"{seconds}"}}"#))));
    }
    let start = pair.net.now;
    calls.sort_unstable();
    for (seconds, call) in calls {
        assert!(pair.result(call).is_err());
        assert_eq!(pair.net.now.since(start), Duration::from_secs(seconds));
    }
}
