//! Controllers that change more than a room takes: nothing is played on long after it was said.

use samewire_tests::live::raw::{frame, opcode};
use samewire_tests::live::until;
use serde_json::{Value, json};

use crate::old::{Old, stage, timeless};
use crate::stage::Stage;

fn text(kind: &str, payload: &Value) -> Vec<u8> {
    frame(0x80 | opcode::TEXT, json!({"type": kind, "payload": payload}).to_string().as_bytes())
}

async fn stored(stage: &Stage, view: u64) -> Value {
    stage.ok("olga", "GET", &format!("/api/portal-views/{view}"), Value::Null).await
}

fn version(view: &Value) -> u64 {
    view["version"].as_u64().expect("a number")
}

/// A slider says each value that it passes. Others see it move, it ends where it was left, and what somebody else does then stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slider_ends_at_its_last_value() {
    const CHANGES: u64 = 1_000;
    let stage = stage().await;
    let view = stage.view().await;
    let mut olga = Old::open(&stage, "olga", view).await;
    let mut edgar = Old::open(&stage, "edgar", view).await;
    let mut vera = Old::open(&stage, "vera", view).await;
    let moves: Vec<u8> = (1..=CHANGES)
        .flat_map(|n| text("item-update", &json!({"id": 1, "health": n % 100, "n": n, "data": {"n": n}})))
        .collect();
    olga.raw.write(&moves).await;
    assert!(olga.settled().await.is_empty());
    let after = stored(&stage, view).await;
    assert_eq!((&after["items"]["1"]["health"], &after["items"]["1"]["data"]["n"]), (&json!(0), &json!(CHANGES)));
    assert!(version(&after) < CHANGES, "each was stored for itself: {after}");

    edgar.say("item-update", json!({"id": 1, "health": 77})).await;
    edgar.settled().await;
    olga.settled().await;
    let last = stored(&stage, view).await;
    while vera.view["version"] != last["version"] {
        vera.next().await;
    }
    // Each is newer than the one before, also to the eye.
    let seen: Vec<_> = vera.heard.iter().filter_map(|told| told["payload"]["n"].as_u64()).collect();
    assert!(seen.is_sorted() && seen.last() == Some(&CHANGES) && (seen.len() as u64) < CHANGES, "{seen:?}");
    assert_eq!((&last["items"]["1"]["health"], version(&last)), (&json!(77), version(&after) + 1));
    while olga.view["version"] != last["version"] {
        olga.next().await;
    }
    assert_eq!(olga.view["items"]["1"]["health"], 77);
}

/// A controller floods and goes. What it said is not stored for minutes after it, and it does not count as there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_says_much_and_goes_is_gone() {
    const CHANGES: u64 = 10_000;
    let stage = stage().await;
    let view = stage.view().await;
    let mut edgar = Old::open(&stage, "edgar", view).await;
    let flood = |last: u64| -> Vec<u8> {
        (1..=CHANGES)
            .flat_map(|n| match n % 3 {
                0 => text("portal-view-update", &json!({"settings": {"n": last + n}})),
                item => text("item-update", &json!({"id": item, "data": {"n": last + n}})),
            })
            .collect()
    };
    for (round, how) in ["close", "end", "reset"].into_iter().enumerate() {
        let before = version(&stored(&stage, view).await);
        let mut olga = Old::open(&stage, "olga", view).await;
        let first = round as u64 * CHANGES;
        olga.raw.write(&flood(first)).await;
        match how {
            "close" => olga.raw.close(1001).await,
            "end" => olga.raw.finish().await,
            _ => olga.raw.reset(),
        }
        until("it is gone", || async { stage.host.health().await.sessions == 1 }).await;
        let gone = stored(&stage, view).await;
        assert!(version(&gone) < before + CHANGES, "{how}: it was there until all was stored");
        if how == "close" {
            let last = [&gone["settings"]["n"], &gone["items"]["1"]["data"]["n"], &gone["items"]["2"]["data"]["n"]];
            assert_eq!(last.map(|n| n.as_u64()), [9_999, 10_000, 9_998].map(|n| Some(first + n)));
        }
        edgar.say("item-update", json!({"id": 3, "health": round})).await;
        edgar.settled().await;
        let after = version(&stored(&stage, view).await);
        // One of them may have been on its way.
        assert!((1..=2).contains(&(after - version(&gone))), "{how}: {after} after {}", version(&gone));
    }
}

/// A frontend may change more in a moment than the room takes in a second. Nothing of it is lost, and nothing older is told behind
/// what is newer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_of_changes_of_different_things_is_stored_whole() {
    const ITEMS: u64 = 200;
    const ROUNDS: u64 = 10;
    let stage = stage().await;
    let items: Vec<_> = (0..ITEMS).map(|_| json!({"title": "An item"})).collect();
    let path = format!("/api/libraries/{}/portal-views", stage.library);
    let view =
        stage.ok("olga", "POST", &path, json!({"name": "Large", "items": items})).await["id"].as_u64().expect("a number");
    let mut olga = Old::open(&stage, "olga", view).await;
    let mut vera = Old::open(&stage, "vera", view).await;
    let mut burst = Vec::new();
    for round in 1..=ROUNDS {
        for id in 1..=ITEMS {
            burst.extend(text("item-update", &json!({"id": id, "health": round, "data": {round.to_string(): id}})));
        }
        burst.extend(text("portal-view-update", &json!({"currentItem": round, "settings": {round.to_string(): true}})));
    }
    olga.raw.write(&burst).await;
    assert!(olga.settled().await.is_empty());
    let after = stored(&stage, view).await;
    for id in 1..=ITEMS {
        let item = &after["items"][id.to_string()];
        let data: Value = (1..=ROUNDS).map(|round| (round.to_string(), json!(id))).collect::<serde_json::Map<_, _>>().into();
        assert_eq!((&item["health"], &item["data"]), (&json!(ROUNDS), &data), "{id}");
    }
    let settings: Value = (1..=ROUNDS).map(|round| (round.to_string(), json!(true))).collect::<serde_json::Map<_, _>>().into();
    assert_eq!((&after["currentItem"], &after["settings"]), (&json!(ROUNDS), &settings));
    assert!(version(&after) < ITEMS * ROUNDS, "each was stored for itself");
    while vera.view["version"] != after["version"] {
        vera.next().await;
    }
    assert_eq!(timeless(&vera.view), timeless(&after));
}

/// Only so much waits. What is more is refused at once, and the client is told how the view is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_more_than_can_wait_is_refused() {
    const CHANGES: usize = 2_000;
    let stage = stage().await;
    let view = stage.view().await;
    let mut olga = Old::open(&stage, "olga", view).await;
    let mut vera = Old::open(&stage, "vera", view).await;
    let mut flood: Vec<u8> = (4..).take(CHANGES).flat_map(|id| text("item-update", &json!({"id": id, "health": 1}))).collect();
    // There are no such items; and what is not kept does not wait.
    flood.extend(text("typing", &json!({})));
    olga.raw.write(&flood).await;
    let (mut wrong, mut limited) = (0, 0);
    while wrong + limited < CHANGES + 1 || olga.view["version"] != 1 {
        match olga.error().await.as_str() {
            "bad-params" => wrong += 1,
            "rate-limited" => limited += 1,
            other => panic!("{other}"),
        }
    }
    assert!(wrong >= 100 && limited > 0, "{wrong} and {limited}");
    olga.settled().await;
    assert_eq!(timeless(&olga.view), timeless(&stored(&stage, view).await));
    assert!(vera.hears(&mut olga).await.is_empty());
}
