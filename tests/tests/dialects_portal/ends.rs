//! How connections end: by which close code, and that nobody else notices.

use std::time::Duration;

use samewire_server::auth::{JwtAuthenticator, JwtOptions, NewToken};
use samewire_server::config::{ApiKey, Secret};
use samewire_tests::live::http;
use samewire_tests::live::raw::{Raw, opcode};
use samewire_tests::live::{SECRET, token, until};
use serde_json::{Value, json};

use crate::old::{Old, config, stage};
use crate::stage::Stage;

const API_KEY: &str = "an API key of the tests, of no use elsewhere";
const NO_VIEW: &str = "there is no such portal view, or you are not a member of its library";

fn sign(token: &NewToken, secret: &str) -> String {
    JwtAuthenticator::new(secret.as_bytes(), JwtOptions::default()).sign(token).expect("a token")
}

/// How a connection to this address ends that is not wanted, and the code that is told before.
async fn refused(stage: &Stage, path: &str) -> (u16, String, String) {
    let mut old = Old::dial(stage, path).await;
    let (code, reason) = old.end().await;
    assert_eq!(old.heard.len(), 1, "{:?}", old.heard);
    assert_eq!((&old.heard[0]["type"], &old.heard[0]["message"]), (&json!("error"), &json!(reason)));
    (code, old.heard[0]["code"].as_str().unwrap_or_default().to_owned(), reason)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_no_good_token_is_sent_away_with_1008() {
    let mut config = config();
    // Neither here, nor where sessions are for everybody.
    config.auth.anonymous = true;
    let stage = Stage::with(config).await;
    let view = stage.view().await;
    let hour = Duration::from_secs(3600);
    let forged = sign(&NewToken::new("olga", hour), "the secret of another server, of no use here");
    let cases = [
        (String::new(), "unauthenticated"),
        ("?token=".into(), "unauthenticated"),
        ("?token=nonsense".into(), "token-invalid"),
        (format!("?token={forged}"), "token-invalid"),
        (format!("?token={}", token("olga").rsplit_once('.').expect("three parts").0), "token-invalid"),
        (format!("?token={0}&token={0}", token("olga")), "bad-params"),
        ("?token=%ff%fe".into(), "token-invalid"),
    ];
    for (query, code) in cases {
        let (close, told, _) = refused(&stage, &format!("/ws/portal-view/{view}{query}")).await;
        assert_eq!((close, told.as_str()), (1008, code), "{query}");
    }
    // A token may come by the header as well.
    let bearer = format!("Bearer {}", token("vera"));
    let mut vera = Old::dial_with(&stage, &format!("/ws/portal-view/{view}"), &[("Authorization", &bearer)]).await;
    assert_eq!(vera.expect("connected").await["role"], "viewer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_view_that_one_may_not_see_is_as_one_that_is_not_there() {
    let stage = stage().await;
    let view = stage.view().await;
    let other = stage.ok("mallory", "POST", "/api/libraries", json!({"name": "Mine"})).await["id"].clone();
    let path = format!("/api/libraries/{other}/portal-views");
    let theirs = stage.ok("mallory", "POST", &path, json!({"name": "Theirs"})).await["id"].clone();
    let absent = refused(&stage, &format!("/ws/portal-view/{}?token={}", view + 100, token("vera"))).await;
    assert_eq!(absent, (1008, "room-not-found".into(), NO_VIEW.into()));
    let long = "x".repeat(4_000);
    for (user, view) in [
        ("mallory", view.to_string().as_str()),
        ("vera", theirs.to_string().as_str()),
        ("olga", "YOUR_PORTAL_ID"),
        ("olga", "0"),
        ("olga", "1%2f..%2f1"),
        ("olga", "1/2"),
        ("olga", "%00"),
        ("olga", long.as_str()),
        ("olga", "9007199254740993"),
        ("olga", "live:1"),
    ] {
        assert_eq!(refused(&stage, &format!("/ws/portal-view/{view}?token={}", token(user))).await, absent, "{view}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_who_is_removed_is_sent_away_and_one_whose_role_changes_is_told() {
    let stage = stage().await;
    let view = stage.view().await;
    let mut vera = Old::open(&stage, "vera", view).await;
    let mut viktor = Old::open(&stage, "viktor", view).await;
    stage.set_role("vera", "EDITOR").await;
    assert_eq!(vera.expect("role-changed").await["role"], "controller");
    vera.say("portal-view-update", json!({"currentItem": 3})).await;
    assert_eq!(viktor.expect("portal-view-update").await["payload"]["currentItem"], 3);
    stage.set_role("vera", "VIEWER").await;
    assert_eq!(vera.expect("role-changed").await["role"], "viewer");
    vera.say("portal-view-update", json!({"currentItem": 1})).await;
    assert_eq!(vera.error().await, "forbidden");
    stage.ok("olga", "DELETE", &stage.member("vera"), Value::Null).await;
    assert_eq!(vera.end().await, (1008, NO_VIEW.into()));
    let mut olga = Old::open(&stage, "olga", view).await;
    assert!(viktor.hears(&mut olga).await.is_empty());
    stage.ok("olga", "DELETE", &format!("/api/portal-views/{view}"), Value::Null).await;
    for old in [&mut viktor, &mut olga] {
        assert_eq!(old.end().await, (1008, NO_VIEW.into()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_end_connections_when_they_expire_and_when_they_are_taken_back() {
    let mut config = config();
    config.auth.leeway = Duration::ZERO;
    config.api_keys = vec![ApiKey { name: "the tests".into(), key: Some(Secret::new(API_KEY)), key_file: None }];
    let stage = Stage::with(config).await;
    let view = stage.view().await;
    let address = |token: &str| format!("/ws/portal-view/{view}?token={token}");
    let mut viktor = Old::open(&stage, "viktor", view).await;

    let brief = sign(&NewToken::new("vera", Duration::from_secs(2)), SECRET);
    let mut vera = Old::dial(&stage, &address(&brief)).await;
    vera.expect("connected").await;
    assert_eq!(vera.end().await.0, 1008);
    assert_eq!(vera.heard.last().map(|told| &told["code"]), Some(&json!("token-expired")));
    assert_eq!(refused(&stage, &address(&brief)).await.1, "token-expired");

    let mut vera = Old::open(&stage, "vera", view).await;
    let revoke = http::requests().post(format!("{}/api/revocations", stage.host.url())).bearer_auth(API_KEY);
    let revoked = http::send(revoke.body(json!({"user": "vera"}).to_string())).await;
    assert_eq!(revoked.json(), json!({"sessions": 1}));
    assert_eq!(vera.end().await.0, 1008);
    assert_eq!(vera.heard.last().map(|told| &told["code"]), Some(&json!("token-revoked")));

    let mut olga = Old::open(&stage, "olga", view).await;
    assert!(viktor.hears(&mut olga).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_says_so_with_1012() {
    let mut stage = stage().await;
    let view = stage.view().await;
    let mut olga = Old::open(&stage, "olga", view).await;
    let mut vera = Old::open(&stage, "vera", view).await;
    let ((), one, other) = tokio::join!(stage.host.stop(), olga.end(), vera.end());
    assert_eq!((one.0, other.0), (1012, 1012), "{one:?} {other:?}");
    assert_eq!(vera.heard.last().map(|told| &told["code"]), Some(&json!("restart")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_elsewhere_and_bytes_are_not_taken() {
    let stage = stage().await;
    let view = stage.view().await;
    let address = format!("/ws/portal-view/{view}?token={}", token("vera"));
    let mut foreign = Old::dial_with(&stage, &address, &[("Origin", "https://evil.example")]).await;
    assert_eq!(foreign.end().await.0, 1008);
    assert_eq!(foreign.heard[0]["code"], "origin-refused");
    let mut vera = Old::open(&stage, "vera", view).await;
    vera.raw.frame(opcode::BINARY, true, br#"{"type":"ping"}"#).await;
    assert_eq!(vera.end().await.0, 1003);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_format_is_spoken_only_where_it_is_turned_on() {
    let stage = Stage::new().await;
    let view = stage.view().await;
    for path in [format!("/ws/portal-view/{view}?token={}", token("vera")), "/socket.io/?EIO=4&transport=websocket".into()] {
        let refused = Raw::dial_at(stage.host.addr(), &path, &[]).await.expect_err("nobody is there");
        assert_eq!(refused.status, 404, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_has_so_many_connections_and_no_more() {
    const MOST: usize = 40;
    let mut config = config();
    config.limits.max_sessions_per_user = MOST;
    let stage = Stage::with(config).await;
    let view = stage.view().await;
    let mut olds = Vec::new();
    for _ in 0..MOST {
        olds.push(Old::open(&stage, "vera", view).await);
    }
    for _ in 0..1_000 {
        let mut old = Old::begin(&stage, "vera", view).await;
        assert_eq!(old.end().await.0, 1013);
        assert_eq!(old.heard[0]["code"], "too-many-sessions");
    }
    // Others are not concerned, and who closes one may open another.
    let mut olga = Old::open(&stage, "olga", view).await;
    assert!(olds[0].hears(&mut olga).await.is_empty());
    drop(olds.pop());
    until("a connection is free", || async {
        let mut old = Old::begin(&stage, "vera", view).await;
        old.next().await["type"] == "connected"
    })
    .await;
    drop((olds, olga));
    until("all are gone", || async { stage.host.health().await.sessions == 0 }).await;
}
