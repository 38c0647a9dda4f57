//! Each role may do what is its own, and is told who may do the rest.

use serde_json::json;

use super::stage::{ROOM, Watched, code, join, member, refused_cast, session};

#[tokio::test]
async fn what_a_role_may_not_do_is_refused_with_who_may() {
    let mut watched = Watched::new().await;
    let mut listener = member(&watched.host, "lina", "listener", ROOM).await;
    for (id, method, params) in [
        (1, "rooms/publish", json!({"room": ROOM, "name": "say"})),
        (2, "rooms/publish", json!({"room": ROOM, "name": "set", "patch": {"a": 1}})),
        (3, "rooms/publish", json!({"room": ROOM, "name": "set", "state": 1})),
        (4, "rooms/send", json!({"room": ROOM, "name": "psst", "to": {"user": "witness"}})),
        (5, "rooms/presence", json!({"room": ROOM})),
        (6, "rooms/history", json!({"room": ROOM})),
    ] {
        let refused = listener.call(id, method, params.clone()).await.expect_err("a listener may not");
        assert_eq!(refused["code"], "forbidden", "{method} {params}");
        let told = refused["message"].as_str().unwrap_or_default();
        assert!(told.contains("listener") && told.contains("only the role speaker may"), "{told}");
        watched.hears_nothing_else(method).await;
    }
    let mut mute = member(&watched.host, "mo", "mute", ROOM).await;
    for name in ["wave", "ask"] {
        let error = refused_cast(&mut mute, json!({"room": ROOM, "name": name})).await;
        assert_eq!((&error["error"]["code"], &error["room"]), (&json!("forbidden"), &json!(ROOM)));
        let told = error["error"]["message"].as_str().unwrap_or_default();
        assert!(told.contains("only the roles speaker and listener may"), "{told}");
    }
    let mut speaker = member(&watched.host, "sven", "speaker", ROOM).await;
    let error = refused_cast(&mut speaker, json!({"room": ROOM, "name": "ask"})).await;
    assert!(error["error"]["message"].as_str().is_some_and(|told| told.contains("only the role listener may")), "{error}");
    watched.hears_nothing_else("casts").await;
}

#[tokio::test]
async fn a_role_reads_what_it_may() {
    let watched = Watched::new().await;
    let mut speaker = member(&watched.host, "sven", "speaker", ROOM).await;
    let set = json!({"room": ROOM, "name": "set", "state": {"a": 1}});
    assert_eq!(speaker.call(1, "rooms/publish", set).await.expect("published")["offset"], 1);
    let history = speaker.call(2, "rooms/history", json!({"room": ROOM})).await.expect("a page");
    assert_eq!((&history["first"], &history["last"], &history["events"][0]["state"]), (&json!(1), &json!(1), &json!({"a": 1})));
    let presence = speaker.call(3, "rooms/presence", json!({"room": ROOM})).await.expect("a page");
    assert_eq!((&presence["users"], &presence["entries"][0]["id"]), (&json!(3), &json!("speaker")));
    let mut listener = member(&watched.host, "lina", "listener", ROOM).await;
    let state = listener.call(1, "rooms/state", json!({"room": ROOM})).await.expect("every member sees the state");
    assert_eq!((&state["state"], &state["offset"]), (&json!({"a": 1}), &json!(1)));
    let joined = join(&mut listener, ROOM).await.expect("once more");
    assert!(joined.get("presence").is_none(), "a listener is not told who is there: {joined}");
}

#[tokio::test]
async fn what_only_some_hear_others_do_not() {
    let mut watched = Watched::new().await;
    let mut speaker = member(&watched.host, "sven", "speaker", ROOM).await;
    let mut listener = member(&watched.host, "lina", "listener", ROOM).await;
    listener.send(&json!({"type": "cast", "room": ROOM, "name": "ask", "payload": "louder"})).await;
    assert_eq!(speaker.expect("event").await["payload"], "louder");
    watched.hears_nothing_else("a question to the speakers").await;
}

#[tokio::test]
async fn rooms_that_hide_who_is_there_and_have_no_state() {
    let watched = Watched::new().await;
    let mut speaker = member(&watched.host, "sven", "speaker", "silent:1").await;
    assert_eq!(code(speaker.call(1, "rooms/presence", json!({"room": "silent:1"})).await), "forbidden");
    assert_eq!(code(speaker.call(2, "rooms/state", json!({"room": "silent:1"})).await), "bad-params");
    let set = json!({"room": "silent:1", "name": "set", "state": 1});
    assert_eq!(code(speaker.call(3, "rooms/publish", set).await), "bad-params");
}

#[tokio::test]
async fn a_room_that_is_not_granted_is_closed() {
    let mut watched = Watched::new().await;
    let mut stranger =
        samewire_tests::live::raw::Raw::session(watched.host.addr(), Some(&samewire_tests::live::token("eve"))).await;
    assert_eq!(code(join(&mut stranger, ROOM).await), "forbidden");
    assert_eq!(code(stranger.call(1, "rooms/presence", json!({"room": ROOM})).await), "not-joined");
    assert_eq!(code(stranger.call(2, "rooms/history", json!({"room": ROOM})).await), "not-joined");
    let mut speaker = session(&watched.host, "sven", "speaker").await;
    assert_eq!(code(join(&mut speaker, "nothing:1").await), "room-not-found");
    watched.hears_nothing_else("strangers at the door").await;
}
