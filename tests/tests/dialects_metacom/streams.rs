//! Streams both ways.

use samewire_tests::live::until;
use serde_json::json;

use super::stage::{Old, bytes, host};

/// The order of the client's manual: nothing is sent before the call is answered.
#[tokio::test]
async fn an_upload_is_taken_on_before_its_bytes_come() {
    let host = host().await;
    let mut old = Old::connect(&host).await;
    old.open(1, 15).await;
    let answer = old.call(1, "files/upload", json!({"streamId": 1, "name": "hi.txt"})).await.expect("taken on");
    assert_eq!(answer, json!({"result": "Stream initialized", "streamId": 1}));
    old.chunk(1, b"Hello, Metacom!").await;
    old.end(1).await;
    let stored = old.event("files/uploaded").await;
    assert_eq!((&stored["streamId"], &stored["name"], &stored["size"]), (&json!(1), &json!("hi.txt"), &json!(15)));
}

/// The other order: all is sent, and the answer is the file.
#[tokio::test]
async fn an_upload_that_was_sent_is_answered_with_its_file() {
    let host = host().await;
    let mut old = Old::connect(&host).await;
    let content = bytes(1_000_003, 1);
    old.upload(7, &content).await;
    let stored = old.call(1, "files/upload", json!({"streamId": 7})).await.expect("stored");
    assert_eq!((&stored["streamId"], &stored["name"], &stored["size"]), (&json!(7), &json!("a file"), &json!(1_000_003)));
    let opened = old.call(2, "files/download", json!({"id": stored["id"]})).await.expect("opened");
    assert_eq!((&opened["streamId"], &opened["stream"]), (&json!(-1), &json!(-1)));
    let begun = old.heard.iter().find(|packet| packet["type"] == "stream").expect("it is begun before the answer");
    assert_eq!(begun, &json!({"type": "stream", "id": -1, "name": "a file", "size": 1_000_003}));
    old.expect(|packet| packet["status"] == "end" && packet["id"] == -1).await;
    assert!(old.chunks.iter().all(|(no, bytes)| *no == -1 && !bytes.is_empty()));
    assert!(old.chunks.iter().flat_map(|(_, bytes)| bytes).eq(content.iter()), "the bytes are those of the file");
    // By the name, too: the newest one.
    let again = old.call(3, "files/download", json!({"name": "a file"})).await.expect("found");
    assert_eq!((&again["streamId"], &again["file"]["id"]), (&json!(-2), &stored["id"]));
    assert_eq!(old.call(4, "files/download", json!({"name": "none"})).await.expect_err("not there")["code"], 404);
}

#[tokio::test]
async fn streams_without_a_byte_and_in_one_frame() {
    let host = host().await;
    let mut old = Old::connect(&host).await;
    old.upload(1, b"").await;
    let stored = old.call(1, "files/upload", json!({"streamId": 1, "name": "empty"})).await.expect("stored");
    assert_eq!(stored["size"], 0);
    old.call(2, "files/download", json!({"id": stored["id"]})).await.expect("opened");
    old.expect(|packet| packet["id"] == -1 && packet["status"] == "end").await;
    assert!(old.chunks.is_empty());

    // As a client sends a `Blob` that is in memory: more than any message may have.
    let content = bytes(24_000_000, 2);
    old.open(2, content.len() as u64).await;
    old.chunk(2, &content).await;
    old.end(2).await;
    let stored = old.call(3, "files/upload", json!({"streamId": 2})).await.expect("stored");
    assert_eq!(stored["size"], content.len());
}

#[tokio::test]
async fn streams_at_once_do_not_mix() {
    let host = host().await;
    let mut old = Old::connect(&host).await;
    let contents = [bytes(300_000, 3), bytes(300_000, 4), bytes(300_000, 5)];
    for (no, content) in (1..).zip(&contents) {
        old.open(no, content.len() as u64).await;
    }
    for at in (0..300_000).step_by(50_000) {
        for (no, content) in (1..).zip(&contents) {
            old.chunk(no, &content[at..at + 50_000]).await;
        }
    }
    for (no, content) in (1..).zip(&contents) {
        old.end(no).await;
        let stored = old.call(no as u64, "files/upload", json!({"streamId": no})).await.expect("stored");
        old.chunks.clear();
        old.call(no as u64 + 10, "files/download", json!({"id": stored["id"]})).await.expect("opened");
        old.expect(|packet| packet["id"] == -no && packet["status"] == "end").await;
        assert!(old.chunks.iter().flat_map(|(_, bytes)| bytes).eq(content.iter()), "stream {no}");
    }
}

