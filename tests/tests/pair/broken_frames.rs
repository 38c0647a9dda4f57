//! Frames that break a rule: each has its own code, and no more than what it touches is lost.

use std::time::Duration;

use samewire_protocol::session::Status;
use samewire_protocol::{Code, Digest};
use samewire_tests::net::{Frame, Side};
use samewire_tests::pair::Pair;

const ID: &str = "st_000000000000000000000000000000aa";

fn chunk(stream: u32, offset: u64, bytes: &[u8]) -> Frame {
    let mut frame = vec![1, 0, 0, 0];
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(&offset.to_be_bytes());
    frame.extend_from_slice(bytes);
    Frame::Binary(frame.into())
}

/// What the server says to these frames of a client that is live.
fn answers(pair: &mut Pair, frames: &[Frame]) -> Vec<String> {
    pair.net.trace = Some(Vec::new());
    for frame in frames {
        pair.inject_frame(frame.clone());
        pair.run_for(Duration::from_millis(100));
    }
    let trace = pair.net.trace.take().unwrap();
    trace.into_iter().filter(|(_, from, _)| *from == Side::Server).map(|(_, _, text)| text).collect()
}

fn text(text: &str) -> Frame {
    Frame::Text(text.to_owned())
}

fn open(stream: u32) -> Frame {
    text(&format!(r#"{{"type":"open","stream":{stream},"ref":"{ID}"}}"#))
}

/// The code in an answer.
fn code(answer: &str) -> Code {
    let value: serde_json::Value = serde_json::from_str(answer).unwrap();
    Code::from_name(value["error"]["code"].as_str().unwrap_or_default())
}

/// Everything else works on.
fn goes_on(pair: &mut Pair) {
    assert!(pair.is_live(0), "{:?}", pair.client().session.status());
    let call = pair.call("echo", r#"{"tag":"on"}"#);
    assert!(pair.result(call).is_ok());
    let content = pair.rng.bytes(100_000);
    let stream = pair.upload(content);
    assert!(pair.uploaded(stream).is_ok());
    assert_eq!(pair.client().welcomes.len(), 1);
}

/// The session is over for this client, with this code; the server goes on.
fn is_over(pair: &mut Pair, expected: &Code) {
    assert!(pair.run_until(|pair| matches!(pair.client().session.status(), Status::Closed { .. })));
    let Status::Closed { why } = pair.client().session.status() else { unreachable!() };
    assert_eq!(why.code, *expected);
    let other = pair.add_client(Some("bob"));
    pair.connect_as(other);
    assert!(pair.run_until(|pair| pair.is_live(other)));
}

#[test]
fn text_that_cannot_be_read_ends_the_connection_and_nothing_after_it_counts() {
    for broken in [
        "",
        "hello",
        "[]",
        "null",
        r#"{"id":1}"#,
        r#"{"type":7}"#,
        r#"{"type":"call"}"#,
        r#"{"type":"call","id":"x","method":"a"}"#,
        r#"{"type":"call","id":-1,"method":"a"}"#,
        r#"{"type":"call","id":9007199254740992,"method":"a"}"#,
        r#"{"type":"open","stream":1,"ref":"st_AA"}"#,
        r#"{"type":"open","stream":4294967296,"ref":"st_000000000000000000000000000000aa"}"#,
        r#"{"type":"end","stream":1,"size":1,"digest":"md5:00"}"#,
        r#"{"type":"cancel"}"#,
        r#"{"type":"ping"} {}"#,
    ] {
        let mut pair = Pair::connected(1);
        // What came with the broken frame in one read must not count either.
        pair.server.lazy = true;
        pair.net.trace = Some(Vec::new());
        pair.inject(broken);
        pair.inject(r#"{"type":"call","id":1,"method":"once","payload":{"tag":"after"}}"#);
        pair.run_for(Duration::from_secs(1));
        assert_eq!(pair.server.runs("after"), 0, "{broken}");
        let trace = pair.net.trace.as_deref().unwrap();
        let goodbyes = trace.iter().filter(|(_, from, text)| *from == Side::Server && text.contains("goodbye")).count();
        assert_eq!(goodbyes, 1, "{broken}");
        is_over(&mut pair, &Code::BadFrame);
    }
}

#[test]
fn a_binary_frame_that_cannot_be_read_ends_the_connection() {
    for broken in [&b"\x01"[..], &[1; 15], b"\x01\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0", b"\x01\0\0\0\0\0\0\x01\xff\0\0\0\0\0\0\0a"]
    {
        let mut pair = Pair::connected(2);
        pair.inject_frame(Frame::Binary(broken.to_vec().into()));
        is_over(&mut pair, &Code::BadFrame);
    }
}

#[test]
fn a_binary_frame_that_is_too_big_ends_the_connection() {
    let mut pair = Pair::connected(2);
    pair.inject_frame(Frame::Binary(vec![1; 16 + 65_537].into()));
    is_over(&mut pair, &Code::TooBig);
}

#[test]
fn a_text_frame_that_is_too_big_ends_the_connection() {
    let mut pair = Pair::new(3);
    pair.server.config.limits.max_text = 1_000;
    pair.connect();
    pair.inject(&format!(r#"{{"type":"ping","nonce":1,"x":"{}"}}"#, "y".repeat(1_000)));
    is_over(&mut pair, &Code::TooBig);
}

#[test]
fn a_second_hello_ends_the_connection() {
    let mut pair = Pair::connected(4);
    pair.inject(r#"{"type":"hello","token":"eve"}"#);
    is_over(&mut pair, &Code::BadFrame);
}

#[test]
fn a_type_that_the_server_does_not_know_is_answered() {
    let mut pair = Pair::connected(5);
    let frames = [text(r#"{"type":"dance"}"#), text(r#"{"type":"dance","id":"four","size":{"big":true},"error":3}"#)];
    let answers = answers(&mut pair, &frames);
    assert_eq!(answers.iter().map(|answer| code(answer)).collect::<Vec<_>>(), [Code::UnknownType, Code::UnknownType]);
    assert_eq!(pair.client().errors.len(), 2);
    goes_on(&mut pair);
}

#[test]
fn a_type_that_the_client_does_not_know_is_ignored() {
    let mut pair = Pair::connected(6);
    pair.inject_down(text(r#"{"type":"dance","id":"four","size":[],"error":"x"}"#));
    pair.inject_down(Frame::Binary(vec![9; 40].into()));
    pair.run_for(Duration::from_secs(1));
    goes_on(&mut pair);
}

#[test]
fn a_kind_of_binary_frame_that_the_server_does_not_know_is_ignored() {
    let mut pair = Pair::connected(7);
    assert!(answers(&mut pair, &[Frame::Binary(vec![9; 40].into())]).is_empty());
    goes_on(&mut pair);
}

#[test]
fn bytes_for_a_stream_that_is_not_open_are_answered_once() {
    let mut pair = Pair::connected(8);
    let frames: Vec<_> = (0..5).map(|n| chunk(77, n * 10, b"0123456789")).collect();
    let answers = answers(&mut pair, &frames);
    assert_eq!(answers.iter().map(|answer| code(answer)).collect::<Vec<_>>(), [Code::StreamNotFound]);
    goes_on(&mut pair);
}

#[test]
fn bytes_before_the_server_has_said_where_to_begin_end_the_stream() {
    let mut pair = Pair::connected(9);
    pair.server.open_time = Duration::from_secs(3);
    let answers = answers(&mut pair, &[open(1), chunk(1, 0, b"abc")]);
    assert_eq!(answers.iter().map(|answer| code(answer)).collect::<Vec<_>>(), [Code::BeyondCredit]);
    assert!(pair.server.streams.is_empty(), "the server let go of it");
    pair.server.open_time = Duration::ZERO;
    pair.run_for(Duration::from_secs(5));
    assert!(pair.is_live(0));
}

#[test]
fn bytes_beyond_the_credit_end_the_stream() {
    let mut pair = Pair::new(10);
    pair.server.config.limits.window = 10;
    pair.connect();
    let answers = answers(&mut pair, &[open(1), chunk(1, 0, b"0123456789x")]);
    assert!(answers[0].starts_with(r#"{"type":"opened","stream":1,"offset":0,"limit":10}"#));
    assert_eq!(code(&answers[1]), Code::BeyondCredit);
    assert!(pair.server.streams.is_empty());
    assert!(pair.is_live(0));
}

#[test]
fn a_gap_ends_the_stream() {
    let mut pair = Pair::connected(11);
    let answers = answers(&mut pair, &[open(1), chunk(1, 0, b"abc"), chunk(1, 4, b"e")]);
    assert_eq!(code(answers.last().unwrap()), Code::BadOffset);
    assert!(pair.server.streams.is_empty());
    assert!(pair.is_live(0));
}

#[test]
fn an_overlap_is_not_stored_twice() {
    let mut pair = Pair::connected(12);
    let digest = Digest::of(b"abcdef");
    let end = text(&format!(r#"{{"type":"end","stream":1,"size":6,"digest":"{digest}"}}"#));
    let answers = answers(&mut pair, &[open(1), chunk(1, 0, b"abcd"), chunk(1, 0, b"abcd"), chunk(1, 2, b"cdef"), end]);
    assert!(answers.last().unwrap().starts_with(r#"{"type":"finished","stream":1,"size":6,"#), "{answers:?}");
    pair.check();
}

#[test]
fn more_bytes_than_declared_end_the_stream() {
    let mut pair = Pair::connected(13);
    let open = text(&format!(r#"{{"type":"open","stream":1,"ref":"{ID}","size":3}}"#));
    let answers = answers(&mut pair, &[open, chunk(1, 0, b"abcd")]);
    assert_eq!(code(answers.last().unwrap()), Code::SizeMismatch);
    assert!(pair.server.streams.is_empty());
}

#[test]
fn more_bytes_than_the_server_takes_end_the_stream() {
    let mut pair = Pair::new(14);
    pair.server.config.limits.max_upload = 5;
    pair.connect();
    let declared = text(&format!(r#"{{"type":"open","stream":1,"ref":"{ID}","size":6}}"#));
    let refused = answers(&mut pair, &[declared]);
    assert_eq!(refused.iter().map(|answer| code(answer)).collect::<Vec<_>>(), [Code::TooBig]);
    let refused = answers(&mut pair, &[open(3), chunk(3, 0, b"abcde"), chunk(3, 5, b"f")]);
    assert_eq!(code(refused.last().unwrap()), Code::TooBig);
    assert!(pair.server.streams.is_empty() && pair.is_live(0));
}

#[test]
fn an_end_that_does_not_fit_ends_the_stream() {
    let digest = Digest::of(b"abc");
    let cases = [
        (format!(r#"{{"type":"end","stream":1,"size":4,"digest":"{digest}"}}"#), Code::SizeMismatch),
        (format!(r#"{{"type":"end","stream":1,"size":2,"digest":"{digest}"}}"#), Code::SizeMismatch),
        (r#"{"type":"end","stream":1,"size":3}"#.to_owned(), Code::DigestRequired),
        (format!(r#"{{"type":"end","stream":5,"size":3,"digest":"{digest}"}}"#), Code::StreamNotFound),
    ];
    for (end, expected) in cases {
        let mut pair = Pair::connected(15);
        let answers = answers(&mut pair, &[open(1), chunk(1, 0, b"abc"), text(&end)]);
        assert_eq!(code(answers.last().unwrap()), expected, "{end}");
        assert!(pair.is_live(0));
    }
}

#[test]
fn nothing_comes_after_the_end() {
    let mut pair = Pair::connected(16);
    pair.server.flush_time = Duration::from_secs(5);
    let digest = Digest::of(b"abc");
    let end = text(&format!(r#"{{"type":"end","stream":1,"size":3,"digest":"{digest}"}}"#));
    let answers = answers(&mut pair, &[open(1), chunk(1, 0, b"abc"), end.clone(), end, chunk(1, 3, b"d")]);
    assert_eq!(code(answers.last().unwrap()), Code::SizeMismatch);
    assert!(pair.server.streams.is_empty());
}

#[test]
fn stream_numbers_that_break_the_rules_are_refused() {
    let other = text(r#"{"type":"open","stream":1,"ref":"st_000000000000000000000000000000bb"}"#);
    for (frames, expected) in [
        (vec![open(2)], Code::BadNumber),
        (vec![open(0)], Code::BadNumber),
        (vec![open(1), other], Code::BadNumber),
        (vec![open(1), open(1)], Code::BadNumber),
    ] {
        let mut pair = Pair::connected(17);
        let answers = answers(&mut pair, &frames);
        assert_eq!(code(answers.last().unwrap()), expected);
        assert!(pair.is_live(0));
    }
}

#[test]
fn names_that_are_traps_are_refused() {
    for name in ["../x", "a\\\\b", "..", "", "a\\u0000b", "a\\u202eb"] {
        let mut pair = Pair::connected(18);
        let frame = text(&format!(r#"{{"type":"open","stream":1,"ref":"{ID}","name":"{name}"}}"#));
        let answers = answers(&mut pair, &[frame]);
        assert_eq!(answers.iter().map(|answer| code(answer)).collect::<Vec<_>>(), [Code::BadName], "{name}");
        assert!(pair.server.streams.is_empty());
        goes_on(&mut pair);
    }
}

#[test]
fn words_about_streams_that_are_not_there_are_of_no_account() {
    let mut pair = Pair::connected(19);
    let digest = Digest::of(b"");
    let frames = [
        text(r#"{"type":"credit","stream":2,"durable":5,"limit":9}"#),
        text(r#"{"type":"credit","stream":1,"durable":5,"limit":9}"#),
        text(&format!(r#"{{"type":"finished","stream":2,"size":0,"digest":"{digest}"}}"#)),
        text(r#"{"type":"ack","id":5,"parts":7}"#),
        text(r#"{"type":"cancel","id":5}"#),
        text(r#"{"type":"pong","nonce":5}"#),
    ];
    let answers = answers(&mut pair, &frames);
    assert!(answers.iter().all(|answer| !answer.contains("goodbye")), "{answers:?}");
    goes_on(&mut pair);
}

#[test]
fn a_reader_cannot_attach_to_what_is_not_its_own() {
    let mut pair = Pair::connected(20);
    let content = pair.rng.bytes(1_000_000);
    pair.server.files.push(content);
    let bob = pair.add_client(Some("bob"));
    pair.net.rate = Some(100_000);
    pair.call_as(bob, samewire_tests::pair::request("download", r#"{"tag":"b","file":0}"#));
    pair.run_for(Duration::from_secs(1));
    let theirs = pair.server.sending.keys().next().unwrap().1;
    let attach = |id: &str| text(&format!(r#"{{"type":"attach","stream":8,"ref":"{id}","offset":0,"limit":1000}}"#));
    let theirs = theirs.to_string();
    let nobodys = "st_00000000000000000000000000000001";
    let to_theirs = answers(&mut pair, &[attach(&theirs)]);
    let to_nobodys = answers(&mut pair, &[attach(nobodys)]);
    assert_eq!(code(&to_theirs[0]), Code::StreamNotFound);
    assert_eq!(to_theirs[0].replace(&theirs, nobodys), to_nobodys[0], "somebody else's stream answers as one that never was");
}

#[test]
fn a_client_cannot_make_the_server_run_out_of_numbers() {
    let mut pair = Pair::connected(21);
    let content = pair.rng.bytes(1_000);
    pair.server.files.push(content);
    pair.inject(&format!(r#"{{"type":"attach","stream":4294967294,"ref":"{ID}","offset":0,"limit":1000}}"#));
    pair.run_for(Duration::from_secs(1));
    assert_eq!(pair.download(0).unwrap(), pair.server.files[0]);
    assert_eq!(pair.download(0).unwrap(), pair.server.files[0]);
}

#[test]
fn a_server_that_talks_nonsense_is_left_and_not_dialled_again() {
    for frame in [text("nonsense"), text(r#"{"type":"opened","stream":1}"#), Frame::Binary(vec![1; 3].into())] {
        let mut pair = Pair::connected(22);
        let call = pair.call("never", r#"{"tag":"a"}"#);
        pair.inject_down(frame);
        assert!(pair.run_until(|pair| matches!(pair.client().session.status(), Status::Closed { .. })));
        assert_eq!(pair.result(call).unwrap_err().code, Code::BadFrame);
        pair.run_for(Duration::from_secs(100));
        assert_eq!(pair.client().welcomes.len(), 1);
    }
}
