//! Packets that are none, and too much of everything. The connection they come over goes on.

use samewire_tests::live::raw::opcode;
use samewire_tests::live::{Host, until};
use serde_json::{Value, json};

use super::stage::{Old, bytes, config, host, host_that_waits};

#[tokio::test]
async fn what_is_no_packet_is_told_why_and_answers_nothing() {
    let host = host().await;
    let mut old = Old::connect(&host).await;
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    for text in [
        "",
        "null",
        "[]",
        "{",
        "\"{}\"",
        "\u{feff}{}",
        r#"{"type":"call"}"#,
        r#"{"type":"call","id":"one","method":"system/echo"}"#,
        r#"{"type":"call","id":0,"method":"system/echo"}"#,
        r#"{"type":"call","id":1e300,"method":"system/echo"}"#,
        r#"{"type":"call","id":1,"method":["system/echo"]}"#,
        r#"{"type":"event","name":"files/uploaded","data":{}}"#,
        r#"{"type":"callback","id":1,"result":1}"#,
        r#"{"type":"stream","id":1}"#,
        r#"{"type":"stream","id":4294967296,"name":"x","size":1}"#,
        r#"{"type":"stream","id":1,"name":"x","size":1e17}"#,
        r#"{"type":"stream","id":1,"name":7,"size":1}"#,
        r#"{"call":1}"#,
        r#"{"call":null,"system/echo":1}"#,
        &deep,
    ] {
        old.say(text).await;
        let answer = old.next().await;
        assert_eq!((&answer["type"], &answer["error"]["code"]), (&json!("callback"), &json!(400)), "{text:.60}: {answer}");
        assert!(answer.get("id").is_none(), "{text:.60}: no call has this answer");
    }
    for chunk in [&b""[..], b"\0", b"\0\0\0"] {
        old.raw.frame(opcode::BINARY, true, chunk).await;
        assert_eq!(old.next().await["error"]["code"], 400);
    }
    assert_eq!(old.call(1, "system/echo", json!([1])).await, Ok(json!([1])));
}

#[tokio::test]
async fn calls_that_cannot_be_made() {
    let host = host().await;
    let mut old = Old::connect(&host).await;
    for (method, args, code) in [
        ("no/such", json!({}), 404),
        ("", json!({}), 404),
        ("files", json!({}), 404),
        ("../../etc/passwd", json!({}), 404),
        ("files/upload", json!([]), 400),
        ("files/upload", json!({"streamId": "1"}), 400),
        ("files/upload", json!({"streamId": 1.5}), 400),
        ("files/upload", json!({"streamId": -1}), 404),
        ("files/upload", json!({"streamId": 1_i64 << 40}), 400),
        ("files/upload", json!({"streamId": 1, "name": "../x"}), 400),
        ("files/download", json!({}), 400),
        ("files/download", json!({"id": "no id"}), 400),
        ("files/download", json!({"id": format!("fi_{}", "0".repeat(32))}), 404),
        ("rooms/join", json!({"room": "no room"}), 400),
        ("rooms/join", json!({"room": "nothing:1"}), 404),
        ("system/introspect", json!({"units": 1}), 400),
        ("auth/restore", json!({}), 400),
    ] {
        let error = old.call(1, method, args.clone()).await.expect_err(method);
        assert_eq!(error["code"], code, "{method} {args}: {error}");
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{error}");
    }
    // A version is left out where the server has none.
    assert_eq!(old.call(2, "system.7/echo", json!(2)).await, Ok(json!(2)));
}

#[tokio::test]
async fn more_calls_than_may_be_under_way() {
    let mut config = config();
    config.limits.max_calls = 8;
    let (host, go) = host_that_waits(config).await;
    let (mut old, mut witness) = (Old::connect(&host).await, Old::connect(&host).await);
    for id in 1..=1000 {
        old.ask(id, "tests/wait", json!(id)).await;
    }
    assert_eq!(witness.call(1, "system/echo", json!(1)).await, Ok(json!(1)));
    go.send_replace(true);
    for id in 1..=1000 {
        assert_eq!(old.answer(id).await, Ok(json!(id)), "it waited, and was made");
    }
}

/// Bytes that calls wait for come behind calls.
#[tokio::test]
async fn calls_that_wait_for_bytes_do_not_hold_them_up() {
    let mut config = config();
    config.limits.max_calls = 4;
    let host = Host::start(config).await;
    let mut old = Old::connect(&host).await;
    for no in 1..=4 {
        old.open(no, 3).await;
        old.call(no as u64, "files/upload", json!({"streamId": no})).await.expect("taken on");
    }
    assert_eq!(old.call(5, "system/echo", json!(5)).await.expect_err("too many")["code"], 503);
    for no in 1..=4 {
        old.chunk(no, b"abc").await;
        old.end(no).await;
    }
    for _ in 1..=4 {
        assert_eq!(old.event("files/uploaded").await["size"], 3);
    }
    assert_eq!(old.call(6, "system/echo", json!(6)).await, Ok(json!(6)));
}

