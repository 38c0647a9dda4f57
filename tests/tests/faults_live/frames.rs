//! Frames that are malformed, too big, of an unknown type or out of order.

use std::time::Duration;

use samewire_tests::live::raw::{Heard, Raw, chunk, frame, opcode};
use serde_json::json;

use crate::ward::{Ward, forgetful, limits};

const LAST: u8 = 0x80;

fn text(text: &str) -> Vec<u8> {
    frame(LAST | opcode::TEXT, text.as_bytes())
}

fn binary(bytes: &[u8]) -> Vec<u8> {
    frame(LAST | opcode::BINARY, bytes)
}

/// What ends a connection, with the code that it ends with.
fn fatal() -> Vec<(&'static str, Vec<u8>, &'static str, u16)> {
    let max_text = usize::try_from(limits().limits.max_text).expect("a small limit");
    let unmasked = {
        let mut frame = vec![LAST | opcode::TEXT, 2];
        frame.extend_from_slice(b"{}");
        frame
    };
    let long_text = format!(r#"{{"type":"ping","pad":"{}"}}"#, "x".repeat(max_text));
    let mut pieces = frame(opcode::TEXT, br#"{"type":"ping","pad":""#);
    for _ in 0..20 {
        pieces.extend(frame(opcode::CONTINUATION, "x".repeat(max_text / 8).as_bytes()));
    }
    let nothing = "st_00000000000000000000000000000000";
    vec![
        ("no JSON", text("hello?"), "bad-frame", 4500),
        ("JSON cut short", text(r#"{"type":"call","id":1,"met"#), "bad-frame", 4500),
        ("JSON and more", text(r#"{"type":"ping"} {"type":"ping"}"#), "bad-frame", 4500),
        ("an array", text("[]"), "bad-frame", 4500),
        ("a number", text("7"), "bad-frame", 4500),
        ("an empty text", text(""), "bad-frame", 4500),
        ("no type", text(r#"{"id":1}"#), "bad-frame", 4500),
        ("a type that is no string", text(r#"{"type":7}"#), "bad-frame", 4500),
        ("a call without a method", text(r#"{"type":"call","id":1}"#), "bad-frame", 4500),
        ("a call without a number", text(r#"{"type":"call","method":"system/echo"}"#), "bad-frame", 4500),
        ("a number that is text", text(r#"{"type":"call","id":"1","method":"system/echo"}"#), "bad-frame", 4500),
        ("a number below zero", text(r#"{"type":"cancel","id":-1}"#), "bad-frame", 4500),
        ("a number with a fraction", text(r#"{"type":"cancel","id":1.5}"#), "bad-frame", 4500),
        ("a number past 2^53", text(r#"{"type":"cancel","id":9007199254740992}"#), "bad-frame", 4500),
        ("a stream number past 2^32", text(r#"{"type":"end","stream":4294967296,"size":0}"#), "bad-frame", 4500),
        ("a stream without an id", text(r#"{"type":"open","stream":1}"#), "bad-frame", 4500),
        (
            "an id in capitals",
            text(&format!(r#"{{"type":"open","stream":1,"ref":"{}"}}"#, nothing.to_uppercase())),
            "bad-frame",
            4500,
        ),
        ("an id that is too short", text(r#"{"type":"open","stream":1,"ref":"st_0"}"#), "bad-frame", 4500),
        ("another digest", text(r#"{"type":"end","stream":9,"size":0,"digest":"md5:00"}"#), "bad-frame", 4500),
        ("not UTF-8", frame(LAST | opcode::TEXT, b"{\"type\":\"ping\",\"x\":\"\xff\xfe\"}"), "bad-frame", 4500),
        ("half a character", frame(LAST | opcode::TEXT, b"{\"type\":\"\xe2\x82"), "bad-frame", 4500),
        ("a lone surrogate", text(r#"{"type":"\ud800"}"#), "bad-frame", 4500),
        ("a second hello", text(r#"{"type":"hello"}"#), "bad-frame", 4500),
        ("a text that is too big", text(&long_text), "too-big", 1009),
        ("a text that is too big in pieces", pieces, "too-big", 1009),
        (
            "a text that is said to be huge",
            vec![LAST | opcode::TEXT, 0x80 | 127, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4],
            "too-big",
            1009,
        ),
        ("a binary without a header", binary(&[1, 0, 0]), "bad-frame", 4500),
        ("an empty binary", binary(&[]), "bad-frame", 4500),
        ("a header and nothing else", binary(&chunk(1, 0, &[])), "bad-frame", 4500),
        ("a chunk of 64 KiB and a byte", binary(&chunk(1, 0, &[0; 65_537])), "too-big", 1009),
        ("an offset past 2^53", binary(&chunk(1, 1 << 53, &[0])), "bad-frame", 4500),
        ("a frame without a mask", unmasked, "bad-frame", 4500),
        ("a reserved bit", frame(LAST | 0x40 | opcode::TEXT, b"{}"), "bad-frame", 4500),
        ("a reserved kind", frame(LAST | 3, b"{}"), "bad-frame", 4500),
        ("the end of no message", frame(LAST | opcode::CONTINUATION, b"{}"), "bad-frame", 4500),
        ("a message inside another", [frame(opcode::TEXT, b"{"), frame(LAST | opcode::TEXT, b"}")].concat(), "bad-frame", 4500),
        ("a ping in pieces", frame(opcode::PING, b"?"), "bad-frame", 4500),
        ("a ping that is too long", frame(LAST | opcode::PING, &[0; 126]), "bad-frame", 4500),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_ends_its_own_connection_with_a_code() {
    let mut ward = Ward::new().await;
    for (what, bytes, code, close) in fatal() {
        let mut attacker = ward.attacker().await;
        // Something to leave behind.
        attacker.open(1, "st_0123456789abcdef0123456789abcdef", Some(100_000)).await;
        attacker.chunk(1, 0, &[1; 50_000]).await;
        attacker.write(&bytes).await;
        assert_eq!(attacker.parting().await, (code.to_owned(), close), "{what}");
        ward.goes_on(what).await;
        // Its own session is still there, and can be gone on with.
        let (mut again, welcome) = Raw::resume(ward.host.addr(), &attacker.ticket).await;
        assert_eq!(welcome["continuity"], "kept", "{what}");
        again.send(&json!({"type": "abort", "stream": 1, "ref": "st_0123456789abcdef0123456789abcdef"})).await;
        again.close(1000).await;
        // The next stream has the same name.
        ward.alone().await;
    }
    ward.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_the_hello_nothing_else_is_heard() {
    let mut ward = Ward::new().await;
    for (what, bytes, code, close) in fatal() {
        if what == "a second hello" {
            continue;
        }
        let mut attacker = Raw::connect(ward.host.addr()).await;
        attacker.write(&bytes).await;
        let (said, closed) = attacker.parting().await;
        assert_eq!((said.as_str(), closed), (code, close), "{what}");
        ward.goes_on(what).await;
    }
    for first in [
        json!({"type": "call", "id": 1, "method": "system/echo"}),
        json!({"type": "open", "stream": 1, "ref": "st_0123456789abcdef0123456789abcdef"}),
        json!({"type": "ping"}),
        json!({"type": "dance"}),
        json!({"type": "hello", "token": 7}),
    ] {
        let mut attacker = Raw::connect(ward.host.addr()).await;
        attacker.send(&first).await;
        assert_eq!(attacker.parting().await, ("bad-frame".to_owned(), 4500), "{first}");
        ward.goes_on("another first frame").await;
    }
    let mut attacker = Raw::connect(ward.host.addr()).await;
    attacker.send(&json!({"type": "hello", "token": "x".repeat(8193)})).await;
    assert_eq!(attacker.parting().await, ("too-big".to_owned(), 1009));
    ward.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_says_nothing_is_sent_away() {
    let mut config = limits();
    config.limits.hello_timeout = Duration::from_millis(50);
    let mut ward = Ward::with(config).await;
    let mut silent = Raw::connect(ward.host.addr()).await;
    assert_eq!(silent.parting().await, ("handshake-timeout".to_owned(), 4002));
    // Signs of life of the WebSocket are none of ours.
    let mut pinging = Raw::connect(ward.host.addr()).await;
    pinging.frame(opcode::PING, true, b"?").await;
    assert_eq!(pinging.parting().await, ("handshake-timeout".to_owned(), 4002));
    // And one who stops in the middle of the handshake keeps nobody from anything.
    let _torn = tokio::net::TcpStream::connect(ward.host.addr()).await.expect("a connection");
    ward.goes_on("silence").await;
    ward.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_falls_silent_is_pinged_and_then_let_go() {
    let mut config = limits();
    config.limits.heartbeat_interval = Duration::from_millis(50);
    config.limits.heartbeat_timeout = Duration::from_millis(50);
    config.limits.session_ttl = Duration::from_millis(100);
    let mut host = samewire_tests::live::Host::start(config.clone()).await;
    let mut silent = Raw::session(host.addr(), None).await;
    silent.expect("ping").await;
    assert_eq!(silent.parting().await, ("heartbeat-timeout".to_owned(), 4001));
    // Whoever answers is let be; here with all the time that a busy machine may need for an answer.
    config.limits.heartbeat_timeout = samewire_tests::live::PATIENCE;
    host.restart_with(config).await;
    let mut talking = Raw::session(host.addr(), None).await;
    for _ in 0..4 {
        let ping = talking.expect("ping").await;
        talking.send(&json!({"type": "pong", "nonce": ping["nonce"]})).await;
    }
}

/// What is odd but harmless is answered or passed over, and the session goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_only_odd_does_not_end_the_session() {
    let ward = Ward::new().await;
    let mut odd = ward.attacker().await;
    odd.send(&json!({"type": "dance", "with": "me"})).await;
    let error = odd.expect("error").await;
    assert_eq!((&error["error"]["code"], &error["error"]["ran"]), (&json!("unknown-type"), &json!("no")));
    // A frame of a kind that does not exist yet.
    odd.frame(opcode::BINARY, true, &[9; 40]).await;
    // Answers to nothing, words about nothing.
    for frame in [
        json!({"type": "pong", "nonce": 7}),
        json!({"type": "ack", "id": 99, "parts": 3}),
        json!({"type": "cancel", "id": 99}),
        json!({"type": "credit", "stream": 2, "durable": 1, "limit": 2}),
        json!({"type": "finished", "stream": 2, "size": 0, "digest": format!("blake3:{}", "0".repeat(64))}),
        json!({"type": "abort", "stream": 77}),
    ] {
        odd.send(&frame).await;
    }
    odd.send(&json!({"type": "ping", "nonce": 5})).await;
    assert_eq!(odd.expect("pong").await["nonce"], 5);
    // Keys in any order, twice, and unknown; a message in many pieces with a ping in between.
    odd.write(&frame(opcode::TEXT, br#"{"payload":{"a":[1]},"future":{"#)).await;
    odd.frame(opcode::PING, true, b"?").await;
    odd.write(&frame(LAST, br#""x":1},"id":3,"method":"no/such","method":"system/echo","id":4,"type":"call"}"#)).await;
    assert_eq!(odd.answer(4).await, Ok(json!({"a": [1]})));
    // Depth costs nobody a stack.
    let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    odd.write(&text(&format!(r#"{{"type":"call","id":5,"method":"system/echo","payload":{deep}}}"#))).await;
    assert_eq!(odd.next().await, Heard::Odd(format!(r#"{{"type":"result","id":5,"payload":{deep}}}"#)));
    assert_eq!(odd.call(6, "files/list", json!({})).await, Ok(json!({"files": [], "more": false})));
    odd.close(1000).await;
    ward.nothing_is_left().await;
}

/// A client that is still sending when the server has had enough hears why, and not only that the connection was reset.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_sends_megabytes_too_many_hears_why() {
    let mut ward = Ward::with(forgetful()).await;
    let flood = frame(LAST | opcode::TEXT, &vec![b'x'; 16 * 1024 * 1024]);
    for _ in 0..10 {
        let mut attacker = ward.attacker().await;
        attacker.write(&flood).await;
        assert_eq!(attacker.parting().await, ("too-big".to_owned(), 1009));
        let mut attacker = Raw::connect(ward.host.addr()).await;
        attacker.write(&flood).await;
        assert_eq!(attacker.parting().await, ("too-big".to_owned(), 1009));
        // Behind what cannot be read comes more than the sockets hold.
        let mut attacker = ward.attacker().await;
        attacker.write(&[text("?"), binary(&chunk(1, 0, &[0; 60_000])).repeat(200)].concat()).await;
        assert_eq!(attacker.parting().await, ("bad-frame".to_owned(), 4500));
    }
    ward.goes_on("floods").await;
    ward.nothing_is_left().await;
}
