//! Giving a stream up: from either side, at any moment, and the other side hears of it in the end.

use std::time::Duration;

use samewire_protocol::{Code, Failure};
use samewire_tests::pair::Pair;

fn enough() -> Failure {
    Failure::new(Code::Canceled, "enough")
}

fn upload(seed: u64) -> (Pair, samewire_protocol::StreamNo) {
    let mut pair = Pair::connected(seed);
    pair.net.rate = Some(1_000_000);
    let content = pair.rng.bytes(2_000_000);
    let stream = pair.upload(content);
    pair.run_for(Duration::from_millis(500));
    (pair, stream)
}

fn streams_in(pair: &Pair) -> usize {
    pair.server.sessions().map(|(_, machine)| machine.load().streams_in).sum()
}

#[test]
fn a_sender_that_gives_up_makes_the_server_let_go() {
    let (mut pair, stream) = upload(1);
    pair.act(0, |client, net| client.session.abort(net.now, stream, enough()));
    assert_eq!(pair.client().uploads[&stream].outcomes, [Err(enough())]);
    pair.run_for(Duration::from_secs(2));
    assert!(pair.stored(stream).is_none());
    assert_eq!(streams_in(&pair), 0);
}

#[test]
fn the_servers_word_reaches_the_sender() {
    let (mut pair, stream) = upload(2);
    pair.drop_stream(stream, &Failure::new(Code::QuotaExceeded, "no room"));
    assert_eq!(pair.uploaded(stream).unwrap_err().code, Code::QuotaExceeded);
    pair.run_for(Duration::from_secs(2));
    assert_eq!(streams_in(&pair), 0);
    let call = pair.call("echo", r#"{"tag":"a"}"#);
    assert!(pair.result(call).is_ok());
}

#[test]
fn giving_up_while_the_link_is_down_is_told_with_the_next_one() {
    let (mut pair, stream) = upload(3);
    pair.cut();
    pair.run_for(Duration::from_millis(1));
    pair.act(0, |client, net| client.session.abort(net.now, stream, enough()));
    pair.run_for(Duration::from_secs(5));
    assert!(pair.stored(stream).is_none());
    assert_eq!(streams_in(&pair), 0);
}

#[test]
fn giving_up_may_be_lost_on_the_way_again_and_again() {
    let (mut pair, stream) = upload(4);
    pair.act(0, |client, net| client.session.abort(net.now, stream, enough()));
    for _ in 0..4 {
        pair.cut();
        pair.run_for(Duration::from_millis(1));
        assert!(pair.run_until(|pair| pair.is_live(0)));
    }
    pair.run_for(Duration::from_secs(5));
    assert!(pair.stored(stream).is_none());
    assert_eq!(streams_in(&pair), 0);
    assert_eq!(pair.client().session.load().untold, 0);
}

#[test]
fn a_restarted_server_hears_of_it_too() {
    let (mut pair, stream) = upload(5);
    pair.act(0, |client, net| client.session.abort(net.now, stream, enough()));
    pair.restart();
    pair.run_for(Duration::from_secs(10));
    assert!(pair.stored(stream).is_none());
    assert_eq!(pair.client().session.load().untold, 0);
}

#[test]
fn a_stream_given_up_before_the_connection_never_was() {
    let mut pair = Pair::new(6);
    let stream = pair.upload("hello".into());
    pair.act(0, |client, net| client.session.abort(net.now, stream, enough()));
    pair.run_for(Duration::from_secs(5));
    assert!(pair.server.streams.is_empty());
    assert_eq!(pair.client().uploads[&stream].outcomes.len(), 1);
    assert_eq!(pair.client().session.load().untold, 0);
}

#[test]
fn a_reader_that_gives_up_stops_the_server() {
    for lose in [false, true] {
        let mut pair = Pair::connected(7);
        pair.net.rate = Some(1_000_000);
        let content = pair.rng.bytes(4_000_000);
        pair.server.files.push(content);
        pair.call("download", r#"{"tag":"a","file":0}"#);
        pair.run_for(Duration::from_secs(1));
        let stream = pair.client().downloads[0].stream;
        pair.act(0, |client, net| client.session.abort(net.now, stream, enough()));
        if lose {
            pair.cut();
        }
        pair.run_for(Duration::from_secs(10));
        assert_eq!(pair.client().downloads.len(), 1);
        assert_eq!(pair.client().downloads[0].outcomes, [Err(enough())]);
        assert!(pair.server.sending.is_empty());
        let (_, machine) = pair.server.sessions().next().unwrap();
        assert_eq!(machine.load().streams_out, 0);
        assert_eq!(pair.client().session.load().untold, 0);
    }
}

#[test]
fn both_may_give_up_at_once() {
    let (mut pair, stream) = upload(8);
    pair.drop_stream(stream, &Failure::new(Code::QuotaExceeded, "no room"));
    pair.act(0, |client, net| client.session.abort(net.now, stream, enough()));
    pair.run_for(Duration::from_secs(5));
    assert_eq!(pair.client().uploads[&stream].outcomes, [Err(enough())]);
    assert_eq!(streams_in(&pair), 0);
    assert_eq!(pair.client().session.load().untold, 0);
}

#[test]
fn streams_that_were_given_up_make_room_for_others() {
    let mut pair = Pair::new(9);
    pair.server.config.limits.max_streams = 3;
    pair.connect();
    pair.net.rate = Some(100_000);
    for round in 0..5 {
        let streams: Vec<_> = (0..3).map(|_| pair.upload(vec![7; 100_000].into())).collect();
        pair.run_for(Duration::from_millis(100));
        for stream in &streams {
            pair.act(0, |client, net| client.session.abort(net.now, *stream, enough()));
        }
        if round % 2 == 0 {
            pair.cut();
        }
        pair.run_for(Duration::from_secs(20));
        for stream in streams {
            assert_eq!(pair.client().uploads[&stream].outcomes, [Err(enough())]);
        }
    }
    let last = pair.upload("hello".into());
    assert!(pair.uploaded(last).is_ok());
}

#[test]
fn a_stream_too_many_is_refused_and_the_others_go_on() {
    let mut pair = Pair::new(10);
    pair.server.config.limits.max_streams = 2;
    pair.connect();
    let content = pair.rng.bytes(300_000);
    let streams: Vec<_> = (0..3).map(|_| pair.upload(content.clone())).collect();
    assert!(pair.uploaded(streams[0]).is_ok() && pair.uploaded(streams[1]).is_ok());
    assert_eq!(pair.uploaded(streams[2]).unwrap_err().code, Code::TooManyStreams);
}