/// A few bytes of a question are not to be many of an answer.
#[tokio::test]
async fn what_there_is_is_told_of_some_units_each_once() {
    let host = host().await;
    let mut old = Old::connect(&host).await;
    let asked: Vec<_> = (0..64).map(|n| format!("files.{n}")).collect();
    let told = old.call(1, "system/introspect", json!(asked)).await.expect("so many may be asked for");
    let told = told.as_object().expect("units");
    assert_eq!(told.keys().collect::<Vec<_>>(), ["files.0"], "one unit by many versions is one");
    let unknown = old.call(2, "system/introspect", json!(["nothing", "files"])).await.expect("told");
    assert_eq!(unknown.as_object().expect("units").keys().collect::<Vec<_>>(), ["files"]);
    let many: Vec<_> = (0..100_000).map(|n| format!("f.{n}")).collect();
    for asked in [json!(many), json!(asked.iter().chain(&asked[..1]).collect::<Vec<_>>()), json!(["x".repeat(129)])] {
        assert_eq!(old.call(3, "system/introspect", asked).await.expect_err("too much")["code"], 400);
    }
}

#[tokio::test]
async fn more_rooms_than_one_may_be_in() {
    let mut config = config();
    config.dev = true;
    config.limits.max_rooms = 50;
    config.limits.max_calls = 5000;
    let host = Host::start(config).await;
    let mut old = Old::connect(&host).await;
    for id in 1..=3000 {
        old.ask(id, "rooms/join", json!({"room": format!("demo:{id}")})).await;
    }
    let mut joined = 0;
    for id in 1..=3000 {
        match old.answer(id).await {
            Ok(_) => joined += 1,
            Err(error) => assert_eq!(error["reason"], "too-many-rooms"),
        }
    }
    assert_eq!(joined, 50);
    assert_eq!(old.call(3001, "rooms/leave", json!({"room": "demo:1"})).await, Ok(json!(true)));
    assert_eq!(old.call(3002, "rooms/join", json!({"room": "demo:x"})).await.expect("there is room again")["room"], "demo:x");
}

#[tokio::test]
async fn more_streams_than_one_may_have() {
    let mut config = config();
    config.limits.max_streams = 4;
    let host = Host::start(config).await;
    let mut old = Old::connect(&host).await;
    for no in 1..=3000 {
        old.open(no, 10).await;
    }
    old.expect(|packet| packet["name"] == "files/failed" && packet["data"]["streamId"] == 3000).await;
    until("as many are there as may", async || host.health().await.streams == 4).await;
    let failed = old.all().await;
    let reasons: std::collections::BTreeSet<_> = failed.iter().filter_map(|packet| packet["data"]["reason"].as_str()).collect();
    assert_eq!(reasons, ["too-many-streams"].into());
    old.chunk(1, &bytes(10, 1)).await;
    old.end(1).await;
    assert_eq!(old.call(1, "files/upload", json!({"streamId": 1})).await.expect("the first goes on")["size"], 10);
}

/// Numbers that a client makes up: each is told once, and after many nothing at all.
#[tokio::test]
async fn a_flood_of_chunks_of_nothing() {
    let host = host().await;
    let mut old = Old::connect(&host).await;
    for no in [3, -3, i32::MAX, i32::MIN, 0] {
        for _ in 0..20 {
            old.chunk(no, b"nothing").await;
        }
        let told = old.told_of(no).await;
        assert_eq!(told.iter().filter(|packet| packet["status"] == "terminate").count(), 1, "{no}: {told:?}");
    }
    for no in 0..20_000 {
        old.chunk(no, b"nothing").await;
    }
    let told = old.all().await;
    assert!(told.len() <= 2 * 1024, "{} packets", told.len());
    assert_eq!(old.call(1, "system/echo", Value::Null).await, Ok(Value::Null));
}

/// Streams of another connection have the same numbers, and are others.
#[tokio::test]
async fn numbers_are_of_one_connection() {
    let host = host().await;
    let (mut ada, mut eve) = (Old::connect(&host).await, Old::connect(&host).await);
    ada.open(1, 6).await;
    ada.chunk(1, b"abc").await;
    eve.chunk(1, b"xyz").await;
    eve.end(1).await;
    assert_eq!(eve.call(1, "files/upload", json!({"streamId": 1})).await.expect_err("not hers")["code"], 404);
    eve.send(&json!({"type": "stream", "id": 1, "status": "terminate"})).await;
    eve.open(1, 3).await;
    eve.chunk(1, b"eve").await;
    eve.end(1).await;
    let hers = eve.call(2, "files/upload", json!({"streamId": 1})).await.expect("her own");
    ada.chunk(1, b"def").await;
    ada.end(1).await;
    let his = ada.call(1, "files/upload", json!({"streamId": 1})).await.expect("stored");
    assert_eq!((&hers["size"], &his["size"]), (&json!(3), &json!(6)));
    assert_eq!(eve.call(3, "files/download", json!({"id": his["id"]})).await.expect_err("not hers")["code"], 404);
}
