//! Figures for Prometheus: who may read them, and that they say what happened.

use std::collections::BTreeMap;

use samewire_server::Config;
use samewire_server::auth::NewToken;
use samewire_tests::live::http::{self, Answer, requests};
use samewire_tests::live::raw::Raw;
use samewire_tests::live::{Host, settings, until};
use serde_json::json;

use crate::stage::{API_KEY, HOUR, brief, config, echo, grants, host, refused, renew, revoke, sign};

async fn fetch(host: &Host, key: Option<&str>) -> Answer {
    let mut request = requests().get(format!("{}/metrics", host.url()));
    if let Some(key) = key {
        request = request.bearer_auth(key);
    }
    http::send(request).await
}

/// Every series with its value.
async fn figures(host: &Host) -> BTreeMap<String, f64> {
    let answer = fetch(host, Some(API_KEY)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.media.starts_with("application/openmetrics-text"), "{}", answer.media);
    assert!(answer.text.ends_with("# EOF\n"), "{}", answer.text);
    let series = answer.text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.rsplit_once(' '));
    series.map(|(name, value)| (name.to_owned(), value.parse().expect("a number"))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn figures_are_for_whoever_has_a_key_unless_they_are_open() {
    let closed = host().await;
    assert_eq!(fetch(&closed, None).await.problem(), "unauthenticated");
    assert_eq!(fetch(&closed, Some(&brief("maria", 60))).await.problem(), "token-invalid");
    assert_eq!(fetch(&closed, Some(API_KEY)).await.status, 200);
    let mut open = config();
    open.metrics.open = true;
    for config in [open, Config { dev: true, ..settings() }] {
        assert_eq!(fetch(&Host::start(config).await, None).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_is_counted() {
    let host = host().await;
    let chatting = grants(&json!({"rooms": [{"name": "chat:*", "role": "member"}]}));
    let token = sign(&NewToken::new("maria", HOUR).id("t-1").grants(chatting.clone()));
    let mut raw = Raw::session(host.addr(), Some(&token)).await;
    let ticket = raw.ticket.clone();
    raw.call(1, "system/echo", json!(1)).await.expect("an answer");
    raw.call(2, "no/such", json!(1)).await.expect_err("there is none");
    raw.send(&json!({"type": "join", "room": "chat:1"})).await;
    raw.expect("joined").await;
    raw.send(&json!({"type": "join", "room": "file:1"})).await;
    raw.expect("left").await;
    raw.call(3, "rooms/publish", json!({"room": "chat:1", "name": "said", "payload": "hello"})).await.expect("published");
    raw.expect("event").await;
    renew(&mut raw, &token).await.expect("taken");
    renew(&mut raw, "nonsense").await.expect_err("refused");
    echo(&host, Some(&token), None).await;
    refused(&host, json!({"token": "nonsense"})).await;

    let now = figures(&host).await;
    let value = |name: &str| *now.get(name).unwrap_or_else(|| panic!("{name} is not in {now:#?}"));
    for (name, count) in [
        ("samewire_sessions", 1.0),
        ("samewire_connects_total{continuity=\"fresh\"}", 1.0),
        ("samewire_calls_total{route=\"session\",outcome=\"ok\"}", 2.0),
        ("samewire_calls_total{route=\"session\",outcome=\"method-not-found\"}", 1.0),
        ("samewire_calls_total{route=\"http\",outcome=\"ok\"}", 1.0),
        ("samewire_refusals_total{code=\"token-invalid\"}", 1.0),
        ("samewire_tokens_total{event=\"refreshed\"}", 1.0),
        ("samewire_tokens_total{event=\"refused\"}", 1.0),
        ("samewire_rooms{kind=\"chat\"}", 1.0),
        ("samewire_members{kind=\"chat\"}", 1.0),
        ("samewire_members{kind=\"file\"}", 0.0),
        ("samewire_room_joins_total{kind=\"chat\",outcome=\"joined\"}", 1.0),
        ("samewire_room_joins_total{kind=\"file\",outcome=\"refused\"}", 1.0),
        ("samewire_room_messages_total{kind=\"chat\",type=\"published\"}", 1.0),
    ] {
        assert!((value(name) - count).abs() < 0.5, "{name}: {}", value(name));
    }
    for name in ["samewire_links", "samewire_received_bytes_total", "samewire_sent_bytes_total"] {
        assert!(value(name) >= 1.0, "{name}");
    }
    for name in ["samewire_room_frames_total{kind=\"chat\"}", "samewire_room_frame_bytes_total{kind=\"chat\"}"] {
        assert!(value(name) >= 1.0, "{name}");
    }
    until("presence was told", || async { figures(&host).await["samewire_room_presence_total{kind=\"chat\"}"] >= 1.0 }).await;

    // Neither rooms nor users have series of their own.
    assert!(now.keys().all(|name| !name.contains("maria") && !name.contains("chat:1") && !name.contains("t-1")), "{now:#?}");
    let series = now.len();
    for no in 0..20 {
        let mut other =
            Raw::session(host.addr(), Some(&sign(&NewToken::new(format!("u-{no}"), HOUR).grants(chatting.clone())))).await;
        other.send(&json!({"type": "join", "room": format!("chat:u-{no}")})).await;
        other.expect("joined").await;
        other.call(1, &format!("no/such-{no}"), json!(1)).await.expect_err("there is none");
        other.close(1000).await;
    }
    assert_eq!(figures(&host).await.len(), series);

    drop(raw);
    let (mut back, _) = Raw::resume(host.addr(), &ticket).await;
    revoke(&host, json!({"token": "t-1"})).await;
    back.parting().await;
    let mut ends = Raw::session(host.addr(), Some(&brief("maria", 2))).await;
    ends.parting().await;
    until("the ends are counted", || async {
        let now = figures(&host).await;
        let at_least = |name: &str, count| now.get(name).is_some_and(|value| *value >= count);
        at_least("samewire_connects_total{continuity=\"kept\"}", 1.0)
            && at_least("samewire_tokens_total{event=\"revoked\"}", 1.0)
            && at_least("samewire_tokens_total{event=\"expired\"}", 1.0)
            && at_least("samewire_connection_seconds_count", 3.0)
    })
    .await;
}
