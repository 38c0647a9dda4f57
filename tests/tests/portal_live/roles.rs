//! Roles that change while their people are in the room.

use serde_json::{Value, json};

use crate::seat::Seat;
use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_role_counts_at_once() {
    let stage = Stage::new().await;
    let view = stage.view().await;
    let mut seat = Seat::join(&stage, "vera", view).await;
    let change = json!({"currentItem": 2});
    assert_eq!(seat.publish("portal-view-update", change.clone()).await.expect_err("a viewer")["code"], "forbidden");
    stage.set_role("vera", "EDITOR").await;
    seat.publish("portal-view-update", change.clone()).await.expect("an editor");
    assert_eq!(seat.cast("request-sync", json!({})).await.expect("an editor")["code"], "forbidden");
    // What is for controllers only comes to the new one.
    let mut viewer = Seat::join(&stage, "viktor", view).await;
    assert_eq!(viewer.cast("request-sync", json!({})).await, None);
    seat.until("the request", |seat| seat.heard("request-sync") == 1).await;

    stage.set_role("vera", "VIEWER").await;
    assert_eq!(seat.publish("portal-view-update", change).await.expect_err("a viewer")["code"], "forbidden");
    assert_eq!(viewer.cast("request-sync", json!({})).await, None);
    seat.quiet().await;
    assert_eq!((seat.heard("request-sync"), seat.left.as_ref()), (1, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_removed_hears_nothing_more() {
    let stage = Stage::new().await;
    let (view, other) = (stage.view().await, stage.view().await);
    let mut seats = Vec::new();
    for room in [view, view, other] {
        seats.push(Seat::join(&stage, "vera", room).await);
    }
    let mut stays = Seat::join(&stage, "viktor", view).await;
    stage.ok("olga", "DELETE", &stage.member("vera"), Value::Null).await;
    for room in [view, other] {
        stage.ok("olga", "PATCH", &format!("/api/portal-views/{room}"), json!({"name": "Without vera"})).await;
    }
    for seat in &mut seats {
        seat.until("the end of the membership", |seat| seat.left.is_some()).await;
        assert_eq!(seat.left.as_ref().expect("left")["error"]["code"], "room-not-found");
        seat.quiet().await;
        assert_eq!((&seat.state["name"], seat.events.len()), (&json!("Session 3"), 0));
    }
    stays.until("the change", |seat| seat.state["name"] == "Without vera").await;
    assert_eq!(stays.left, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_view_that_is_deleted_takes_its_room_along() {
    let stage = Stage::new().await;
    let (view, other) = (stage.view().await, stage.view().await);
    let mut controller = Seat::join(&stage, "edgar", view).await;
    let mut viewer = Seat::join(&stage, "vera", view).await;
    let mut elsewhere = Seat::join(&stage, "vera", other).await;
    stage.ok("edgar", "DELETE", &format!("/api/portal-views/{view}"), Value::Null).await;
    for seat in [&mut controller, &mut viewer] {
        seat.until("the end of the membership", |seat| seat.left.is_some()).await;
        assert_eq!(seat.left.as_ref().expect("left")["error"]["code"], "room-not-found");
        assert_eq!(seat.enter().await.expect_err("it is gone")["code"], "room-not-found");
    }
    elsewhere.quiet().await;
    assert_eq!(elsewhere.left, None);
    stage.ok("olga", "DELETE", &format!("/api/libraries/{}", stage.library), Value::Null).await;
    elsewhere.until("the end of the membership", |seat| seat.left.is_some()).await;
}

/// A member who comes back from a cut after the removal is no member.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_removed_while_away_does_not_come_back() {
    let stage = Stage::new().await;
    let view = stage.view().await;
    let mut seat = Seat::join(&stage, "vera", view).await;
    seat.raw.close(1001).await;
    stage.ok("olga", "DELETE", &stage.member("vera"), Value::Null).await;
    let ticket = seat.raw.ticket.clone();
    let (raw, _) = samewire_tests::live::raw::Raw::resume(stage.host.addr(), &ticket).await;
    seat.raw = raw;
    assert_eq!(seat.enter().await.expect_err("a refusal")["code"], "room-not-found");
    assert_eq!(seat.role, None);
}

/// Joins that race with the removal: whoever is told that she may stay is told that she may not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_slips_in() {
    let stage = Stage::new().await;
    let view = stage.view().await;
    for round in 0..10 {
        stage.set_role("vera", "VIEWER").await;
        let mut seats = Vec::new();
        for _ in 0..4 {
            let mut seat = Seat::outside(&stage, "vera", view).await;
            seat.raw.send(&json!({"type": "join", "room": seat.room})).await;
            seats.push(seat);
        }
        stage.ok("olga", "DELETE", &stage.member("vera"), Value::Null).await;
        stage.ok("olga", "PATCH", &format!("/api/portal-views/{view}"), json!({"settings": {"round": round}})).await;
        for seat in &mut seats {
            seat.until("the end", |seat| seat.left.is_some()).await;
            seat.quiet().await;
            assert_eq!((seat.role.as_ref(), seat.events.len()), (None, 0), "{:?}", seat.events);
        }
    }
}
