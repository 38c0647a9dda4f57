//! In development, a view to begin with.

use samewire_tests::live::{http, settings};
use serde_json::{Value, json};

use crate::stage::Stage;

async fn stage() -> Stage {
    let mut config = settings();
    config.dev = true;
    Stage::with(config).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_demo_is_made_once_and_found_again() {
    let stage = stage().await;
    let first = stage.ok("ada", "POST", "/dev/portal", Value::Null).await;
    assert_eq!(first["room"], format!("portal:{}", first["view"]));
    let path = format!("/api/portal-views/{}", first["view"]);
    let view = stage.ok("ada", "GET", &path, Value::Null).await;
    assert_eq!((view["items"].as_object().map(|items| items.len()), &view["currentItem"]), (Some(6), &json!(1)));
    assert_eq!(stage.ok("ada", "PATCH", &path, json!({"currentItem": 2})).await["currentItem"], 2);
    assert_eq!(stage.ok("ada", "POST", "/dev/portal", json!({})).await, first);
    assert_ne!(stage.ok("ada", "POST", "/dev/portal", json!({"fresh": true})).await["view"], first["view"]);

    // Whoever is given the address may look at it, and no more.
    assert_eq!(stage.refused("bob", "GET", &path, Value::Null).await.0, 404);
    for _ in 0..2 {
        assert_eq!(stage.ok("bob", "POST", "/dev/portal", json!({"view": first["view"]})).await, first);
        assert_eq!(stage.refused("bob", "PATCH", &path, json!({"currentItem": 1})).await.0, 403);
    }
    // Who may more already keeps it.
    assert_eq!(stage.ok("ada", "POST", "/dev/portal", json!({"view": first["view"], "users": {"bob": "EDITOR"}})).await, first);
    stage.ok("bob", "POST", "/dev/portal", json!({"view": first["view"]})).await;
    for user in ["ada", "bob"] {
        stage.ok(user, "PATCH", &path, json!({"showHealth": user == "bob"})).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_in_particular_may_ask_too() {
    let stage = stage().await;
    let url = format!("{}/dev/portal", stage.host.url());
    let make = |body: Value| http::send(http::requests().post(&url).body(body.to_string()));
    let made = http::send(http::requests().post(&url)).await.json();
    assert_eq!(make(json!({"users": {"nina": "EDITOR"}})).await.json(), made);
    stage.ok("nina", "PATCH", &format!("/api/portal-views/{}", made["view"]), json!({"currentItem": 3})).await;

    for body in [json!({"users": {"nina": "ADMIN"}}), json!({"users": {"": "VIEWER"}}), json!([]), json!({"name": "x"})] {
        assert_eq!(make(body.clone()).await.problem(), "bad-params", "{body}");
    }
    // What is no demo is nobody's to look at.
    for view in [stage.view().await, 4711] {
        assert_eq!(make(json!({"view": view, "users": {"nina": "OWNER"}})).await.problem(), "not-found");
    }
    let elsewhere = http::requests().post(&url).header("origin", "https://evil.example").body("{}");
    assert_eq!(http::send(elsewhere).await.problem(), "origin-refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_other_server_makes_demos() {
    let stage = Stage::new().await;
    let answer = http::send(http::requests().post(format!("{}/dev/portal", stage.host.url())).body("{}")).await;
    assert_eq!(answer.status, 404, "{answer:?}");
}
