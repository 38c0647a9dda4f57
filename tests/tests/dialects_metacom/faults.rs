//! The faults that a client of Metacom knows from its own server, one by one, by their numbers in the list of them in docs/dialects.md.
//! Those that are the client's alone (9, 11 and 12) are not here, and 5 and 6 are with the slow disk, in tests/browser.

use samewire_tests::live::proxy::Proxy;
use samewire_tests::live::raw::{Raw, opcode};
use samewire_tests::live::until;
use serde_json::{Value, json};

use super::stage::{Old, Wait, bytes, config, host, host_that_waits};

/// 1: a stream that was begun before the connection was open. The client never sent that, and its call hears so.
#[tokio::test]
async fn the_call_that_names_a_stream_which_never_came_says_what_to_do() {
    let host = host().await;
    let mut old = Old::connect(&host).await;
    let error = old.call(1, "files/upload", json!({"streamId": 1})).await.expect_err("there is none");
    assert_eq!((&error["code"], &error["reason"]), (&json!(404), &json!("stream-not-found")));
    assert!(error["message"].as_str().is_some_and(|message| message.contains("once the connection is open")), "{error}");
}

/// 2: the manual says `uploader.streamId`, which is not there.
#[tokio::test]
async fn the_one_stream_that_can_be_meant_is() {
    let host = host().await;
    let mut old = Old::connect(&host).await;
    let error = old.call(1, "files/upload", json!({"name": "x"})).await.expect_err("none was begun");
    assert!(error["code"] == 400 && error["message"].as_str().is_some_and(|message| message.contains("`id`")), "{error}");
    old.upload(1, b"abc").await;
    assert_eq!(old.call(2, "files/upload", json!({"name": "x"})).await.expect("stored")["streamId"], 1);
    old.upload(2, b"abc").await;
    old.upload(3, b"abc").await;
    assert_eq!(old.call(3, "files/upload", json!({"name": "x"})).await.expect_err("either could be")["code"], 400);
}

/// 3: what is wrong with stream 5 was said as the answer to call 5.
#[tokio::test]
async fn what_is_wrong_with_a_stream_answers_no_call() {
    let (host, go) = host_that_waits(config()).await;
    let mut old = Old::connect(&host).await;
    for id in 1..=9 {
        old.ask(id, <Wait as samewire_protocol::Method>::NAME, json!(id)).await;
    }
    old.chunk(5, b"of nothing").await;
    old.end(6).await;
    old.send(&json!({"type": "stream", "id": 7, "status": "terminate"})).await;
    old.open(8, 3).await;
    old.open(8, 3).await;
    old.open(9, 3).await;
    old.chunk(9, b"more than three").await;
    let told = old.all().await;
    let answers = told.iter().filter(|packet| packet["type"] == "callback" && packet.get("id").is_some());
    assert!(told.iter().any(|packet| packet["type"] == "stream") && answers.count() == 0, "{told:?}");
    go.send_replace(true);
    for id in 1..=9 {
        assert_eq!(old.answer(id).await, Ok(json!(id)), "call {id} has its own answer");
    }
}

/// 4: a connection that is cut in the middle of an upload, and the rest of it on the next one.
#[tokio::test]
async fn half_an_upload_is_nobodys_file() {
    let host = host().await;
    let proxy = Proxy::start(host.addr()).await;
    let raw = Raw::dial_at(proxy.addr(), "/api", &[]).await.expect("a handshake");
    let mut old = Old { raw, heard: Vec::new(), chunks: Vec::new() };
    old.open(1, 1_000_000).await;
    old.call(1, "files/upload", json!({"streamId": 1})).await.expect("taken on");
    old.chunk(1, &bytes(400_000, 1)).await;
    until("the stream is there", async || host.health().await.streams == 1).await;
    proxy.cut_all();
    until("the stream is gone with its connection", async || host.health().await.streams == 0).await;
    until("its bytes are gone", async || samewire_tests::live::blob_count(host.data()) == 0).await;

    // The client goes on as if nothing had happened. It is told once, and its calls are not disturbed.
    let mut old = Old::connect(&host).await;
    old.ask(2, "system/echo", json!(2)).await;
    for _ in 0..50 {
        old.chunk(1, &bytes(10_000, 2)).await;
    }
    old.end(1).await;
    assert_eq!(old.answer(2).await, Ok(json!(2)));
    let told = old.told_of(1).await;
    assert_eq!(told[0], json!({"type": "stream", "id": 1, "status": "terminate"}));
    assert_eq!((&told[1]["name"], &told[1]["data"]["reason"]), (&json!("files/failed"), &json!("stream-not-found")));
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(old.call(3, "files/upload", json!({"streamId": 1})).await.expect_err("there is none")["code"], 404);
    assert_eq!(old.call(4, "files/list", Value::Null).await.expect("a list")["files"], json!([]));
}

