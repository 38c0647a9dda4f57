//! Who may connect, how the others are told, and how connections end from the server's side. It is the same for both formats.

use std::time::Duration;

use samewire_server::Config;
use samewire_server::auth::{JwtAuthenticator, JwtOptions, NewToken};
use samewire_tests::live::raw::Raw;
use samewire_tests::live::{Host, SECRET, settings, token, until};
use serde_json::json;

use crate::stage::{Old, STREAM, closed, config, figure, host, negotiate, pass, revoke};

fn paths() -> [String; 2] {
    ["/ws".to_owned(), format!("/api/v1/streams/{STREAM}/ws")]
}

/// The close code and reason of a connection that is refused.
async fn refused(host: &Host, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let mut raw = Raw::dial_at(host.addr(), path, headers).await.expect("a handshake");
    closed(&mut raw).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_comes_in_the_query_or_in_the_header() {
    let host = host().await;
    let bearer = format!("Bearer {}", pass("ada", "broadcaster"));
    let header = [("Authorization", bearer.as_str())];
    let mut broadcaster = Old(Raw::dial_at(host.addr(), "/ws", &header).await.expect("a handshake"));
    broadcaster.say(json!({"type": "broadcaster-ready", "streamId": STREAM})).await;
    let mut viewer = Old::viewer(&host, "eve", STREAM).await;
    let id = broadcaster.viewer_joined(STREAM).await;
    negotiate(&mut broadcaster, &mut viewer, STREAM, &id).await;
    let mut watcher = Raw::dial_at(host.addr(), &paths()[1], &header).await.expect("a handshake");
    assert_eq!(watcher_told(&mut watcher).await, "stream_started");
}

async fn watcher_told(raw: &mut Raw) -> String {
    match raw.next().await {
        samewire_tests::live::raw::Heard::Text(told) => told["event"].as_str().unwrap_or_default().to_owned(),
        end => panic!("{end:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_no_good_token_is_told_by_the_close_code_that_browsers_show() {
    let mut config = config();
    config.auth.leeway = Duration::ZERO;
    let host = Host::start(config).await;
    let sign = |secret: &str, lasts: Duration| {
        JwtAuthenticator::new(secret.as_bytes(), JwtOptions::default()).sign(&NewToken::new("eve", lasts)).expect("a token")
    };
    let expired = sign(SECRET, Duration::ZERO);
    let forged = sign("another secret, that is not the server's", Duration::from_secs(60));
    for path in paths() {
        let (code, reason) = refused(&host, &path, &[]).await;
        assert!(code == 1008 && reason.contains("token"), "{code} {reason}");
        for token in [expired.as_str(), forged.as_str(), "", "nonsense", "a.b.c"] {
            let (code, reason) = refused(&host, &format!("{path}?token={token}"), &[]).await;
            assert!(code == 1008 && reason.len() > 10, "{token}: {code} {reason}");
        }
        let origin = [("Origin", "https://elsewhere.example")];
        let (code, reason) = refused(&host, &format!("{path}?token={}", token("eve")), &origin).await;
        assert!(code == 1008 && reason.contains("origin"), "{code} {reason}");
    }
    // A token that may do nothing here is as good as none.
    let (code, reason) = refused(&host, &format!("{}?token={}", paths()[1], token("eve")), &[]).await;
    assert!(code == 1008 && reason.len() > 10, "{code} {reason}");
    assert_eq!(figure(&host, r#"samewire_dialect_connections{dialect="signalling"}"#).await, 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anybody_may_come_only_where_the_configuration_says_so() {
    // Sessions may be anonymous, and everybody may broadcast: as servers of this format were.
    let text = "[rooms.kinds.live]\naccess = 'open'\nrole = 'broadcaster'\n[dialects]\nsignalling = { enabled = true, anonymous = true }\nstream_updates = { enabled = true, anonymous = true }";
    let open = Config::parse(text, []).expect("a configuration");
    let config = Config { dialects: open.dialects, rooms: open.rooms, ..config() };
    let host = Host::start(config).await;
    let mut watcher = Raw::dial_at(host.addr(), &paths()[1], &[]).await.expect("a handshake");
    assert_eq!(watcher_told(&mut watcher).await, "viewer_count_changed");
    let mut broadcaster = Old::dial(&host, "/ws").await;
    broadcaster.say(json!({"type": "broadcaster-ready", "streamId": STREAM})).await;
    assert_eq!(watcher_told(&mut watcher).await, "stream_started");
    let mut viewer = Old::dial(&host, "/ws").await;
    viewer.join(STREAM).await;
    let id = broadcaster.viewer_joined(STREAM).await;
    negotiate(&mut broadcaster, &mut viewer, STREAM, &id).await;
    // The SDK's sessions need their tokens still.
    let mut raw = Raw::connect(host.addr()).await;
    raw.send(&json!({"type": "hello"})).await;
    assert_eq!(raw.parting().await.0, "unauthenticated");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_format_that_is_off_has_no_address() {
    let host = Host::start(settings()).await;
    for path in paths() {
        assert_eq!(Raw::dial_at(host.addr(), &path, &[]).await.expect_err("no such address").status, 404);
    }
    let host = crate::stage::host().await;
    for path in paths() {
        let answer = samewire_tests::live::http::requests().get(format!("{}{path}", host.url()));
        let answer = samewire_tests::live::http::send(answer).await;
        assert_eq!((answer.status, answer.problem()), (426, "wrong-protocol".to_owned()));
    }
    let wrong = Raw::dial_at(host.addr(), "/api/v1/streams/a%20b/ws", &[]).await.expect_err("no name");
    assert_eq!((wrong.status, &wrong.body["code"]), (400, &json!("bad-name")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_that_is_taken_back_and_a_server_that_stops_close_with_a_code() {
    let mut host = host().await;
    let mut eve = Old::viewer(&host, "eve", STREAM).await;
    let path = format!("{}?token={}", paths()[1], pass("eve", "viewer"));
    let mut watcher = Raw::dial_at(host.addr(), &path, &[]).await.expect("a handshake");
    assert_eq!(watcher_told(&mut watcher).await, "viewer_count_changed");
    let mut broadcaster = Old::broadcaster(&host, "ada", STREAM).await;
    broadcaster.viewer_joined(STREAM).await;
    revoke(&host, "eve").await;
    assert_eq!(eve.error().await, "token-revoked");
    let reasons = [eve.closed().await, closed(&mut watcher).await];
    for (code, reason) in reasons {
        assert!(code == 1008 && reason.contains("revoked") || reason.contains("taken back"), "{code} {reason}");
    }
    broadcaster.told("viewer-left").await;
    let path = format!("{}?token={}", paths()[1], pass("oscar", "viewer"));
    let mut watcher = Raw::dial_at(host.addr(), &path, &[]).await.expect("a handshake");
    assert_eq!(watcher_told(&mut watcher).await, "stream_started");
    let stop = host.stop();
    let (_, code, other) = tokio::join!(stop, broadcaster.closed(), closed(&mut watcher));
    assert_eq!((code.0, other.0), (1012, 1012), "{code:?} {other:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_ends_ends_its_connection() {
    let mut config = config();
    config.auth.leeway = Duration::ZERO;
    let host = Host::start(config).await;
    let grants =
        samewire_server::auth::Grants::default().live("*".parse().expect("a pattern"), "viewer".parse().expect("a role"));
    let brief = NewToken::new("eve", Duration::from_secs(2)).grants(grants);
    let brief = JwtAuthenticator::new(SECRET.as_bytes(), JwtOptions::default()).sign(&brief).expect("a token");
    let path = format!("{}?token={brief}", paths()[1]);
    let mut watcher = Raw::dial_at(host.addr(), &path, &[]).await.expect("a handshake");
    assert_eq!(watcher_told(&mut watcher).await, "viewer_count_changed");
    let (code, reason) = closed(&mut watcher).await;
    assert!(code == 1008 && reason.contains("expired"), "{code} {reason}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_user_has_so_many_connections() {
    let mut config = config();
    config.limits.max_sessions_per_user = 2;
    let host = Host::start(config).await;
    let first = Old::new(&host, "eve", "viewer").await;
    let mut second =
        Raw::dial_at(host.addr(), &format!("{}?token={}", paths()[1], pass("eve", "viewer")), &[]).await.expect("one");
    assert_eq!(watcher_told(&mut second).await, "viewer_count_changed");
    until("both count", || async { figure(&host, r#"samewire_dialect_connections{dialect="signalling"}"#).await == 1.0 }).await;
    let mut third = Old::new(&host, "eve", "viewer").await;
    assert_eq!(third.error().await, "too-many-sessions");
    assert_eq!(third.closed().await.0, 1013);
    let mut other = Old::viewer(&host, "oscar", STREAM).await;
    drop(first);
    until("one is gone", || async { figure(&host, r#"samewire_dialect_connections{dialect="signalling"}"#).await == 1.0 })
        .await;
    let mut broadcaster = Old::broadcaster(&host, "eve", STREAM).await;
    broadcaster.viewer_joined(STREAM).await;
    other.join("nothing").await;
}
