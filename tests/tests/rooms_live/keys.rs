//! Idempotency keys that come again, and events that expect a number.

use serde_json::json;

use super::stage::{ROOM, Watched, code, member};

#[tokio::test]
async fn a_key_that_comes_again_makes_nothing() {
    let mut watched = Watched::new().await;
    let mut sven = member(&watched.host, "sven", "speaker", ROOM).await;
    let keyed = |key: &str| json!({"room": "stage:2", "name": "say", "key": key});
    super::stage::join(&mut sven, "stage:2").await.expect("may join");
    let first = sven.call(1, "rooms/publish", keyed("k")).await.expect("published");
    assert_eq!((&first["offset"], &first["duplicate"]), (&json!(1), &json!(false)));
    for id in 2..5 {
        let again = sven.call(id, "rooms/publish", keyed("k")).await.expect("known");
        assert_eq!((&again["offset"], &again["duplicate"], &again["epoch"]), (&json!(1), &json!(true), &first["epoch"]));
    }
    // Another session of the same user has the same keys, another user has its own.
    let mut elsewhere = member(&watched.host, "sven", "speaker", "stage:2").await;
    assert_eq!(elsewhere.call(1, "rooms/publish", keyed("k")).await.expect("known")["duplicate"], true);
    let mut eve = member(&watched.host, "eve", "speaker", "stage:2").await;
    let other = eve.call(1, "rooms/publish", keyed("k")).await.expect("published");
    assert_eq!((&other["offset"], &other["duplicate"]), (&json!(2), &json!(false)));
    let history = eve.call(2, "rooms/history", json!({"room": "stage:2"})).await.expect("a page");
    assert_eq!(history["events"].as_array().map(Vec::len), Some(2));
    for (id, key) in [(10, "x".repeat(65)), (11, String::new())] {
        assert_eq!(code(sven.call(id, "rooms/publish", keyed(&key)).await), "bad-params");
    }
    watched.hears_nothing_else("keys").await;
}

#[tokio::test]
async fn of_two_who_expect_the_same_one_comes_too_late() {
    let watched = Watched::new().await;
    let mut sven = member(&watched.host, "sven", "speaker", ROOM).await;
    let mut eve = member(&watched.host, "eve", "speaker", ROOM).await;
    let expecting = |offset: u64| json!({"room": ROOM, "name": "say", "expected": offset});
    sven.call(1, "rooms/publish", expecting(0)).await.expect("the first");
    let refused = eve.call(1, "rooms/publish", expecting(0)).await.expect_err("the second");
    assert_eq!((&refused["code"], &refused["data"]), (&json!("conflict"), &json!({"offset": 1})));
    eve.call(2, "rooms/publish", expecting(1)).await.expect("now it knows");
}