/// 7: a size that is not met, or passed, was never told to anybody, and its stream never ended.
#[tokio::test]
async fn the_declared_size_is_what_counts() {
    let host = host().await;
    let mut old = Old::connect(&host).await;
    for (no, declared, sent) in [(1, 10, 5), (2, 3, 5), (3, 0, 1), (4, 70_000, 70_001), (5, 1, 0)] {
        let no_call = no as u64;
        old.open(no, declared).await;
        for piece in bytes(sent, 1).chunks(3) {
            old.chunk(no, piece).await;
        }
        old.end(no).await;
        let error = old.call(no_call, "files/upload", json!({"streamId": no})).await.expect_err("not what was declared");
        assert_eq!((&error["code"], &error["reason"]), (&json!(409), &json!("size-mismatch")), "{declared} and {sent}");
        let told = old.told_of(no).await;
        assert_eq!(told.iter().filter(|packet| packet["status"] == "terminate").count(), 1, "{told:?}");
        assert_eq!(told.iter().filter(|packet| packet["name"] == "files/failed").count(), 1, "{told:?}");
    }
    // Who had its answer before the bytes came is told too.
    old.open(6, 10).await;
    old.call(6, "files/upload", json!({"streamId": 6})).await.expect("taken on");
    old.chunk(6, b"short").await;
    old.end(6).await;
    assert_eq!(old.event("files/failed").await["reason"], "size-mismatch");
    until("no stream is left", async || host.health().await.streams == 0).await;
    assert_eq!(old.call(7, "files/list", Value::Null).await.expect("a list")["files"], json!([]));
}

/// Bytes behind the last one that was declared, and behind the end.
#[tokio::test]
async fn a_stream_that_has_ended_takes_no_more() {
    let host = host().await;
    let mut old = Old::connect(&host).await;
    old.upload(1, b"abc").await;
    old.chunk(1, b"d").await;
    assert_eq!(old.event("files/failed").await["reason"], "size-mismatch");
    assert_eq!(old.call(1, "files/upload", json!({"streamId": 1})).await.expect_err("passed")["reason"], "size-mismatch");
}

/// 8: one frame that breaks the rules of WebSockets, or is too large, ended the server.
#[tokio::test]
async fn a_broken_frame_ends_its_own_connection_only() {
    let host = host().await;
    let mut witness = Old::connect(&host).await;
    witness.open(1, 6).await;
    witness.chunk(1, b"abc").await;
    let large = vec![b' '; 1024 * 1024 + 1];
    for (first, payload) in [
        (0x80 | 3, &b"reserved"[..]),
        (0xf0 | opcode::TEXT, b"reserved bits"),
        (opcode::PING, b"a ping in pieces"),
        (0x80 | opcode::CONTINUATION, b"of nothing"),
        (0x80 | opcode::TEXT, b"\xff\xfe not UTF-8"),
        (0x80 | opcode::TEXT, &large),
    ] {
        let mut old = Old::connect(&host).await;
        old.raw.write(&samewire_tests::live::raw::frame(first, payload)).await;
        match old.raw.next().await {
            samewire_tests::live::raw::Heard::Close(code, _) => {
                let expected = match payload.first() {
                    Some(0xff) => 1007,
                    Some(b' ') => 1009,
                    _ => 1002,
                };
                assert_eq!(code, expected, "{first:x}");
            }
            other => panic!("{other:?}"),
        }
    }
    witness.chunk(1, b"def").await;
    witness.end(1).await;
    assert_eq!(witness.call(1, "files/upload", json!({"streamId": 1})).await.expect("stored")["size"], 6);
}
