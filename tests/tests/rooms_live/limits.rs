//! What is too big, too much or too fast.

use serde_json::json;

use super::stage::{ROOM, Watched, code, join, join_with, member, refused_cast, session};

#[tokio::test]
async fn what_is_too_big_is_refused_and_changes_nothing() {
    let mut watched = Watched::new().await;
    let mut raw = session(&watched.host, "sven", "speaker").await;
    let info = json!({"room": ROOM, "info": "x".repeat(1_025)});
    assert_eq!(code(join_with(&mut raw, info).await), "too-big");
    join_with(&mut raw, json!({"room": ROOM, "info": {"name": "Sven"}})).await.expect("may join");
    let big = "x".repeat(2_100);
    assert_eq!(refused_cast(&mut raw, json!({"room": ROOM, "name": "say", "payload": big})).await["error"]["code"], "too-big");
    let some = "x".repeat(600);
    for (id, method, params) in [
        (1, "rooms/publish", json!({"room": ROOM, "name": "say", "payload": big})),
        (2, "rooms/publish", json!({"room": ROOM, "name": "say", "payload": "x".repeat(1_500), "patch": {"a": some}})),
        (3, "rooms/publish", json!({"room": ROOM, "name": "set", "state": "x".repeat(1_100)})),
        (4, "rooms/send", json!({"room": ROOM, "name": "psst", "to": {"user": "witness"}, "payload": big})),
    ] {
        assert_eq!(code(raw.call(id, method, params).await), "too-big", "{method}");
    }
    watched.hears_nothing_else("what was too big").await;
    // A state grows by patches, each of them small.
    let patch = |key: &str| json!({"room": ROOM, "name": "set", "patch": {key: some}});
    raw.call(10, "rooms/publish", patch("a")).await.expect("it fits");
    assert_eq!(code(raw.call(11, "rooms/publish", patch("b")).await), "too-big");
    let state = raw.call(12, "rooms/state", json!({"room": ROOM})).await.expect("a state");
    assert_eq!((&state["state"], &state["offset"]), (&json!({"a": some}), &json!(2)));
}

#[tokio::test]
async fn who_is_too_fast_is_told_to_wait() {
    let mut watched = Watched::new().await;
    let room = "slowly:1";
    let mut raw = member(&watched.host, "sven", "speaker", room).await;
    let mut codes = Vec::new();
    for id in 1..=8 {
        let published = raw.call(id, "rooms/publish", json!({"room": room, "name": "say"})).await;
        codes.push(published.err().map(|error| {
            assert_eq!((&error["retryable"], &error["ran"]), (&json!(true), &json!("yes")));
            error["code"].as_str().unwrap_or_default().to_owned()
        }));
    }
    assert_eq!(codes[..3], [None, None, None]);
    assert!(codes[3..].iter().filter(|code| code.as_deref() == Some("rate-limited")).count() >= 4, "{codes:?}");
    let error = refused_cast(&mut raw, json!({"room": room, "name": "wave"})).await;
    assert_eq!(error["error"]["code"], "rate-limited");
    watched.hears_nothing_else("one who was too fast elsewhere").await;
}

#[tokio::test]
async fn a_full_room_takes_nobody() {
    let watched = Watched::new().await;
    let room = "small:1";
    let mut first = member(&watched.host, "a", "speaker", room).await;
    let _second = member(&watched.host, "b", "speaker", room).await;
    let mut third = session(&watched.host, "c", "speaker").await;
    let refused = join(&mut third, room).await.expect_err("it is full");
    assert_eq!((&refused["code"], &refused["retryable"]), (&json!("room-full"), &json!(true)));
    super::stage::leave(&mut first, room).await;
    join(&mut third, room).await.expect("there is room now");
}
