//! A stream that another client of the same owner began: a page before this one, or another program. It goes on where it was, and what
//! was sent before counts only when it is of the same content.

use std::time::Duration;

use bytes::Bytes;
use samewire_protocol::session::Config;
use samewire_protocol::streams::{Source, StreamSpec};
use samewire_protocol::wire::{Advice, Continuity};
use samewire_protocol::{Code, Digest, StreamId, StreamNo};
use samewire_tests::client::Outcome;
use samewire_tests::net::Side;
use samewire_tests::pair::Pair;

const SIZE: usize = 2_000_000;

/// A pair whose first client has sent about a third of a stream, and is gone for good. Gives the stream's id and content.
fn begun(seed: u64, size: Option<u64>) -> (Pair, StreamId, Bytes) {
    let mut pair = Pair::connected(seed);
    pair.server.advice = Advice { delay: 0, spread: 0 };
    pair.net.rate = Some(1_000_000);
    let content = pair.rng.bytes(SIZE);
    let stream = pair.upload_as(0, content.clone(), size, Source::Seekable);
    let id = pair.client().uploads[&stream].id;
    pair.run_for(Duration::from_millis(700));
    leave(&mut pair, 0);
    (pair, id, content)
}

/// A page is gone, and says nothing about it.
fn leave(pair: &mut Pair, who: usize) {
    pair.freeze(who, true);
    pair.cut_as(who, samewire_tests::net::Blow::default());
    pair.run_for(Duration::from_millis(50));
}

/// Another client of the same user, which goes on with the stream.
fn go_on(pair: &mut Pair, id: StreamId, content: &Bytes, size: Option<u64>, source: Source) -> (usize, StreamNo) {
    let who = pair.add_client(Some("ada"));
    let spec = StreamSpec { id, name: Some("a.bin".to_owned()), media: None, size };
    let stream = pair.act(who, |client, net| client.upload(net, spec, content.clone(), source));
    (who, stream)
}

fn outcome(pair: &mut Pair, (who, stream): (usize, StreamNo)) -> Outcome {
    assert!(pair.run_until(|pair| !pair.clients[who].uploads[&stream].outcomes.is_empty()), "the stream never ended");
    pair.clients[who].uploads[&stream].outcomes[0].clone()
}

fn whole(content: &Bytes) -> Outcome {
    Ok((content.len() as u64, Digest::of(content)))
}

#[test]
fn it_goes_on_where_it_was_and_the_digest_is_that_of_the_whole() {
    for source in [Source::Seekable, Source::Once] {
        for size in [None, Some(SIZE as u64)] {
            let (mut pair, id, content) = begun(1, size);
            let stored = pair.stored_as("ada", id).unwrap().durable;
            assert!(stored > 300_000, "{stored} bytes are stored");
            let next = go_on(&mut pair, id, &content, size, source);
            assert!(pair.run_until(|pair| pair.clients[next.0].uploads[&next.1].durable >= stored));
            assert_eq!(outcome(&mut pair, next), whole(&content), "{source:?}, {size:?}");
            assert_eq!(pair.stored_as("ada", id).unwrap().content, content);
            let socket = pair.clients[next.0].socket().unwrap();
            let sent = pair.net.sent(socket, Side::Client);
            assert!(sent < SIZE as u64 - stored + 10_000, "{sent} bytes were sent, and {stored} were there");
        }
    }
}

#[test]
fn it_goes_on_through_cuts_even_while_the_beginning_is_read_again() {
    for seed in 0..40 {
        for source in [Source::Seekable, Source::Once] {
            let (mut pair, id, content) = begun(seed, Some(SIZE as u64));
            let next = go_on(&mut pair, id, &content, Some(SIZE as u64), source);
            pair.clients[next.0].read_time = Duration::from_millis(50);
            for _ in 0..6 {
                let wait = pair.rng.below(400);
                pair.run_for(Duration::from_millis(wait));
                pair.cut_as(next.0, samewire_tests::net::Blow::default());
            }
            assert_eq!(outcome(&mut pair, next), whole(&content), "seed {seed}, {source:?}");
        }
    }
}

#[test]
fn it_may_be_handed_on_more_than_once() {
    let (mut pair, id, content) = begun(3, None);
    for _ in 0..3 {
        let (who, _) = go_on(&mut pair, id, &content, None, Source::Seekable);
        pair.run_for(Duration::from_millis(400));
        leave(&mut pair, who);
    }
    let next = go_on(&mut pair, id, &content, None, Source::Seekable);
    assert_eq!(outcome(&mut pair, next), whole(&content));
}

