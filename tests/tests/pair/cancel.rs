//! A cancel reaches the handler, and the caller is told at once.

use std::time::Duration;

use samewire_protocol::Code;
use samewire_protocol::failure::Ran;
use samewire_tests::net::Blow;
use samewire_tests::pair::Pair;

#[test]
fn a_cancel_stops_the_handler() {
    let mut pair = Pair::connected(1);
    let call = pair.call("never", r#"{"tag":"a"}"#);
    pair.run_for(Duration::from_secs(1));
    pair.cancel(call);
    let failure = pair.client().calls[&call].answers[0].clone().unwrap_err();
    assert_eq!((failure.code, failure.ran), (Code::Canceled, Ran::Maybe));
    pair.run_for(Duration::from_millis(11));
    assert_eq!(pair.server.runs["a"].cancelled, 1);
}

#[test]
fn a_call_cancelled_before_it_was_sent_never_runs() {
    let mut pair = Pair::new(2);
    let call = pair.call("once", r#"{"tag":"a"}"#);
    pair.cancel(call);
    let failure = pair.result(call).unwrap_err();
    assert_eq!((failure.code, failure.ran), (Code::Canceled, Ran::No));
    pair.run_for(Duration::from_secs(5));
    assert!(pair.is_live(0));
    assert_eq!(pair.server.runs("a"), 0);
}

#[test]
fn a_cancel_while_the_link_is_down_reaches_the_handler_with_the_next_one() {
    let mut pair = Pair::connected(3);
    let call = pair.call("never", r#"{"tag":"a"}"#);
    pair.run_for(Duration::from_secs(1));
    pair.cut();
    pair.run_for(Duration::from_millis(1));
    pair.cancel(call);
    assert!(pair.run_until(|pair| pair.server.runs["a"].cancelled == 1));
    assert_eq!(pair.server.runs("a"), 1);
}

#[test]
fn a_cancel_lost_on_the_way_is_told_again() {
    let mut pair = Pair::connected(4);
    let call = pair.call("never", r#"{"tag":"a"}"#);
    pair.run_for(Duration::from_secs(1));
    for _ in 0..3 {
        pair.cancel(call);
        pair.cut();
        assert!(pair.run_until(|pair| pair.is_live(0)));
        pair.cut();
        pair.run_for(Duration::from_millis(1));
        assert!(pair.run_until(|pair| pair.is_live(0)));
    }
    assert!(pair.run_until(|pair| pair.server.runs["a"].cancelled == 1));
}

#[test]
fn the_call_and_its_cancel_may_both_be_lost() {
    let mut pair = Pair::connected(5);
    let call = pair.call("once", r#"{"tag":"a"}"#);
    pair.cancel(call);
    pair.cut();
    pair.run_for(Duration::from_secs(30));
    assert!(pair.is_live(0));
    assert_eq!(pair.server.runs("a"), 0);
    assert_eq!(pair.client().session.load().untold, 0);
}

#[test]
fn a_cancel_that_crosses_the_answer_changes_nothing() {
    let mut pair = Pair::connected(6);
    let call = pair.call("once", r#"{"tag":"a"}"#);
    pair.run_for(Duration::from_millis(15));
    pair.cancel(call);
    pair.run_for(Duration::from_secs(1));
    assert_eq!(pair.client().calls[&call].answers.len(), 1);
    assert_eq!(pair.server.runs["a"].cancelled, 0);
    let next = pair.call("echo", r#"{"tag":"b"}"#);
    assert!(pair.result(next).is_ok());
    assert_eq!(pair.client().session.load().untold, 0);
}

#[test]
fn a_cancel_twice_is_one() {
    let mut pair = Pair::connected(7);
    let call = pair.call("never", r#"{"tag":"a"}"#);
    pair.run_for(Duration::from_secs(1));
    pair.cancel(call);
    pair.cancel(call);
    pair.run_for(Duration::from_secs(1));
    assert_eq!(pair.client().calls[&call].answers.len(), 1);
    assert_eq!(pair.server.runs["a"].cancelled, 1);
}

#[test]
fn a_cancelled_call_makes_room_for_another() {
    let mut pair = Pair::new(8);
    pair.server.config.limits.max_calls = 1;
    pair.connect();
    let never = pair.call("never", r#"{"tag":"a"}"#);
    let other = pair.call("once", r#"{"tag":"b"}"#);
    pair.run_for(Duration::from_secs(1));
    pair.cut_as(0, Blow::default());
    pair.run_for(Duration::from_millis(1));
    pair.cancel(never);
    assert!(pair.result(other).is_ok());
}
