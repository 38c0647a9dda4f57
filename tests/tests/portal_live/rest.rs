//! Libraries, members and views over HTTP: what each may do, and what becomes of it.

use samewire_tests::live::http;
use serde_json::{Value, json};

use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_library_from_its_first_day_to_its_last() {
    let stage = Stage::new().await;
    let path = format!("/api/libraries/{}", stage.library);
    let library = stage.ok("olga", "GET", &path, Value::Null).await;
    assert_eq!((&library["name"], &library["role"]), (&json!("Campaign"), &json!("OWNER")));
    assert!(library["created"].as_u64().is_some_and(|created| created > 1_700_000_000_000), "{library}");
    for (user, role) in [("edgar", "EDITOR"), ("vera", "VIEWER")] {
        let seen = stage.ok(user, "GET", "/api/libraries", Value::Null).await;
        assert_eq!(seen["libraries"][0]["role"], role);
        assert_eq!(seen["libraries"][0]["id"], stage.library);
    }
    assert_eq!(stage.ok("mallory", "GET", "/api/libraries", Value::Null).await, json!({"libraries": []}));

    let members = stage.ok("vera", "GET", &format!("{path}/members"), Value::Null).await;
    let members: Vec<_> = members["members"].as_array().expect("a list").iter().map(|member| member["user"].clone()).collect();
    assert_eq!(members, ["olga", "edgar", "vera", "viktor"]);

    let view = format!("/api/portal-views/{}", stage.view().await);
    let answer = stage.ask("olga", "DELETE", &path, Value::Null).await;
    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    for path in [&path, &view] {
        assert_eq!(stage.refused("olga", "GET", path, Value::Null).await, (404, "not-found".into()));
    }
    assert_eq!(stage.ok("vera", "GET", "/api/libraries", Value::Null).await, json!({"libraries": []}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_come_change_and_go() {
    let stage = Stage::new().await;
    let answer = stage.ask("olga", "PUT", &stage.member("nina"), json!({"role": "VIEWER"})).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let since = answer.json()["since"].clone();
    let answer = stage.ask("olga", "PUT", &stage.member("nina"), json!({"role": "EDITOR"})).await;
    assert_eq!((answer.status, answer.json()), (200, json!({"user": "nina", "role": "EDITOR", "since": since})));
    // Names of people are not names of files.
    for user in ["J%C3%BCrgen%20%F0%9F%98%80", "a%2Fb", "maria@example.com"] {
        let answer = stage.ask("olga", "PUT", &stage.member(user), json!({"role": "VIEWER"})).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        assert_eq!(stage.ask("olga", "DELETE", &stage.member(user), Value::Null).await.status, 204, "{user}");
    }
    assert_eq!(stage.ask("olga", "DELETE", &stage.member("nina"), Value::Null).await.status, 204);
    let path = format!("/api/libraries/{}", stage.library);
    assert_eq!(stage.refused("nina", "GET", &path, Value::Null).await, (404, "not-found".into()));
    assert_eq!(stage.refused("olga", "DELETE", &stage.member("nina"), Value::Null).await, (404, "not-found".into()));

    // The last owner stays, whichever way she would go.
    let olga = stage.member("olga");
    assert_eq!(stage.refused("olga", "DELETE", &olga, Value::Null).await, (409, "conflict".into()));
    assert_eq!(stage.refused("olga", "PUT", &olga, json!({"role": "EDITOR"})).await, (409, "conflict".into()));
    assert_eq!(stage.ask("olga", "PUT", &olga, json!({"role": "OWNER"})).await.status, 200);
    stage.set_role("edgar", "OWNER").await;
    assert_eq!(stage.ask("olga", "DELETE", &olga, Value::Null).await.status, 204);
    assert_eq!(stage.refused("edgar", "DELETE", &stage.member("edgar"), Value::Null).await, (409, "conflict".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_view_is_made_read_changed_and_deleted() {
    let stage = Stage::new().await;
    let id = stage.view().await;
    let path = format!("/api/portal-views/{id}");
    let answer = http::send(stage.request("vera", "GET", &path)).await;
    let view = answer.json();
    assert_eq!((&view["id"], &view["library"], &view["version"]), (&json!(id), &json!(stage.library), &json!(1)));
    assert_eq!((&view["showHealth"], &view["settings"]), (&json!(false), &json!({"grid": {"size": 5}})));
    assert_eq!(view["items"]["2"], json!({"title": "Goblin", "position": 1, "health": 20, "data": {}}));
    let list = stage.ok("vera", "GET", &format!("/api/libraries/{}/portal-views", stage.library), Value::Null).await;
    assert_eq!((list["portalViews"][0]["id"].clone(), list["portalViews"][0].get("items")), (json!(id), None));

    let patch = json!({"currentItem": 2, "showHealth": true, "settings": {"grid": {"size": null, "on": true}}, "items": {"2": {"health": 5}}});
    let changed = stage.ok("edgar", "PATCH", &path, patch).await;
    assert_eq!((&changed["version"], &changed["currentItem"]), (&json!(2), &json!(2)));
    assert_eq!((&changed["settings"], &changed["items"]["2"]["health"]), (&json!({"grid": {"on": true}}), &json!(5)));
    assert_eq!(stage.ok("vera", "GET", &path, Value::Null).await, changed);
    // What changes nothing is no new version.
    assert_eq!(stage.ok("edgar", "PATCH", &path, json!({"currentItem": 2})).await, changed);
    assert_eq!(stage.ok("edgar", "PATCH", &path, json!({})).await, changed);

    assert_eq!(stage.ask("edgar", "DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(stage.refused("edgar", "GET", &path, Value::Null).await, (404, "not-found".into()));
    // Its number is not given again.
    assert!(stage.view().await > id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn items_one_by_one() {
    let stage = Stage::new().await;
    let path = format!("/api/portal-views/{}", stage.view().await);
    let new = json!({"title": "Tower", "media": "/pictures/tower.png", "data": {"floor": 3, "empty": null}});
    let answer = stage.ask("edgar", "POST", &format!("{path}/items"), new).await;
    let tower = json!({"title": "Tower", "media": "/pictures/tower.png", "position": 3, "data": {"floor": 3}});
    assert_eq!((answer.status, answer.json()), (201, json!({"id": 4, "version": 2, "item": tower})));
    let answer = stage.ask("edgar", "PATCH", &format!("{path}/items/4"), json!({"media": null, "health": 9})).await;
    let tower = json!({"title": "Tower", "position": 3, "health": 9, "data": {"floor": 3}});
    assert_eq!((answer.status, answer.json()), (200, json!({"id": 4, "version": 3, "item": tower})));
    stage.ok("edgar", "PATCH", &path, json!({"currentItem": 4})).await;
    assert_eq!(stage.ask("edgar", "DELETE", &format!("{path}/items/4"), Value::Null).await.status, 204);
    let view = stage.ok("vera", "GET", &path, Value::Null).await;
    assert_eq!((view.get("currentItem"), view["items"].get("4"), &view["version"]), (None, None, &json!(5)));
    for (method, body) in [("PATCH", json!({"health": 1})), ("DELETE", Value::Null)] {
        assert_eq!(stage.refused("edgar", method, &format!("{path}/items/4"), body).await, (404, "not-found".into()));
    }
    // Nor is the number of an item given again.
    assert_eq!(stage.ok("edgar", "POST", &format!("{path}/items"), json!({"title": "Well"})).await["id"], 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_change_is_refused_where_that_is_asked_for() {
    let stage = Stage::new().await;
    let path = format!("/api/portal-views/{}", stage.view().await);
    let response = stage.request("vera", "GET", &path).send().await.expect("an answer");
    assert_eq!(response.headers()["etag"], "\"1\"");
    let patch = |tag: &str, body: Value| stage.request("edgar", "PATCH", &path).header("if-match", tag).body(body.to_string());
    let response = patch("\"1\"", json!({"currentItem": 2})).send().await.expect("an answer");
    assert_eq!((response.status().as_u16(), &response.headers()["etag"]), (200, &"\"2\"".parse().expect("a tag")));
    for tag in ["\"1\"", "\"3\"", "W/\"2\"", "2", "\"x\"", ""] {
        let answer = http::send(patch(tag, json!({"currentItem": 3}))).await;
        assert_eq!((answer.status, answer.problem().as_str()), (412, "precondition-failed"), "{tag}");
        assert_eq!(answer.json()["data"], json!({"version": 2}));
    }
    for tag in ["*", "\"3\"", "\"1\", \"4\""] {
        let answer = http::send(patch(tag, json!({"items": {"1": {"data": {"seen": tag}}}}))).await;
        assert_eq!(answer.status, 200, "{tag} {answer:?}");
    }
    let item = stage.request("edgar", "PATCH", &format!("{path}/items/1")).header("if-match", "\"1\"").body("{}");
    assert_eq!(http::send(item).await.status, 412);
    let view = stage.ok("vera", "GET", &path, Value::Null).await;
    assert_eq!((&view["version"], &view["currentItem"]), (&json!(5), &json!(2)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_there_after_a_restart() {
    let mut stage = Stage::new().await;
    let path = format!("/api/portal-views/{}", stage.view().await);
    // Numbers that only survive when they are read as exactly as they are written.
    let odd = json!({"settings": {"a": 0.1, "b": 1.7976931348623157e308, "c": 5e-324, "d": 0.300_000_000_000_000_04, "e": -9007199254740993_i64}});
    let before = stage.ok("edgar", "PATCH", &path, odd).await;
    stage.host.restart().await;
    assert_eq!(stage.ok("vera", "GET", &path, Value::Null).await, before);
}

/// Who was told yes first is not overwritten by who was told yes later on old knowledge: of many writers with the same version,
/// one gets through.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_writers_with_the_same_version_one_gets_through() {
    let stage = Stage::new().await;
    let path = format!("/api/portal-views/{}", stage.view().await);
    for round in 1..=5 {
        let writers = (0..8).map(|writer| {
            let user = if writer % 2 == 0 { "olga" } else { "edgar" };
            let body = json!({"settings": {"writer": format!("{round}:{writer}")}}).to_string();
            tokio::spawn(http::send(stage.request(user, "PATCH", &path).header("if-match", format!("\"{round}\"")).body(body)))
        });
        let mut through = Vec::new();
        for writer in writers.collect::<Vec<_>>() {
            let answer = writer.await.expect("an answer");
            if answer.status == 200 { through.push(answer.json()) } else { assert_eq!(answer.status, 412) }
        }
        assert_eq!(through.len(), 1);
        assert_eq!(stage.ok("vera", "GET", &path, Value::Null).await, through[0]);
    }
}
