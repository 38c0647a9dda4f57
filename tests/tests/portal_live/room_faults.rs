//! What nobody should say in a view's room: each has its code, and neither the view nor the others notice.

use serde_json::{Value, json};

use crate::seat::Seat;
use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_changes_are_told_what_is_wrong_with_them() {
    let stage = Stage::new().await;
    let view = stage.view().await;
    let mut watcher = Seat::join(&stage, "vera", view).await;
    let mut controller = Seat::join(&stage, "olga", view).await;
    let before = watcher.state.clone();
    let deep = format!("{}1{}", "{\"a\":".repeat(2_000), "}".repeat(2_000));
    for (what, patch, code) in [
        ("a field of the server's", json!({"version": 99}), "bad-params"),
        ("another view", json!({"id": 4711}), "bad-params"),
        ("another library", json!({"library": 4711}), "bad-params"),
        ("a field of nobody's", json!({"__proto__": {"admin": true}}), "bad-params"),
        ("no patch", json!([1, 2]), "bad-params"),
        ("nothing", json!(null), "bad-params"),
        ("an item that is not there", json!({"items": {"9": {"title": "x"}}}), "bad-params"),
        ("a current item that is not there", json!({"currentItem": 9}), "bad-params"),
        ("an address that runs", json!({"items": {"1": {"media": "javascript:alert(1)"}}}), "bad-params"),
        ("a health beyond all", json!({"items": {"1": {"health": 101}}}), "bad-params"),
        ("too much", json!({"settings": {"a": "x".repeat(17_000)}}), "too-big"),
        ("far too much", json!({"settings": {"a": "x".repeat(400_000)}}), "too-big"),
    ] {
        for refused in [
            controller.patch("portal-view-update", patch.clone()).await,
            controller.patch("state", patch.clone()).await,
            controller.publish("portal-view-update", patch.clone()).await,
        ] {
            assert_eq!(refused.expect_err("a refusal")["code"], code, "{what}");
        }
    }
    for (what, payload) in [
        ("no item", json!({"health": 1})),
        ("an item of another kind", json!({"id": "1", "health": 1})),
        ("an item that is not there", json!({"id": 9, "health": 1})),
        ("nothing to change", json!({"id": 1, "colour": "red"})),
        ("no object", json!("dead")),
    ] {
        let refused = controller.publish("item-update", payload).await.expect_err("a refusal");
        assert_eq!(refused["code"], "bad-params", "{what}");
    }
    for name in ["request-sync", "sync-response", "typing"] {
        let refused = controller.patch(name, json!({"currentItem": 2})).await.expect_err("a refusal");
        assert!(refused["code"] == "bad-params" || refused["code"] == "forbidden", "{name} {refused}");
    }
    let room = controller.room.clone();
    // A change is a patch: nobody replaces the view, or changes it with bytes.
    let whole = controller.call("rooms/publish", json!({"room": room, "name": "portal-view-update", "state": {"id": 1}})).await;
    assert_eq!(whole.expect_err("a refusal")["code"], "bad-params");
    let empty = controller.call("rooms/publish", json!({"room": room, "name": "portal-view-update"})).await;
    assert_eq!(empty.expect_err("a refusal")["code"], "bad-params");
    let params = format!(
        "{{\"type\":\"call\",\"id\":9000,\"method\":\"rooms/publish\",\"payload\":{{\"room\":\"{room}\",\"name\":\"state\",\"patch\":{{\"settings\":{deep}}}}}}}"
    );
    controller.raw.frame(samewire_tests::live::raw::opcode::TEXT, true, params.as_bytes()).await;
    assert_eq!(controller.raw.answer(9000).await.expect_err("a refusal")["code"], "bad-params");

    watcher.quiet().await;
    assert_eq!((&watcher.state, watcher.events.len()), (&before, 0));
    assert_eq!(stage.ok("vera", "GET", &format!("/api/portal-views/{view}"), Value::Null).await, before);
}

/// A viewer floods, and a controller's change comes through as ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_is_its_senders_own() {
    let stage = Stage::new().await;
    let view = stage.view().await;
    let mut flood = Seat::join(&stage, "viktor", view).await;
    let mut controller = Seat::join(&stage, "olga", view).await;
    for _ in 0..1_000 {
        flood.raw.send(&json!({"type": "cast", "room": flood.room, "name": "request-sync"})).await;
    }
    flood.quiet().await;
    assert!(
        flood.errors.iter().all(|error| error["code"] == "rate-limited") && flood.errors.len() > 500,
        "{}",
        flood.errors.len()
    );
    controller.publish("portal-view-update", json!({"currentItem": 2})).await.expect("stored");
    controller.quiet().await;
    assert!(controller.heard("request-sync") < 500);
    assert_eq!(controller.state["currentItem"], 2);
}
