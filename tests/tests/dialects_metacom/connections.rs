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
