//! Requests of people who may not, and requests that nobody should make: each has its status and code, and changes nothing.

use samewire_tests::live::http;
use serde_json::{Value, json};

use crate::stage::Stage;

/// Every request of the interface, with a body that is right.
fn requests(stage: &Stage, view: u64) -> Vec<(&'static str, String, Value)> {
    let (library, view) = (format!("/api/libraries/{}", stage.library), format!("/api/portal-views/{view}"));
    vec![
        ("GET", library.clone(), Value::Null),
        ("GET", format!("{library}/members"), Value::Null),
        ("GET", format!("{library}/portal-views"), Value::Null),
        ("GET", view.clone(), Value::Null),
        ("POST", format!("{library}/portal-views"), json!({"name": "Another"})),
        ("PATCH", view.clone(), json!({"currentItem": 3})),
        ("POST", format!("{view}/items"), json!({"title": "Another"})),
        ("PATCH", format!("{view}/items/1"), json!({"health": 7})),
        ("DELETE", format!("{view}/items/3"), Value::Null),
        ("PUT", format!("{library}/members/nina"), json!({"role": "EDITOR"})),
        ("DELETE", format!("{library}/members/viktor"), Value::Null),
        ("DELETE", view, Value::Null),
        ("DELETE", library, Value::Null),
    ]
}

