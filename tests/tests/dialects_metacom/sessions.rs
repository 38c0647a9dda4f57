//! Who speaks: by a token that comes with the connection, by one that comes later, and nobody.

use samewire_protocol::{Code, Failure};
use samewire_server::Config;
use samewire_server::auth::Grants;
use samewire_server::config::{ApiKey, Secret};
use samewire_tests::live::raw::Heard;
use samewire_tests::live::{Host, http, token, token_with, until};
use serde_json::{Value, json};

use super::stage::{Old, closed, config, host};

const KEY: &str = "an api key of the tests, of no use elsewhere";

samewire_tests::contract!(
    /// A method of an app's own, by which one signs in: it answers with a token, as those of old apps do.
    SignIn, "auth/signin", "Sign in", true
);

pub(crate) async fn host_with_sign_in() -> Host {
    host_with_sign_in_at(closed()).await
}

pub(crate) async fn host_with_sign_in_at(config: Config) -> Host {
    Host::with(config, |builder| {
        builder.method::<SignIn, _, _>(async |args: Value| match args["password"].as_str() {
            Some("right") => Ok(json!({"status": "logged", "token": token("marcus")})),
            Some("elsewhere") => Ok(json!({"status": "logged", "token": "of another issuer"})),
            _ => Err(Failure::new(Code::Forbidden, "wrong password")),
        })
    })
    .await
}

#[tokio::test]
async fn nobody_may_ask_what_there_is_and_sign_in() {
    let host = host_with_sign_in().await;
    let mut old = Old::connect(&host).await;
    assert!(old.call(1, "system/introspect", json!(["auth"])).await.expect("public")["auth"]["signin"].is_array());
    assert_eq!(old.call(2, "system/echo", json!(1)).await.expect_err("nobody")["code"], 403);
    assert_eq!(old.call(3, "auth/status", json!({})).await.expect_err("nobody")["code"], 403);
    old.upload(1, b"abc").await;
    assert_eq!(old.event("files/failed").await["code"], 403);
    let error = old.call(4, "auth/signin", json!({"password": "wrong"})).await.expect_err("wrong");
    assert_eq!((&error["code"], &error["message"]), (&json!(403), &json!("wrong password")));
    assert_eq!(old.call(5, "auth/signin", json!({"password": "right"})).await.expect("right")["status"], "logged");
    assert_eq!(old.call(6, "auth/status", json!({})).await.expect("known")["user"], "marcus");
    old.upload(2, b"abc").await;
    assert_eq!(old.call(7, "files/upload", json!({"streamId": 2})).await.expect("stored")["size"], 3);
    assert_eq!(old.call(8, "auth/signout", json!({})).await.expect("out")["status"], "not logged");
    assert_eq!(old.call(9, "system/echo", json!(1)).await.expect_err("nobody again")["code"], 403);
}

