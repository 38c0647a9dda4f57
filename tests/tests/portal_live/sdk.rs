//! Portal views through the native SDK: what an app gets, without a thought about any of it.

use std::time::Duration;

use samewire::Client;
use samewire::rooms::{JoinOptions, PublishOptions, Room, RoomEvent, RoomStatus};
use samewire_tests::live::proxy::{Cut, Fate, Proxy};
use samewire_tests::live::{Insistent, token, within};
use samewire_tests::rng::Rng;
use serde_json::{Value, json};

use crate::stage::Stage;

async fn join(client: &Client, view: u64) -> Room {
    within("a membership", client.join(&format!("portal:{view}"), JoinOptions::new())).await.expect("a membership")
}

fn client(stage: &Stage, user: &str) -> Client {
    Client::builder(stage.host.url()).token(token(user)).build().expect("a client")
}

async fn shows(room: &Room, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let mut states = room.watch_state();
    let state = within(what, states.wait_for(|state| state.as_deref().is_some_and(&holds))).await;
    state.expect("the room").as_deref().cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_controller_drives_several_viewers() {
    let stage = Stage::new().await;
    let view = stage.view().await;
    let controller = client(&stage, "olga");
    let room = join(&controller, view).await;
    assert_eq!(room.role().expect("a role").as_str(), "controller");
    let clients = [client(&stage, "vera"), client(&stage, "viktor"), client(&stage, "vera")];
    let mut rooms = Vec::new();
    for client in &clients {
        rooms.push(join(client, view).await);
    }
    room.patch(&json!({"currentItem": 2, "settings": {"grid": {"size": 8}}})).await.expect("stored");
    room.publish("item-update", &json!({"id": 2, "health": 15})).await.expect("stored");
    room.cast("typing", &json!({"item": 2})).expect("cast");
    let stored = stage.ok("olga", "GET", &format!("/api/portal-views/{view}"), Value::Null).await;
    for viewer in &rooms {
        assert_eq!(viewer.role().expect("a role").as_str(), "viewer");
        assert_eq!(shows(viewer, "the changes", |state| state["version"] == 3).await, stored);
        let mut names = Vec::new();
        while names.last().is_none_or(|name| name != "typing") {
            if let Some(RoomEvent::Message(message)) = within("an event", viewer.next()).await {
                assert_eq!(message.user.as_deref(), Some("olga"));
                names.push(message.name.to_string());
            }
        }
        assert_eq!(names, ["portal-view-update", "item-update", "typing"]);
        let refused = viewer.patch(&json!({"currentItem": 1})).await.expect_err("a viewer");
        assert_eq!(refused.code.as_str(), "forbidden");
        assert!(refused.message.contains("controller"), "{refused}");
    }
    let mut presence = room.watch_presence();
    let there =
        within("who is there", presence.wait_for(|there| there.users == 3 && there.members == 4)).await.expect("the room");
    let roles = there.entries.values().map(|entry| entry.role.to_string()).collect::<Vec<_>>();
    assert_eq!(roles.iter().filter(|role| *role == "viewer").count(), 2, "{roles:?}");
}

/// A viewer whose link is cut again and again while a controller works: nothing is lost, nothing comes twice, and what it shows is
/// what there is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_who_is_cut_again_and_again_is_right_in_the_end() {
    const CHANGES: u64 = 80;
    let stage = Stage::new().await;
    let view = stage.view().await;
    let controller = client(&stage, "olga");
    let room = join(&controller, view).await;
    let proxy = Proxy::start(stage.host.addr()).await;
    let mut rng = Rng::new(11);
    proxy.fates(move |_| match rng.below(8) {
        0 => Fate::Refuse,
        1 => Fate::Pass,
        _ => Fate::Cut { after: 600 + rng.below(6_000), how: if rng.below(2) == 0 { Cut::Reset } else { Cut::End } },
    });
    let insistent = Insistent::new(&proxy.url(), Some(token("vera")));
    let viewer = join(&insistent.client, view).await;
    let first = viewer.state().expect("a state")["version"].as_u64().expect("a version");
    for number in 0..CHANGES {
        let patch = json!({"currentItem": 1 + number % 3, "settings": {"number": number}});
        room.publish_with("portal-view-update", &(), PublishOptions { patch: Some(patch), ..PublishOptions::default() })
            .await
            .expect("stored");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let last = shows(&viewer, "the last change", |state| state["settings"]["number"] == CHANGES - 1).await;
    assert_eq!(last, stage.ok("olga", "GET", &format!("/api/portal-views/{view}"), Value::Null).await);
    assert_eq!(last["version"], 1 + CHANGES);
    let mut heard = Vec::new();
    while heard.last().is_none_or(|offset| *offset < CHANGES) {
        match within("an event", viewer.next()).await {
            Some(RoomEvent::Message(message)) => heard.extend(message.offset),
            Some(RoomEvent::Lost { missed }) => panic!("lost {missed:?} although all of it is kept"),
            _ => {}
        }
    }
    assert_eq!(heard, (first..=CHANGES).collect::<Vec<_>>(), "each once, in order");
    assert!(proxy.counts().cuts > 3, "{:?}", proxy.counts());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_removed_is_told_so() {
    let stage = Stage::new().await;
    let view = stage.view().await;
    let viewer = client(&stage, "vera");
    let room = join(&viewer, view).await;
    stage.ok("olga", "DELETE", &stage.member("vera"), Value::Null).await;
    let mut status = room.watch_status();
    let left =
        within("the end", status.wait_for(|status| matches!(status, RoomStatus::Left { .. }))).await.expect("the room").clone();
    let RoomStatus::Left { why: Some(failure) } = left else { panic!("{left:?}") };
    assert_eq!(failure.code.as_str(), "room-not-found");
    let again = viewer.join(&format!("portal:{view}"), JoinOptions::new()).await.expect_err("no member");
    assert_eq!(again.code.as_str(), "room-not-found");
}
