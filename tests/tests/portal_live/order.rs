//! Many who change a view at once, in every way there is: one order for everybody, and the database at its end.

use samewire_tests::live::http;
use samewire_tests::rng::Rng;
use serde_json::{Value, json};

use crate::seat::Seat;
use crate::stage::Stage;

/// A change by chance, among them such as cannot be.
fn change(rng: &mut Rng) -> Value {
    let pick = |rng: &mut Rng, most: u64| rng.below(most);
    match pick(rng, 6) {
        0 => json!({"currentItem": pick(rng, 4)}),
        1 => json!({"showHealth": pick(rng, 2) == 0, "name": format!("Session {}", pick(rng, 9))}),
        2 => json!({"settings": {format!("key{}", pick(rng, 4)): [pick(rng, 5), null], "gone": null}}),
        3 => json!({"settings": {"deep": {format!("key{}", pick(rng, 3)): pick(rng, 9), "other": null}}}),
        4 => json!({"settings": {"deep": pick(rng, 3)}}),
        _ => json!({"items": {format!("{}", 1 + pick(rng, 3)): {"health": pick(rng, 101), "data": {"n": pick(rng, 9)}}}}),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_is_one_order() {
    const EACH: usize = 40;
    let mut config = samewire_tests::live::settings();
    config.limits.max_calls = 64;
    let stage = std::sync::Arc::new(Stage::with(config).await);
    let view = stage.view().await;
    let mut watchers = Vec::new();
    for user in ["vera", "viktor", "edgar"] {
        watchers.push(Seat::join(&stage, user, view).await);
    }
    let mut writers = Vec::new();
    for seed in 0..4_u64 {
        let stage = stage.clone();
        writers.push(tokio::spawn(async move {
            let mut rng = Rng::new(100 + seed);
            let user = if seed % 2 == 0 { "olga" } else { "edgar" };
            let path = format!("/api/portal-views/{view}");
            let mut seat = Seat::join(&stage, user, view).await;
            let mut calls = Vec::new();
            for number in 0..EACH {
                let change = change(&mut rng);
                if rng.below(2) == 0 {
                    let answer = http::send(stage.request(user, "PATCH", &path).body(change.to_string())).await;
                    assert!(answer.status == 200 || answer.problem() == "bad-params", "{answer:?}");
                } else {
                    let params = json!({"room": format!("portal:{view}"), "name": "portal-view-update", "patch": change, "key": format!("{seed}:{number}")});
                    calls.push(seat.call_blindly("rooms/publish", params).await);
                }
            }
            for refused in seat.answers(calls).await.into_iter().filter_map(Result::err) {
                assert_eq!(refused["code"], "bad-params", "{refused}");
            }
        }));
    }
    // Some come in the middle of it.
    let mut late = Vec::new();
    while writers.iter().any(|writer| !writer.is_finished()) && late.len() < 12 {
        late.push(Seat::join(&stage, "viktor", view).await);
    }
    for writer in writers {
        writer.await.expect("a writer");
    }
    let last = stage.ok("olga", "PATCH", &format!("/api/portal-views/{view}"), json!({"name": "The end"})).await;
    let order = |seat: &Seat| {
        let events = seat.events.iter().map(|event| (event["offset"].clone(), event["patch"].clone()));
        events.collect::<Vec<_>>()
    };
    let mut orders = Vec::new();
    for seat in &mut watchers {
        seat.until("the last change", |seat| seat.state["name"] == "The end").await;
        assert_eq!(seat.state, last);
        // Each version in turn: nothing was told before what was stored before it.
        let mut version = 1;
        for told in seat.events.iter().filter_map(|event| event["patch"]["version"].as_u64()) {
            assert_eq!(told, version + 1);
            version = told;
        }
        assert_eq!(last["version"], version);
        orders.push(order(seat));
    }
    for seat in &mut late {
        let from = seat.joined["state"]["version"].as_u64();
        seat.until("the last change", |seat| seat.state["name"] == "The end").await;
        let next = seat.events.iter().find_map(|event| event["patch"]["version"].as_u64());
        assert_eq!((&seat.state, next), (&last, from.map(|from| from + 1)));
    }
    assert!(orders.windows(2).all(|two| two[0] == two[1]));
    assert_eq!(Seat::join(&stage, "vera", view).await.state, last);
}

/// Writers whose connections end in the middle of what they do: whatever was stored was told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_stored_was_told_although_nobody_waited() {
    let stage = Stage::new().await;
    let view = stage.view().await;
    let mut watcher = Seat::join(&stage, "vera", view).await;
    let mut rng = Rng::new(7);
    for number in 0..30 {
        let body = json!({"settings": {"number": number}});
        if number % 2 == 0 {
            let mut seat = Seat::join(&stage, "olga", view).await;
            let params = json!({"room": seat.room, "name": "portal-view-update", "patch": body});
            let call = seat.call_blindly("rooms/publish", params).await;
            match rng.below(3) {
                0 => seat.raw.send(&json!({"type": "cancel", "id": call})).await,
                1 => seat.raw.close(1000).await,
                _ => {}
            }
        } else {
            let request = stage.request("olga", "PATCH", &format!("/api/portal-views/{view}")).body(body.to_string());
            let _ = tokio::time::timeout(std::time::Duration::from_micros(rng.below(3_000)), request.send()).await;
        }
    }
    let last = stage.ok("olga", "PATCH", &format!("/api/portal-views/{view}"), json!({"name": "The end"})).await;
    watcher.until("the last change", |seat| seat.state["name"] == "The end").await;
    assert_eq!(watcher.state, last);
    let told = watcher.events.iter().filter(|event| event["patch"]["version"].is_u64()).count() as u64;
    assert_eq!(last["version"], 1 + told);
}
