//! A page that nobody sees: its timers are late, and its silence proves nothing.

use std::time::Duration;

use samewire_protocol::session::{Input, Status};
use samewire_tests::net::Blow;
use samewire_tests::pair::Pair;

#[test]
fn a_page_frozen_for_a_minute_goes_on_where_it_was() {
    let mut pair = Pair::connected(1);
    let content = pair.rng.bytes(3_000_000);
    pair.net.rate = Some(1_000_000);
    let stream = pair.upload(content.clone());
    let call = pair.call("once", r#"{"tag":"a","delay":20000}"#);
    pair.run_for(Duration::from_secs(1));
    pair.freeze(0, true);
    pair.run_for(Duration::from_secs(60));
    pair.freeze(0, false);
    assert!(pair.result(call).is_ok());
    assert_eq!(pair.server.runs("a"), 1);
    assert!(pair.uploaded(stream).is_ok());
    assert_eq!(pair.stored(stream).unwrap().content, content);
}

#[test]
fn a_hidden_page_does_not_drop_a_silent_link() {
    let mut pair = Pair::connected(2);
    pair.server.config.heartbeat.interval = 1_000_000;
    let link = pair.client().session.link();
    pair.act(0, |client, net| client.session.handle_input(net.now, link, Input::Visibility { visible: false }));
    let session = pair.client().welcomes[0].0;
    assert!(pair.server.machine(session).is_some());
    // The server is slow to ping here; a visible page would have given the link up after 35 seconds.
    pair.cut_as(0, Blow { client: Duration::from_secs(300), server: Duration::from_secs(300), ..Blow::default() });
    pair.run_for(Duration::from_secs(200));
    assert!(pair.is_live(0));
}

#[test]
fn a_page_that_is_shown_again_finds_out_in_five_seconds() {
    let mut pair = Pair::connected(3);
    let link = pair.client().session.link();
    pair.act(0, |client, net| client.session.handle_input(net.now, link, Input::Visibility { visible: false }));
    pair.cut_as(0, Blow { client: Duration::from_secs(3_000), server: Duration::from_secs(1), ..Blow::default() });
    pair.run_for(Duration::from_secs(60));
    pair.act(0, |client, net| client.session.handle_input(net.now, link, Input::Visibility { visible: true }));
    assert!(pair.is_live(0));
    pair.run_for(Duration::from_secs(7));
    assert_eq!(pair.client().welcomes.len(), 2);
}

#[test]
fn a_live_link_survives_being_shown_again() {
    let mut pair = Pair::connected(4);
    let link = pair.client().session.link();
    for visible in [false, true] {
        pair.act(0, |client, net| client.session.handle_input(net.now, link, Input::Visibility { visible }));
        pair.run_for(Duration::from_secs(20));
    }
    assert_eq!(pair.client().welcomes.len(), 1);
    assert_eq!(pair.client().session.status(), Status::Live);
}