#[test]
fn one_that_is_whole_already_is_so_for_whoever_has_the_same_content() {
    for size in [None, Some(SIZE as u64)] {
        let mut pair = Pair::connected(4);
        let content = pair.rng.bytes(SIZE);
        let stream = pair.upload_as(0, content.clone(), size, Source::Seekable);
        assert_eq!(pair.uploaded(stream), whole(&content));
        let id = pair.client().uploads[&stream].id;
        leave(&mut pair, 0);
        let next = go_on(&mut pair, id, &content, size, Source::Seekable);
        assert_eq!(outcome(&mut pair, next), whole(&content));
        let sent = pair.net.sent(pair.clients[next.0].socket().unwrap(), Side::Client);
        assert!(sent < 10_000, "{sent} bytes were sent for nothing");

        let other = pair.rng.bytes(SIZE);
        let next = go_on(&mut pair, id, &other, size, Source::Seekable);
        assert_eq!(outcome(&mut pair, next).unwrap_err().code, Code::DigestMismatch);
        assert_eq!(pair.stored_as("ada", id).unwrap().content, content, "what is whole is nobody's to spoil");
    }
}

#[test]
fn other_content_is_never_taken_for_the_rest() {
    let (mut pair, id, content) = begun(5, Some(SIZE as u64));
    let mut other = content.to_vec();
    other[100] ^= 1;
    let next = go_on(&mut pair, id, &other.into(), Some(SIZE as u64), Source::Seekable);
    assert_eq!(outcome(&mut pair, next).unwrap_err().code, Code::DigestMismatch);
    assert!(pair.stored_as("ada", id).is_none(), "nobody can tell which bytes of it are good");
}

#[test]
fn content_that_ends_before_what_is_there_is_another_one() {
    let (mut pair, id, content) = begun(6, None);
    let next = go_on(&mut pair, id, &content.slice(..1_000), None, Source::Seekable);
    assert_eq!(outcome(&mut pair, next).unwrap_err().code, Code::SizeMismatch);

    let (mut pair, id, content) = begun(7, Some(SIZE as u64));
    let next = go_on(&mut pair, id, &content.slice(..1_000), Some(1_000), Source::Seekable);
    assert_eq!(outcome(&mut pair, next).unwrap_err().code, Code::SizeMismatch);
    assert!(pair.stored_as("ada", id).is_some(), "the server never began with it");
}

#[test]
fn one_that_the_server_no_longer_has_begins_anew() {
    let (mut pair, id, content) = begun(8, Some(SIZE as u64));
    pair.server.streams.clear();
    let next = go_on(&mut pair, id, &content, Some(SIZE as u64), Source::Seekable);
    assert_eq!(outcome(&mut pair, next), whole(&content));
}

#[test]
fn a_client_without_a_token_takes_the_place_of_the_one_before() {
    let mut pair = Pair::new(9);
    pair.net.rate = Some(1_000_000);
    let content = pair.rng.bytes(SIZE);
    let first = pair.add_client(None);
    let stream = pair.upload_as(first, content.clone(), None, Source::Seekable);
    let id = pair.clients[first].uploads[&stream].id;
    let call = pair.call_as(first, samewire_tests::pair::request("never", r#"{"tag":"a"}"#));
    pair.run_for(Duration::from_millis(700));
    let session = pair.clients[first].welcomes[0].0;
    let ticket = pair.clients[first].session.ticket().map(str::to_owned);
    leave(&mut pair, first);

    let next = pair.add_client_with(Config { ticket, ..Config::default() });
    let spec = StreamSpec { id, name: Some("a.bin".to_owned()), media: None, size: None };
    let stream = pair.act(next, |client, net| client.upload(net, spec, content.clone(), Source::Seekable));
    // Its first call has the number of a call before, and is another one.
    let mine = pair.call_as(next, samewire_tests::pair::request("once", r#"{"tag":"b"}"#));
    assert_eq!(mine, call);
    assert!(pair.result_as(next, mine).is_ok());
    assert_eq!(pair.clients[next].welcomes, [(session, Continuity::Restarted, None)]);
    assert!(pair.clients[next].uploads[&stream].durable > 300_000);
    // From now on it is a client like any other: a cut is only a cut.
    pair.cut_as(next, samewire_tests::net::Blow::default());
    assert_eq!(outcome(&mut pair, (next, stream)), whole(&content));
    assert_eq!(pair.clients[next].welcomes.last(), Some(&(session, Continuity::Kept, None)));
}

#[test]
fn a_page_whose_place_is_taken_is_told_so() {
    let mut pair = Pair::connected(10);
    let call = pair.call("never", r#"{"tag":"a"}"#);
    pair.run_for(Duration::from_millis(100));
    let ticket = pair.client().session.ticket().map(str::to_owned);
    let next = pair.add_client_with(Config { token: Some("ada".to_owned()), ticket, ..Config::default() });
    pair.connect_as(next);
    assert_eq!(pair.result(call).unwrap_err().code, Code::Superseded);
    pair.run_for(Duration::from_secs(60));
    assert!(pair.is_live(next));
}
