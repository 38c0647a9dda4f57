//! What no honest client of the signalling format says: it is told what is wrong, and nobody else notices.

use samewire_tests::live::raw::{Heard, frame, opcode};
use serde_json::json;

use crate::stage::{Old, STREAM, goes_on, host, ice, negotiate, pair};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_message_is_answered_and_the_connection_goes_on() {
    let host = host().await;
    let (mut broadcaster, mut viewer, id) = pair(&host, STREAM).await;
    let mut mallory = Old::new(&host, "mallory", "viewer").await;
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let long = format!(r#"{{"type":"join-stream","streamId":"{}"}}"#, "x".repeat(300));
    for text in [
        "",
        "hello",
        "{",
        "null",
        "[]",
        "7",
        r#""join-stream""#,
        "{}",
        r#"{"type":7}"#,
        r#"{"type":"join-stream"}"#,
        r#"{"type":"join-stream","streamId":null}"#,
        r#"{"type":"join-stream","streamId":"a b"}"#,
        r#"{"type":"join-stream","streamId":{"a":1}}"#,
        r#"{"type":"viewer-joined","streamId":"a","viewerId":"client_1"}"#,
        r#"{"type":"webrtc-offer","streamId":"a","viewerId":"client_1"}"#,
        r#"{"type":"webrtc-offer","streamId":"a","viewerId":"client_1","offer":"v=0"}"#,
        r#"{"type":"webrtc-offer","streamId":"a","viewerId":["client_1"],"offer":{"type":"offer","sdp":"v=0"}}"#,
        r#"{"type":"webrtc-ice-candidate","streamId":"a","candidate":7}"#,
        r#"{"type":"__proto__","streamId":"a"}"#,
        "{\"type\":\"join-stream\",\"streamId\":\"\\u0000\"}",
        &deep,
        &long,
    ] {
        mallory.say_text(text).await;
        assert_eq!(mallory.error().await, "bad-params", "{}", &text[..text.len().min(80)]);
    }
    // What does not belong to a message is passed over.
    mallory.say(json!({"type": "join-stream", "streamId": STREAM, "viewerId": "client_1", "admin": true})).await;
    let other = broadcaster.viewer_joined(STREAM).await;
    negotiate(&mut broadcaster, &mut mallory, STREAM, &other).await;
    goes_on(&mut broadcaster, &mut viewer, STREAM, &id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_that_are_none_of_this_format_end_their_own_connection() {
    let host = host().await;
    let (mut broadcaster, mut viewer, id) = pair(&host, STREAM).await;
    // Of a frame that is too large nothing is read; the client hears why nevertheless.
    let too_big = format!(r#"{{"type":"join-stream","streamId":"{}"}}"#, "x".repeat(6_000_000));
    for (bytes, close) in [
        (frame(0x80 | opcode::BINARY, b"{}"), 1003),
        (frame(0x80 | opcode::TEXT, too_big.as_bytes()), 1009),
        (frame(0x80 | opcode::TEXT, b"\xff\xfe"), 1007),
        (frame(0xf0 | opcode::TEXT, b"{}"), 1002),
        (frame(0x80 | opcode::CONTINUATION, b"{}"), 1002),
        (frame(0x80 | 0x0b, b"{}"), 1002),
    ] {
        let mut mallory = Old::new(&host, "mallory", "viewer").await;
        mallory.0.write(&bytes).await;
        let (code, reason) = mallory.closed().await;
        assert_eq!(code, close, "{reason}");
        assert!(reason.len() > 10 && reason.len() <= 123, "{reason}");
        assert_eq!(
            mallory.0.skipped.last().map(|told| told["type"].clone()),
            Some(json!("error")),
            "the reason is told in full"
        );
    }
    goes_on(&mut broadcaster, &mut viewer, STREAM, &id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_speaks_for_another_is_refused_and_nobody_hears_it() {
    let host = host().await;
    let (mut broadcaster, mut viewer, id) = pair(&host, STREAM).await;
    let (mut other, mut others_viewer, others_id) = pair(&host, "another").await;
    assert_ne!(id, others_id);
    let mut mallory = Old::new(&host, "mallory", "viewer").await;
    let description = |kind: &str| json!({"type": kind, "sdp": "v=0 forged"});
    let forged = |stream: &str, viewer: &str| {
        [
            json!({"type": "webrtc-offer", "offer": description("offer"), "streamId": stream, "viewerId": viewer}),
            json!({"type": "webrtc-answer", "answer": description("answer"), "streamId": stream, "viewerId": viewer}),
            json!({"type": "webrtc-ice-candidate", "candidate": ice("forged"), "streamId": stream, "viewerId": viewer}),
        ]
    };
    // Before it is in the stream, and of one that there is not.
    for stream in [STREAM, "nothing"] {
        for message in forged(stream, &id) {
            mallory.say(message).await;
            assert_eq!(mallory.error().await, "not-joined");
        }
    }
    // As a viewer of the same stream: for another, for one of another stream, for one that there is not.
    mallory.join(STREAM).await;
    let own = broadcaster.viewer_joined(STREAM).await;
    broadcaster.offers(STREAM, &own, "v=0 to mallory").await;
    mallory.offered().await;
    for viewer in [&id, &others_id, "client_999", "client_18446744073709551615", "client_0"] {
        for message in forged(STREAM, viewer) {
            mallory.say(message).await;
            assert_eq!(mallory.error().await, "forbidden", "{viewer}");
        }
    }
    // A broadcaster reaches its own viewers only.
    for viewer in [&others_id, "client_999"] {
        for message in forged(STREAM, viewer) {
            broadcaster.say(message).await;
            assert_eq!(broadcaster.error().await, "peer-not-found", "{viewer}");
        }
    }
    broadcaster.say(json!({"type": "webrtc-offer", "offer": description("offer"), "streamId": STREAM})).await;
    assert_eq!(broadcaster.error().await, "bad-params");
    // Descriptions that are none.
    for (sdp, code) in [("hello".to_owned(), "bad-params"), (format!("v=0{}", "x".repeat(70_000)), "too-big")] {
        broadcaster.offers(STREAM, &id, &sdp).await;
        assert_eq!(broadcaster.error().await, code);
    }
    goes_on(&mut broadcaster, &mut viewer, STREAM, &id).await;
    goes_on(&mut other, &mut others_viewer, "another", &others_id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_are_slowed_down_and_others_are_heard() {
    let host = host().await;
    let (mut broadcaster, mut viewer, id) = pair(&host, STREAM).await;
    let mut mallory = Old::viewer(&host, "mallory", STREAM).await;
    let own = broadcaster.viewer_joined(STREAM).await;
    negotiate(&mut broadcaster, &mut mallory, STREAM, &own).await;
    let flood = |messages: Vec<serde_json::Value>| {
        let bytes: Vec<u8> =
            messages.iter().flat_map(|message| frame(0x80 | opcode::TEXT, message.to_string().as_bytes())).collect();
        bytes
    };
    let candidate = |n: usize| json!({"type": "webrtc-ice-candidate", "candidate": ice(&n.to_string()), "streamId": STREAM, "viewerId": own});
    mallory.0.write(&flood((0..3_000).map(candidate).collect())).await;
    // Its last word is refused like most before it.
    mallory.say(json!({"type": "webrtc-offer"})).await;
    let mut refused = 0;
    loop {
        let code = mallory.error().await;
        if code == "bad-params" {
            break;
        }
        assert_eq!(code, "rate-limited");
        refused += 1;
    }
    assert!(refused > 10, "{refused} errors");
    viewer.candidate(STREAM, &id, "in spite of it").await;
    let mut passed = 0;
    loop {
        let told = broadcaster.told("webrtc-ice-candidate").await;
        if told["viewerId"] == id.as_str() {
            assert_eq!(told["candidate"]["candidate"], "in spite of it");
            break;
        }
        passed += 1;
    }
    assert!(passed > 0 && passed < 3_000, "{passed} of 3,000 were passed on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_connection_is_in_so_many_streams_and_no_more() {
    let host = host().await;
    let (mut broadcaster, mut viewer, id) = pair(&host, STREAM).await;
    let mut mallory = Old::new(&host, "mallory", "viewer").await;
    let joins: Vec<u8> = (0..3_000)
        .map(|n| json!({"type": "join-stream", "streamId": format!("s{n}")}).to_string())
        .flat_map(|text| frame(0x80 | opcode::TEXT, text.as_bytes()))
        .collect();
    mallory.0.write(&joins).await;
    mallory.say_text("the last word").await;
    let mut codes = std::collections::BTreeMap::<String, u32>::new();
    loop {
        match mallory.0.next().await {
            Heard::Text(told) if told["code"] == "bad-params" => break,
            Heard::Text(told) => *codes.entry(told["code"].as_str().unwrap_or_default().to_owned()).or_default() += 1,
            end => panic!("{end:?} after {codes:?}"),
        }
    }
    // 256 rooms; each of the others is refused once.
    assert_eq!(codes.values().sum::<u32>(), 3_000 - 256, "{codes:?}");
    assert!(codes.contains_key("too-many-rooms"), "{codes:?}");
    // What it is in works, and what it leaves makes room.
    mallory.say(json!({"type": "leave-stream", "streamId": "s0"})).await;
    mallory.join(STREAM).await;
    let own = broadcaster.viewer_joined(STREAM).await;
    negotiate(&mut broadcaster, &mut mallory, STREAM, &own).await;
    // Joining and leaving all the time is refused in the end, and counted right.
    for _ in 0..200 {
        mallory.say(json!({"type": "leave-stream", "streamId": STREAM})).await;
        mallory.join(STREAM).await;
    }
    mallory.say(json!({"type": "leave-stream", "streamId": STREAM})).await;
    mallory.say_text("the last word").await;
    while mallory.hears().await["code"] != "bad-params" {}
    let mut there = 1;
    broadcaster.candidate(STREAM, &id, "a word").await;
    viewer.told("webrtc-ice-candidate").await;
    viewer.candidate(STREAM, &id, "the last word").await;
    loop {
        let told = broadcaster.hears().await;
        match told["type"].as_str() {
            Some("viewer-joined") => there += 1,
            Some("viewer-left") => there -= 1,
            _ => break,
        }
    }
    assert_eq!(there, 0, "all that came have gone");
}
