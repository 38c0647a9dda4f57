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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn narrower_grants_end_a_membership_and_change_a_role() {
    let host = host().await;
    let in_rooms = |rooms: Value| sign(&NewToken::new("maria", HOUR).grants(grants(&json!({ "rooms": rooms }))));
    let wide = in_rooms(json!([{"name": "chat:*", "role": "moderator"}]));
    let mut raw = Raw::session(host.addr(), Some(&wide)).await;
    for room in ["chat:1", "chat:2"] {
        raw.send(&json!({"type": "join", "room": room})).await;
        assert_eq!(raw.expect("joined").await["role"], "moderator");
    }
    raw.send(&json!({"type": "join", "room": "live:1"})).await;
    let left = raw.expect("left").await;
    assert_eq!((left["room"].as_str(), left["error"]["code"].as_str()), (Some("live:1"), Some("forbidden")), "{left}");

    renew(&mut raw, &in_rooms(json!([{"name": "chat:1", "role": "guest"}]))).await.expect("taken");
    let left = raw.expect("left").await;
    assert_eq!((left["room"].as_str(), left["error"]["code"].as_str()), (Some("chat:2"), Some("forbidden")), "{left}");
    let publish = json!({"room": "chat:2", "name": "said"});
    assert_eq!(raw.call(1, "rooms/publish", publish).await.expect_err("out")["code"], "not-joined");
    // In the other room it goes on, as what the newer token says.
    let publish = json!({"room": "chat:1", "name": "said"});
    assert!(raw.call(2, "rooms/publish", publish).await.is_ok());
    let presence = raw.call(3, "rooms/presence", json!({"room": "chat:1"})).await.expect("who is there");
    assert_eq!(presence["entries"][0]["role"], "guest", "{presence}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_hears_when_a_members_token_ends() {
    let host = host().await;
    let rooms = grants(&json!({"rooms": [{"name": "chat:*", "role": "member"}]}));
    let joined = async |user: &str, ttl: u64| {
        let token = sign(&NewToken::new(user, std::time::Duration::from_secs(ttl)).grants(rooms.clone()));
        let mut raw = Raw::session(host.addr(), Some(&token)).await;
        raw.send(&json!({"type": "join", "room": "chat:1"})).await;
        raw.expect("joined").await;
        raw
    };
    let mut stays = joined("maria", 3600).await;
    let mut goes = joined("mario", 2).await;
    assert_eq!(goes.parting().await, ("token-expired".into(), 4504));
    loop {
        let news = stays.expect("presence").await;
        if news["gone"].as_array().is_some_and(|gone| gone.contains(&json!("mario"))) {
            assert_eq!(news["users"], 1, "{news}");
            break;
        }
    }
}
