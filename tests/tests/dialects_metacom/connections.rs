//! Connections that go in other ways than by a close frame, and those that are not to be.

use std::time::Duration;

use samewire_tests::live::raw::{Heard, Raw};
use samewire_tests::live::{Host, settings, until};
use serde_json::json;

use super::stage::{Old, bytes, config, host};

/// It takes up what there is of the network and is never heard of again.
#[tokio::test]
async fn one_that_is_silent_is_given_up_with_all_it_had() {
    let mut config = config();
    config.limits.heartbeat_interval = Duration::from_millis(500);
    config.limits.heartbeat_timeout = Duration::from_millis(500);
    let host = Host::start(config).await;
    let mut old = Old::connect(&host).await;
    old.open(1, 1_000_000).await;
    old.chunk(1, &bytes(100_000, 1)).await;
    old.all().await;
    until("it is given up", async || {
        let health = host.health().await;
        (health.sessions, health.streams) == (0, 0)
    })
    .await;
}

/// It asks for much and reads nothing of it.
#[tokio::test]
async fn one_that_reads_nothing_holds_up_nobody_else() {
    let host = host().await;
    let mut old = Old::connect(&host).await;
    let content = bytes(8_000_000, 2);
    old.upload(1, &content).await;
    let stored = old.call(1, "files/upload", json!({"streamId": 1})).await.expect("stored");
    for id in 2..10 {
        let packet = json!({"type": "call", "id": id, "method": "files/download", "args": {"id": stored["id"]}}).to_string();
        old.raw.write_blindly(&samewire_tests::live::raw::frame(0x81, packet.as_bytes()));
    }
    let mut witness = Old::connect(&host).await;
    for id in 1..=100 {
        assert_eq!(witness.call(id, "system/echo", json!(id)).await, Ok(json!(id)));
    }
    // What it asked for is there once it reads.
    for id in 2..10 {
        old.answer(id).await.expect("opened");
        old.expect(|packet| packet["status"] == "end" && packet["id"] == 1 - (id as i64)).await;
    }
    for no in -8..=-1 {
        let of_it = old.chunks.iter().filter(|(chunk, _)| *chunk == no).flat_map(|(_, bytes)| bytes);
        assert!(of_it.eq(content.iter()), "stream {no}");
    }
}

#[tokio::test]
async fn a_page_of_another_site_is_refused() {
    let host = host().await;
    let raw = Raw::dial_at(host.addr(), "/api", &[("Origin", "https://elsewhere.example")]).await;
    let mut raw = raw.expect("the refusal comes as a close frame");
    match raw.next().await {
        Heard::Close(1008, reason) => assert!(reason.contains("origins"), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn where_it_is_not_spoken_there_is_nothing() {
    let host = Host::start(settings()).await;
    let refused = Raw::dial_at(host.addr(), "/api", &[]).await.expect_err("nothing is there");
    assert_eq!(refused.status, 404);
    let answer = samewire_tests::live::http::send(
        samewire_tests::live::http::requests().post(format!("{}/api/system/echo", host.url())).body("{}"),
    )
    .await;
    assert!(matches!(answer.status, 404 | 405), "{}", answer.status);
}

/// A server that stops says when to come back, in the way that any client understands.
#[tokio::test]
async fn a_server_that_stops_says_so() {
    let mut host = host().await;
    let mut old = Old::connect(&host).await;
    assert_eq!(old.call(1, "system/echo", json!(1)).await, Ok(json!(1)));
    let (heard, ()) = tokio::join!(old.raw.next(), host.stop());
    assert!(matches!(heard, Heard::Close(1012, _)), "{heard:?}");
}

/// What it was reading cannot be gone on with, and its user's other connections need the places.
#[tokio::test]
async fn what_a_connection_was_reading_goes_with_it() {
    let host = host().await;
    let address = format!("/api?token={}", samewire_tests::live::token("zoe"));
    let mut old = Old::connect_at(&host, &address, &[]).await;
    old.upload(1, &bytes(8_000_000, 3)).await;
    let stored = old.call(1, "files/upload", json!({"streamId": 1})).await.expect("stored");
    for way in 0..4 {
        let mut reader = Old::connect_at(&host, &address, &[]).await;
        for id in 1..=64 {
            let packet = json!({"type": "call", "id": id, "method": "files/download", "args": {"id": stored["id"]}});
            reader.raw.write_blindly(&samewire_tests::live::raw::frame(0x81, packet.to_string().as_bytes()));
        }
        if way > 0 {
            until("some are begun", async || host.health().await.streams > 0).await;
        }
        match way {
            2 => reader.raw.close(1000).await,
            3 => reader.ask(65, "auth/restore", json!({"token": samewire_tests::live::token("ann")})).await,
            _ => {}
        }
        if way == 3 {
            reader.answer(65).await.expect("restored");
        } else {
            drop(reader);
        }
        until("none is left", async || host.health().await.streams == 0).await;
    }
    old.call(2, "files/download", json!({"id": stored["id"]})).await.expect("there is room");
}
