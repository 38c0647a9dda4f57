//! Who may come in: tokens, tickets, origins, the subprotocol.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use samewire_tests::live::raw::Raw;
use samewire_tests::live::{SECRET, http, token};
use serde_json::{Value, json};

use crate::ward::{Ward, limits};

/// A token that says this, signed like this.
fn signed(algorithm: Algorithm, claims: &Value, secret: &str) -> String {
    jsonwebtoken::encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(secret.as_bytes())).expect("a token")
}

fn now() -> u64 {
    samewire_server::store::now_ms() / 1000
}

/// Tokens that are wrong, and what is said of each.
fn bad_tokens() -> Vec<(&'static str, String, &'static str)> {
    let good = json!({"sub": "mallory", "exp": now() + 3600, "aud": "samewire"});
    let with = |field: &str, value: Value| {
        let mut claims = good.clone();
        claims[field] = value;
        claims
    };
    let without = |field: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().expect("an object").remove(field);
        claims
    };
    let hs256 = |claims: &Value| signed(Algorithm::HS256, claims, SECRET);
    let right = hs256(&good);
    let (rest, signature) = right.rsplit_once('.').expect("three parts");
    // {"alg":"none"} and {"alg":"none","typ":"JWT"}.
    let none = |header: &str| format!("{header}.{}.", rest.split('.').nth(1).expect("claims"));
    let other = hs256(&with("sub", json!("admin")));
    let swapped = format!("{}.{signature}", other.rsplit_once('.').expect("three parts").0);
    vec![
        ("expired", hs256(&with("exp", json!(now() - 3600))), "token-expired"),
        ("expired in 1970", hs256(&with("exp", json!(0))), "token-expired"),
        ("signed with another secret", signed(Algorithm::HS256, &good, "another secret, just as long as it"), "token-invalid"),
        ("signed by another algorithm", signed(Algorithm::HS384, &good, SECRET), "token-invalid"),
        ("with the claims of one and the signature of another", swapped, "token-invalid"),
        ("not signed", none("eyJhbGciOiJub25lIn0"), "token-invalid"),
        ("not signed, and typed", none("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0"), "token-invalid"),
        ("without a signature", format!("{rest}."), "token-invalid"),
        ("cut short", right[..right.len() - 1].to_owned(), "token-invalid"),
        ("for another audience", hs256(&with("aud", json!("elsewhere"))), "token-invalid"),
        ("for no audience", hs256(&without("aud")), "token-invalid"),
        ("not yet valid", hs256(&with("nbf", json!(now() + 3600))), "token-invalid"),
        ("without an end", hs256(&without("exp")), "token-invalid"),
        ("of nobody", hs256(&without("sub")), "token-invalid"),
        ("of an empty name", hs256(&with("sub", json!(""))), "token-invalid"),
        ("of an anonymous name", hs256(&with("sub", json!("anon:se_00000000000000000000000000000000"))), "token-invalid"),
        ("of a name with a line break", hs256(&with("sub", json!("a\nb"))), "token-invalid"),
        ("of a name of 129 characters", hs256(&with("sub", json!("x".repeat(129)))), "token-invalid"),
        ("of a name that is a number", hs256(&with("sub", json!(7))), "token-invalid"),
        ("empty", String::new(), "token-invalid"),
        ("no token at all", "let me in".to_owned(), "token-invalid"),
    ]
}

