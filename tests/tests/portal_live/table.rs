//! Who may say what in a view's room, cell by cell, and who hears it.

use serde_json::{Value, json};

use crate::seat::Seat;
use crate::stage::Stage;

const EVENTS: [&str; 5] = ["portal-view-update", "item-update", "request-sync", "sync-response", "typing"];

/// What each event says when it is right.
fn saying(event: &str) -> Value {
    match event {
        "portal-view-update" => json!({"currentItem": 2}),
        "item-update" => json!({"id": 2, "health": 7}),
        _ => json!({"at": 1}),
    }
}

fn is_kept(event: &str) -> bool {
    matches!(event, "portal-view-update" | "item-update")
}

/// Says it the way it is meant to be said, and answers why it was refused, if it was.
async fn say(seat: &mut Seat, event: &str) -> Option<Value> {
    if is_kept(event) { seat.publish(event, saying(event)).await.err() } else { seat.cast(event, saying(event)).await }
}

struct Table {
    owner: Seat,
    editor: Seat,
    viewers: [Seat; 2],
}

impl Table {
    async fn new(stage: &Stage) -> Self {
        let view = stage.view().await;
        let mut table = Self {
            owner: Seat::join(stage, "olga", view).await,
            editor: Seat::join(stage, "edgar", view).await,
            viewers: [Seat::join(stage, "vera", view).await, Seat::join(stage, "viktor", view).await],
        };
        assert_eq!(
            table.all().map(|seat| seat.role.clone().expect("a role")),
            ["controller", "controller", "viewer", "viewer"]
        );
        table
    }

    fn all(&mut self) -> [&mut Seat; 4] {
        let [one, two] = &mut self.viewers;
        [&mut self.owner, &mut self.editor, one, two]
    }

