//! An old client and one of the SDK: they are in the same rooms, and have the same files.

use samewire::Client;
use samewire::rooms::{JoinOptions, Room, RoomEvent};
use samewire_server::rooms::core::Message;
use samewire_tests::live::{Host, contents, download, list, token, upload, within};
use serde_json::{Value, json};

use super::stage::{Old, config};

async fn both() -> (Host, Old, Client) {
    let mut config = config();
    config.dev = true;
    let host = Host::start(config).await;
    let old = Old::connect_at(&host, &format!("/api?token={}", token("ada")), &[]).await;
    let new = Client::builder(host.url()).token(token("ada")).build().expect("a client");
    (host, old, new)
}

async fn message(room: &Room) -> (String, Value) {
    loop {
        if let RoomEvent::Message(message) = within("a message", room.next()).await.expect("the room goes on") {
            return (message.name.to_string(), message.payload().expect("JSON"));
        }
    }
}

#[tokio::test]
async fn what_either_says_in_a_room_both_hear_in_the_same_order() {
    let (_host, mut old, new) = both().await;
    let room = within("a join", new.join("demo:1", JoinOptions::new())).await.expect("joined");
    assert_eq!(old.call(1, "rooms/join", json!({"room": "demo:1"})).await.expect("joined")["offset"], 0);
    for turn in 0..20 {
        if turn % 2 == 0 {
            let publication = json!({"room": "demo:1", "name": "say", "payload": {"turn": turn}});
            old.call(turn + 2, "rooms/publish", publication).await.expect("published");
        } else {
            within("a publish", room.publish("say", &json!({"turn": turn}))).await.expect("published");
        }
        assert_eq!(old.event("demo/say").await, json!({"room": "demo:1", "turn": turn}));
        assert_eq!(message(&room).await, ("say".to_owned(), json!({"turn": turn})));
    }
    // Who comes back into the room is told how it stands.
    let again = old.call(100, "rooms/join", json!({"room": "demo:1"})).await.expect("there already");
    assert_eq!(again["offset"], 20);
    old.call(101, "rooms/leave", json!({"room": "demo:1"})).await.expect("left");
    within("a publish", room.publish("say", &json!({}))).await.expect("published");
    assert_eq!(old.call(102, "rooms/join", json!({"room": "demo:1"})).await.expect("joined")["offset"], 21);
    assert!(old.heard.iter().all(|packet| packet["type"] != "event"), "nothing was heard outside of it: {:?}", old.heard);
}

#[tokio::test]
async fn a_file_and_its_progress_are_the_same_to_both() {
    let (host, mut old, new) = both().await;
    let (bytes, digest) = contents(1, 700_001);
    old.upload(1, &bytes).await;
    old.call(1, "files/upload", json!({"streamId": 1, "name": "by the old one"})).await.expect("stored");
    let files = within("a list", list(&new)).await.expect("a list");
    assert_eq!((files[0].name.as_str(), files[0].size, files[0].digest), ("by the old one", 700_001, digest));
    assert_eq!(within("a download", download(&new, files[0].id)).await.expect("its bytes"), bytes);

    let (bytes, _) = contents(2, 300_001);
    let theirs = within("an upload", upload(&new, "by the new one", bytes.clone())).await.expect("stored");
    old.call(2, "files/download", json!({"name": "by the new one"})).await.expect("opened");
    old.expect(|packet| packet["status"] == "end").await;
    assert!(old.chunks.iter().flat_map(|(_, bytes)| bytes).eq(bytes.iter()));

    let room = format!("file:{}", theirs.id);
    let joined = old.call(3, "rooms/join", json!({"room": room})).await.expect("joined");
    assert_eq!(joined["state"]["name"], "by the new one");
    let there = within("a join", new.join(&room, JoinOptions::new())).await.expect("joined");
    assert_eq!(there.state().expect("a record")["name"], "by the new one");
    for progress in [10, 50, 100] {
        let payload = json!({"fileId": theirs.id, "kind": "tests", "progress": progress});
        let raw = serde_json::value::to_raw_value(&payload).expect("JSON");
        let message_of = Message { payload: Some(raw), ..Message::new("processing:progress".parse().expect("a name")) };
        within("a publish", host.rooms().publish(&room.parse().expect("a room"), message_of)).await.expect("published");
        let mut expected = payload.clone();
        expected["room"] = room.clone().into();
        assert_eq!(old.event("file/processing:progress").await, expected);
        assert_eq!(message(&there).await, ("processing:progress".to_owned(), payload));
    }
    // The file goes, and with it the room.
    old.call(4, "files/remove", json!({"id": theirs.id})).await.expect("removed");
    assert_eq!(old.event("file/left").await["code"], "file-not-found");
}

/// In Node, a client that hears an event of this name and does not listen to it is ended by that.
#[tokio::test]
async fn an_event_named_error_is_heard_under_another_name() {
    let (_host, mut old, new) = both().await;
    let room = within("a join", new.join("demo:1", JoinOptions::new())).await.expect("joined");
    old.call(1, "rooms/join", json!({"room": "demo:1"})).await.expect("joined");
    within("a publish", room.publish("error", &json!({"n": 1}))).await.expect("published");
    assert_eq!(old.event("demo/error.").await, json!({"room": "demo:1", "n": 1}));
    assert_eq!(message(&room).await.0, "error");
}