/// What there is, as its owner sees it.
async fn everything(stage: &Stage, view: u64) -> Vec<Value> {
    let mut seen = Vec::new();
    for (method, path, _) in requests(stage, view).into_iter().filter(|(method, ..)| *method == "GET") {
        seen.push(stage.ok("olga", method, &path, Value::Null).await);
    }
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_do_what() {
    let stage = Stage::new().await;
    let view = stage.view().await;
    let before = everything(&stage, view).await;
    for (method, path, body) in requests(&stage, view) {
        let reads = method == "GET";
        let manages = path.contains("/members/") || (method == "DELETE" && !path.contains("portal-views"));
        let answer = stage.ask("vera", method, &path, body.clone()).await;
        if reads {
            assert_eq!(answer.status, 200, "{method} {path}");
        } else {
            assert_eq!((answer.status, answer.problem().as_str()), (403, "forbidden"), "{method} {path}");
            let detail = answer.json()["detail"].to_string();
            assert!(detail.contains("OWNER") && detail.contains("you are its VIEWER"), "{detail}");
        }
        if manages {
            let answer = stage.ask("edgar", method, &path, body).await;
            assert_eq!((answer.status, answer.problem().as_str()), (403, "forbidden"), "{method} {path}");
            assert!(answer.json()["detail"].to_string().contains("you are its EDITOR"));
        }
    }
    assert_eq!(everything(&stage, view).await, before);
    for (method, path, body) in requests(&stage, view) {
        let user = if path.contains("members/") || path.ends_with(&stage.library.to_string()) { "olga" } else { "edgar" };
        stage.ok(user, method, &path, body).await;
    }
}

/// Somebody who is no member cannot tell what is there from what is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_sees_what_is_not_there() {
    let stage = Stage::new().await;
    let view = stage.view().await;
    let before = everything(&stage, view).await;
    let nowhere = Stage { library: 4711, host: stage.host };
    let missing = requests(&nowhere, 4711);
    let stage = Stage { library: before[0]["id"].as_u64().expect("a number"), host: nowhere.host };
    for ((method, path, body), (_, other, _)) in requests(&stage, view).into_iter().zip(missing) {
        let seen = stage.ask("mallory", method, &path, body.clone()).await;
        assert_eq!((seen.status, seen.problem().as_str()), (404, "not-found"), "{method} {path}");
        let unseen = stage.ask("mallory", method, &other, body).await;
        assert_eq!((seen.status, &seen.text), (unseen.status, &unseen.text), "{method} {path}");
    }
    // What is no number is not there either.
    let library = stage.library;
    for odd in
        ["0", "-1", "1e0", "%20", "%ff", "..%2f1", "9007199254740993", "18446744073709551617", "x", &format!("0{library}")]
    {
        for path in
            [format!("/api/libraries/{odd}"), format!("/api/portal-views/{odd}"), format!("/api/portal-views/{odd}/items/1")]
        {
            let method = if path.contains("items") { "DELETE" } else { "GET" };
            assert_eq!(stage.refused("olga", method, &path, Value::Null).await, (404, "not-found".into()), "{path}");
        }
    }
    assert_eq!(everything(&stage, view).await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_good_token_nothing_is_told() {
    let stage = Stage::new().await;
    let view = stage.view().await;
    let before = everything(&stage, view).await;
    for (method, path, body) in requests(&stage, view) {
        for (token, code) in
            [(None, "unauthenticated"), (Some("Bearer x.y.z"), "token-invalid"), (Some("Basic b2xnYTo="), "token-invalid")]
        {
            let mut request =
                http::requests().request(method.parse().expect("a method"), format!("{}{path}", stage.host.url()));
            if let Some(token) = token {
                request = request.header("authorization", token);
            }
            let answer = http::send(request.body(body.to_string())).await;
            assert_eq!((answer.status, answer.problem().as_str()), (401, code), "{method} {path}");
        }
        let answer = http::send(stage.request("olga", method, &path).header("origin", "https://evil.example")).await;
        assert_eq!((answer.status, answer.problem().as_str()), (403, "origin-refused"), "{method} {path}");
    }
    assert_eq!(everything(&stage, view).await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_bodies_are_told_what_is_wrong_with_them() {
    let stage = Stage::new().await;
    let view = stage.view().await;
    let before = everything(&stage, view).await;
    let (library, at) = (format!("/api/libraries/{}", stage.library), format!("/api/portal-views/{view}"));
    let deep = format!("{}1{}", "{\"a\":".repeat(30_000), "}".repeat(30_000));
    let wide = json!({"name": "x", "items": vec![json!({"title": "t"}); 201]}).to_string();
    let large = format!("{{\"settings\":{{\"a\":\"{}\"}}}}", "x".repeat(17_000));
    let flood = "7".repeat(8 << 20);
    for (what, method, path, body, status, code) in [
        ("nothing at all", "POST", &format!("{at}/items"), "", 400, "bad-params"),
        ("no JSON", "PATCH", &at, "{", 400, "bad-params"),
        ("JSON and more", "PATCH", &at, "{} {}", 400, "bad-params"),
        ("a JSON patch", "PATCH", &at, r#"[{"op":"replace","path":"/name","value":"x"}]"#, 400, "bad-params"),
        ("null", "PATCH", &at, "null", 400, "bad-params"),
        ("a field of the server's", "PATCH", &at, r#"{"version":9}"#, 400, "bad-params"),
        ("another library", "PATCH", &at, r#"{"library":1}"#, 400, "bad-params"),
        ("a field of nobody's", "PATCH", &at, r#"{"__proto__":{"admin":true}}"#, 400, "bad-params"),
        ("an item that is not there", "PATCH", &at, r#"{"items":{"9":{"title":"x"}}}"#, 400, "bad-params"),
        ("a current item that is not there", "PATCH", &at, r#"{"currentItem":9}"#, 400, "bad-params"),
        ("a name that is none", "PATCH", &at, r#"{"name":"\u0000"}"#, 400, "bad-params"),
        ("an address that runs", "PATCH", &at, r#"{"items":{"1":{"media":"javascript:alert(1)"}}}"#, 400, "bad-params"),
        ("depth", "PATCH", &at, &deep, 400, "bad-params"),
        ("too much", "PATCH", &at, &large, 413, "too-big"),
        ("a flood", "PATCH", &at, &flood, 413, "too-big"),
        ("too many items", "POST", &format!("{library}/portal-views"), &wide, 413, "too-big"),
        ("a view without a name", "POST", &format!("{library}/portal-views"), "{}", 400, "bad-params"),
        (
            "a view of another version",
            "POST",
            &format!("{library}/portal-views"),
            r#"{"name":"x","version":7}"#,
            400,
            "bad-params",
        ),
        ("an item of two kinds", "POST", &format!("{at}/items"), r#"{"title":"x","health":"much"}"#, 400, "bad-params"),
        ("a role that is none", "PUT", &format!("{library}/members/nina"), r#"{"role":"ADMIN"}"#, 400, "bad-params"),
        ("nobody", "PUT", &format!("{library}/members/%20"), r#"{"role":"VIEWER"}"#, 400, "bad-params"),
        ("a session", "PUT", &format!("{library}/members/anon:se_0"), r#"{"role":"VIEWER"}"#, 400, "bad-params"),
        ("a library without a name", "POST", &"/api/libraries".to_owned(), r#"{"name":" "}"#, 400, "bad-params"),
        ("a library and more", "POST", &"/api/libraries".to_owned(), r#"{"name":"x","owner":"mallory"}"#, 400, "bad-params"),
        ("an item of a view", "PATCH", &format!("{at}/items/1"), r#"{"id":7}"#, 400, "bad-params"),
    ] {
        let answer = http::send(stage.request("olga", method, path).body(body.to_owned())).await;
        assert_eq!((answer.status, answer.problem().as_str()), (status, code), "{what}: {answer:?}");
        assert_eq!(answer.json()["ran"], "no", "{what}");
    }
    for (method, path) in
        [("PUT", at.as_str()), ("POST", at.as_str()), ("PATCH", library.as_str()), ("DELETE", "/api/libraries")]
    {
        assert_eq!(stage.refused("olga", method, path, json!({})).await, (405, "bad-request".into()), "{method} {path}");
    }
    assert_eq!(everything(&stage, view).await, before);
}

/// A page of the app, which has another origin in development, may use all of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_may_patch_and_delete() {
    let mut config = samewire_tests::live::settings();
    config.origins = vec!["https://app.example.com".into()];
    let stage = Stage::with(config).await;
    let path = format!("{}/api/portal-views/{}", stage.host.url(), stage.view().await);
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        let preflight = http::requests()
            .request(reqwest::Method::OPTIONS, &path)
            .header("origin", "https://app.example.com")
            .header("access-control-request-method", method)
            .header("access-control-request-headers", "authorization,content-type,if-match");
        let response = preflight.send().await.expect("an answer");
        let allows = |name: &str, what: &str| {
            let value = response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
            value.to_ascii_lowercase().split(',').any(|allowed| allowed.trim() == what.to_ascii_lowercase())
        };
        assert!(allows("access-control-allow-methods", method), "{response:?}");
        assert!(allows("access-control-allow-headers", "if-match"), "{response:?}");
        assert!(allows("access-control-allow-origin", "https://app.example.com"), "{response:?}");
    }
    let from_elsewhere = http::requests()
        .request(reqwest::Method::OPTIONS, &path)
        .header("origin", "https://evil.example")
        .header("access-control-request-method", "PATCH");
    let response = from_elsewhere.send().await.expect("an answer");
    assert_eq!(response.headers().get("access-control-allow-origin"), None);
}
