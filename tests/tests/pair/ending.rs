//! The end of a session: everybody who waits is told, and nothing is left behind.

use std::time::Duration;

use samewire_protocol::failure::Ran;
use samewire_protocol::session::Status;
use samewire_protocol::{Code, Failure};
use samewire_tests::net::{Frame, Reach};
use samewire_tests::pair::Pair;

/// A pair with a call of each kind and a stream of each kind under way.
fn busy(seed: u64) -> Pair {
    let mut pair = Pair::new(seed);
    let content = pair.rng.bytes(4_000_000);
    pair.server.files.push(content.clone());
    pair.server.config.limits.max_calls = 2;
    pair.connect();
    pair.net.rate = Some(1_000_000);
    pair.call("download", r#"{"tag":"d","file":0}"#);
    pair.run_for(Duration::from_millis(100));
    pair.upload(content);
    for tag in ["a", "b", "c"] {
        pair.call("never", &format!(r#"{{"tag":"{tag}"}}"#));
    }
    pair.run_for(Duration::from_millis(400));
    pair
}

fn all_ended(pair: &Pair, expected: &Code) {
    let client = pair.client();
    for asked in client.calls.values() {
        assert_eq!(asked.answers.len(), 1);
    }
    let failures: Vec<_> = client.calls.values().filter_map(|asked| asked.answers[0].as_ref().err()).collect();
    assert_eq!(failures.iter().map(|failure| failure.ran).collect::<Vec<_>>(), [Ran::Maybe, Ran::Maybe, Ran::No]);
    assert!(failures.iter().all(|failure| failure.code == *expected));
    for upload in client.uploads.values() {
        assert!(matches!(&upload.outcomes[..], [Err(failure)] if failure.code == *expected));
    }
    for download in &client.downloads {
        assert!(matches!(&download.outcomes[..], [Err(failure)] if failure.code == *expected));
    }
    let load = client.session.load();
    assert_eq!((load.calls, load.streams_up, load.streams_down), (0, 0, 0));
}

#[test]
fn a_client_that_closes_ends_its_session_on_both_sides() {
    let mut pair = busy(1);
    pair.act(0, |client, net| client.session.close(net.now));
    all_ended(&pair, &Code::SessionClosed);
    pair.run_for(Duration::from_secs(1));
    assert_eq!(pair.server.sessions().count(), 0);
    assert_eq!((pair.server.runs["a"].cancelled, pair.server.runs["b"].cancelled), (1, 1));
    assert!(pair.server.streams.is_empty());
    pair.run_for(Duration::from_secs(100));
    assert_eq!(pair.client().welcomes.len(), 1);
}

#[test]
fn a_client_that_closes_while_its_link_is_down_ends_it_on_its_own_side_at_once() {
    let mut pair = busy(2);
    pair.net.reach = Reach::Refused;
    pair.cut();
    pair.run_for(Duration::from_millis(1));
    pair.act(0, |client, net| client.session.close(net.now));
    all_ended(&pair, &Code::SessionClosed);
    pair.run_for(Duration::from_secs(130));
    assert_eq!(pair.server.sessions().count(), 0, "the server's expiry does the rest");
}

#[test]
fn a_server_that_says_do_not_come_back_ends_it() {
    let mut pair = busy(3);
    let failure = Failure::new(Code::TokenExpired, "log in again");
    let goodbye = samewire_protocol::accept::goodbye(failure, None);
    pair.inject_down(Frame::Text(goodbye.as_str().to_owned()));
    pair.inject_down(Frame::Close(4504));
    assert!(pair.run_until(|pair| matches!(pair.client().session.status(), Status::Closed { .. })));
    all_ended(&pair, &Code::TokenExpired);
}

#[test]
fn what_was_under_way_is_let_go_when_the_client_connects_anew() {
    let mut pair = busy(4);
    let failure = Failure::new(Code::TokenExpired, "log in again");
    let goodbye = samewire_protocol::accept::goodbye(failure, None);
    pair.inject_down(Frame::Text(goodbye.as_str().to_owned()));
    pair.inject_down(Frame::Close(4504));
    assert!(pair.run_until(|pair| matches!(pair.client().session.status(), Status::Closed { .. })));
    pair.connect();
    pair.run_for(Duration::from_secs(10));
    assert_eq!(pair.client().downloads.len(), 1, "an old stream does not come back from the dead");
    let (_, machine) = pair.server.sessions().next().unwrap();
    let load = machine.load();
    assert_eq!((load.calls_running, load.streams_in, load.streams_out), (0, 0, 0));
    assert_eq!((pair.server.runs["a"].cancelled, pair.server.runs["b"].cancelled, pair.server.runs("c")), (1, 1, 0));
    assert_eq!(pair.client().session.load().untold, 0);
}

#[test]
fn a_close_code_without_a_goodbye_says_enough() {
    for code in [1000, 1002, 1003, 1008, 1009, 4500, 4999] {
        let mut pair = busy(5);
        pair.inject_down(Frame::Close(code));
        assert!(pair.run_until(|pair| matches!(pair.client().session.status(), Status::Closed { .. })), "{code}");
        all_ended(&pair, &Code::SessionClosed);
    }
    for code in [1001, 1005, 1006, 1011, 1012, 1013, 4000, 4499] {
        let mut pair = busy(6);
        pair.inject_down(Frame::Close(code));
        assert!(pair.run_until(|pair| pair.client().welcomes.len() == 2), "{code}");
    }
}

#[test]
fn what_is_asked_after_the_end_fails_at_once() {
    let mut pair = Pair::connected(7);
    pair.act(0, |client, net| client.session.close(net.now));
    for _ in 0..3 {
        let call = pair.call("once", r#"{"tag":"a"}"#);
        let failure = pair.client().calls[&call].answers[0].clone().unwrap_err();
        assert_eq!((failure.code, failure.ran), (Code::SessionClosed, Ran::No));
        let stream = pair.upload("hello".into());
        assert!(matches!(&pair.client().uploads[&stream].outcomes[..], [Err(failure)] if failure.code == Code::SessionClosed));
    }
    let load = pair.client().session.load();
    assert_eq!((load.calls, load.streams_up), (0, 0));
}

#[test]
fn a_closed_session_can_be_begun_anew() {
    let mut pair = Pair::connected(8);
    let first = pair.client().welcomes[0].0;
    pair.act(0, |client, net| client.session.close(net.now));
    pair.run_for(Duration::from_secs(1));
    pair.connect();
    assert_ne!(pair.client().welcomes[1].0, first);
    let call = pair.call("once", r#"{"tag":"a"}"#);
    assert!(pair.result(call).is_ok());
}
