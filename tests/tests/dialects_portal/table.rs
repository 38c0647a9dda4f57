//! The table of messages: who may say what, and who is told of it.

use serde_json::{Value, json};

use crate::old::{Old, stage, timeless};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_is_told_that_they_are_connected_and_how_the_view_is() {
    let stage = stage().await;
    let view = stage.view().await;
    let stored = stage.ok("olga", "GET", &format!("/api/portal-views/{view}"), Value::Null).await;
    for (user, role) in [("olga", "controller"), ("edgar", "controller"), ("vera", "viewer")] {
        let mut old = Old::begin(&stage, user, view).await;
        let connected = old.next().await;
        assert_eq!((&connected["type"], &connected["role"]), (&json!("connected"), &json!(role)));
        assert_eq!(connected["portalViewId"], view.to_string());
        let state = old.next().await;
        assert_eq!((&state["type"], &state["payload"], &state["version"]), (&json!("portal-view-update"), &stored, &json!(1)));
        assert!(old.settled().await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_controllers_changes_are_told_to_all_but_itself_and_stored() {
    let stage = stage().await;
    let view = stage.view().await;
    let mut olga = Old::open(&stage, "olga", view).await;
    let mut edgar = Old::open(&stage, "edgar", view).await;
    let mut vera = Old::open(&stage, "vera", view).await;
    olga.say("portal-view-update", json!({"currentItem": 2, "showHealth": true})).await;
    olga.say("item-update", json!({"id": 2, "health": 15})).await;
    assert!(olga.settled().await.is_empty());
    for other in [&mut edgar, &mut vera] {
        let told = other.hears(&mut olga).await;
        let told: Vec<_> = told.iter().map(|told| (&told["type"], &told["payload"], &told["user"], &told["version"])).collect();
        let (change, item) = (json!({"currentItem": 2, "showHealth": true}), json!({"id": 2, "health": 15}));
        let (kinds, user) = ([json!("portal-view-update"), json!("item-update")], json!("olga"));
        assert_eq!(told, [(&kinds[0], &change, &user, &json!(2)), (&kinds[1], &item, &user, &json!(3))]);
    }
    let stored = stage.ok("vera", "GET", &format!("/api/portal-views/{view}"), Value::Null).await;
    assert_eq!(timeless(&vera.view), timeless(&stored));
    // Who comes later has it at once.
    let late = Old::open(&stage, "viktor", view).await;
    assert_eq!(late.view, stored);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_changes_nothing_and_is_told_why() {
    let stage = stage().await;
    let view = stage.view().await;
    let mut olga = Old::open(&stage, "olga", view).await;
    let mut vera = Old::open(&stage, "vera", view).await;
    for (kind, payload) in [
        ("portal-view-update", json!({"currentItem": 2})),
        ("portal-view-update", json!({"role": "controller"})),
        ("item-update", json!({"id": 2, "health": 1})),
        ("sync-response", json!({"currentItem": 2})),
        ("typing", json!({})),
    ] {
        vera.say(kind, payload).await;
        let error = vera.expect("error").await;
        assert_eq!(error["code"], "forbidden", "{kind}");
        assert!(error["message"].as_str().is_some_and(|message| message.contains("controller")), "{error}");
    }
    assert!(vera.hears(&mut olga).await.is_empty() && olga.heard.len() == 3, "{:?}", olga.heard);
    // Over HTTP it may not either.
    let path = format!("/api/portal-views/{view}");
    assert_eq!(stage.refused("vera", "PATCH", &path, json!({"currentItem": 2})).await, (403, "forbidden".into()));
    let stored = stage.ok("vera", "GET", &path, Value::Null).await;
    assert_eq!((&stored["version"], &vera.view), (&json!(1), &stored));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_that_asks_for_a_sync_has_it_with_and_without_a_controller() {
    let stage = stage().await;
    let view = stage.view().await;
    let mut vera = Old::open(&stage, "vera", view).await;
    vera.say("request-sync", json!({"reason": "late"})).await;
    let answer = vera.expect("sync-response").await;
    assert_eq!((&answer["payload"]["currentItem"], &answer["version"]), (&json!(1), &json!(1)));

    let mut olga = Old::open(&stage, "olga", view).await;
    let mut viktor = Old::open(&stage, "viktor", view).await;
    vera.say("request-sync", json!({"reason": "late"})).await;
    vera.expect("sync-response").await;
    let asked = olga.expect("request-sync").await;
    assert_eq!((&asked["payload"], &asked["user"]), (&json!({"reason": "late"}), &json!("vera")));
    // Another viewer is not asked.
    assert!(viktor.hears(&mut olga).await.is_empty());
    olga.say("sync-response", json!({"currentItem": 1, "zoom": 3})).await;
    for viewer in [&mut vera, &mut viktor] {
        assert_eq!(viewer.expect("sync-response").await["payload"], json!({"currentItem": 1, "zoom": 3}));
    }
    // A controller has nobody to ask.
    olga.say("request-sync", json!({})).await;
    assert_eq!(olga.error().await, "forbidden");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_frontend_adds_is_passed_on_and_not_kept() {
    let stage = stage().await;
    let view = stage.view().await;
    let mut olga = Old::open(&stage, "olga", view).await;
    let mut vera = Old::open(&stage, "vera", view).await;
    olga.say("portal-view-update", json!({"zoom": 2.5, "currentItem": 3})).await;
    olga.say("portal-view-update", json!({"camera": {"x": 1}})).await;
    olga.say("item-update", json!({"id": 2, "glow": true})).await;
    olga.say("typing", json!({"item": 2})).await;
    let told: Vec<_> = vera.hears(&mut olga).await.into_iter().map(|mut told| told["payload"].take()).collect();
    let expected = [
        json!({"zoom": 2.5, "currentItem": 3}),
        json!({"camera": {"x": 1}}),
        json!({"id": 2, "glow": true}),
        json!({"item": 2}),
    ];
    assert_eq!(told, expected);
    let late = Old::open(&stage, "viktor", view).await;
    assert_eq!((&late.view["currentItem"], late.view.get("zoom"), late.view.get("camera")), (&json!(3), None, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_no_view_can_take_is_refused_and_the_truth_is_told() {
    let stage = stage().await;
    let view = stage.view().await;
    let mut olga = Old::open(&stage, "olga", view).await;
    let mut vera = Old::open(&stage, "vera", view).await;
    for (kind, payload) in [
        ("portal-view-update", json!({"currentItem": 99})),
        ("portal-view-update", json!({"showHealth": "yes"})),
        ("portal-view-update", json!({"items": {"99": {"health": 1}}})),
        ("portal-view-update", json!({"name": "\u{202e}x"})),
        ("item-update", json!({"id": 99, "health": 1})),
        ("item-update", json!({"id": 2, "health": 101})),
    ] {
        olga.view = Value::Null;
        olga.say(kind, payload.clone()).await;
        assert_eq!(olga.error().await, "bad-params", "{payload}");
        olga.expect("portal-view-update").await;
        assert_eq!(olga.view, vera.view, "{payload}");
    }
    olga.say("portal-view-update", json!({"currentItem": null})).await;
    let told = vera.hears(&mut olga).await;
    assert_eq!((told.len(), &told[0]["payload"]), (1, &json!({"currentItem": null})));
}
