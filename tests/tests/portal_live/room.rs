//! A view in its room: what is stored is what everybody sees, whenever they come and however they were away.

use samewire_server::rooms::KindPolicy;
use serde_json::{Value, json};

use crate::seat::Seat;
use crate::stage::Stage;

async fn stored(stage: &Stage, view: u64) -> Value {
    stage.ok("olga", "GET", &format!("/api/portal-views/{view}"), Value::Null).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_late_is_right_at_once() {
    let stage = Stage::new().await;
    let view = stage.view().await;
    // From the database, when nobody is there.
    let mut controller = Seat::join(&stage, "edgar", view).await;
    assert_eq!(controller.state, stored(&stage, view).await);
    assert_eq!(controller.joined["recovered"], false);
    // From the room, when somebody was.
    controller
        .publish("portal-view-update", json!({"currentItem": 3, "settings": {"grid": {"size": 8}}}))
        .await
        .expect("stored");
    controller.publish("item-update", json!({"id": 1, "health": 50})).await.expect("stored");
    let viewer = Seat::join(&stage, "vera", view).await;
    assert_eq!((&viewer.state, viewer.events.len()), (&stored(&stage, view).await, 0));
    assert_eq!(viewer.state["version"], 3);
    controller.quiet().await;
    assert_eq!(controller.state, viewer.state);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_over_http_are_seen_by_all() {
    let stage = Stage::new().await;
    let view = stage.view().await;
    let mut seats = Vec::new();
    for user in ["olga", "edgar", "vera", "viktor", "vera"] {
        seats.push(Seat::join(&stage, user, view).await);
    }
    let path = format!("/api/portal-views/{view}");
    stage.ok("edgar", "PATCH", &path, json!({"currentItem": 2, "showHealth": true, "settings": {"grid": null}})).await;
    stage.ok("edgar", "PATCH", &format!("{path}/items/2"), json!({"health": null, "data": {"mood": "angry"}})).await;
    stage.ok("edgar", "POST", &format!("{path}/items"), json!({"title": "Tower"})).await;
    stage.ok("edgar", "DELETE", &format!("{path}/items/2"), Value::Null).await;
    // What changes nothing is told to nobody.
    stage.ok("edgar", "PATCH", &path, json!({"showHealth": true})).await;
    let last = stage.ok("edgar", "PATCH", &path, json!({"name": "Session 4"})).await;
    for seat in &mut seats {
        seat.until("the last change", |seat| seat.state["name"] == "Session 4").await;
        assert_eq!(seat.state, last);
        let told: Vec<_> = seat.events.iter().map(|event| (event["name"].clone(), event["payload"].clone())).collect();
        let expected = [
            ("portal-view-update", json!({"currentItem": 2, "showHealth": true, "settings": {"grid": null}})),
            ("item-update", json!({"id": 2, "health": null, "data": {"mood": "angry"}})),
            ("item-update", json!({"id": 4, "title": "Tower", "position": 3, "data": {}})),
            ("item-update", json!({"id": 2, "removed": true})),
            ("portal-view-update", json!({"name": "Session 4"})),
        ];
        assert_eq!(told, expected.map(|(name, payload)| (json!(name), payload)));
        for event in &seat.events {
            assert_eq!((&event["user"], event.get("from")), (&json!("edgar"), None), "{event}");
        }
    }
    assert_eq!(last, stored(&stage, view).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_who_was_cut_off_is_right_again() {
    const KEPT: u64 = 10;
    let mut config = samewire_tests::live::settings();
    let built_in = config.rooms.kinds.with_built_in(false);
    let mut policy = KindPolicy::clone(built_in.get("portal").expect("a built-in kind"));
    policy.history = 10;
    config.rooms.kinds.insert("portal", policy);
    let stage = Stage::with(config).await;
    let view = stage.view().await;
    let mut controller = Seat::join(&stage, "olga", view).await;
    let mut viewer = Seat::join(&stage, "vera", view).await;
    // Within what is kept: every event, each once.
    controller.publish("portal-view-update", json!({"currentItem": 2})).await.expect("stored");
    viewer.until("the change", |viewer| viewer.offset == 1).await;
    let ticket = viewer.raw.ticket.clone();
    for item in [3, 1, 2, 3] {
        controller.publish("portal-view-update", json!({"currentItem": item})).await.expect("stored");
    }
    viewer.raw.ticket = ticket;
    let mut viewer = viewer.cut_and_return(&stage).await;
    viewer.until("what was missed", |viewer| viewer.offset == 5).await;
    assert_eq!(viewer.joined["recovered"], true);
    let shown: Vec<_> = viewer.events.iter().map(|event| event["payload"]["currentItem"].clone()).collect();
    assert_eq!(shown, [2, 3, 1, 2, 3]);
    assert_eq!(viewer.state, stored(&stage, view).await);

    // Beyond it: the view, and the word that events are lost.
    viewer.raw.close(1001).await;
    for number in 0..KEPT + 1 {
        controller.patch("portal-view-update", json!({"settings": {"number": number}})).await.expect("stored");
    }
    let viewer = viewer.cut_and_return(&stage).await;
    assert_eq!(viewer.joined["recovered"], false);
    assert_eq!((&viewer.state, viewer.offset), (&stored(&stage, view).await, 5 + KEPT + 1));
    assert_eq!(viewer.joined["missed"], KEPT + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_starts_anew_has_forgotten_nothing() {
    let mut stage = Stage::new().await;
    let view = stage.view().await;
    let mut controller = Seat::join(&stage, "olga", view).await;
    let viewer = Seat::join(&stage, "vera", view).await;
    controller.publish("item-update", json!({"id": 2, "health": 3})).await.expect("stored");
    stage.host.restart().await;
    let viewer = viewer.cut_and_return(&stage).await;
    assert_eq!((&viewer.state, &viewer.joined["recovered"]), (&stored(&stage, view).await, &json!(false)));
    assert_eq!(viewer.state["items"]["2"]["health"], 3);
}

/// The answer comes after the database has it: whoever reads it then, has it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_told_is_stored() {
    let stage = Stage::new().await;
    let view = stage.view().await;
    let mut controller = Seat::join(&stage, "olga", view).await;
    let mut viewer = Seat::join(&stage, "vera", view).await;
    for health in [90, 80, 70, 60] {
        controller
            .call_blindly(
                "rooms/publish",
                json!({"room": controller.room, "name": "item-update", "payload": {"id": 1, "health": health}}),
            )
            .await;
        viewer.until("the change", |viewer| viewer.state["items"]["1"]["health"] == health).await;
        assert_eq!(stored(&stage, view).await, viewer.state);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_change_twice_is_one() {
    let stage = Stage::new().await;
    let view = stage.view().await;
    let mut controller = Seat::join(&stage, "olga", view).await;
    let publish = |item: u64, key: &str| json!({"room": format!("portal:{view}"), "name": "portal-view-update", "payload": {"currentItem": item}, "key": key});
    let first = controller.call("rooms/publish", publish(2, "a")).await.expect("stored");
    controller.call("rooms/publish", publish(3, "b")).await.expect("stored");
    let again = controller.call("rooms/publish", publish(2, "a")).await.expect("known");
    assert_eq!((&again["offset"], &again["duplicate"], &first["duplicate"]), (&first["offset"], &json!(true), &json!(false)));
    controller.quiet().await;
    assert_eq!((&controller.state["currentItem"], &controller.state["version"]), (&json!(3), &json!(3)));
    assert_eq!(stored(&stage, view).await, controller.state);

    // And one that must be the next is not stored when it is not.
    let mut late = publish(1, "c");
    late["expected"] = 1.into();
    let refused = controller.call("rooms/publish", late).await.expect_err("a conflict");
    assert_eq!((&refused["code"], &refused["data"]), (&json!("conflict"), &json!({"offset": 2})));
    assert_eq!(stored(&stage, view).await, controller.state);
    let mut next = publish(1, "d");
    next["expected"] = 2.into();
    controller.call("rooms/publish", next).await.expect("stored");
    controller.quiet().await;
    assert_eq!(stored(&stage, view).await, controller.state);
}

/// The name that SDKs give a patch, and a patch of items.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_may_come_as_a_patch() {
    let stage = Stage::new().await;
    let view = stage.view().await;
    let mut controller = Seat::join(&stage, "olga", view).await;
    controller.patch("state", json!({"currentItem": 3, "items": {"1": null}})).await.expect("stored");
    controller.patch("item-update", json!({"items": {"2": {"data": {"caption": "x"}}}})).await.expect("stored");
    controller.quiet().await;
    assert_eq!(stored(&stage, view).await, controller.state);
    assert_eq!((controller.heard("portal-view-update"), controller.heard("item-update")), (1, 1));
    assert_eq!(controller.state["items"]["2"]["data"]["caption"], "x");
    // What says the same once more is told, and changes nothing.
    controller.patch("state", json!({"currentItem": 3})).await.expect("known");
    controller.quiet().await;
    assert_eq!((&controller.state["version"], controller.offset), (&json!(3), 3));
}