#[tokio::test]
async fn a_stream_that_either_side_gives_up_is_over() {
    let host = host().await;
    let mut old = Old::connect(&host).await;
    old.open(1, 1_000_000).await;
    old.chunk(1, &bytes(300_000, 6)).await;
    until("the stream is there", async || host.health().await.streams == 1).await;
    old.send(&json!({"type": "stream", "id": 1, "status": "terminate"})).await;
    until("the stream is gone", async || host.health().await.streams == 0).await;
    assert_eq!(old.call(1, "files/upload", json!({"streamId": 1})).await.expect_err("given up")["reason"], "canceled");
    assert_eq!(old.told_of(1).await, Vec::<serde_json::Value>::new(), "who gives a stream up is told nothing of it");

    old.upload(2, &bytes(8_000_000, 7)).await;
    let stored = old.call(2, "files/upload", json!({"streamId": 2})).await.expect("stored");
    old.call(3, "files/download", json!({"id": stored["id"]})).await.expect("opened");
    old.send(&json!({"type": "stream", "id": -1, "status": "terminate"})).await;
    old.expect(|packet| packet["id"] == -1 && packet["status"].is_string()).await;
    until("no stream is left", async || host.health().await.streams == 0).await;
    assert_eq!(old.call(4, "system/echo", json!("still here")).await, Ok(json!("still here")));
}

/// The packets of version 2, known by their first keys.
#[tokio::test]
async fn the_older_form() {
    let host = host().await;
    let mut old = Old::connect(&host).await;
    old.send(&json!({"call": 1, "system/introspect": ["files", "file"]})).await;
    let answer = old.next().await;
    assert_eq!((&answer["callback"], answer["result"]["file"].is_object()), (&json!(1), true), "{answer}");
    old.send(&json!({"stream": 1, "name": "old", "size": 3})).await;
    old.chunk(1, b"abc").await;
    old.send(&json!({"stream": 1, "status": "end"})).await;
    old.send(&json!({"call": 2, "files/upload": {"streamId": 1}})).await;
    let answer = old.expect(|packet| packet["callback"] == 2).await;
    let stored = answer["result"].clone();
    assert_eq!(stored["size"], 3, "{answer}");
    old.send(&json!({"call": 3, "files/download": {"id": stored["id"]}})).await;
    let begun = old.expect(|packet| packet["stream"] == -1).await;
    assert_eq!((&begun["name"], &begun["size"]), (&json!("old"), &json!(3)));
    assert_eq!(old.expect(|packet| packet["callback"] == 3).await["result"]["streamId"], -1);
    old.send(&json!({"call": 4, "no/such": {}})).await;
    assert_eq!(old.expect(|packet| packet["callback"] == 4).await["error"]["code"], 404);
    old.send(&json!({"stream": 9, "status": "end"})).await;
    let event = old.expect(|packet| packet["event"] == -1).await;
    assert_eq!(event["files/failed"]["streamId"], 9);
}

/// Both calls are of one stream, and there is one file.
#[tokio::test]
async fn two_calls_for_one_stream() {
    let host = host().await;
    let mut old = Old::connect(&host).await;
    old.open(20, 4).await;
    old.ask(1, "files/upload", json!({"streamId": 20, "name": "x"})).await;
    old.ask(2, "files/upload", json!({"streamId": 20, "name": "y"})).await;
    old.ask(3, "files/upload", json!({"streamId": 20, "name": "x"})).await;
    old.ask(4, "files/upload", json!({"streamId": 20})).await;
    for id in [1, 3, 4] {
        assert_eq!(old.answer(id).await.expect("taken on")["result"], "Stream initialized", "{id}");
    }
    assert_eq!(old.answer(2).await.expect_err("it has another name")["code"], 400);
    old.chunk(20, b"abcd").await;
    old.end(20).await;
    assert_eq!(old.event("files/uploaded").await["name"], "x");
    let files = old.call(5, "files/list", json!({})).await.expect("a list")["files"].clone();
    assert_eq!(files.as_array().map(Vec::len), Some(1));
}

/// Of two streams with one number it is the second that is refused.
#[tokio::test]
async fn a_number_that_is_taken() {
    let host = host().await;
    let mut old = Old::connect(&host).await;
    old.open(4, 5).await;
    old.chunk(4, b"he").await;
    old.open(4, 7).await;
    old.chunk(4, b"llo").await;
    old.end(4).await;
    assert_eq!(old.call(1, "files/upload", json!({"streamId": 4})).await.expect("the first goes on")["size"], 5);
    let refused = old.heard.iter().filter(|packet| packet["error"]["reason"] == "bad-number");
    assert_eq!((refused.count(), old.heard.len()), (1, 1), "{:?}", old.heard);
}

/// A client that has more than 42 chunks which nobody has read mixes them up.
#[tokio::test]
async fn a_file_comes_in_a_few_chunks() {
    let host = host().await;
    let mut old = Old::connect(&host).await;
    let content = bytes(70_000_000, 8);
    old.open(1, content.len() as u64).await;
    old.chunk(1, &content).await;
    old.end(1).await;
    let stored = old.call(1, "files/upload", json!({"streamId": 1})).await.expect("stored");
    for id in [2, 3] {
        old.call(id, "files/download", json!({"id": stored["id"]})).await.expect("opened");
    }
    // What else is said finds its way between them.
    for id in 4..=50 {
        assert_eq!(old.call(id, "system/echo", json!(id)).await, Ok(json!(id)));
    }
    for no in [-1, -2] {
        old.expect(|packet| packet["id"] == no && packet["status"] == "end").await;
        let chunks: Vec<_> = old.chunks.iter().filter(|(of, _)| *of == no).map(|(_, bytes)| bytes.as_slice()).collect();
        assert!(chunks.len() <= 32, "{} chunks", chunks.len());
        assert!(chunks.concat() == content, "stream {no}");
    }
}
