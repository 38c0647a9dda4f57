//! A server that takes tokens to the second, and the tokens for it.

use std::time::Duration;

use samewire_server::Config;
use samewire_server::auth::{Grants, JwtAuthenticator, JwtOptions, NewToken};
use samewire_server::config::{ApiKey, Secret};
use samewire_server::store::now_ms;
use samewire_tests::live::http::{self, Answer};
use samewire_tests::live::raw::Raw;
use samewire_tests::live::{Host, SECRET, settings};
use serde_json::{Value, json};

/// The key of another server.
pub(crate) const API_KEY: &str = "an API key of the tests, of no use elsewhere";

pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// Tokens end when they say so, and everybody needs one.
pub(crate) fn config() -> Config {
    let mut config = settings();
    config.auth.anonymous = false;
    config.auth.leeway = Duration::ZERO;
    config.api_keys = vec![ApiKey { name: "the tests".into(), key: Some(Secret::new(API_KEY)), key_file: None }];
    config
}

pub(crate) async fn host() -> Host {
    Host::start(config()).await
}

pub(crate) fn sign(token: &NewToken) -> String {
    JwtAuthenticator::new(SECRET.as_bytes(), JwtOptions::default()).sign(token).expect("a token")
}

/// A token that is good for so many seconds.
pub(crate) fn brief(user: &str, seconds: u64) -> String {
    sign(&NewToken::new(user, Duration::from_secs(seconds)))
}

pub(crate) fn grants(claim: &Value) -> Grants {
    Grants::from_claim(claim).expect("grants")
}

/// Waits until a token that is issued now is issued later than one of before.
pub(crate) async fn next_second() {
    let second = now_ms() / 1000;
    while now_ms() / 1000 <= second {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) async fn echo(host: &Host, token: Option<&str>, ticket: Option<&str>) -> Answer {
    http::call(&host.url(), "system/echo", &json!(1), token, ticket).await
}

/// The code with which a hello is refused, and the close code.
pub(crate) async fn refused(host: &Host, hello: Value) -> (String, u16) {
    let mut raw = Raw::connect(host.addr()).await;
    let mut hello = hello;
    hello["type"] = "hello".into();
    raw.send(&hello).await;
    raw.parting().await
}

pub(crate) async fn post(host: &Host, path: &str, key: Option<&str>, body: &Value) -> Answer {
    let mut request = http::requests().post(format!("{}{path}", host.url())).body(body.to_string());
    if let Some(key) = key {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    http::send(request).await
}

pub(crate) async fn revoke(host: &Host, revocation: Value) -> Value {
    let answer = post(host, "/api/revocations", Some(API_KEY), &revocation).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// Sends a newer token and takes the answer: its milliseconds, or the error.
pub(crate) async fn renew(raw: &mut Raw, token: &str) -> Result<Value, Value> {
    raw.send(&json!({"type": "token", "token": token})).await;
    loop {
        match raw.next().await {
            samewire_tests::live::raw::Heard::Text(frame) if frame["type"] == "token" => return Ok(frame["expires"].clone()),
            samewire_tests::live::raw::Heard::Text(frame) if frame["type"] == "error" => return Err(frame["error"].clone()),
            samewire_tests::live::raw::Heard::Text(frame) => raw.skipped.push(frame),
            end => panic!("waited for the answer to a token, and heard {end:?}"),
        }
    }
}
