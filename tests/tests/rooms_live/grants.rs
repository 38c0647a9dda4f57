//! Tokens that are renewed while their session is in rooms.

use samewire_server::auth::Grants;
use samewire_tests::live::raw::Raw;
use serde_json::json;

use super::stage::{ROOM, Watched, code, join, sign, token};

async fn renew(raw: &mut Raw, token: &str) {
    raw.send(&json!({"type": "token", "token": token})).await;
    raw.expect("token").await;
}

#[tokio::test]
async fn a_grant_that_ends_ends_the_membership() {
    let mut watched = Watched::new().await;
    let mut raw = Raw::session(watched.host.addr(), Some(&token("sven", ROOM, "speaker"))).await;
    join(&mut raw, ROOM).await.expect("may join");
    renew(&mut raw, &sign("sven", Grants::default())).await;
    let left = raw.expect("left").await;
    assert_eq!((&left["room"], &left["error"]["code"]), (&json!(ROOM), &json!("forbidden")));
    assert_eq!(code(raw.call(1, "rooms/publish", json!({"room": ROOM, "name": "say"})).await), "not-joined");
    assert_eq!(code(join(&mut raw, ROOM).await), "forbidden");
    watched.hears_nothing_else("a grant that ended").await;
}

#[tokio::test]
async fn another_role_holds_at_once() {
    let watched = Watched::new().await;
    let mut raw = Raw::session(watched.host.addr(), Some(&token("sven", ROOM, "speaker"))).await;
    let before = join(&mut raw, ROOM).await.expect("may join");
    raw.call(1, "rooms/publish", json!({"room": ROOM, "name": "say"})).await.expect("a speaker may");
    raw.expect("event").await;
    renew(&mut raw, &token("sven", ROOM, "listener")).await;
    let joined = raw.expect("joined").await;
    assert_eq!((&joined["role"], &joined["recovered"], &joined["offset"]), (&json!("listener"), &json!(true), &json!(1)));
    assert_eq!(joined["member"], before["member"]);
    assert_eq!(code(raw.call(2, "rooms/publish", json!({"room": ROOM, "name": "say"})).await), "forbidden");
}

#[tokio::test]
async fn a_grant_that_is_gone_when_a_client_comes_back_ends_the_membership() {
    let mut watched = Watched::new().await;
    let mut raw = Raw::session(watched.host.addr(), Some(&token("sven", ROOM, "speaker"))).await;
    join(&mut raw, ROOM).await.expect("may join");
    let ticket = raw.ticket.clone();
    drop(raw);
    let mut raw = Raw::connect(watched.host.addr()).await;
    raw.hello(json!({"ticket": ticket, "token": sign("sven", Grants::default())})).await;
    assert_eq!(code(raw.call(1, "rooms/publish", json!({"room": ROOM, "name": "say"})).await), "not-joined");
    assert_eq!(code(join(&mut raw, ROOM).await), "forbidden");
    watched.hears_nothing_else("a grant that was gone").await;
}
