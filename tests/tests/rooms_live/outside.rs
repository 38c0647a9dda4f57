//! Before joining, after leaving, and after being put out: nothing can be said or read.

use samewire_protocol::{Code, Failure};
use samewire_tests::live::raw::Raw;
use serde_json::json;

use super::stage::{ROOM, Watched, code, join, leave, refused_cast, session};

async fn is_outside(raw: &mut Raw, mut id: u64) {
    for (method, params) in [
        ("rooms/publish", json!({"room": ROOM, "name": "say"})),
        ("rooms/send", json!({"room": ROOM, "name": "psst", "to": {"user": "witness"}})),
        ("rooms/history", json!({"room": ROOM})),
        ("rooms/presence", json!({"room": ROOM})),
        ("rooms/state", json!({"room": ROOM})),
    ] {
        assert_eq!(code(raw.call(id, method, params).await), "not-joined", "{method}");
        id += 1;
    }
    let error = refused_cast(raw, json!({"room": ROOM, "name": "wave"})).await;
    assert_eq!((&error["error"]["code"], &error["room"]), (&json!("not-joined"), &json!(ROOM)));
}

#[tokio::test]
async fn before_joining_and_after_leaving() {
    let mut watched = Watched::new().await;
    let mut raw = session(&watched.host, "sven", "speaker").await;
    is_outside(&mut raw, 1).await;
    leave(&mut raw, ROOM).await;
    watched.hears_nothing_else("one who never joined").await;
    join(&mut raw, ROOM).await.expect("may join");
    leave(&mut raw, ROOM).await;
    is_outside(&mut raw, 10).await;
    watched.hears_nothing_else("one who left").await;
    assert!(!raw.skipped.iter().any(|frame| frame["name"] == "still-here" && frame["offset"] == 2), "it hears no more");
}

#[tokio::test]
async fn who_is_put_out_is_told_why_and_may_come_back() {
    let watched = Watched::with(|builder| builder).await;
    let mut raw = session(&watched.host, "sven", "speaker").await;
    join(&mut raw, ROOM).await.expect("may join");
    let rooms = watched.host.rooms();
    let room = ROOM.parse().expect("a room's name");
    assert_eq!(rooms.remove(&room, "sven", &Failure::new(Code::Forbidden, "not today")), 1);
    let left = raw.expect("left").await;
    assert_eq!((&left["error"]["code"], &left["error"]["message"]), (&json!("forbidden"), &json!("not today")));
    is_outside(&mut raw, 1).await;
    join(&mut raw, ROOM).await.expect("may join again");
    assert_eq!(rooms.close(&room, &Failure::new(Code::RoomNotFound, "closed")), 3);
    assert_eq!(raw.expect("left").await["error"]["code"], "room-not-found");
    is_outside(&mut raw, 10).await;
    let joined = join(&mut raw, ROOM).await.expect("a new room of the name");
    assert_eq!(joined["offset"], 0);
}