/// The answer was that of the app, "logged", and whatever came next was of whoever had been there before.
#[tokio::test]
async fn a_sign_in_that_lets_nobody_in_fails() {
    let mut config = closed();
    config.limits.max_sessions_per_user = 1;
    let host = host_with_sign_in_at(config).await;
    let mut marcus = Old::connect_at(&host, &format!("/api?token={}", token("marcus")), &[]).await;
    assert_eq!(marcus.call(1, "auth/status", json!({})).await.expect("known")["user"], "marcus");
    let mut ada = Old::connect_at(&host, &format!("/api?token={}", token("ada")), &[]).await;
    let mut nobody = Old::connect(&host).await;
    for (password, code, reason) in [("right", 503, "too-many-sessions"), ("elsewhere", 403, "token-invalid")] {
        for old in [&mut ada, &mut nobody] {
            let error = old.call(2, "auth/signin", json!({"password": password})).await.expect_err(reason);
            assert_eq!((&error["code"], &error["reason"]), (&json!(code), &json!(reason)), "{error}");
        }
    }
    assert_eq!(ada.call(3, "auth/status", json!({})).await.expect("as before")["user"], "ada");
    assert_eq!(nobody.call(3, "auth/status", json!({})).await.expect_err("as before")["code"], 403);
    drop(marcus);
    until("there is room", async || host.health().await.sessions == 1).await;
    assert_eq!(nobody.call(4, "auth/signin", json!({"password": "right"})).await.expect("let in")["status"], "logged");
    // Over HTTP, too, where it was "logged" without a cookie.
    let signin = http::requests().post(format!("{}/api/auth/signin", host.url()));
    let answer = http::send(signin.body(r#"{"password":"elsewhere"}"#)).await;
    assert_eq!((answer.status, &answer.json()["error"]["reason"]), (403, &json!("token-invalid")));
}

#[tokio::test]
async fn a_token_comes_in_the_address_the_header_or_a_cookie() {
    let host = Host::start(closed()).await;
    let token = token("ada");
    let (address, bearer, cookie) =
        (format!("/api?token={token}"), format!("Bearer {token}"), format!("a=b; token={token}; c"));
    for (path, headers) in [
        (address.as_str(), vec![]),
        ("/api", vec![("Authorization", bearer.as_str())]),
        ("/api", vec![("Cookie", cookie.as_str())]),
    ] {
        let mut old = Old::connect_at(&host, path, &headers).await;
        assert_eq!(old.call(1, "auth/status", json!({})).await.expect("known")["user"], "ada", "{path} {headers:?}");
    }
    // One that is good no more is told, and the connection is there to sign in.
    let mut old = Old::connect_at(&host, "/api?token=forged", &[]).await;
    let error = old.call(1, "files/list", Value::Null).await.expect_err("forged");
    assert_eq!((&error["code"], &error["reason"]), (&json!(403), &json!("token-invalid")));
    assert_eq!(old.call(2, "auth/restore", json!({"token": token})).await, Ok(json!({"status": "logged", "user": "ada"})));
}

#[tokio::test]
async fn a_restore_that_fails_changes_nothing() {
    let host = Host::start(closed()).await;
    let mut old = Old::connect_at(&host, &format!("/api?token={}", token("ada")), &[]).await;
    old.open(1, 6).await;
    old.chunk(1, b"abc").await;
    let answer = old.call(1, "auth/restore", json!({"token": "forged"})).await.expect("an answer");
    assert_eq!((&answer["status"], &answer["reason"]), (&json!("not logged"), &json!("token-invalid")));
    old.chunk(1, b"def").await;
    old.end(1).await;
    assert_eq!(old.call(2, "files/upload", json!({"streamId": 1})).await.expect("stored")["size"], 6);
}

/// What one had as somebody else is not taken along: neither a stream nor a call nor a room.
#[tokio::test]
async fn a_session_that_changes_lets_go_of_what_it_had() {
    let mut config = config();
    config.dev = true;
    let (host, _go) = super::stage::host_that_waits(config).await;
    let mut old = Old::connect(&host).await;
    old.call(1, "rooms/join", json!({"room": "demo:1"})).await.expect("joined");
    old.open(1, 6).await;
    old.ask(2, "tests/wait", json!({})).await;
    assert_eq!(old.call(3, "auth/restore", json!({"token": token("ada")})).await.expect("restored")["user"], "ada");
    assert_eq!(old.answer(2).await.expect_err("it was somebody else's")["reason"], "session-closed");
    assert_eq!(
        old.call(4, "files/upload", json!({"streamId": 1})).await.expect_err("it was somebody else's")["reason"],
        "session-closed"
    );
    until("its stream is gone", async || host.health().await.streams == 0).await;
    assert_eq!(host.health().await.sessions, 1);
    assert_eq!(old.call(5, "rooms/join", json!({"room": "demo:1"})).await.expect("joined anew")["room"], "demo:1");
}

/// Fault 10: a second connection of the same session took the token with it when it was closed.
#[tokio::test]
async fn one_of_several_connections_of_a_session_is_closed() {
    for restored in [false, true] {
        let host = host().await;
        let mut first = Old::connect(&host).await;
        let token = if restored { token("ada") } else { String::new() };
        if restored {
            first.call(1, "auth/restore", json!({"token": token})).await.expect("restored");
        }
        let status = first.call(2, "auth/status", json!({})).await.expect("known");
        let token = status["token"].as_str().expect("a token").to_owned();
        first.upload(1, b"abc").await;
        let stored = first.call(3, "files/upload", json!({"streamId": 1})).await.expect("stored");

        let mut second = Old::connect(&host).await;
        assert_eq!(second.call(1, "auth/restore", json!({"token": token})).await.expect("restored")["status"], "logged");
        assert_eq!(second.call(2, "files/get", json!({"id": stored["id"]})).await.expect("its own")["size"], 3);
        second.raw.close(1000).await;
        let end = second.raw.next().await;
        assert!(matches!(end, Heard::Close(..)), "{end:?}");

        assert_eq!(first.call(4, "files/get", json!({"id": stored["id"]})).await.expect("still there")["size"], 3);
        let mut third = Old::connect(&host).await;
        third.call(1, "auth/restore", json!({"token": token})).await.expect("restored");
        // The first goes, and its session with it.
        drop(first);
        assert_eq!(third.call(2, "files/get", json!({"id": stored["id"]})).await.expect("still there")["size"], 3);
    }
}

/// A page that is loaded anew has no connection for a moment.
#[tokio::test]
async fn somebody_without_a_name_finds_their_files_again() {
    let mut config = config();
    config.limits.session_ttl = std::time::Duration::from_secs(3600);
    let host = Host::start(config).await;
    let mut old = Old::connect(&host).await;
    let token = old.call(1, "auth/status", json!({})).await.expect("known")["token"].clone();
    old.upload(1, b"abc").await;
    let stored = old.call(2, "files/upload", json!({"streamId": 1})).await.expect("stored");
    drop(old);
    let mut old = Old::connect(&host).await;
    assert_eq!(old.call(1, "files/get", json!({"id": stored["id"]})).await.expect_err("somebody else's")["code"], 404);
    old.call(2, "auth/restore", json!({"token": token})).await.expect("restored");
    assert_eq!(old.call(3, "files/get", json!({"id": stored["id"]})).await.expect("its own")["size"], 3);
}

/// A token that is taken back ends the connection of whoever has it.
#[tokio::test]
async fn a_token_is_taken_back() {
    let mut config = closed();
    config.api_keys = vec![ApiKey { name: "the tests".into(), key: Some(Secret::new(KEY)), key_file: None }];
    let host = Host::start(config).await;
    let mut old = Old::connect_at(&host, &format!("/api?token={}", token("ada")), &[]).await;
    old.call(1, "system/echo", json!(1)).await.expect("known");
    let revoke = http::requests().post(format!("{}/api/revocations", host.url())).bearer_auth(KEY);
    let answer = http::send(revoke.body(r#"{"user":"ada"}"#)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(matches!(old.raw.next().await, Heard::Close(1008, _)));
}

/// What there is, is what one may call; for who has not signed in yet it is all, for clients load before they do.
#[tokio::test]
async fn what_a_token_does_not_allow_is_not_there() {
    let host = Host::start(closed()).await;
    let limited = token_with("lim", Grants::default().method("files/list".parse().expect("a pattern")));
    let mut old = Old::connect_at(&host, &format!("/api?token={limited}"), &[]).await;
    let told = old.call(1, "system/introspect", json!(["files", "system", "auth"])).await.expect("told");
    let methods = |unit: &str| told[unit].as_object().map(|methods| methods.keys().cloned().collect::<Vec<_>>());
    assert_eq!(methods("files"), Some(vec!["list".to_owned()]));
    assert_eq!(methods("system"), Some(vec!["introspect".to_owned()]));
    assert_eq!(methods("auth").map(|methods| methods.len()), Some(3));
    let mut nobody = Old::connect(&host).await;
    let told = nobody.call(1, "system/introspect", json!(["files"])).await.expect("told");
    assert!(told["files"]["upload"].is_array() && told["files"]["remove"].is_array());
}
