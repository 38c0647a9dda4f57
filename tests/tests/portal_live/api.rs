//! Other servers, which change views with an API key: stored and told like everything else.

use samewire_server::config::{ApiKey, Secret};
use samewire_tests::live::http::{self, Answer};
use samewire_tests::live::{settings, token};
use serde_json::{Value, json};

use crate::seat::Seat;
use crate::stage::Stage;

const KEY: &str = "an API key of the tests, of no use elsewhere";

async fn stage() -> Stage {
    let mut config = settings();
    config.api_keys = vec![ApiKey { name: "the game".into(), key: Some(Secret::new(KEY)), key_file: None }];
    Stage::with(config).await
}

async fn publish(stage: &Stage, room: &str, event: Value) -> Answer {
    let request = http::requests().post(format!("{}/api/rooms/{room}/publish", stage.host.url())).bearer_auth(KEY);
    http::send(request.header("content-type", "application/json").body(event.to_string())).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_server_changes_is_stored_and_told() {
    let stage = stage().await;
    let view = stage.view().await;
    let room = format!("portal:{view}");
    // Before anybody is there, too.
    let first = publish(&stage, &room, json!({"name": "portal-view-update", "payload": {"currentItem": 2}})).await;
    assert_eq!((first.status, &first.json()["offset"]), (200, &json!(1)), "{first:?}");
    let mut viewer = Seat::join(&stage, "vera", view).await;
    assert_eq!((&viewer.state["currentItem"], viewer.offset), (&json!(2), 1));
    let hit = json!({"name": "item-update", "patch": {"items": {"2": {"health": 1}}}, "key": "hit 7"});
    for duplicate in [false, true] {
        assert_eq!(publish(&stage, &room, hit.clone()).await.json()["duplicate"], duplicate);
    }
    publish(&stage, &room, json!({"name": "typing"})).await;
    viewer.until("what passes", |viewer| viewer.heard("typing") == 1).await;
    assert_eq!((viewer.heard("item-update"), viewer.offset), (1, 2));
    assert_eq!(stage.ok("olga", "GET", &format!("/api/portal-views/{view}"), Value::Null).await, viewer.state);
    assert_eq!(viewer.state["items"]["2"]["health"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn not_even_another_server_changes_what_cannot_be() {
    let stage = stage().await;
    let view = stage.view().await;
    let room = format!("portal:{view}");
    let mut viewer = Seat::join(&stage, "vera", view).await;
    let before = viewer.state.clone();
    for (event, status, code) in [
        (json!({"name": "portal-view-update", "patch": {"version": 7}}), 400, "bad-params"),
        (json!({"name": "portal-view-update", "patch": {"currentItem": 7}}), 400, "bad-params"),
        (json!({"name": "portal-view-update", "state": {"name": "mine"}}), 400, "bad-params"),
        (json!({"name": "typing", "patch": {"currentItem": 2}}), 400, "bad-params"),
        (json!({"name": "portal-view-update", "patch": {"settings": {"a": "x".repeat(20_000)}}}), 413, "too-big"),
    ] {
        let answer = publish(&stage, &room, event.clone()).await;
        assert_eq!((answer.status, answer.problem().as_str()), (status, code), "{event:.80}");
    }
    for room in ["portal:4711".to_owned(), format!("portal:0{view}"), "portal:x".to_owned()] {
        let answer = publish(&stage, &room, json!({"name": "portal-view-update", "patch": {"currentItem": 2}})).await;
        assert_eq!((answer.status, answer.problem().as_str()), (404, "room-not-found"), "{room}");
    }
    viewer.quiet().await;
    assert_eq!((&viewer.state, viewer.offset), (&before, 0));
    assert_eq!(stage.ok("olga", "GET", &format!("/api/portal-views/{view}"), Value::Null).await, before);
}

/// Who is revoked neither reads nor changes anything any more, on any way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_revoked_is_out() {
    let stage = stage().await;
    let view = stage.view().await;
    let path = format!("{}/api/portal-views/{view}", stage.host.url());
    // A token of afterwards would be a good one.
    let before = token("edgar");
    let mut edgar = Seat::join(&stage, "edgar", view).await;
    let mut viewer = Seat::join(&stage, "vera", view).await;
    let revoke = http::requests().post(format!("{}/api/revocations", stage.host.url())).bearer_auth(KEY);
    let revoked =
        http::send(revoke.header("content-type", "application/json").body(json!({"user": "edgar"}).to_string())).await;
    assert!((200..300).contains(&revoked.status), "{revoked:?}");
    assert_eq!(edgar.raw.parting().await.0, "token-revoked");
    for (method, body) in [("GET", Value::Null), ("PATCH", json!({"currentItem": 3})), ("DELETE", Value::Null)] {
        let request = http::requests().request(method.parse().expect("a method"), &path).bearer_auth(&before);
        let answer = http::send(request.body(body.to_string())).await;
        assert_eq!((answer.status, answer.problem().as_str()), (401, "token-revoked"), "{method}");
    }
    viewer.quiet().await;
    assert_eq!((viewer.offset, &viewer.state["currentItem"]), (0, &json!(1)));
}
