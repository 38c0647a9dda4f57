//! Names outside the grammar.

use serde_json::json;

use super::stage::{ROOM, Watched, code, join, member, refused_cast};

#[tokio::test]
async fn bad_names_are_refused_one_by_one() {
    let mut watched = Watched::new().await;
    let mut raw = member(&watched.host, "sven", "speaker", ROOM).await;
    let long = format!("stage:{}", "x".repeat(129));
    for room in ["", "stage", "stage:", ":1", "Stage:1", "stage:a b", "stage:é", "stage:*", "*", "../../etc", &long] {
        raw.send(&json!({"type": "join", "room": room})).await;
        let left = raw.expect("left").await;
        assert_eq!(left["error"]["code"], "bad-name", "{room:?}: {left}");
        assert!(left["room"].as_str().is_some_and(|told| room.starts_with(told)), "{left}");
        let error = refused_cast(&mut raw, json!({"room": room, "name": "say"})).await;
        assert_eq!(error["error"]["code"], "bad-name", "{room:?}");
    }
    let long = "x".repeat(65);
    for (id, name) in (1..).zip(["", "a b", "é", "a*", "\n", &long]) {
        let error = refused_cast(&mut raw, json!({"room": ROOM, "name": name})).await;
        assert_eq!(error["error"]["code"], "bad-name", "{name:?}");
        let refused = raw.call(id, "rooms/publish", json!({"room": ROOM, "name": name})).await;
        assert_eq!(code(refused), "bad-params", "{name:?}");
    }
    for (id, params) in (10..).zip([
        json!({"room": "nope", "name": "say"}),
        json!({"name": "say"}),
        json!({"room": ROOM}),
        json!({"room": ROOM, "name": "say", "expected": -1}),
        json!({"room": ROOM, "name": "set", "patch": {}, "state": 1}),
        json!([]),
    ]) {
        assert_eq!(code(raw.call(id, "rooms/publish", params.clone()).await), "bad-params", "{params}");
    }
    for (id, to) in (20..).zip([json!({}), json!("ada"), json!({"member": "x"}), json!({"role": "Big"}), json!({"all": true})])
    {
        let params = json!({"room": ROOM, "name": "psst", "to": to});
        assert_eq!(code(raw.call(id, "rooms/send", params).await), "bad-params", "{to}");
    }
    let nobody = [json!({"member": 9_999}), json!({"user": "nobody"}), json!({"role": "nobody"})];
    for (id, to) in (30..).zip(nobody) {
        let params = json!({"room": ROOM, "name": "psst", "to": to});
        assert_eq!(code(raw.call(id, "rooms/send", params).await), "member-not-found", "{to}");
    }
    watched.hears_nothing_else("bad names").await;
    assert_eq!(join(&mut raw, ROOM).await.expect("still welcome")["offset"], 1);
}
