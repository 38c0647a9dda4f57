//! Who may watch a file: its owner, and whom a token grants its room. To everybody else there is no such file.

use samewire_server::auth::{Grants, JwtAuthenticator, JwtOptions, NewToken};
use samewire_tests::live::raw::Raw;
use samewire_tests::live::{Host, SECRET, token};
use serde_json::{Value, json};

use super::stage::{call, settings, store, watch};

fn granted(user: &str, rooms: &str) -> String {
    let grants = Grants::default().room(rooms.parse().expect("a pattern"), "viewer".parse().expect("a role"));
    let token = NewToken::new(user, std::time::Duration::from_secs(3_600)).grants(grants);
    JwtAuthenticator::new(SECRET.as_bytes(), JwtOptions::default()).sign(&token).expect("a token")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owner_and_whom_a_token_grants_it() {
    let host = Host::start(settings()).await;
    let stored = store(&host.url(), "maria", "a text").await;
    let mut owner = Raw::session(host.addr(), Some(&token("maria"))).await;
    let joined = watch(&mut owner, stored.id).await.expect("the owner may watch");
    assert_eq!((&joined["role"], &joined["state"]["state"]), (&json!("viewer"), &json!("stored")));
    assert_eq!(joined["state"]["id"], stored.id.to_string());
    let room = format!("file:{}", stored.id);
    let mut guest = Raw::session(host.addr(), Some(&granted("olga", &room))).await;
    assert_eq!(watch(&mut guest, stored.id).await.expect("granted")["state"], joined["state"]);

    // Nobody speaks there but the server.
    for (number, (raw, who)) in [(&mut owner, "the owner"), (&mut guest, "a guest")].into_iter().enumerate() {
        let said = json!({"room": room, "name": "processing:completed", "payload": {}});
        let refused = raw.call(number as u64 + 1, "rooms/publish", said).await.expect_err(who);
        assert_eq!(refused["code"], "forbidden", "{who}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_else_learns_nothing() {
    let host = Host::start(settings()).await;
    let stored = store(&host.url(), "maria", "a text").await;
    let nowhere: samewire::FileId = format!("fi_{:032x}", 7).parse().expect("an id");
    let mut mallory = Raw::session(host.addr(), Some(&token("mallory"))).await;
    let mut nobody = Raw::session(host.addr(), None).await;
    let mut granted = Raw::session(host.addr(), Some(&granted("olga", "file:*"))).await;
    let told = |refused: Value| (refused["code"].clone(), refused["message"].clone());
    let missing = told(watch(&mut granted, nowhere).await.expect_err("there is no such file"));
    assert_eq!(missing.0, "room-not-found");
    for raw in [&mut mallory, &mut nobody] {
        assert_eq!(told(watch(raw, stored.id).await.expect_err("somebody else's")), missing);
        assert_eq!(told(watch(raw, nowhere).await.expect_err("there is no such file")), missing);
    }
    raw_room(&mut mallory, "file:x").await;
    for method in ["files/get", "files/process", "files/cancel"] {
        for id in [stored.id, nowhere] {
            let answer = call(&host.url(), "mallory", method, json!({"id": id})).await;
            assert_eq!((answer.status, answer.problem().as_str()), (404, "file-not-found"), "{method}");
        }
    }
    let answer = call(&host.url(), "mallory", "files/remove", json!({"id": stored.id})).await;
    assert_eq!(answer.json()["removed"], false);
    // It is still there for its owner.
    assert_eq!(call(&host.url(), "maria", "files/get", json!({"id": stored.id})).await.status, 200);
}

async fn raw_room(raw: &mut Raw, room: &str) {
    raw.send(&json!({"type": "join", "room": room})).await;
    assert_eq!(raw.expect("left").await["error"]["code"], "room-not-found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_comes_in_pages() {
    let host = Host::start(settings()).await;
    let mut stored = Vec::new();
    for round in 0..5 {
        stored.push(store(&host.url(), "maria", &format!("text {round}")).await.id.to_string());
    }
    let mut seen: Vec<String> = Vec::new();
    loop {
        let after = seen.last().map_or(Value::Null, |id| json!(id));
        let page = call(&host.url(), "maria", "files/list", json!({"after": after, "limit": 2})).await.json();
        let ids = page["files"].as_array().expect("files").iter().map(|file| file["id"].as_str().expect("an id").to_owned());
        seen.extend(ids);
        if page["more"] == false {
            break;
        }
    }
    let sorted = |mut ids: Vec<String>| {
        ids.sort();
        ids
    };
    assert_eq!(sorted(seen), sorted(stored));
    let strange = call(&host.url(), "olga", "files/list", json!({"after": format!("fi_{:032x}", 7)})).await;
    assert_eq!(strange.problem(), "file-not-found");
}
