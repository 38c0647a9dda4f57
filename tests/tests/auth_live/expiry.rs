//! Sessions end with their tokens, to the second, unless a newer token comes.

use std::time::Duration;

use samewire_server::store::now_ms;
use samewire_tests::live::raw::Raw;
use samewire_tests::live::{Host, until};
use serde_json::json;

use crate::stage::{brief, config, echo, host, refused, renew};

/// How late the end may be: a second, and what a busy machine adds.
const LATE: u64 = 1_000 + 4_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_ends_with_its_token() {
    let host = host().await;
    let started = now_ms();
    let token = brief("maria", 2);
    let mut raw = Raw::connect(host.addr()).await;
    let welcome = raw.hello(json!({"token": token})).await;
    let told = welcome["expires"].as_u64().expect("the welcome tells when it ends");
    assert!((1..=2_000).contains(&told), "{told}");
    assert_eq!(raw.call(1, "system/echo", json!(1)).await, Ok(json!(1)));
    let ends = started / 1000 * 1000 + 2_000;

    assert_eq!(raw.parting().await, ("token-expired".into(), 4504));
    let ended = now_ms();
    assert!((ends..ends + LATE).contains(&ended), "{} ms late", ended.saturating_sub(ends));
    until("the session is gone", || async { host.health().await.sessions == 0 }).await;

    // Neither the token nor the ticket is of use any more.
    let ticket = raw.ticket;
    assert_eq!(refused(&host, json!({"token": token})).await, ("token-expired".into(), 4504));
    assert_eq!(refused(&host, json!({"token": token, "ticket": ticket})).await, ("token-expired".into(), 4504));
    assert_eq!(refused(&host, json!({"ticket": ticket})).await, ("token-expired".into(), 4504));
    assert_eq!(echo(&host, None, Some(&ticket)).await.problem(), "token-expired");
    // With a newer token it still says which session is meant.
    let mut raw = Raw::connect(host.addr()).await;
    let welcome = raw.hello(json!({"token": brief("maria", 60), "ticket": ticket})).await;
    assert_eq!(welcome["continuity"], "restarted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_whose_client_is_away_ends_with_its_token_too() {
    let host = host().await;
    let raw = Raw::session(host.addr(), Some(&brief("maria", 2))).await;
    let ticket = raw.ticket.clone();
    drop(raw);
    let (mut back, welcome) = Raw::resume(host.addr(), &ticket).await;
    assert_eq!(welcome["continuity"], "kept");
    assert_eq!(back.parting().await, ("token-expired".into(), 4504));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_token_keeps_the_session_and_its_calls() {
    let host = host().await;
    let mut raw = Raw::session(host.addr(), Some(&brief("maria", 2))).await;
    let old = raw.ticket.clone();
    let expires = renew(&mut raw, &brief("maria", 60)).await.expect("taken");
    assert!(expires.as_u64().is_some_and(|expires| (50_000..=60_000).contains(&expires)), "{expires}");
    tokio::time::sleep(Duration::from_millis(3_500)).await;
    assert_eq!(raw.call(1, "system/echo", json!("still here")).await, Ok(json!("still here")));
    // The ticket alone is no better than the token that it was given for.
    assert_eq!(echo(&host, None, Some(&old)).await.problem(), "token-expired");
    assert_eq!(echo(&host, Some(&brief("maria", 60)), Some(&old)).await.status, 200);
    // An earlier end counts as well.
    renew(&mut raw, &brief("maria", 2)).await.expect("taken");
    assert_eq!(raw.parting().await, ("token-expired".into(), 4504));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_users_token_changes_nothing() {
    let host = host().await;
    let mut raw = Raw::session(host.addr(), Some(&brief("maria", 3))).await;
    for other in [brief("mallory", 60), "nonsense".to_owned(), String::new()] {
        let error = renew(&mut raw, &other).await.expect_err("refused");
        assert_eq!(error["code"], "token-invalid");
        assert_eq!(raw.call(raw.skipped.len() as u64 + 1, "system/echo", json!(1)).await, Ok(json!(1)));
        raw.skipped.push(json!(null));
    }
    assert_eq!(raw.parting().await, ("token-expired".into(), 4504));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_anonymous_session_does_not_become_somebodys() {
    let mut config = config();
    config.auth.anonymous = true;
    let host = Host::start(config).await;
    let mut raw = Raw::connect(host.addr()).await;
    let welcome = raw.hello(json!({})).await;
    assert!(welcome["expires"].is_null(), "{welcome}");
    assert_eq!(renew(&mut raw, &brief("maria", 60)).await.expect_err("refused")["code"], "token-invalid");
    assert_eq!(raw.call(1, "system/echo", json!(1)).await, Ok(json!(1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clocks_may_differ_by_the_leeway() {
    let mut config = config();
    config.auth.leeway = Duration::from_secs(2);
    let host = Host::start(config).await;
    let started = now_ms();
    let mut raw = Raw::session(host.addr(), Some(&brief("maria", 1))).await;
    assert_eq!(raw.parting().await, ("token-expired".into(), 4504));
    let ends = started / 1000 * 1000 + 3_000;
    assert!((ends..ends + LATE).contains(&now_ms()), "{}", now_ms() - ends);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_tokens_is_taken_one_at_a_time() {
    let host = host().await;
    let mut raw = Raw::session(host.addr(), Some(&brief("maria", 60))).await;
    let token = brief("maria", 120);
    for _ in 0..500 {
        raw.send(&json!({"type": "token", "token": token})).await;
    }
    // Of those that wait only the newest counts, so there are fewer answers than tokens, and one at least.
    raw.expect("token").await;
    assert_eq!(raw.call(1, "system/echo", json!(1)).await, Ok(json!(1)));
}
