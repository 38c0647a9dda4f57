//! Over HTTP: calls as packets and by their addresses; streams are refused with the address of a WebSocket.

use samewire_tests::live::{Host, http, token};
use serde_json::{Value, json};

use super::stage::{closed, host};

struct Answer {
    status: u16,
    headers: reqwest::header::HeaderMap,
    packet: Value,
}

async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = samewire_tests::live::within("an answer", request.send()).await.expect("an answer");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let packet = serde_json::from_str(&response.text().await.expect("a body")).unwrap_or_default();
    Answer { status, headers, packet }
}

async fn post(host: &Host, path: &str, body: impl Into<reqwest::Body>) -> Answer {
    answer(http::requests().post(format!("{}{path}", host.url())).body(body)).await
}

#[tokio::test]
async fn calls_in_packets() {
    let host = host().await;
    let called = post(&host, "/api", r#"{"type":"call","id":3,"method":"system/echo","args":{"a":1}}"#).await;
    assert_eq!((called.status, called.packet), (200, json!({"type": "callback", "id": 3, "result": {"a": 1}})));
    assert_eq!(called.headers["content-type"], "application/json");
    let called = post(&host, "/api", r#"{"call":3,"system/echo":{"a":1}}"#).await;
    assert_eq!((called.status, called.packet), (200, json!({"callback": 3, "result": {"a": 1}})));
    assert_eq!(post(&host, "/api", "{}").await.packet, json!({}));
    let failed = post(&host, "/api", r#"{"type":"call","id":3,"method":"no/such","args":{}}"#).await;
    assert_eq!((failed.status, &failed.packet["id"], &failed.packet["error"]["code"]), (404, &json!(3), &json!(404)));
    for body in ["{", r#"{"type":"call"}"#, "[1]", "null", "7", " \n", ""] {
        let failed = post(&host, "/api", body).await;
        assert_eq!((failed.status, failed.packet.get("id")), (400, None), "{body}");
    }
}

#[tokio::test]
async fn calls_by_their_addresses() {
    let host = host().await;
    let url = |path: &str| format!("{}{path}", host.url());
    let got = answer(http::requests().get(url("/api/system/echo?a=1&b=two"))).await;
    assert_eq!((got.status, got.packet), (200, json!({"type": "callback", "id": 0, "result": {"a": "1", "b": "two"}})));
    let posted = post(&host, "/api/system.2/echo?a=1&c=3", r#"{"a":2,"b":null}"#).await;
    assert_eq!(posted.packet["result"], json!({"a": 2, "b": null, "c": "3"}), "the body comes before the address");
    assert_eq!(post(&host, "/api/system/introspect", r#"["system"]"#).await.packet["result"]["system"]["echo"], json!([]));
    assert_eq!(post(&host, "/api/no/such", "").await.status, 404);
    assert_eq!(post(&host, "/api/no/such", "").await.packet["error"]["code"], 404);
    assert_eq!(answer(http::requests().delete(url("/api/system/echo"))).await.status, 400);
    // What is not a call is where it was before.
    let listed = answer(http::requests().get(url("/api/files")).bearer_auth(token("ada"))).await;
    assert_eq!((listed.status, listed.packet), (200, json!({"files": [], "more": false})));
}

/// The rule, and what happens to who does not know it.
#[tokio::test]
async fn streams_are_refused_with_the_address_of_a_websocket() {
    let host = host().await;
    let address = format!("ws://{}/api", host.addr());
    for (path, body, id) in [
        ("/api", r#"{"type":"call","id":2,"method":"files/upload","args":{"streamId":1}}"#.as_bytes(), Some(2)),
        ("/api", br#"{"type":"call","id":5,"method":"files/download","args":{"name":"x"}}"#, Some(5)),
        ("/api", br#"{"type":"call","id":6,"method":"rooms/join","args":{"room":"file:1"}}"#, Some(6)),
        ("/api/files/upload", br#"{"streamId":1}"#, Some(0)),
        ("/api/files/open", br#"{"id":"x"}"#, Some(0)),
        // A client would take the number for that of a call.
        ("/api", br#"{"type":"stream","id":1,"name":"blob","size":15}"#, None),
        ("/api", br#"{"type":"stream","id":1,"status":"end"}"#, None),
        ("/api", b"\0\0\0\x01Hello, Metacom!", None),
        ("/api", &[0x7c; 3_000_000], None),
    ] {
        let refused = post(&host, path, body.to_vec()).await;
        let error = &refused.packet["error"];
        assert_eq!((refused.status, &error["code"], &error["reason"]), (421, &json!(421), &json!("misdirected")));
        assert!(error["message"].as_str().is_some_and(|message| message.contains(&address)), "{error}");
        assert_eq!(refused.packet.get("id").and_then(Value::as_u64), id);
    }
    let named = format!(r#"{{"type":"call","id":1,"method":"system/echo","args":["st_{}"]}}"#, "0".repeat(32));
    assert_eq!(post(&host, "/api", named).await.status, 421, "the id of a stream, wherever it is");
    let proxied = http::requests().post(format!("{}/api/files/upload", host.url())).header("x-forwarded-proto", "https");
    let message = answer(proxied.body("{}")).await.packet["error"]["message"].clone();
    assert!(message.as_str().is_some_and(|message| message.contains("wss://")), "{message}");
}

#[tokio::test]
async fn other_verbs_and_pages() {
    let host = host().await;
    let url = format!("{}/api", host.url());
    let got = answer(http::requests().get(&url)).await;
    assert_eq!((got.status, &got.packet["error"]["code"]), (403, &json!(403)), "as its own server has it, and alike in both");
    assert!(got.packet["error"]["message"].as_str().is_some_and(|message| message.contains("ws://")));
    for path in ["", "/files/upload", "/system/echo"] {
        let asked = http::requests().request(reqwest::Method::OPTIONS, format!("{url}{path}"));
        let asked = asked.header("origin", host.url()).header("access-control-request-method", "POST");
        let allowed = answer(asked.header("access-control-request-headers", "content-type")).await;
        assert_eq!(allowed.status, 200, "{path}");
        assert_eq!(allowed.headers["access-control-allow-origin"], host.url().as_str(), "{path}");
    }
    let elsewhere = http::requests().post(&url).header("origin", "https://elsewhere.example");
    let refused = answer(elsewhere.body(r#"{"type":"call","id":1,"method":"system/echo","args":1}"#)).await;
    assert_eq!((refused.status, &refused.packet["error"]["reason"]), (403, &json!("origin-refused")));
}

#[tokio::test]
async fn who_calls_is_known_by_a_header_or_a_cookie() {
    let host = Host::start(closed()).await;
    let url = |path: &str| format!("{}{path}", host.url());
    let token = token("ada");
    assert_eq!(post(&host, "/api/auth/status", "").await.status, 403);
    let restored = post(&host, "/api/auth/restore", json!({"token": token}).to_string()).await;
    assert_eq!(restored.packet["result"], json!({"status": "logged", "user": "ada"}));
    let cookie = restored.headers["set-cookie"].to_str().expect("text").to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let cookie = cookie.split(';').next().expect("a pair").to_owned();
    let with = |request: reqwest::RequestBuilder| request.header("cookie", &cookie);
    assert_eq!(answer(with(http::requests().post(url("/api/auth/status")))).await.packet["result"]["user"], "ada");
    // A page elsewhere can make a browser send this.
    let get = || with(http::requests().get(url("/api/auth/status")));
    assert_eq!(answer(get()).await.status, 403);
    assert_eq!(answer(get().header("sec-fetch-site", "cross-site")).await.status, 403);
    assert_eq!(answer(get().header("sec-fetch-site", "same-origin")).await.status, 200);
    let bearer = http::requests().get(url("/api/auth/status")).bearer_auth(&token);
    assert_eq!(answer(bearer).await.packet["result"]["user"], "ada");
    let out = answer(with(http::requests().post(url("/api/auth/signout")))).await;
    assert!(out.headers["set-cookie"].to_str().expect("text").contains("Max-Age=0"));
    // And one that is good no more is taken back where the client asks who it is.
    let stale = http::requests().post(url("/api/auth/status")).header("cookie", "token=forged");
    let stale = answer(stale).await;
    assert_eq!((stale.status, &stale.packet["error"]["reason"]), (403, &json!("token-invalid")));
    assert!(stale.headers["set-cookie"].to_str().expect("text").contains("Max-Age=0"));
    let forged = post(&host, "/api/auth/restore", r#"{"token":"forged"}"#).await;
    assert_eq!(forged.packet["result"]["status"], "not logged");
    assert!(forged.headers.get("set-cookie").is_none());
}

/// A link was enough to sign somebody in as somebody else, or out.
#[tokio::test]
async fn a_cookie_is_set_by_a_post_of_the_same_site_only() {
    let host = Host::start(closed()).await;
    let url = |path: &str| format!("{}{path}", host.url());
    let token = token("ada");
    let body = json!({"token": token}).to_string();
    let restore = || http::requests().post(url("/api/auth/restore")).body(body.clone());
    for (request, status) in [
        (http::requests().get(url(&format!("/api/auth/restore?token={token}"))), 400),
        (http::requests().post(url(&format!("/api/auth/restore?token={token}"))), 400),
        (http::requests().get(url("/api/auth/signout")), 400),
        (restore().header("sec-fetch-site", "cross-site"), 403),
        (restore().header("origin", "https://elsewhere.example"), 403),
        (http::requests().post(url("/api/auth/signout")).header("sec-fetch-site", "cross-site"), 403),
    ] {
        let refused = answer(request).await;
        assert_eq!((refused.status, refused.headers.get("set-cookie")), (status, None), "{}", refused.packet);
    }
    for request in [restore(), restore().header("sec-fetch-site", "same-origin"), restore().header("origin", host.url())] {
        let restored = answer(request).await;
        assert_eq!((restored.status, restored.headers.contains_key("set-cookie")), (200, true), "{}", restored.packet);
    }
}

/// It was refused everywhere, and no page can remove it.
#[tokio::test]
async fn a_cookie_that_is_good_no_more_is_none_where_nobody_needs_one() {
    let host = host().await;
    let cookie = ("Cookie", "token=forged");
    let mut old = super::stage::Old::connect_at(&host, "/api", &[cookie]).await;
    assert_eq!(old.call(1, "system/echo", json!(1)).await, Ok(json!(1)));
    let called = http::requests().post(format!("{}/api/system/echo", host.url())).header(cookie.0, cookie.1).body("{}");
    assert_eq!(answer(called).await.status, 200);
    // One that somebody showed on purpose is told.
    let mut old = super::stage::Old::connect_at(&host, "/api?token=forged", &[]).await;
    assert_eq!(old.call(1, "system/echo", json!(1)).await.expect_err("forged")["reason"], "token-invalid");
}

/// Some libraries offer HTTP/2 with each request.
#[tokio::test]
async fn only_a_websocket_is_taken_for_one() {
    let host = host().await;
    let offer = http::requests().post(format!("{}/api", host.url())).header("upgrade", "h2c");
    let offer = offer.header("connection", "Upgrade, HTTP2-Settings").header("http2-settings", "AAMAAABkAAQAAP__");
    let called = answer(offer.body(r#"{"type":"call","id":3,"method":"system/echo","args":1}"#)).await;
    assert_eq!((called.status, &called.packet["result"]), (200, &json!(1)));
}
