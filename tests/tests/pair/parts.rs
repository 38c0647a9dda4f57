//! Results in parts: each once and in order, and no further ahead of the caller than the window.

use std::time::Duration;

use samewire_protocol::Code;
use samewire_protocol::failure::Ran;
use samewire_protocol::limits::PART_WINDOW;
use samewire_tests::pair::Pair;

fn numbers(count: u64) -> Vec<String> {
    (0..count).map(|n| n.to_string()).collect()
}

#[test]
fn parts_come_in_order_before_the_result() {
    let mut pair = Pair::connected(1);
    let call = pair.call("parts", r#"{"tag":"a","count":1000}"#);
    assert_eq!(pair.result(call).as_deref(), Ok("1000"));
    assert_eq!(pair.client().calls[&call].parts, numbers(1000));
}

#[test]
fn parts_go_on_after_cuts_without_gap_or_duplicate() {
    for seed in 0..40 {
        let mut pair = Pair::connected(seed);
        let call = pair.call("parts", r#"{"tag":"a","count":300,"every":7}"#);
        for _ in 0..6 {
            let wait = pair.rng.below(600);
            pair.run_for(Duration::from_millis(wait));
            pair.cut();
        }
        assert_eq!(pair.result(call).as_deref(), Ok("300"));
        assert_eq!(pair.client().calls[&call].parts, numbers(300));
        assert_eq!(pair.server.runs("a"), 1);
    }
}

#[test]
fn a_handler_waits_while_its_caller_is_away() {
    let mut pair = Pair::new(2);
    pair.server.advice.delay = 60_000;
    pair.connect();
    let call = pair.call("parts", r#"{"tag":"a","count":100000,"every":1}"#);
    pair.run_for(Duration::from_secs(1));
    pair.cut();
    let before = pair.client().calls[&call].parts.len() as u64;
    pair.run_for(Duration::from_secs(20));
    let (_, machine) = pair.server.sessions().next().unwrap();
    assert_eq!(machine.part_room(call), Some(0));
    assert!(pair.run_until(|pair| pair.client().calls[&call].parts.len() as u64 > before + PART_WINDOW * 2));
}

#[test]
fn parts_that_were_answered_while_the_caller_was_away_come_before_the_answer() {
    let mut pair = Pair::connected(3);
    let call = pair.call("parts", r#"{"tag":"a","count":40,"every":1}"#);
    pair.run_for(Duration::from_millis(15));
    pair.cut();
    pair.run_for(Duration::from_millis(100));
    assert_eq!(pair.server.runs["a"].answers.len(), 1);
    assert_eq!(pair.result(call).as_deref(), Ok("40"));
    assert_eq!(pair.client().calls[&call].parts, numbers(40));
}

#[test]
fn an_answer_does_not_overtake_the_parts_that_were_lost() {
    for wait in 0..80 {
        let mut pair = Pair::connected(6);
        let call = pair.call("parts", r#"{"tag":"a","count":5,"every":11}"#);
        pair.run_for(Duration::from_millis(wait));
        // The handler comes to its end between the welcome of the new link and the call that is made again on it.
        pair.cut();
        pair.run_for(Duration::from_millis(1));
        pair.act(0, |client, net| client.session.connect(net.now));
        assert_eq!(pair.result(call).as_deref(), Ok("5"));
        assert_eq!(pair.client().calls[&call].parts, numbers(5), "cut after {wait} ms");
    }
}

#[test]
fn a_result_of_which_parts_came_cannot_be_begun_anew_by_another_server() {
    let mut pair = Pair::connected(4);
    let call = pair.call_idempotent("parts", r#"{"tag":"a","count":1000,"every":10}"#);
    pair.run_for(Duration::from_secs(1));
    pair.restart();
    let failure = pair.result(call).unwrap_err();
    assert_eq!((failure.code, failure.ran), (Code::ConnectionLost, Ran::Maybe));
    assert_eq!(pair.server.runs("a"), 1);
}

#[test]
fn large_parts_that_nobody_takes_do_not_pile_up() {
    let mut pair = Pair::new(5);
    pair.server.advice.delay = 60_000;
    pair.connect();
    let call = pair.call("bigparts", r#"{"tag":"a","count":64,"size":200000}"#);
    pair.run_for(Duration::from_millis(15));
    pair.cut();
    pair.run_for(Duration::from_secs(5));
    let (_, machine) = pair.server.sessions().next().unwrap();
    assert!(machine.load().bytes_kept < 5_000_000, "{} bytes are kept", machine.load().bytes_kept);
    assert_eq!(pair.result(call).as_deref(), Ok("64"));
    assert_eq!(pair.client().calls[&call].parts.len(), 64);
}
