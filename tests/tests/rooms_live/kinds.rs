//! Kinds that a program decides about.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use samewire_protocol::rooms::{Role, RoomName};
use samewire_protocol::{Code, Failure};
use samewire_server::rooms::core::{Change, Message, Publication};
use samewire_server::rooms::{Deciding, Joining, KindPolicy, Publishing, RoomKind};
use samewire_tests::live::Host;
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use super::stage::{code, config, event, join, leave, refused_cast, session, stage};

/// Rooms of a library: readers may come while it is open, what is published is stored in upper case.
#[derive(Clone, Default)]
struct Library {
    closed: Arc<AtomicBool>,
}

impl RoomKind for Library {
    fn policy(&self) -> KindPolicy {
        KindPolicy { state: true, ..stage() }
    }

    fn join<'a>(&'a self, joining: Joining<'a>) -> Deciding<'a, Role> {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(30)).await;
            if self.closed.load(Ordering::Relaxed) {
                return Err(Failure::new(Code::Forbidden, "the library is closed"));
            }
            joining.by_policy()
        })
    }

    fn load<'a>(&'a self, room: &'a RoomName) -> Deciding<'a, Option<Value>> {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(10)).await;
            match room.rest() {
                "missing" => Err(Failure::new(Code::RoomNotFound, "there is no such book")),
                rest => Ok(Some(json!({"book": rest}))),
            }
        })
    }

    fn publish<'a>(&'a self, mut publishing: Publishing) -> Deciding<'a, Publishing> {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            if publishing.message.name.as_str() == "shout" {
                return Err(Failure::new(Code::BadParams, "not in here"));
            }
            let upper = publishing.message.payload.map(|payload| payload.get().to_uppercase());
            publishing.message.payload = upper.and_then(|json| serde_json::value::RawValue::from_string(json).ok());
            Ok(publishing)
        })
    }
}

async fn host(library: &Library) -> Host {
    let library = library.clone();
    Host::with(config(), move |builder| builder.room_kind("library", library.clone())).await
}

#[tokio::test]
async fn the_program_decides_who_comes_in_and_what_goes_out() {
    let library = Library::default();
    let host = host(&library).await;
    let mut sven = session(&host, "sven", "speaker").await;
    let joined = join(&mut sven, "library:7").await.expect("open");
    assert_eq!(joined["state"], json!({"book": "7"}));
    assert_eq!(code(join(&mut sven, "library:missing").await), "room-not-found");
    let say = |name: &str, payload: &str| json!({"room": "library:7", "name": name, "payload": payload});
    sven.call(1, "rooms/publish", say("say", "hello")).await.expect("published");
    assert_eq!(event(&mut sven).await["payload"], "HELLO");
    assert_eq!(code(sven.call(2, "rooms/publish", say("shout", "hello")).await), "bad-params");
    let mut lina = session(&host, "lina", "listener").await;
    join(&mut lina, "library:7").await.expect("open");
    assert_eq!(code(lina.call(1, "rooms/publish", say("say", "hello")).await), "forbidden");

    library.closed.store(true, Ordering::Relaxed);
    assert_eq!(code(join(&mut lina, "library:8").await), "forbidden");
    host.rooms().recheck(&"library:7".parse().expect("a name"));
    for raw in [&mut sven, &mut lina] {
        let left = raw.expect("left").await;
        assert_eq!((&left["room"], &left["error"]["message"]), (&json!("library:7"), &json!("the library is closed")));
    }
}

#[tokio::test]
async fn what_a_client_says_while_it_is_decided_waits_its_turn() {
    let host = host(&Library::default()).await;
    let mut sven = session(&host, "sven", "speaker").await;
    sven.send(&json!({"type": "join", "room": "library:1"})).await;
    sven.send(&json!({"type": "cast", "room": "library:1", "name": "wave"})).await;
    let published = sven.call(1, "rooms/publish", json!({"room": "library:1", "name": "say"})).await;
    assert_eq!(published.expect("a call may come right behind a join")["offset"], 1);
    sven.send(&json!({"type": "join", "room": "library:2"})).await;
    sven.send(&json!({"type": "leave", "room": "library:2"})).await;
    sven.expect("left").await;
    let error = refused_cast(&mut sven, json!({"room": "library:2", "name": "wave"})).await;
    assert_eq!(error["error"]["code"], "not-joined");
    assert_eq!(host.rooms().counts(&"library:2".parse().expect("a name")).members, 0);
    leave(&mut sven, "library:1").await;
}

#[tokio::test]
async fn the_program_takes_part() {
    let host = host(&Library::default()).await;
    let (rooms, room) = (host.rooms(), "library:1".parse().expect("a name"));
    let mut lina = session(&host, "lina", "listener").await;
    join(&mut lina, "library:1").await.expect("open");
    let patch = to_raw_value(&json!({"page": 3})).expect("JSON");
    let publication =
        Publication { change: Some(Change::Patch(patch)), ..Message::new("turn".parse().expect("a name")).into() };
    assert_eq!(rooms.publish(&room, publication).await.expect("published").offset, 1);
    assert_eq!(lina.expect("event").await["patch"], json!({"page": 3}));
    rooms.cast(&room, Message::new("bell".parse().expect("a name")), None).expect("cast");
    assert_eq!(lina.expect("event").await["name"], "bell");
    assert_eq!(rooms.state(&room).map(|state| state.get().to_owned()).as_deref(), Some(r#"{"book":"1","page":3}"#));
    let members = rooms.members(&room);
    assert_eq!((members.len(), members[0].user.as_deref()), (1, Some("lina")));
    assert_eq!(rooms.counts(&room).users, 1);
    // A room that is not there is made, and has what its kind gives it.
    let other = "library:9".parse().expect("a name");
    assert!(rooms.overview(&other).is_none());
    rooms.publish(&other, Message::new("turn".parse().expect("a name"))).await.expect("published");
    assert_eq!(rooms.state(&other).map(|state| state.get().to_owned()).as_deref(), Some(r#"{"book":"9"}"#));
}
