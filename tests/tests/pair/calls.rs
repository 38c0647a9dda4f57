//! Each call runs once and is answered once, whatever becomes of the connection.

use std::time::Duration;

use samewire_protocol::Code;
use samewire_protocol::failure::Ran;
use samewire_tests::net::{Blow, Frame, Side};
use samewire_tests::pair::Pair;

#[test]
fn a_call_is_answered() {
    let mut pair = Pair::connected(1);
    let call = pair.call("echo", r#"{"tag":"a","n":[1,2,{"b":null}]}"#);
    assert_eq!(pair.result(call).as_deref(), Ok(r#"{"n":[1,2,{"b":null}],"tag":"a"}"#));
}

#[test]
fn a_handlers_own_error_reaches_the_caller_as_it_is() {
    let mut pair = Pair::connected(2);
    let call = pair.call("fail", r#"{"tag":"a"}"#);
    let failure = pair.result(call).unwrap_err();
    assert_eq!((failure.code, failure.ran, failure.message.as_str()), (Code::Forbidden, Ran::Yes, "this is not for you"));
}

#[test]
fn a_method_that_is_not_there_ran_nothing() {
    let mut pair = Pair::connected(3);
    for method in ["no/such", "not a name", "", "a//b"] {
        let call = pair.call(method, "{}");
        let failure = pair.result(call).unwrap_err();
        assert_eq!((failure.code, failure.ran), (Code::MethodNotFound, Ran::No), "{method:?}");
    }
    assert!(pair.is_live(0));
}

#[test]
fn a_call_lost_on_the_way_runs_once_after_the_cut() {
    let mut pair = Pair::connected(4);
    let call = pair.call("once", r#"{"tag":"a"}"#);
    pair.cut();
    assert!(pair.result(call).is_ok());
    assert_eq!(pair.server.runs("a"), 1);
}

#[test]
fn an_answer_lost_on_the_way_is_told_again_and_the_handler_does_not_run_again() {
    let mut pair = Pair::connected(5);
    let call = pair.call("once", r#"{"tag":"a"}"#);
    pair.run_for(Duration::from_millis(15));
    assert_eq!(pair.server.runs("a"), 1);
    pair.cut();
    assert!(pair.result(call).is_ok());
    assert_eq!(pair.server.runs("a"), 1);
}

#[test]
fn a_handler_goes_on_while_its_caller_is_away() {
    let mut pair = Pair::connected(6);
    let call = pair.call("once", r#"{"tag":"a","delay":30}"#);
    pair.run_for(Duration::from_millis(20));
    pair.cut();
    pair.run_for(Duration::from_millis(20));
    assert_eq!(pair.server.runs["a"].answers.len(), 1);
    assert!(pair.result(call).is_ok());
    assert_eq!(pair.server.runs("a"), 1);
}

#[test]
fn many_cuts_in_a_row_change_nothing() {
    let mut pair = Pair::connected(7);
    let calls: Vec<_> = (0..20).map(|n| pair.call("once", &format!(r#"{{"tag":"{n}","delay":{}}}"#, n * 400))).collect();
    for n in 0..12 {
        pair.run_for(Duration::from_millis(n * 130));
        pair.cut();
    }
    for (n, call) in calls.into_iter().enumerate() {
        assert!(pair.result(call).is_ok());
        assert_eq!(pair.server.runs(&n.to_string()), 1);
    }
}

#[test]
fn no_more_calls_are_under_way_than_the_server_allows() {
    let mut pair = Pair::new(8);
    pair.server.config.limits.max_calls = 3;
    pair.connect();
    let calls: Vec<_> = (0..10).map(|n| pair.call("once", &format!(r#"{{"tag":"{n}","delay":1000}}"#))).collect();
    pair.run_for(Duration::from_millis(100));
    assert_eq!(pair.server.runs.len(), 3);
    pair.cut();
    for call in calls {
        assert!(pair.result(call).is_ok());
    }
    assert!(pair.server.runs.values().all(|run| run.count == 1));
}

#[test]
fn a_client_that_asks_too_much_at_once_is_refused_and_may_ask_again() {
    let mut pair = Pair::new(9);
    pair.server.config.limits.max_calls = 2;
    pair.connect();
    pair.net.trace = Some(Vec::new());
    for id in 1..=3 {
        pair.inject(&format!(r#"{{"type":"call","id":{id},"method":"never","payload":{{"tag":"{id}"}}}}"#));
    }
    pair.run_for(Duration::from_secs(1));
    let trace = pair.net.trace.as_deref().unwrap();
    let failures: Vec<_> = trace.iter().filter(|(_, from, text)| *from == Side::Server && text.contains("failure")).collect();
    assert_eq!(failures.len(), 1);
    assert!(failures[0].2.starts_with(r#"{"type":"failure","id":3,"error":{"code":"too-many-calls""#), "{}", failures[0].2);
    assert_eq!(pair.server.runs("3"), 0);
    assert!(pair.is_live(0));
}

#[test]
fn a_call_larger_than_a_frame_may_be_fails_before_it_is_sent() {
    let mut pair = Pair::new(10);
    pair.server.config.limits.max_text = 1_000;
    pair.connect();
    let call = pair.call("echo", &format!(r#"{{"tag":"a","x":"{}"}}"#, "y".repeat(1_000)));
    let failure = pair.result(call).unwrap_err();
    assert_eq!((failure.code, failure.ran), (Code::TooBig, Ran::No));
    let call = pair.call("echo", r#"{"tag":"b"}"#);
    assert!(pair.result(call).is_ok());
}

#[test]
fn answers_too_large_to_be_kept_are_let_go_honestly() {
    let mut pair = Pair::new(11);
    pair.server.config.limits.max_text = 4_000_000;
    pair.connect();
    let calls: Vec<_> = (0..6).map(|n| pair.call("big", &format!(r#"{{"tag":"{n}","size":1000000}}"#))).collect();
    pair.run_for(Duration::from_millis(15));
    pair.cut();
    let answers: Vec<_> = calls.iter().map(|call| pair.result(*call)).collect();
    for (n, answer) in answers.iter().enumerate() {
        assert_eq!(pair.server.runs(&n.to_string()), 1);
        if let Err(failure) = answer {
            assert_eq!((&failure.code, failure.ran), (&Code::AnswerLost, Ran::Maybe));
        }
    }
    let lost = answers.iter().filter(|answer| answer.is_err()).count();
    assert!((1..=3).contains(&lost), "{lost} of 6 were let go; four megabytes can be kept");
}

#[test]
fn a_call_that_came_twice_on_one_socket_runs_once() {
    let mut pair = Pair::connected(12);
    for _ in 0..3 {
        pair.inject(r#"{"type":"call","id":1,"method":"once","payload":{"tag":"a"}}"#);
    }
    pair.run_for(Duration::from_secs(1));
    assert_eq!(pair.server.runs("a"), 1);
}

#[test]
fn a_number_that_the_caller_has_settled_does_not_run_again() {
    let mut pair = Pair::connected(13);
    for n in 0..3 {
        let call = pair.call("once", &format!(r#"{{"tag":"{n}"}}"#));
        assert!(pair.result(call).is_ok());
    }
    pair.net.trace = Some(Vec::new());
    pair.inject(r#"{"type":"call","id":1,"method":"once","payload":{"tag":"again"}}"#);
    pair.run_for(Duration::from_secs(1));
    assert_eq!(pair.server.runs("again"), 0);
    let trace = pair.net.trace.as_deref().unwrap();
    assert!(trace[1].2.contains("bad-number") && trace[1].2.contains(r#""ran":"maybe""#), "{trace:?}");
}

#[test]
fn one_long_call_does_not_make_the_server_remember_all_the_others() {
    let mut pair = Pair::connected(14);
    pair.call("never", r#"{"tag":"long"}"#);
    for n in 0..60_000 {
        pair.call("echo", &format!(r#"{{"tag":"{}"}}"#, n % 10));
        if n % 200 == 0 {
            pair.run_for(Duration::from_millis(50));
        }
    }
    pair.run_for(Duration::from_secs(1));
    let (_, machine) = pair.server.sessions().next().unwrap();
    assert!(machine.load().calls_kept <= 30_000, "{} calls are remembered", machine.load().calls_kept);
    pair.cut();
    let call = pair.call("once", r#"{"tag":"last"}"#);
    assert!(pair.result(call).is_ok());
}

#[test]
fn callers_who_give_up_do_not_leave_handlers_beyond_the_limit() {
    let mut pair = Pair::new(15);
    pair.server.config.limits.max_calls = 2;
    pair.connect();
    // Each call says that all before it are settled; the server takes the client at its word, and stops them.
    for id in 1..=50 {
        pair.inject(&format!(r#"{{"type":"call","id":{id},"done":{id},"method":"never","payload":{{"tag":"{id}"}}}}"#));
    }
    pair.run_for(Duration::from_secs(1));
    let stopped = pair.server.runs.values().filter(|run| run.cancelled == 1).count();
    assert_eq!(stopped, 49);
}

#[test]
fn an_answer_to_nobody_is_ignored() {
    let mut pair = Pair::connected(16);
    for text in [
        r#"{"type":"result","id":77,"payload":1}"#,
        r#"{"type":"failure","id":78,"error":{"code":"internal"}}"#,
        r#"{"type":"part","id":79,"seq":0,"payload":1}"#,
    ] {
        pair.inject_down(Frame::Text(text.to_owned()));
    }
    pair.run_for(Duration::from_secs(1));
    assert!(pair.client().calls.is_empty() && pair.is_live(0));
}

#[test]
fn the_way_up_and_the_way_down_may_die_at_different_times() {
    for (up, down) in [(0, u64::MAX), (u64::MAX, 0), (60, 60)] {
        for server in [0, 40, 4_000] {
            let mut pair = Pair::connected(17);
            let calls: Vec<_> = (0..5).map(|n| pair.call("once", &format!(r#"{{"tag":"{n}","delay":{n}}}"#))).collect();
            pair.run_for(Duration::from_millis(12));
            let blow = Blow { up, down, client: Duration::from_millis(30), server: Duration::from_millis(server) };
            pair.cut_as(0, blow);
            for (n, call) in calls.into_iter().enumerate() {
                assert!(pair.result(call).is_ok());
                assert_eq!(pair.server.runs(&n.to_string()), 1);
            }
        }
    }
}
