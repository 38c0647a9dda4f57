//! A connection whose client shows another credential: the same identity goes on with all it had, another one begins with nothing.

use samewire_protocol::Method;
use samewire_server::SessionHandle;
use samewire_server::config::{ApiKey, Secret};
use samewire_tests::live::raw::Heard;
use samewire_tests::live::{Host, http, token, until};
use serde_json::{Value, json};

use super::stage::{Old, Wait, bytes, closed, config, host_that_waits};

const KEY: &str = "an api key of the tests, of no use elsewhere";

/// The bytes of a whole upload were thrown away, and nobody was told; rooms fell silent.
#[tokio::test]
async fn the_same_identity_keeps_what_it_has() {
    let mut config = closed();
    config.dev = true;
    let (host, go) = host_that_waits(config).await;
    let mut old = Old::connect_at(&host, &format!("/api?token={}", token("ada")), &[]).await;
    old.call(1, "rooms/join", json!({"room": "demo:1"})).await.expect("joined");
    old.open(1, 6).await;
    old.call(2, "files/upload", json!({"streamId": 1, "name": "kept"})).await.expect("taken on");
    old.chunk(1, b"abc").await;
    old.ask(3, Wait::NAME, json!({})).await;
    let status = old.call(4, "auth/status", json!({})).await.expect("known");
    // By a token, by the ticket of the session itself, and by that of another one.
    let mut other = Old::connect_at(&host, &format!("/api?token={}", token("ada")), &[]).await;
    let others = other.call(1, "auth/status", json!({})).await.expect("known");
    for (call, token) in [(5, json!(token("ada"))), (6, status["token"].clone()), (7, others["token"].clone())] {
        let restored = old.call(call, "auth/restore", json!({"token": token})).await;
        assert_eq!(restored, Ok(json!({"status": "logged", "user": "ada"})));
    }
    old.chunk(1, b"def").await;
    old.end(1).await;
    assert_eq!(old.event("files/uploaded").await["size"], 6);
    go.send_replace(true);
    assert_eq!(old.answer(3).await, Ok(json!({})));
    old.call(8, "rooms/publish", json!({"room": "demo:1", "name": "said", "payload": {}})).await.expect("still in it");
    assert_eq!(old.event("demo/said").await["room"], "demo:1");
    assert_eq!(host.health().await.sessions, 2);
}

#[tokio::test]
async fn another_identity_is_told_what_it_lost() {
    let mut config = closed();
    config.dev = true;
    let host = Host::start(config).await;
    let mut old = Old::connect_at(&host, &format!("/api?token={}", token("ada")), &[]).await;
    old.call(1, "rooms/join", json!({"room": "demo:1"})).await.expect("joined");
    let content = bytes(30_000_000, 1);
    old.upload(1, &content).await;
    let stored = old.call(2, "files/upload", json!({"streamId": 1})).await.expect("stored");
    old.open(2, 6).await;
    old.chunk(2, b"abc").await;
    old.upload(3, b"whole").await;
    old.call(3, "files/download", json!({"id": stored["id"]})).await.expect("begun");
    assert_eq!(old.call(4, "auth/restore", json!({"token": token("bob")})).await.expect("restored")["user"], "bob");
    let told = old.all().await;
    for no in [2, 3, -1] {
        let ended = |packet: &&Value| packet["id"] == no && packet["status"] == "terminate";
        assert_eq!(told.iter().filter(ended).count(), 1, "stream {no}: {told:?}");
        let failed = |packet: &&Value| packet["name"] == "files/failed" && packet["data"]["streamId"] == no;
        assert_eq!(told.iter().filter(failed).count(), 1, "stream {no}: {told:?}");
    }
    let left: Vec<_> = told.iter().filter(|packet| packet["name"] == "demo/left").collect();
    assert_eq!((left.len(), &left[0]["data"]["room"]), (1, &json!("demo:1")), "{told:?}");
    // Its bytes that were on their way are told no more of, and a call that names it hears why.
    old.chunk(2, b"def").await;
    assert_eq!(old.told_of(2).await, Vec::<Value>::new());
    assert_eq!(old.call(5, "files/upload", json!({"streamId": 2})).await.expect_err("lost")["reason"], "session-closed");
    until("the streams sent are gone", async || samewire_tests::live::blob_count(host.data()) == 1).await;
}

samewire_tests::contract!(
    /// Answers with the session that it is called in.
    Session, "tests/session", "Tell the session", true
);

