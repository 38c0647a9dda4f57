//! Clients of Socket.IO at the wrong address.

use samewire_tests::live::http;
use samewire_tests::live::token;

use crate::old::{Old, stage};

const TOLD: &str =
    "no Socket.IO here: open new WebSocket(\"wss://HOST/ws/portal-view/ID?token=JWT\") and send JSON; see docs/dialects.md";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_its_address_it_is_known_and_told_in_packets_of_its_own() {
    let stage = stage().await;
    let view = stage.view().await;
    let token = token("vera");
    for address in [
        format!("/ws/portal-view/{view}/?EIO=4&transport=websocket"),
        format!("/ws/portal-view/{view}?token={token}&EIO=3&transport=websocket"),
        "/ws/portal-view/socket.io/?EIO=4&transport=websocket".into(),
        "/socket.io/?EIO=4&transport=websocket".into(),
    ] {
        let mut stray = Old::dial(&stage, &address).await;
        assert_eq!(stray.end().await, (1003, TOLD.into()), "{address}");
        let packets: Vec<_> = stray.heard.iter().filter_map(|packet| packet.as_str()).collect();
        assert_eq!(packets.len(), 2, "{packets:?}");
        assert!(
            packets[0].starts_with("0{\"sid\":") && packets[1].starts_with("44{\"message\":\"no Socket.IO here"),
            "{packets:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_long_polling_it_is_answered_over_http() {
    let stage = stage().await;
    let view = stage.view().await;
    for address in
        [format!("/ws/portal-view/{view}/?EIO=4&transport=polling&t=abc"), "/socket.io/?EIO=4&transport=polling".into()]
    {
        for method in ["GET", "POST", "OPTIONS"] {
            let request = stage.request("vera", method, &address).header("origin", "http://localhost:5173");
            let answer = http::send(request).await;
            if method != "OPTIONS" {
                assert_eq!((answer.status, answer.problem().as_str()), (400, "wrong-protocol"), "{method} {address}");
                assert_eq!(answer.json()["detail"], TOLD);
            }
        }
    }
    // Somebody who forgot that it is a WebSocket.
    let answer = http::send(stage.request("vera", "GET", &format!("/ws/portal-view/{view}"))).await;
    assert_eq!((answer.status, answer.problem().as_str()), (426, "wrong-protocol"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_its_first_packet_it_is_known_too() {
    let stage = stage().await;
    let view = stage.view().await;
    for packet in ["0{\"sid\":\"x\"}", "40", "2probe", "40/ws/portal-view/1,", "42[\"join\",1]", "5"] {
        let mut stray = Old::open(&stage, "vera", view).await;
        stray.text(packet).await;
        assert_eq!(stray.end().await, (1003, TOLD.into()), "{packet}");
    }
    // Who has said something else before made a mistake, and goes on.
    let mut vera = Old::open(&stage, "vera", view).await;
    vera.settled().await;
    vera.text("40").await;
    assert_eq!(vera.error().await, "bad-params");
    vera.settled().await;
}