    /// How often each has heard the event, once everything that was said has been.
    async fn heard(&mut self, event: &str) -> [usize; 4] {
        let mut heard = [0; 4];
        for (count, seat) in heard.iter_mut().zip(self.all()) {
            seat.quiet().await;
            *count = seat.heard(event);
        }
        heard
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn controllers_say_all_but_the_request() {
    let stage = Stage::new().await;
    let mut table = Table::new(&stage).await;
    for event in ["portal-view-update", "item-update"] {
        assert_eq!(say(&mut table.owner, event).await, None, "{event}");
        // Those who publish hear it too: it is how their own state changes.
        assert_eq!(table.heard(event).await, [1, 1, 1, 1], "{event}");
    }
    for event in ["sync-response", "typing"] {
        assert_eq!(say(&mut table.editor, event).await, None, "{event}");
        assert_eq!(table.heard(event).await, [1, 0, 1, 1], "{event}");
    }
    for seat in table.all() {
        assert_eq!((&seat.state["currentItem"], &seat.state["items"]["2"]["health"]), (&json!(2), &json!(7)));
        let named: Vec<_> = seat.events.iter().filter(|event| event.get("offset").is_some()).collect();
        assert_eq!(named.len(), 2);
        assert_eq!((&named[0]["payload"], &named[0]["user"]), (&json!({"currentItem": 2}), &json!("olga")));
        assert_eq!(named[1]["payload"], json!({"id": 2, "health": 7}));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_viewers_ask_for_a_sync_and_only_controllers_hear_it() {
    let stage = Stage::new().await;
    let mut table = Table::new(&stage).await;
    assert_eq!(say(&mut table.viewers[0], "request-sync").await, None);
    assert_eq!(table.heard("request-sync").await, [1, 1, 0, 0]);
    let asked = table.owner.events.last().cloned().expect("an event");
    assert_eq!((&asked["user"], &asked["payload"], asked.get("offset")), (&json!("vera"), &json!({"at": 1}), None));
    assert_eq!(say(&mut table.owner, "sync-response").await, None);
    assert_eq!(table.heard("sync-response").await, [0, 1, 1, 1]);

    for seat in [&mut table.owner, &mut table.editor] {
        let refused = say(seat, "request-sync").await.expect("a refusal");
        assert_eq!(refused["code"], "forbidden");
        assert!(refused["message"].as_str().is_some_and(|told| told.contains("viewer")), "{refused}");
    }
    assert_eq!(table.heard("request-sync").await, [1, 1, 0, 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn viewers_say_nothing_else() {
    let stage = Stage::new().await;
    let mut table = Table::new(&stage).await;
    let before = table.owner.state.clone();
    for event in EVENTS.into_iter().filter(|event| *event != "request-sync") {
        // Neither in the way that is meant nor in the other.
        let said = [say(&mut table.viewers[0], event).await, table.viewers[0].publish(event, saying(event)).await.err()];
        for refused in said.into_iter().chain([table.viewers[0].cast(event, saying(event)).await]) {
            let refused = refused.unwrap_or_else(|| panic!("{event} must be refused"));
            assert_eq!(refused["code"], "forbidden", "{event}");
            assert!(refused["message"].as_str().is_some_and(|told| told.contains("controller")), "{event} {refused}");
        }
        let patched = table.viewers[0].patch(event, json!({"currentItem": 2})).await;
        assert_eq!(patched.expect_err("a refusal")["code"], "forbidden", "{event}");
        assert_eq!(table.heard(event).await, [0; 4], "{event}");
    }
    for seat in table.all() {
        assert_eq!(seat.state, before);
    }
    let path = format!("/api/portal-views/{}", before["id"]);
    assert_eq!(stage.ok("olga", "GET", &path, Value::Null).await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_table_does_not_name_nobody_says() {
    let stage = Stage::new().await;
    let mut table = Table::new(&stage).await;
    let before = table.owner.state.clone();
    for event in ["chat", "ping", "pong", "connected", "Portal-View-Update", "portal-view-update/2"] {
        for seat in table.all() {
            let refused = [seat.publish(event, json!({"currentItem": 2})).await.err(), seat.cast(event, json!({})).await];
            for refused in refused {
                assert_eq!(refused.expect("a refusal")["code"], "forbidden", "{event}");
            }
            let patched = seat.patch(event, json!({"currentItem": 2})).await;
            assert_eq!(patched.expect_err("a refusal")["code"], "forbidden", "{event}");
        }
        assert_eq!(table.heard(event).await, [0; 4], "{event}");
    }
    // Changes are stored, so they are no passing words; and what is no change is not kept.
    for event in ["portal-view-update", "item-update"] {
        assert_eq!(table.owner.cast(event, saying(event)).await.expect("a refusal")["code"], "forbidden", "{event}");
    }
    for seat in table.all() {
        seat.quiet().await;
        assert_eq!((&seat.state, seat.offset), (&before, 0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_pings() {
    let stage = Stage::new().await;
    let mut table = Table::new(&stage).await;
    for (nonce, seat) in (1..).zip(table.all()) {
        seat.raw.send(&json!({"type": "ping", "nonce": nonce})).await;
        assert_eq!(seat.raw.expect("pong").await["nonce"], nonce);
    }
}

/// Before joining, after leaving, and when the membership was taken away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_no_member_says_nothing() {
    let stage = Stage::new().await;
    let view = stage.view().await;
    let mut watcher = Seat::join(&stage, "vera", view).await;
    let before = watcher.state.clone();
    for user in ["olga", "edgar", "viktor", "mallory"] {
        let mut seat = Seat::outside(&stage, user, view).await;
        says_nothing(&mut seat, "before joining").await;
        match user {
            "mallory" => assert_eq!(seat.enter().await.expect_err("a refusal")["code"], "room-not-found"),
            _ => {
                seat.enter().await.expect("a membership");
                seat.leave().await;
            }
        }
        says_nothing(&mut seat, "after leaving").await;
    }
    for (user, role) in [("edgar", "EDITOR"), ("viktor", "VIEWER")] {
        let mut seat = Seat::join(&stage, user, view).await;
        stage.ok("olga", "DELETE", &stage.member(user), Value::Null).await;
        seat.until("the end of the membership", |seat| seat.left.is_some()).await;
        assert_eq!(seat.left.as_ref().expect("left")["error"]["code"], "room-not-found");
        says_nothing(&mut seat, "after the end").await;
        assert_eq!(seat.enter().await.expect_err("a refusal")["code"], "room-not-found");
        stage.set_role(user, role).await;
        seat.enter().await.expect("a member again");
    }
    watcher.quiet().await;
    assert_eq!((watcher.state, watcher.events), (before, vec![]));
}

async fn says_nothing(seat: &mut Seat, when: &str) {
    for event in EVENTS {
        let said = [seat.publish(event, saying(event)).await.err(), seat.cast(event, saying(event)).await];
        for refused in said.into_iter().chain([seat.patch(event, json!({"currentItem": 2})).await.err()]) {
            assert_eq!(refused.expect("a refusal")["code"], "not-joined", "{event} {when}");
        }
    }
    for method in ["rooms/history", "rooms/presence", "rooms/state"] {
        let room = seat.room.clone();
        let refused = seat.call(method, json!({"room": room})).await.expect_err("a refusal");
        assert_eq!(refused["code"], "not-joined", "{method} {when}");
    }
}

/// A room of this kind is that of a view, or none: each answer is the same, to the byte.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_is_no_other_portal() {
    let stage = Stage::new().await;
    let view = stage.view().await;
    let mut told = Vec::new();
    for (user, room) in [
        ("mallory", format!("portal:{view}")),
        ("olga", "portal:4711".to_owned()),
        ("olga", format!("portal:0{view}")),
        ("olga", format!("portal:{view}/2")),
        ("olga", "portal:x".to_owned()),
        ("olga", "portal:9007199254740993".to_owned()),
    ] {
        let mut seat = Seat::outside(&stage, user, view).await;
        seat.room = room.clone();
        let refused = seat.enter().await.expect_err("a refusal");
        assert_eq!(refused["code"], "room-not-found", "{user} {room}");
        told.push(refused.to_string().replace(&room, "ROOM"));
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
    // Nor by a token that grants it: the library alone decides.
    let rooms = json!([{"name": "portal:*", "role": "controller"}]);
    let claims = json!({"sub": "mallory", "exp": 4_000_000_000_u64, "samewire": {"rooms": rooms}});
    let key = jsonwebtoken::EncodingKey::from_secret(samewire_tests::live::SECRET.as_bytes());
    let granted = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).expect("a token");
    let raw = samewire_tests::live::raw::Raw::session(stage.host.addr(), Some(&granted)).await;
    let mut seat = Seat::of(raw, format!("portal:{view}"));
    assert_eq!(seat.enter().await.expect_err("a refusal")["code"], "room-not-found");
    // Nor for somebody without a name.
    let raw = samewire_tests::live::raw::Raw::session(stage.host.addr(), None).await;
    let mut seat = Seat::of(raw, format!("portal:{view}"));
    assert_eq!(seat.enter().await.expect_err("a refusal")["code"], "room-not-found");
}