/// A server that tells sessions, and takes them back.
async fn host_that_tells() -> Host {
    let mut config = config();
    config.api_keys = vec![ApiKey { name: "the tests".into(), key: Some(Secret::new(KEY)), key_file: None }];
    Host::with(config, |builder| {
        builder.method::<Session, _, _>(async |session: Option<SessionHandle>, _: Value| {
            Ok(json!(session.map(|session| session.id().to_string())))
        })
    })
    .await
}

async fn take_back(host: &Host, session: &Value) {
    let revoke = http::requests().post(format!("{}/api/revocations", host.url())).bearer_auth(KEY);
    let answer = http::send(revoke.body(json!({"session": session}).to_string())).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

/// A page that is loaded: with the token that the one before it kept.
async fn load(host: &Host, kept: &mut Value) -> Old {
    let mut page = Old::connect(host).await;
    if !kept.is_null() {
        assert_eq!(page.call(1, "auth/restore", json!({"token": kept})).await.expect("restored")["status"], "logged");
    }
    *kept = page.call(2, "auth/status", json!({})).await.expect("known")["token"].clone();
    page
}

async fn is_closed_as_revoked(page: &mut Old) {
    let heard = page.raw.next().await;
    assert!(matches!(&heard, Heard::Close(1008, reason) if reason.contains("revoked")), "{heard:?}");
}

/// From the ninth on each took the place of the one before it, which was closed though it lived.
#[tokio::test]
async fn a_session_that_is_taken_back_takes_those_along_that_came_by_its_ticket() {
    let ada = json!(token("ada"));
    // For somebody without a name nothing else can be taken back.
    for (count, taken_back, kept) in [(10, 0, &Value::Null), (10, 9, &ada), (40, 20, &Value::Null), (40, 0, &ada)] {
        let host = host_that_tells().await;
        let mut kept = kept.clone();
        let (mut row, mut sessions) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let mut page = load(&host, &mut kept).await;
            sessions.push(page.call(3, Session::NAME, json!({})).await.expect("a session"));
            row.push(page);
        }
        for page in &mut row {
            assert_eq!(page.call(4, "system/echo", json!("here")).await, Ok(json!("here")));
        }
        let mut witness = Old::connect(&host).await;
        // It may have gone before.
        drop(row.remove(taken_back));
        take_back(&host, &sessions[taken_back]).await;
        for page in &mut row {
            is_closed_as_revoked(page).await;
        }
        let restored = witness.call(2, "auth/restore", json!({"token": kept})).await.expect("an answer");
        assert_eq!((&restored["status"], &restored["reason"]), (&json!("not logged"), &json!("token-revoked")));
        until("none of them is left", async || host.health().await.sessions == 1).await;
    }
}

/// They closed each other as often as they came back.
#[tokio::test]
async fn two_tabs_that_share_the_newest_token_both_stay() {
    let host = host_that_tells().await;
    let mut kept = Value::Null;
    let mut tabs = [load(&host, &mut kept).await, load(&host, &mut kept).await];
    for round in 0..24 {
        tabs[round % 2] = load(&host, &mut kept).await;
        for tab in &mut tabs {
            assert_eq!(tab.call(3, "system/echo", json!(round)).await, Ok(json!(round)));
        }
    }
}

/// A session that came by itself may go on with what the ticket of another one gives.
#[tokio::test]
async fn sessions_that_went_on_with_a_ticket_are_taken_back_with_it() {
    let host = host_that_tells().await;
    for pairs in [1, 12] {
        let mut came = Vec::new();
        let (mut first, mut kept) = (Value::Null, Value::Null);
        for _ in 0..=pairs {
            let mut old = Old::connect_at(&host, &format!("/api?token={}", token("ada")), &[]).await;
            if kept.is_null() {
                first = old.call(1, Session::NAME, json!({})).await.expect("a session");
            } else {
                old.call(1, "auth/restore", json!({"token": kept})).await.expect("restored");
            }
            kept = old.call(2, "auth/status", json!({})).await.expect("known")["token"].clone();
            came.push(old);
        }
        let mut by_ticket = load(&host, &mut kept).await;
        take_back(&host, &first).await;
        if pairs == 1 {
            for old in came.iter_mut().chain([&mut by_ticket]) {
                is_closed_as_revoked(old).await;
            }
        } else {
            // Those behind so many go on with what they came with, which was not taken back.
            is_closed_as_revoked(&mut came[0]).await;
            is_closed_as_revoked(&mut came[8]).await;
            assert_eq!(came[12].call(3, "system/echo", json!(1)).await, Ok(json!(1)));
            assert_eq!(by_ticket.call(3, "system/echo", json!(1)).await, Ok(json!(1)));
        }
    }
}
