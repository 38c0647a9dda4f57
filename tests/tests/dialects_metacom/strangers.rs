//! Connections on which nobody has signed in: they cost no session, last for a time only, and can still sign in.

use std::time::Duration;

use samewire_tests::live::raw::{Heard, frame};
use samewire_tests::live::{Host, token};
use serde_json::json;

use super::sessions::{host_with_sign_in, host_with_sign_in_at};
use super::stage::{Old, closed};

/// Five that said nothing took the last places of a server, and those with good tokens were turned away.
#[tokio::test]
async fn they_take_no_place_from_anybody() {
    let mut config = closed();
    config.limits.max_sessions = 2;
    let host = host_with_sign_in_at(config).await;
    let mut strangers = Vec::new();
    for _ in 0..2 {
        let mut old = Old::connect(&host).await;
        assert_eq!(old.call(1, "files/list", json!({})).await.expect_err("nobody")["code"], 403);
        // A method of the app that everybody may call needs no session either.
        assert_eq!(old.call(2, "auth/signin", json!({"password": "wrong"})).await.expect_err("wrong")["code"], 403);
        strangers.push(old);
    }
    assert_eq!(host.health().await.sessions, 0);
    // There are as many of them as there may be, too: who came first gives way.
    let mut another = Old::connect(&host).await;
    assert_eq!(another.call(1, "files/list", json!({})).await.expect_err("nobody")["code"], 403);
    match strangers.remove(0).raw.next().await {
        Heard::Close(1013, reason) => assert!(reason.contains("sign in"), "{reason}"),
        other => panic!("{other:?}"),
    }
    strangers.push(another);
    let mut known = Old::connect_at(&host, &format!("/api?token={}", token("ada")), &[]).await;
    assert_eq!(known.call(1, "auth/status", json!({})).await.expect("known")["user"], "ada");
    // One that signs in makes room for another.
    strangers[0].call(3, "auth/signin", json!({"password": "right"})).await.expect("right");
    assert_eq!(host.health().await.sessions, 2);
    let mut another = Old::connect(&host).await;
    for old in [&mut another, &mut strangers[1]] {
        assert_eq!(old.call(1, "files/list", json!({})).await.expect_err("nobody")["code"], 403);
    }
}

/// A call of so many bytes.
fn long(id: u64, method: &str, password: &str, size: usize) -> String {
    let packet = |fill: &str| {
        let args = json!({"password": password, "fill": fill});
        json!({"type": "call", "id": id, "method": method, "args": args}).to_string()
    };
    packet(&"x".repeat(size - packet("").len()))
}

/// Each could have the server hold 1 MiB for two minutes, and there could be as many as sessions.
#[tokio::test]
async fn they_say_little_at_a_time_until_somebody_is_known() {
    const MOST: usize = 64 * 1024;
    let host = host_with_sign_in().await;
    let mut old = Old::connect(&host).await;
    old.say(&long(1, "auth/signin", "wrong", MOST)).await;
    assert_eq!(old.answer(1).await.expect_err("wrong")["code"], 403);
    // A chunk of any size comes in pieces.
    old.open(1, 1_000_000).await;
    old.chunk(1, &[7; 1_000_000]).await;
    assert_eq!(old.event("files/failed").await["code"], 403);
    // What is behind a sign-in is of who signed in, as large as theirs may be.
    old.ask(2, "auth/signin", json!({"password": "right"})).await;
    old.say(&long(3, "system/echo", "", 1_000_000)).await;
    assert_eq!(old.answer(2).await.expect("right")["status"], "logged");
    assert_eq!(old.answer(3).await.expect("an echo")["password"], "");
    old.call(4, "auth/signout", json!({})).await.expect("out");
    let mut known = Old::connect_at(&host, &format!("/api?token={}", token("ada")), &[]).await;
    known.say(&long(1, "system/echo", "", 1_000_000)).await;
    known.answer(1).await.expect("an echo");

    let whole = frame(0x81, long(5, "auth/signin", "right", MOST + 1).as_bytes());
    let parts = [frame(0x01, &[b' '; MOST / 2]), frame(0x80, &[b' '; MOST / 2 + 1])].concat();
    for (mut old, too_much) in [(old, &whole[..20]), (Old::connect(&host).await, &parts)] {
        old.raw.write(too_much).await;
        match old.raw.next().await {
            Heard::Close(1009, reason) => assert!(reason.contains("signed in"), "{reason}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn they_are_closed_when_their_time_is_over() {
    let mut config = closed();
    config.dialects.metacom.sign_in_timeout = Duration::from_millis(200);
    let host = Host::start(config).await;
    let mut known = Old::connect_at(&host, &format!("/api?token={}", token("ada")), &[]).await;
    known.call(1, "auth/status", json!({})).await.expect("known");
    let mut stranger = Old::connect(&host).await;
    match stranger.raw.next().await {
        Heard::Close(_, reason) => assert!(reason.contains("signed in"), "{reason}"),
        other => panic!("{other:?}"),
    }
    // Who is known stays, and has that time once they have signed out.
    known.call(2, "auth/status", json!({})).await.expect("known");
    known.call(3, "auth/signout", json!({})).await.expect("out");
    assert_eq!(host.health().await.sessions, 0);
    assert!(matches!(known.raw.next().await, Heard::Close(..)));
}

/// What came behind the call that signs in was heard as nobody's, or ended the session that it began; its answer never came.
#[tokio::test]
async fn what_comes_behind_a_sign_in_is_of_who_signed_in() {
    let host = host_with_sign_in().await;
    for _ in 0..20 {
        let mut old = Old::connect(&host).await;
        old.ask(1, "auth/signin", json!({"password": "right"})).await;
        old.ask(2, "auth/restore", json!({"token": token("ada")})).await;
        old.ask(3, "auth/status", json!({})).await;
        old.ask(4, "files/list", json!({})).await;
        assert_eq!(old.answer(1).await.expect("signed in")["status"], "logged");
        assert_eq!(old.answer(2).await.expect("restored")["user"], "ada");
        assert_eq!(old.answer(3).await.expect("known")["user"], "ada");
        assert!(old.answer(4).await.expect("a list")["files"].is_array());
        // The same of somebody who is known.
        old.ask(5, "auth/signin", json!({"password": "right"})).await;
        old.ask(6, "auth/status", json!({})).await;
        old.ask(7, "files/list", json!({})).await;
        assert_eq!(old.answer(5).await.expect("signed in")["status"], "logged");
        assert_eq!(old.answer(6).await.expect("known")["user"], "marcus");
        assert!(old.answer(7).await.expect("a list")["files"].is_array());
    }
}

#[tokio::test]
async fn what_they_stream_is_refused_once() {
    let host = Host::start(closed()).await;
    let mut old = Old::connect(&host).await;
    old.upload(1, &[7; 200_000]).await;
    old.chunk(2, b"of nothing").await;
    old.chunk(2, b"of nothing").await;
    let of_first = old.told_of(1).await;
    assert_eq!(of_first.len(), 2, "{of_first:?}");
    assert_eq!((&of_first[0]["status"], &of_first[1]["data"]["code"]), (&json!("terminate"), &json!(403)));
    assert_eq!(old.call(1, "auth/restore", json!({"token": token("ada")})).await.expect("restored")["user"], "ada");
    old.upload(3, b"abc").await;
    assert_eq!(old.call(2, "files/upload", json!({"streamId": 3})).await.expect("stored")["size"], 3);
}