/// A server that lets nobody in without a token for it.
async fn strict(anonymous: bool) -> (Ward, String) {
    let mut config = limits();
    config.auth.anonymous = anonymous;
    config.auth.audience = vec!["samewire".to_owned()];
    let good = signed(Algorithm::HS256, &json!({"sub": "bystander", "exp": now() + 3600, "aud": "samewire"}), SECRET);
    (Ward::with_token(config, &good).await, good)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_wrong_lets_nobody_in_by_any_way() {
    // Where nobody need have a token, a wrong one still is.
    for anonymous in [false, true] {
        let (mut ward, good) = strict(anonymous).await;
        let url = ward.host.url();
        for (what, token, code) in bad_tokens() {
            let close = if code == "token-expired" { 4504 } else { 4503 };
            let mut attacker = Raw::connect(ward.host.addr()).await;
            attacker.send(&json!({"type": "hello", "token": token})).await;
            let goodbye = attacker.expect("goodbye").await;
            assert_eq!(goodbye["error"]["code"], code, "{what}");
            assert!(goodbye["reconnect"].is_null(), "with the same token there is no use in coming back: {goodbye}");
            assert!(token.is_empty() || !goodbye.to_string().contains(&token), "{what}: the token is told to whoever listens");
            attacker.skipped.clear();
            assert_eq!(attacker.next().await, samewire_tests::live::raw::Heard::Close(close, code.to_owned()), "{what}");

            let answer = http::call(&url, "system/echo", &json!(1), Some(&token), None).await;
            assert_eq!((answer.status, answer.problem().as_str()), (401, code), "{what}");
            assert!(token.is_empty() || !answer.text.contains(&token), "{what}");
            ward.goes_on(what).await;
        }
        let mut attacker = Raw::connect(ward.host.addr()).await;
        attacker.send(&json!({"type": "hello"})).await;
        let answer = http::call(&url, "system/echo", &json!(1), None, None).await;
        if anonymous {
            assert!(attacker.expect("welcome").await["identity"].is_null());
            assert_eq!((answer.status, answer.text.as_str()), (200, "1"));
            attacker.close(1000).await;
        } else {
            assert_eq!(attacker.parting().await, ("unauthenticated".to_owned(), 4502));
            assert_eq!((answer.status, answer.problem().as_str()), (401, "unauthenticated"));
        }
        let answer = http::call(&url, "system/echo", &json!(1), Some(&good), None).await;
        assert_eq!(answer.status, 200);
        ward.goes_on("the tokens").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_that_is_no_bearer_token_lets_nobody_in() {
    let (ward, good) = strict(true).await;
    for header in ["", "Bearer", "Bearer ", "Basic bWFyaWE6c2VjcmV0", &good, "Bearer a b", "Bearer \u{fc}"] {
        let request = http::requests().post(format!("{}/rpc/system/echo", ward.host.url())).body("1");
        let answer = http::send(request.header("authorization", header.as_bytes())).await;
        assert_eq!((answer.status, answer.problem().as_str()), (401, "token-invalid"), "{header:?}");
    }
    let request = http::requests().post(format!("{}/rpc/system/echo", ward.host.url())).body("1");
    let answer = http::send(request.header("authorization", format!("bearer {good}"))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// A ticket is good for its own session and identity, as it was issued and no other way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_that_was_changed_is_none() {
    let mut ward = Ward::new().await;
    let mut maria = Raw::connect(ward.host.addr()).await;
    let welcome = maria.hello(json!({"token": token("maria")})).await;
    let ticket = maria.ticket.clone();
    let id = "st_0123456789abcdef0123456789abcdef";
    maria.open(1, id, Some(10)).await;
    let mut changed: Vec<String> = (0..ticket.len())
        .step_by(3)
        .map(|at| {
            let mut bytes = ticket.clone().into_bytes();
            bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
            String::from_utf8(bytes).expect("ASCII")
        })
        .collect();
    changed.extend([String::new(), "1.2.3".to_owned(), ticket.to_uppercase(), ticket.repeat(2)]);
    for ticket in &changed {
        // Where anonymous sessions are allowed, a ticket that is none is a new anonymous session, which has nothing of Maria's.
        let mut attacker = Raw::connect(ward.host.addr()).await;
        let fresh = attacker.hello(json!({"ticket": ticket})).await;
        assert_eq!(fresh["continuity"], "fresh", "{ticket}");
        assert_ne!(fresh["session"], welcome["session"]);
        assert!(fresh["identity"].is_null(), "{fresh}");
        let error = attacker.call(1, "files/upload", json!({"stream": id})).await.expect_err("not his");
        assert_eq!(error["code"], "stream-not-found");
        attacker.close(1000).await;
        let answer = http::call(&ward.host.url(), "files/upload", &json!({"stream": id}), None, Some(ticket)).await;
        assert_eq!((answer.status, answer.problem().as_str()), (421, "misdirected"), "{ticket}");
    }
    // The ticket itself, with a token of somebody else: the token counts.
    let mut attacker = Raw::connect(ward.host.addr()).await;
    let fresh = attacker.hello(json!({"token": token("mallory"), "ticket": ticket})).await;
    assert_eq!((&fresh["continuity"], &fresh["identity"]), (&json!("fresh"), &json!("mallory")));
    attacker.close(1000).await;
    let answer =
        http::call(&ward.host.url(), "files/upload", &json!({"stream": id}), Some(&token("mallory")), Some(&ticket)).await;
    assert_eq!((answer.status, answer.problem().as_str()), (421, "misdirected"));
    // Nobody has taken it from her: her connection is as it was. With her own ticket she takes it over.
    assert_eq!(maria.call(1, "system/echo", json!(1)).await, Ok(json!(1)));
    let (mut again, welcomed) = Raw::resume(ward.host.addr(), &ticket).await;
    assert_eq!((&welcomed["continuity"], &welcomed["session"]), (&json!("kept"), &welcome["session"]));
    assert_eq!(maria.parting().await, ("superseded".to_owned(), 4501));
    // What the old connection says afterwards, its end for one, is of no account.
    maria.close(1000).await;
    again.send(&json!({"type": "open", "stream": 1, "ref": id, "name": "a file", "size": 10})).await;
    assert_eq!(again.expect("opened").await["offset"], 0);
    again.send(&json!({"type": "abort", "stream": 1, "ref": id})).await;
    again.close(1000).await;
    ward.goes_on("tickets").await;
    ward.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_another_origin_hears_why_it_may_not_connect() {
    let mut config = limits();
    config.origins = vec!["https://app.example.com".to_owned()];
    let mut ward = Ward::with(config).await;
    let own = format!("http://{}", ward.host.addr());
    for origin in [
        "https://evil.example",
        "null",
        "http://app.example.com",
        "https://app.example.com.evil.example",
        "https://app.example.com:8443",
        "http://localhost:3000",
        "http://127.0.0.1:1",
        "file://",
        "\u{fc}",
    ] {
        let mut page = Raw::dial(ward.host.addr(), &[("Sec-WebSocket-Protocol", "samewire.v1"), ("Origin", origin)])
            .await
            .expect("the upgrade is made, so that the page can hear why");
        page.send(&json!({"type": "hello", "token": token("maria")})).await;
        assert_eq!(page.parting().await, ("origin-refused".to_owned(), 1008), "{origin}");
        let request = http::requests().post(format!("{}/rpc/system/echo", ward.host.url())).body("1");
        let answer = http::send(request.header("origin", origin.as_bytes())).await;
        assert_eq!((answer.status, answer.problem().as_str()), (403, "origin-refused"), "{origin}");
        ward.goes_on(origin).await;
    }
    for origin in ["https://app.example.com", own.as_str()] {
        let headers = [("Sec-WebSocket-Protocol", "samewire.v1"), ("Origin", origin)];
        let mut page = Raw::dial(ward.host.addr(), &headers).await.expect("an upgrade");
        page.hello(json!({"token": token("mallory")})).await;
        page.close(1000).await;
    }
    ward.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handshake_for_another_protocol_is_refused() {
    let mut ward = Ward::new().await;
    for headers in [&[][..], &[("Sec-WebSocket-Protocol", "graphql-ws")], &[("Sec-WebSocket-Protocol", "samewire.v2, chat")]] {
        let refused = Raw::dial(ward.host.addr(), headers).await.expect_err("no such protocol");
        assert_eq!((refused.status, &refused.body["code"]), (400, &json!("wrong-protocol")), "{headers:?}");
    }
    // Among others it is found.
    let mut raw = Raw::dial(ward.host.addr(), &[("Sec-WebSocket-Protocol", "chat, samewire.v1")]).await.expect("an upgrade");
    raw.hello(json!({"token": token("mallory")})).await;
    raw.close(1000).await;
    let answer = http::send(http::requests().get(format!("{}/session", ward.host.url()))).await;
    assert_eq!((answer.json()["code"].clone(), answer.status), (json!("wrong-protocol"), 426));
    ward.goes_on("other protocols").await;
    ward.nothing_is_left().await;
}

/// More sessions than the server takes: those that are there go on, and one that comes back finds its place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_house_turns_newcomers_away() {
    let mut config = limits();
    config.limits.max_sessions = 4;
    let mut ward = Ward::with(config).await;
    let mut inside = Vec::new();
    for _ in 0..3 {
        inside.push(ward.attacker().await);
    }
    let mut late = Raw::connect(ward.host.addr()).await;
    late.send(&json!({"type": "hello", "token": token("mallory")})).await;
    let goodbye = late.expect("goodbye").await;
    assert_eq!(goodbye["error"]["code"], "too-many-sessions");
    assert!(goodbye["reconnect"]["spread"].is_number(), "it may come back: {goodbye}");
    let ticket = inside[0].ticket.clone();
    inside.remove(0);
    let (again, welcome) = Raw::resume(ward.host.addr(), &ticket).await;
    assert_eq!(welcome["continuity"], "kept");
    inside.push(again);
    for mut raw in inside {
        raw.close(1000).await;
    }
    ward.goes_on("a full house").await;
    ward.nothing_is_left().await;
}

/// One user with more sessions than a user may have: nobody else notices.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_with_too_many_sessions_is_turned_away_alone() {
    let mut config = limits();
    config.limits.max_sessions_per_user = 2;
    let mut ward = Ward::with(config).await;
    let mut inside = [ward.attacker().await, ward.attacker().await];
    let mut late = Raw::connect(ward.host.addr()).await;
    late.send(&json!({"type": "hello", "token": token("mallory")})).await;
    assert_eq!(late.expect("goodbye").await["error"]["code"], "too-many-sessions");
    let mut other = Raw::connect(ward.host.addr()).await;
    other.hello(json!({"token": token("trudy")})).await;
    other.close(1000).await;
    inside[0].close(1000).await;
    let mut next = Raw::connect(ward.host.addr()).await;
    next.hello(json!({"token": token("mallory")})).await;
    next.close(1000).await;
    inside[1].close(1000).await;
    ward.goes_on("a user with many sessions").await;
    ward.nothing_is_left().await;
}
