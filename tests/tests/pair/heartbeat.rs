//! Both sides notice a connection that is dead and does not say so.

use std::time::Duration;

use samewire_protocol::accept::{self, Greeting, Output};
use samewire_protocol::session::Status;
use samewire_protocol::wire::{Advice, Continuity};
use samewire_protocol::{Code, Instant, Link, SessionId};
use samewire_tests::net::{Blow, Side};
use samewire_tests::pair::Pair;

const NEVER: Duration = Duration::from_secs(86_400);

#[test]
fn an_idle_connection_lives_on_by_the_servers_pings() {
    let mut pair = Pair::connected(1);
    pair.net.trace = Some(Vec::new());
    pair.run_for(Duration::from_secs(260));
    let said = |side, what: &str| {
        let trace = pair.net.trace.as_deref().unwrap();
        trace.iter().filter(|(_, from, text)| *from == side && text.contains(what)).count()
    };
    assert_eq!((said(Side::Server, "\"ping\""), said(Side::Client, "\"pong\"")), (10, 10));
    assert_eq!(pair.net.trace.as_deref().unwrap().len(), 20, "nothing else is said on an idle connection");
    assert_eq!(pair.client().welcomes.len(), 1);
}

#[test]
fn a_client_that_hears_nothing_dials_again() {
    let mut pair = Pair::connected(2);
    // The bytes go nowhere and nobody is told.
    pair.cut_as(0, Blow { client: NEVER, server: NEVER, ..Blow::default() });
    pair.run_for(Duration::from_secs(34));
    assert!(pair.is_live(0));
    pair.run_for(Duration::from_secs(6));
    assert_eq!(pair.client().welcomes.len(), 2);
    let call = pair.call("echo", r#"{"tag":"a"}"#);
    assert!(pair.result(call).is_ok());
}

#[test]
fn a_server_that_hears_nothing_lets_the_socket_go_and_keeps_the_session() {
    let mut pair = Pair::connected(3);
    let session = pair.client().welcomes[0].0;
    // Only the way to the server is dead: the client hears pings, and its answers are lost.
    pair.freeze(0, true);
    pair.run_for(Duration::from_secs(36));
    assert!(pair.server.machine(session).is_some());
    pair.freeze(0, false);
    let waits = pair.client().statuses.iter().any(|status| matches!(status, Status::Waiting { .. }));
    assert!(waits, "{:?}", pair.client().statuses);
    assert!(pair.run_until(|pair| pair.client().welcomes.len() == 2));
    assert_eq!(pair.client().welcomes[1].0, session);
}

#[test]
fn a_server_says_why_it_lets_a_silent_socket_go_only_once() {
    let mut pair = Pair::connected(4);
    pair.net.trace = Some(Vec::new());
    pair.freeze(0, true);
    pair.run_for(Duration::from_secs(100));
    let trace = pair.net.trace.as_deref().unwrap();
    let goodbyes = trace.iter().filter(|(_, _, text)| text.contains(Code::HeartbeatTimeout.as_str())).count();
    assert_eq!(goodbyes, 1);
}

#[test]
fn traffic_makes_pings_needless() {
    let mut pair = Pair::connected(5);
    pair.net.trace = Some(Vec::new());
    for n in 0..20 {
        pair.call("echo", &format!(r#"{{"tag":"{n}"}}"#));
        pair.run_for(Duration::from_secs(10));
    }
    let trace = pair.net.trace.as_deref().unwrap();
    assert!(!trace.iter().any(|(_, _, text)| text.contains("\"ping\"")));
}

/// It used to send clients away unasked when its machine was too busy to ping in time.
#[test]
fn a_server_whose_timer_is_late_asks_before_it_sends_anybody_away() {
    let link = Link::default();
    let mut machine = accept::Session::new(SessionId::from_random([1; 16]), accept::Config::default());
    let greeting = Greeting {
        ticket: "",
        continuity: Continuity::Fresh,
        identity: None,
        reconnect: Advice { delay: 0, spread: 0 },
        expires: None,
    };
    let at = |seconds| Instant::default() + Duration::from_secs(seconds);
    let said = |machine: &mut accept::Session| {
        let mut texts = Vec::new();
        loop {
            match machine.poll_output() {
                Output::SendText(text) => texts.push(text.as_str().to_owned()),
                Output::Wait(until) => return (texts, until),
                other => texts.push(format!("{other:?}")),
            }
        }
    };
    machine.attach(at(0), link, &greeting);
    assert_eq!(said(&mut machine).1, Some(at(25)));
    machine.handle_timeout(at(100));
    let (texts, until) = said(&mut machine);
    assert!(texts.len() == 1 && texts[0].contains("\"ping\""), "{texts:?}");
    assert_eq!(until, Some(at(110)), "the time to answer begins with the question");
    machine.handle_timeout(at(109));
    assert!(said(&mut machine).0.is_empty() && machine.is_attached(link));
    machine.handle_timeout(at(110));
    assert!(said(&mut machine).0[0].contains(Code::HeartbeatTimeout.as_str()) && !machine.is_attached(link));
}
