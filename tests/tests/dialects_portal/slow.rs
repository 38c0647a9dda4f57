//! A viewer that reads nothing for a long time.

use serde_json::{Value, json};

use crate::old::{Old, stage, timeless};

/// It slows nobody, costs a bounded amount, and is right in the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_that_does_not_read_slows_nobody_and_is_right_in_the_end() {
    // Together more than sockets hold.
    const CHANGES: u64 = 120;
    const ITEMS: u64 = 30;
    let stage = stage().await;
    let items: Vec<_> = (0..ITEMS).map(|_| json!({"title": "An item"})).collect();
    let path = format!("/api/libraries/{}/portal-views", stage.library);
    let view =
        stage.ok("olga", "POST", &path, json!({"name": "Large", "items": items})).await["id"].as_u64().expect("a number");
    let path = format!("/api/portal-views/{view}");
    let mut slow = Old::open(&stage, "vera", view).await;
    let mut quick = Old::open(&stage, "viktor", view).await;
    for change in 0..CHANGES {
        let data = json!({"change": change, "ballast": format!("{change:03} ").repeat(900)});
        let items = (1..=ITEMS).map(|id| (id.to_string(), json!({"data": data}))).collect::<serde_json::Map<_, _>>();
        stage.ok("olga", "PATCH", &path, json!({"items": items, "currentItem": change % 3 + 1})).await;
        while quick.view["items"]["1"]["data"]["change"] != change {
            quick.next().await;
        }
        quick.heard.clear();
    }
    let stored = stage.ok("olga", "GET", &path, Value::Null).await;
    while slow.view["version"] != stored["version"] {
        slow.next().await;
    }
    let told = slow.heard.iter().filter(|told| told["type"] == "portal-view-update").count() as u64;
    assert!(told < CHANGES, "the server has let nothing go: {told}");
    assert_eq!((timeless(&slow.view), timeless(&quick.view)), (timeless(&stored), timeless(&stored)));
    let mut olga = Old::open(&stage, "olga", view).await;
    assert!(slow.hears(&mut olga).await.is_empty());
}
