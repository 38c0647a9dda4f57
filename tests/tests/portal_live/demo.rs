//! In development, a library to begin with.

use samewire_tests::live::{http, settings};
use serde_json::{Value, json};

use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_demo_is_made_once_and_found_again() {
    let mut config = settings();
    config.dev = true;
    let stage = Stage::with(config).await;
    let url = format!("{}/dev/portal", stage.host.url());
    let make = |body: Value| http::send(http::requests().post(&url).body(body.to_string()));
    let first = make(json!({})).await;
    assert_eq!(first.status, 200, "{first:?}");
    let (first, id) = (first.json(), first.json()["portalView"].clone());
    assert_eq!(first["room"], format!("portal:{id}"));
    assert_eq!(first["users"], json!({"olga": "OWNER", "edgar": "EDITOR", "vera": "VIEWER", "viktor": "VIEWER"}));
    let path = format!("/api/portal-views/{id}");
    let view = stage.ok("viktor", "GET", &path, Value::Null).await;
    assert_eq!((view["items"].as_object().map(|items| items.len()), &view["currentItem"]), (Some(8), &json!(1)));
    assert_eq!(stage.ask("edgar", "PATCH", &path, json!({"currentItem": 2})).await.status, 200);

    let again = make(json!({"users": {"nina": "EDITOR", "vera": "EDITOR"}})).await.json();
    assert_eq!(again["portalView"], id);
    for user in ["nina", "vera"] {
        assert_eq!(stage.ask(user, "PATCH", &path, json!({"currentItem": 3})).await.status, 200);
    }
    assert_ne!(make(json!({"fresh": true})).await.json()["portalView"], id);
    for body in [json!({"users": {"nina": "ADMIN"}}), json!({"users": {"": "VIEWER"}}), json!([]), json!({"name": "x"})] {
        assert_eq!(make(body.clone()).await.problem(), "bad-params", "{body}");
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
