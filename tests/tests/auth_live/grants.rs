//! What a token allows.

use samewire_server::auth::NewToken;
use samewire_tests::live::raw::Raw;
use serde_json::{Value, json};

use crate::stage::{HOUR, grants, host, renew, sign};

fn allowing(methods: Value) -> String {
    sign(&NewToken::new("maria", HOUR).grants(grants(&json!({ "methods": methods }))))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_names_methods_allows_no_others() {
    let host = host().await;
    let token = allowing(json!(["files/*", "system/introspect"]));
    let mut raw = Raw::session(host.addr(), Some(&token)).await;
    let ticket = raw.ticket.clone();
    assert!(raw.call(1, "files/list", json!({})).await.is_ok());
    let error = raw.call(2, "system/echo", json!(1)).await.expect_err("forbidden");
    assert_eq!((error["code"].as_str(), error["ran"].as_str()), (Some("forbidden"), Some("no")));
    let told = error["message"].as_str().unwrap_or_default();
    assert!(told.contains("`files/*`, `system/introspect`"), "{told}");
    // What there is beyond what is allowed is not told.
    assert_eq!(raw.call(3, "no/such", json!(1)).await.expect_err("forbidden")["code"], "forbidden");
    for (token, ticket) in [(Some(token.as_str()), None), (None, Some(ticket.as_str())), (Some(&token), Some(&ticket))] {
        let url = host.url();
        let call = |method: &'static str| samewire_tests::live::http::call(&url, method, &Value::Null, token, ticket);
        assert_eq!(call("system/introspect").await.status, 200);
        assert_eq!(call("system/echo").await.problem(), "forbidden");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_token_widens_and_narrows() {
    let host = host().await;
    let mut raw = Raw::session(host.addr(), Some(&allowing(json!(["files/*"])))).await;
    assert_eq!(raw.call(1, "system/echo", json!(1)).await.expect_err("forbidden")["code"], "forbidden");
    renew(&mut raw, &allowing(json!(["system/*"]))).await.expect("taken");
    assert_eq!(raw.call(2, "system/echo", json!(1)).await, Ok(json!(1)));
    assert_eq!(raw.call(3, "files/list", json!({})).await.expect_err("forbidden")["code"], "forbidden");
    // The session's own ticket stands for what the session may do now.
    let answer = crate::stage::echo(&host, None, Some(&raw.ticket.clone())).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    renew(&mut raw, &allowing(json!([]))).await.expect("taken");
    let error = raw.call(4, "system/echo", json!(1)).await.expect_err("forbidden");
    assert!(error["message"].as_str().is_some_and(|told| told.ends_with("no method at all")), "{error}");
}
