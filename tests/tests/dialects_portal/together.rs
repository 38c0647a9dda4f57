//! Clients of the old format and sessions in the same views.

use samewire::Client;
use samewire::rooms::{JoinOptions, Room, RoomEvent};
use samewire_tests::live::{token, within};
use serde_json::{Value, json};

use crate::old::{Old, stage, timeless};
use crate::stage::Stage;

async fn join(stage: &Stage, user: &str, view: u64) -> (Client, Room) {
    let client = Client::builder(stage.host.url()).token(token(user)).build().expect("a client");
    let room = within("a membership", client.join(&format!("portal:{view}"), JoinOptions::new())).await.expect("a membership");
    (client, room)
}

async fn shows(room: &Room, version: u64) -> Value {
    let mut states = room.watch_state();
    let shown = states.wait_for(|state| state.as_deref().is_some_and(|state| state["version"] == version));
    within("the state", shown).await.expect("the room").as_deref().cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_viewer_sees_what_sessions_and_requests_change() {
    let stage = stage().await;
    let view = stage.view().await;
    let path = format!("/api/portal-views/{view}");
    let (_client, room) = join(&stage, "olga", view).await;
    let mut vera = Old::open(&stage, "vera", view).await;
    room.patch(&json!({"currentItem": 2, "settings": {"grid": {"size": 8}}})).await.expect("stored");
    room.publish("item-update", &json!({"id": 2, "health": 15})).await.expect("stored");
    room.cast("typing", &json!({"item": 2})).expect("cast");
    stage.ok("edgar", "PATCH", &path, json!({"showHealth": true})).await;
    stage.ok("edgar", "PATCH", &format!("{path}/items/2"), json!({"data": {"mood": "angry"}})).await;
    stage.ok("edgar", "POST", &format!("{path}/items"), json!({"title": "Troll"})).await;
    stage.ok("edgar", "DELETE", &format!("{path}/items/2"), Value::Null).await;
    let state = shows(&room, 7).await;
    while vera.view["version"] != 7 || !vera.view["currentItem"].is_null() {
        vera.next().await;
    }
    assert_eq!(timeless(&vera.view), timeless(&state));
    assert_eq!(timeless(&vera.view), timeless(&stage.ok("vera", "GET", &path, Value::Null).await));
    let told: Vec<_> = vera.heard[2..].iter().map(|told| (&told["type"], &told["user"])).collect();
    let [change, item, typing] = ["portal-view-update", "item-update", "typing"].map(Value::from);
    let (olga, edgar) = (json!("olga"), json!("edgar"));
    let by_olga = [(&change, &olga), (&item, &olga), (&typing, &olga)];
    // The item that is removed was the one that is shown.
    let by_edgar = [(&change, &edgar), (&item, &edgar), (&item, &edgar), (&item, &edgar), (&change, &edgar)];
    assert_eq!(told, [&by_olga[..], &by_edgar].concat());
    let [.., removed, shown] = vera.heard.as_slice() else { panic!("{:?}", vera.heard) };
    assert_eq!((&removed["payload"], &shown["payload"]), (&json!({"id": 2, "removed": true}), &json!({"currentItem": null})));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_see_what_an_old_controller_changes() {
    let stage = stage().await;
    let view = stage.view().await;
    let (_client, room) = join(&stage, "vera", view).await;
    let mut olga = Old::open(&stage, "olga", view).await;
    olga.say("portal-view-update", json!({"currentItem": 2, "zoom": 2})).await;
    olga.say("item-update", json!({"id": 3, "title": "Old bridge"})).await;
    olga.say("sync-response", json!([1, 2])).await;
    let mut messages = Vec::new();
    while messages.len() < 3 {
        if let Some(RoomEvent::Message(message)) = within("an event", room.next()).await {
            assert_eq!(message.user.as_deref(), Some("olga"));
            messages.push((message.name.to_string(), message.payload::<Value>().expect("JSON")));
        }
    }
    let expected = [
        ("portal-view-update".to_owned(), json!({"currentItem": 2, "zoom": 2})),
        ("item-update".to_owned(), json!({"id": 3, "title": "Old bridge"})),
        ("sync-response".to_owned(), json!([1, 2])),
    ];
    assert_eq!(messages, expected);
    let state = shows(&room, 3).await;
    assert_eq!(
        (&state["currentItem"], &state["items"]["3"]["title"], state.get("zoom")),
        (&json!(2), &json!("Old bridge"), None)
    );
}

/// A session and an old controller change the same thing at the same time. Whoever comes last wins, for everybody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_show_the_same_in_the_end() {
    const ROUNDS: u64 = 30;
    let stage = stage().await;
    let view = stage.view().await;
    let (_client, room) = join(&stage, "olga", view).await;
    let mut edgar = Old::open(&stage, "edgar", view).await;
    let mut vera = Old::open(&stage, "vera", view).await;
    let session = async {
        for round in 0..ROUNDS {
            room.patch(&json!({"settings": {"last": format!("olga {round}")}})).await.expect("stored");
        }
    };
    let old = async {
        for round in 0..ROUNDS {
            let settings = json!({"last": format!("edgar {round}")});
            edgar.say("portal-view-update", json!({"settings": settings})).await;
            // It shows at once what it says.
            edgar.view["settings"]["last"] = settings["last"].clone();
            edgar.settled().await;
        }
        edgar
    };
    let ((), mut edgar) = tokio::join!(session, old);
    let state = shows(&room, 1 + 2 * ROUNDS).await;
    room.cast("typing", &json!("the end")).expect("cast");
    for old in [&mut edgar, &mut vera] {
        while old.next().await["payload"] != "the end" {}
    }
    assert_eq!(vera.view["settings"], state["settings"]);
    assert_eq!(edgar.view["settings"], state["settings"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_for_it_is_told_who_is_there() {
    let stage = stage().await;
    let view = stage.view().await;
    let (_client, room) = join(&stage, "olga", view).await;
    let mut vera = Old::dial(&stage, &format!("/ws/portal-view/{view}?token={}&presence=true", token("vera"))).await;
    let there = vera.expect("presence").await;
    assert_eq!((&there["payload"]["users"], &there["payload"]["entries"][0]["id"]), (&json!(2), &json!("olga")));
    let mut viktor = Old::open(&stage, "viktor", view).await;
    let mut presence = room.watch_presence();
    within("who is there", presence.wait_for(|there| there.users == 3)).await.expect("the room");
    while vera.next().await["payload"]["users"] != 3 {}
    let sets = vera.heard.iter().filter_map(|told| told["payload"]["set"].as_array()).flatten();
    assert_eq!(sets.filter(|entry| entry["id"] == "viktor").count(), 1, "{:?}", vera.heard);
    assert!(viktor.settled().await.is_empty());
    drop(viktor);
    while vera.next().await["payload"]["users"] != 2 {}
    assert!(vera.heard.iter().any(|told| told["payload"]["gone"] == json!(["viktor"])), "{:?}", vera.heard);
}
