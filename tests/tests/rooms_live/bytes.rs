//! Messages of bytes.

use samewire_tests::live::raw::{Heard, Raw, opcode};
use serde_json::{Value, json};

use super::stage::{ROOM, Watched, member};

/// A frame with an attachment.
fn attached(head: &Value, bytes: &[u8]) -> Vec<u8> {
    let head = head.to_string();
    let mut frame = vec![2, 0, 0, 0];
    frame.extend_from_slice(&(head.len() as u32).to_be_bytes());
    frame.extend_from_slice(&[0; 8]);
    frame.extend_from_slice(head.as_bytes());
    frame.extend_from_slice(bytes);
    frame
}

async fn next_attached(raw: &mut Raw) -> (Value, Vec<u8>) {
    loop {
        match raw.next().await {
            Heard::Binary(frame) => {
                assert_eq!(frame[0], 2);
                let head = u32::from_be_bytes(frame[4..8].try_into().expect("four bytes")) as usize;
                let json = serde_json::from_slice(&frame[16..16 + head]).expect("the head is JSON");
                return (json, frame[16 + head..].to_vec());
            }
            Heard::Text(frame) => raw.skipped.push(frame),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn bytes_travel_as_they_are() {
    let watched = Watched::new().await;
    let mut sven = member(&watched.host, "sven", "speaker", ROOM).await;
    let mut lina = member(&watched.host, "lina", "listener", ROOM).await;
    let call = json!({"type": "call", "id": 1, "method": "rooms/publish", "payload": {"room": ROOM, "name": "blob"}});
    sven.frame(opcode::BINARY, true, &attached(&call, b"\0\xff\x01")).await;
    let (event, bytes) = next_attached(&mut lina).await;
    assert_eq!((&event["type"], &event["offset"], &event["name"]), (&json!("event"), &json!(1), &json!("blob")));
    assert_eq!(bytes, b"\0\xff\x01");
    assert_eq!(next_attached(&mut sven).await.1, b"\0\xff\x01", "its own event");
    let published = sven.skipped.iter().find(|frame| frame["type"] == "result").cloned();
    assert_eq!(published.expect("the answer comes first")["payload"]["offset"], 1);
    let cast = json!({"type": "cast", "room": ROOM, "name": "wave"});
    lina.frame(opcode::BINARY, true, &attached(&cast, b"hi")).await;
    assert_eq!(next_attached(&mut sven).await.1, b"hi");
    let call = json!({"type": "call", "id": 2, "method": "rooms/send", "payload": {"room": ROOM, "name": "psst", "to": {"user": "lina"}}});
    sven.frame(opcode::BINARY, true, &attached(&call, b"secret")).await;
    let (signal, bytes) = next_attached(&mut lina).await;
    assert_eq!((&signal["type"], bytes.as_slice()), (&json!("signal"), &b"secret"[..]));
    sven.send(&json!({"type": "call", "id": 3, "method": "rooms/history", "payload": {"room": ROOM}})).await;
    let (result, bytes) = next_attached(&mut sven).await;
    assert_eq!((&result["type"], &result["id"]), (&json!("result"), &json!(3)));
    let events = &result["payload"]["events"];
    assert_eq!((&events[0]["attached"], bytes.as_slice()), (&json!(3), &b"\0\xff\x01"[..]));
}

#[tokio::test]
async fn a_message_is_bytes_or_json() {
    let mut watched = Watched::new().await;
    let mut sven = member(&watched.host, "sven", "speaker", ROOM).await;
    let params = json!({"room": ROOM, "name": "blob", "payload": 1});
    let call = json!({"type": "call", "id": 1, "method": "rooms/publish", "payload": params});
    sven.frame(opcode::BINARY, true, &attached(&call, b"x")).await;
    assert_eq!(sven.answer(1).await.expect_err("both")["code"], "bad-params");
    let big = vec![0; 3_000];
    let call = json!({"type": "call", "id": 2, "method": "rooms/publish", "payload": {"room": ROOM, "name": "blob"}});
    sven.frame(opcode::BINARY, true, &attached(&call, &big)).await;
    assert_eq!(sven.answer(2).await.expect_err("too big")["code"], "too-big");
    watched.hears_nothing_else("odd bytes").await;
}
