//! Sizes and digests: what is not what was promised is not stored, and is said to be so.

use std::time::Duration;

use samewire_protocol::streams::Source;
use samewire_protocol::{Code, Digest};
use samewire_tests::net::Frame;
use samewire_tests::pair::Pair;

#[test]
fn nothing_is_a_stream_too() {
    for size in [Some(0), None] {
        let mut pair = Pair::connected(1);
        let stream = pair.upload_as(0, "".into(), size, Source::Seekable);
        assert_eq!(pair.uploaded(stream), Ok((0, Digest::of(b""))));
    }
}

#[test]
fn a_source_that_ends_too_soon_is_given_up_on_both_sides() {
    let mut pair = Pair::connected(2);
    let content = pair.rng.bytes(200_000);
    let stream = pair.upload_as(0, content, Some(300_000), Source::Seekable);
    assert_eq!(pair.uploaded(stream).unwrap_err().code, Code::SizeMismatch);
    pair.run_for(Duration::from_secs(1));
    assert!(pair.stored(stream).is_none());
    assert_eq!(pair.server.dropped.last().map(|(_, _, failure)| &failure.code), Some(&Code::SizeMismatch));
}

#[test]
fn a_source_that_has_more_than_declared_is_sent_as_far_as_declared() {
    let mut pair = Pair::connected(3);
    let content = pair.rng.bytes(300_000);
    let stream = pair.upload_as(0, content.clone(), Some(200_000), Source::Seekable);
    assert_eq!(pair.uploaded(stream), Ok((200_000, Digest::of(&content[..200_000]))));
}

#[test]
fn a_file_that_becomes_shorter_while_it_is_sent_is_given_up() {
    let mut pair = Pair::connected(4);
    pair.net.rate = Some(1_000_000);
    let content = pair.rng.bytes(2_000_000);
    let stream = pair.upload_as(0, content.clone(), None, Source::Seekable);
    pair.run_for(Duration::from_secs(1));
    let durable = pair.client().uploads[&stream].durable;
    assert!(durable > 200_000);
    pair.clients[0].uploads.get_mut(&stream).unwrap().content = content.slice(..100_000);
    pair.cut();
    assert_eq!(pair.uploaded(stream).unwrap_err().code, Code::SizeMismatch);
}

#[test]
fn bytes_changed_on_the_way_are_found_out() {
    let mut pair = Pair::connected(5);
    pair.inject(r#"{"type":"open","stream":1,"ref":"st_000000000000000000000000000000aa","size":3}"#);
    pair.run_for(Duration::from_secs(1));
    pair.inject_frame(Frame::Binary(b"\x01\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0abc".as_slice().into()));
    let digest = Digest::of(b"abd");
    pair.net.trace = Some(Vec::new());
    pair.inject(&format!(r#"{{"type":"end","stream":1,"size":3,"digest":"{digest}"}}"#));
    pair.run_for(Duration::from_secs(1));
    let trace = pair.net.trace.as_deref().unwrap();
    assert!(
        trace.iter().any(|(_, _, text)| text.starts_with(r#"{"type":"abort","stream":1,"#) && text.contains("digest-mismatch"))
    );
    assert!(pair.server.streams.is_empty() && pair.is_live(0));
}

#[test]
fn a_reader_finds_out_too() {
    let mut pair = Pair::connected(6);
    let digest = Digest::of(b"abd");
    pair.inject_down(Frame::Text(
        r#"{"type":"open","stream":2,"ref":"st_000000000000000000000000000000aa","size":3}"#.to_owned(),
    ));
    pair.inject_down(Frame::Binary(b"\x01\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\0abc".as_slice().into()));
    pair.inject_down(Frame::Text(format!(r#"{{"type":"end","stream":2,"size":3,"digest":"{digest}"}}"#)));
    assert_eq!(pair.downloaded(0).unwrap_err().code, Code::DigestMismatch);
}

#[test]
fn a_stream_that_ends_short_of_its_bytes_is_refused_at_its_reader() {
    let mut pair = Pair::connected(7);
    let digest = Digest::of(b"abc");
    pair.inject_down(Frame::Text(r#"{"type":"open","stream":2,"ref":"st_000000000000000000000000000000aa"}"#.to_owned()));
    pair.inject_down(Frame::Text(format!(r#"{{"type":"end","stream":2,"size":3,"digest":"{digest}"}}"#)));
    assert_eq!(pair.downloaded(0).unwrap_err().code, Code::SizeMismatch);
}
