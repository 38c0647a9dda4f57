//! What another server takes back ends at once, and stays so.

use samewire_server::auth::NewToken;
use samewire_server::store::now_ms;
use samewire_tests::live::raw::Raw;
use serde_json::{Value, json};

use crate::stage::{API_KEY, HOUR, brief, echo, host, next_second, post, refused, renew, revoke, sign};

fn over() -> (String, u16) {
    ("token-revoked".into(), 4505)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_is_revoked_signs_in_again() {
    let mut host = host().await;
    let old = brief("maria", 3600);
    let mut at_home = Raw::session(host.addr(), Some(&old)).await;
    let away = Raw::session(host.addr(), Some(&old)).await;
    let ticket = away.ticket.clone();
    drop(away);
    let mut other = Raw::session(host.addr(), Some(&brief("mario", 3600))).await;
    assert_eq!(revoke(&host, json!({"user": "maria"})).await, json!({"sessions": 2}));
    assert_eq!(at_home.parting().await, over());
    assert_eq!(other.call(1, "system/echo", json!(1)).await, Ok(json!(1)));
    for _ in 0..2 {
        assert_eq!(refused(&host, json!({"token": old})).await, over());
        assert_eq!(refused(&host, json!({"ticket": ticket})).await, over());
        assert_eq!(echo(&host, Some(&old), None).await.problem(), "token-revoked");
        assert_eq!(echo(&host, None, Some(&ticket)).await.problem(), "token-revoked");
        // Also after this.
        host.restart().await;
    }
    next_second().await;
    let new = brief("maria", 3600);
    assert_eq!(echo(&host, Some(&new), None).await.status, 200);
    let mut back = Raw::session(host.addr(), Some(&new)).await;
    assert_eq!(renew(&mut back, &old).await.expect_err("refused")["code"], "token-revoked");
    assert_eq!(back.call(1, "system/echo", json!(1)).await, Ok(json!(1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_is_revoked_is_over_and_its_users_others_go_on() {
    let mut host = host().await;
    let token = brief("maria", 3600);
    let mut one = Raw::connect(host.addr()).await;
    let welcome = one.hello(json!({"token": token})).await;
    let mut two = Raw::session(host.addr(), Some(&token)).await;
    assert_eq!(revoke(&host, json!({"session": welcome["session"]})).await, json!({"sessions": 1}));
    assert_eq!(one.parting().await, over());
    assert_eq!(two.call(1, "system/echo", json!(1)).await, Ok(json!(1)));
    for _ in 0..2 {
        assert_eq!(refused(&host, json!({"ticket": one.ticket})).await, over());
        assert_eq!(echo(&host, None, Some(&one.ticket)).await.problem(), "token-revoked");
        host.restart().await;
    }
    // The user may come back, into a session of another id.
    let mut back = Raw::connect(host.addr()).await;
    let again = back.hello(json!({"token": token, "ticket": one.ticket})).await;
    assert_eq!(again["continuity"], "fresh");
    assert_ne!(again["session"], welcome["session"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_revoked_takes_its_sessions_and_tickets_with_it() {
    let mut host = host().await;
    let with_id = |id: &str| sign(&NewToken::new("maria", HOUR).id(id));
    let (one, two) = (with_id("t-1"), with_id("t-2"));
    let mut first = Raw::session(host.addr(), Some(&one)).await;
    let mut second = Raw::session(host.addr(), Some(&two)).await;
    // A session that has gone over to another token is that one's.
    let mut moved = Raw::session(host.addr(), Some(&one)).await;
    renew(&mut moved, &two).await.expect("taken");
    assert_eq!(revoke(&host, json!({"token": "t-1", "until": now_ms() + 3_600_000})).await, json!({"sessions": 1}));
    assert_eq!(first.parting().await, over());
    for (raw, id) in [(&mut second, 1), (&mut moved, 1)] {
        assert_eq!(raw.call(id, "system/echo", json!(1)).await, Ok(json!(1)));
    }
    for _ in 0..2 {
        assert_eq!(refused(&host, json!({"token": one})).await, over());
        assert_eq!(refused(&host, json!({"ticket": first.ticket})).await, over());
        assert_eq!(echo(&host, Some(&one), None).await.problem(), "token-revoked");
        assert_eq!(echo(&host, Some(&two), None).await.status, 200);
        host.restart().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_counts_until_its_time() {
    let host = host().await;
    let token = sign(&NewToken::new("maria", HOUR).id("t-1"));
    revoke(&host, json!({"token": "t-1", "until": now_ms() + 1_500})).await;
    assert_eq!(echo(&host, Some(&token), None).await.problem(), "token-revoked");
    samewire_tests::live::until("it counts no more", || async { echo(&host, Some(&token), None).await.status == 200 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_servers_with_a_key_revoke() {
    let host = host().await;
    let token = brief("maria", 3600);
    let body = json!({"user": "maria"});
    for (key, code) in [(None, "unauthenticated"), (Some("wrong"), "token-invalid"), (Some(&token), "token-invalid")] {
        let answer = post(&host, "/api/revocations", key.map(|key: &str| key), &body).await;
        assert_eq!((answer.status, answer.problem().as_str()), (401, code));
        assert!(key.is_none_or(|key| !answer.text.contains(key)), "the key is told");
    }
    assert_eq!(echo(&host, Some(&token), None).await.status, 200);
    for wrong in [
        json!({}),
        json!(null),
        json!({"user": "maria", "token": "t"}),
        json!({"user": ""}),
        json!({"user": "anon:x"}),
        json!({"session": "maria"}),
        json!({"token": ""}),
        json!({"token": "x".repeat(129)}),
        json!({"user": "maria", "until": 1}),
        json!({"user": "maria", "until": -1}),
        json!({"user": "maria", "until": 1_u64 << 53}),
    ] {
        let answer = post(&host, "/api/revocations", Some(API_KEY), &wrong).await;
        assert_eq!((answer.status, answer.problem().as_str()), (400, "bad-params"), "{wrong}");
    }
    let long = json!({"user": "x".repeat(5_000)});
    assert_eq!(post(&host, "/api/revocations", Some(API_KEY), &long).await.problem(), "too-big");
    let answer = post(&host, "/api/revocations", Some(API_KEY), &Value::Null).await;
    assert_eq!(answer.problem(), "bad-params");
    assert_eq!(echo(&host, Some(&token), None).await.status, 200);
}
