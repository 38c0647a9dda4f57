//! A ticket alone gives what its token gave, and no more.

use samewire_server::auth::NewToken;
use samewire_tests::live::raw::Raw;
use serde_json::{Value, json};

use crate::stage::{HOUR, brief, echo, grants, host, refused, sign};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restart_a_ticket_alone_carries_its_tokens_grants_and_end() {
    let mut host = host().await;
    let claim = json!({"methods": ["system/introspect"]});
    let token = sign(&NewToken::new("maria", std::time::Duration::from_secs(10)).grants(grants(&claim)));
    let raw = Raw::session(host.addr(), Some(&token)).await;
    host.restart().await;
    let (mut raw, welcome) = Raw::resume(host.addr(), &raw.ticket).await;
    assert_eq!(welcome["continuity"], "restarted");
    assert_eq!(raw.call(1, "system/echo", json!(1)).await.expect_err("forbidden")["code"], "forbidden");
    assert!(raw.call(2, "system/introspect", Value::Null).await.is_ok());
    assert_eq!(raw.parting().await, ("token-expired".into(), 4504));
    assert_eq!(refused(&host, json!({"ticket": raw.ticket})).await.0, "token-expired");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grants_that_do_not_fit_in_a_ticket_are_not_forgotten() {
    let mut host = host().await;
    let methods: Vec<_> = (0..60).map(|no| format!("m/{no}/{}", "x".repeat(40))).collect();
    let token = sign(&NewToken::new("maria", HOUR).grants(grants(&json!({ "methods": methods }))));
    let raw = Raw::session(host.addr(), Some(&token)).await;
    let ticket = raw.ticket.clone();
    drop(raw);
    // While the session is here, it knows them.
    assert_eq!(echo(&host, None, Some(&ticket)).await.problem(), "forbidden");
    let (_, welcome) = Raw::resume(host.addr(), &ticket).await;
    assert_eq!(welcome["continuity"], "kept");
    host.restart().await;
    assert_eq!(echo(&host, None, Some(&ticket)).await.problem(), "unauthenticated");
    assert_eq!(refused(&host, json!({"ticket": ticket})).await, ("unauthenticated".into(), 4502));
    let mut raw = Raw::connect(host.addr()).await;
    assert_eq!(raw.hello(json!({"token": token, "ticket": ticket})).await["continuity"], "restarted");
    assert_eq!(raw.call(1, "system/echo", json!(1)).await.expect_err("forbidden")["code"], "forbidden");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_of_another_user_is_none() {
    let host = host().await;
    let maria = Raw::session(host.addr(), Some(&brief("maria", 60))).await;
    let mut mallory = Raw::connect(host.addr()).await;
    let welcome = mallory.hello(json!({"token": brief("mallory", 60), "ticket": maria.ticket})).await;
    assert_eq!((welcome["continuity"].as_str(), welcome["identity"].as_str()), (Some("fresh"), Some("mallory")));
}
