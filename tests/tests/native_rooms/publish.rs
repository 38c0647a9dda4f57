//! What is published is numbered, kept and told once, and what cannot be is refused with a reason.

use samewire::Code;
use samewire::rooms::{JoinOptions, Page, PublishOptions};
use samewire_server::rooms::KindPolicy;
use samewire_server::rooms::policy::Roles;
use samewire_tests::live::{Host, settings, within};
use serde_json::{Value, json};

use crate::place::{Heard, client, host, join, numbers, open};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_key_is_published_once() {
    let host = host(open()).await;
    let room = join(&client(&host.url(), None), "keys").await.expect("a room");
    let with = |key: &str| PublishOptions { key: Some(key.to_owned()), ..PublishOptions::default() };
    let first = room.publish_with("count", &1, with("a")).await.expect("published");
    let again = room.publish_with("count", &2, with("a")).await.expect("known");
    let other = room.publish_with("count", &3, with("b")).await.expect("published");
    assert_eq!((first.offset, first.duplicate), (1, false));
    assert_eq!((again.offset, again.duplicate, again.epoch), (1, true, first.epoch));
    assert_eq!((other.offset, other.duplicate), (2, false));
    let mut heard = Heard::default();
    heard.until(&room, "both", |heard| heard.messages.len() == 2).await;
    assert_eq!(numbers(&heard.messages), [1, 3]);
    for key in ["", &"x".repeat(65)] {
        let refused = room.publish_with("count", &4, with(key)).await.expect_err("no such key");
        assert_eq!(refused.code, Code::BadParams, "{key:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_many_who_expect_the_same_number_gets_it() {
    let host = host(open()).await;
    let mut rooms = Vec::new();
    for _ in 0..4 {
        rooms.push(join(&client(&host.url(), None), "races").await.expect("a room"));
    }
    for newest in 0..10 {
        let races = rooms.iter().map(|room| {
            let room = room.clone();
            let options = PublishOptions { expected: Some(newest), ..PublishOptions::default() };
            tokio::spawn(async move { room.publish_with("turn", &newest, options).await })
        });
        let mut won = 0;
        for race in races.collect::<Vec<_>>() {
            match within("a race", race).await.expect("no panic") {
                Ok(published) => {
                    assert_eq!(published.offset, newest + 1);
                    won += 1;
                }
                Err(failure) => {
                    assert_eq!(failure.code, Code::Conflict, "{failure}");
                    let data: Value = serde_json::from_str(failure.data.as_deref().expect("data").get()).expect("JSON");
                    assert_eq!(data, json!({"offset": newest + 1}));
                }
            }
        }
        assert_eq!(won, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_state_is_patched_and_replaced_for_everybody() {
    let host = host(open()).await;
    let ada = join(&client(&host.url(), None), "state").await.expect("a room");
    let bob = join(&client(&host.url(), None), "state").await.expect("a room");
    assert_eq!((ada.state().as_deref(), ada.state_as::<Option<u8>>().ok()), (Some(&Value::Null), Some(None)));
    ada.patch(&json!({"a": 1, "b": {"c": 2}})).await.expect("patched");
    bob.patch(&json!({"a": null, "b": {"d": 3}})).await.expect("patched");
    let options = PublishOptions { patch: Some(json!({"e": [4]})), ..PublishOptions::default() };
    ada.publish_with("moved", &"here", options).await.expect("published");
    let now = json!({"b": {"c": 2, "d": 3}, "e": [4]});
    for room in [&ada, &bob] {
        let mut heard = Heard::default();
        heard.up_to(room, "moved").await;
        assert_eq!(room.state().as_deref(), Some(&now));
        assert_eq!(heard.messages.iter().map(|message| message.name.as_str()).collect::<Vec<_>>(), ["state", "state", "moved"]);
    }
    let mut watched = bob.watch_state();
    ada.replace(&json!([1, 2])).await.expect("replaced");
    within("the new state", watched.wait_for(|state| state.as_deref() == Some(&json!([1, 2])))).await.expect("a room");
    assert_eq!(bob.state_as::<Vec<u8>>().ok(), Some(vec![1, 2]));
    let both = PublishOptions { patch: Some(json!({})), state: Some(json!({})), ..PublishOptions::default() };
    assert_eq!(ada.publish_with("both", &(), both).await.expect_err("one of them").code, Code::BadParams);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_is_read_page_by_page() {
    let host = host(KindPolicy { history: 50, ..open() }).await;
    let room = join(&client(&host.url(), None), "pages").await.expect("a room");
    let empty = room.history(Page::default()).await.expect("a page");
    assert_eq!((empty.messages.len(), empty.first, empty.last, empty.more), (0, 1, 0, false));
    for n in 1..=70_u64 {
        room.publish("count", &n).await.expect("published");
    }
    let page = |after, before, limit| Page { after, before, limit };
    for (asked, numbers_told, more) in [
        (page(None, None, None), 21..=70, false),
        (page(None, None, Some(10)), 61..=70, true),
        (page(None, Some(61), Some(10)), 51..=60, true),
        (page(None, Some(31), Some(10)), 21..=30, false),
        (page(Some(0), None, Some(5)), 21..=25, true),
        (page(Some(65), None, None), 66..=70, false),
        (page(Some(40), Some(44), None), 41..=43, false),
    ] {
        let page = room.history(asked).await.expect("a page");
        assert_eq!(numbers(&page.messages), numbers_told.clone().collect::<Vec<_>>(), "{asked:?}");
        assert_eq!((page.first, page.last, page.more), (21, 70, more), "{asked:?}");
        let offsets = page.messages.iter().filter_map(|message| message.offset).collect::<Vec<_>>();
        assert_eq!(offsets, numbers_told.collect::<Vec<_>>());
        assert!(page.messages.iter().all(|message| message.own && message.from == room.member()));
    }
}

/// Rooms in which one role speaks and the other listens.
async fn hall() -> Host {
    let mut config = settings();
    let speakers = || Roles::only(&["speaker"]);
    let policy = KindPolicy { access: Default::default(), publish: speakers(), cast: speakers(), ..open() };
    config.rooms.kinds.insert("test", policy);
    Host::start(config).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_role_may_not_is_refused_with_the_roles_that_may() {
    let host = hall().await;
    let grants = |role: &str| json!({"rooms": [{"name": "test:*", "role": role}]});
    let speaker = client(&host.url(), Some(crate::tokens::granted("ada", &grants("speaker"), 3600)));
    let listener = client(&host.url(), Some(crate::tokens::granted("bob", &grants("listener"), 3600)));
    let stranger = client(&host.url(), Some(crate::tokens::granted("eve", &json!({}), 3600)));
    let refused = join(&stranger, "hall").await.expect_err("no grant");
    assert_eq!(refused.code, Code::Forbidden, "{refused}");
    let speaking = join(&speaker, "hall").await.expect("a room");
    let listening = join(&listener, "hall").await.expect("a room");
    assert_eq!(listening.role().as_ref().map(|role| role.as_str()), Some("listener"));
    let refused = listening.publish("count", &1).await.expect_err("a listener");
    assert_eq!(refused.code, Code::Forbidden);
    assert!(refused.message.contains("speaker"), "{refused}");
    assert!(listening.cast("count", &2).expect("it goes out"));
    speaking.publish("count", &3).await.expect("a speaker may");
    let mut heard = Heard::default();
    heard.until(&listening, "both answers", |heard| heard.messages.len() == 1 && heard.refused.len() == 1).await;
    assert_eq!(numbers(&heard.messages), [3]);
    assert_eq!((&heard.messages[0].user, heard.messages[0].own), (&Some("ada".into()), false));
    assert_eq!(heard.refused[0].code, Code::Forbidden);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_room_and_no_name_is_refused_at_once() {
    let host = host(open()).await;
    let client = client(&host.url(), None);
    for name in ["", "test", "test:", "Test:1", "test:a b"] {
        let refused = client.join(name, JoinOptions::new()).await.expect_err("no name");
        assert_eq!(refused.code, Code::BadName, "{name:?}");
    }
    let refused = within("a join", client.join("nothing:1", JoinOptions::new())).await.expect_err("no such kind");
    assert_eq!(refused.code, Code::RoomNotFound);
    let large = JoinOptions::new().info("x".repeat(2_000));
    let refused = within("a join", client.join("test:large", large)).await.expect_err("too much info");
    assert!(matches!(refused.code, Code::TooBig | Code::BadParams), "{refused}");
    let room = join(&client, "names").await.expect("a room");
    for name in ["", "a b", &"x".repeat(65)] {
        assert_eq!(room.publish(name, &()).await.expect_err("no name").code, Code::BadName);
        assert_eq!(room.cast(name, &()).expect_err("no name").code, Code::BadName);
    }
    let large = room.publish("large", &"x".repeat(100_000)).await.expect_err("too large");
    assert_eq!(large.code, Code::TooBig);
    // What is larger than a frame may be is refused before it is sent.
    let huge = room.publish("huge", &"x".repeat(2_000_000)).await.expect_err("too large");
    assert_eq!(huge.code, Code::TooBig);
    assert_eq!(room.publish("fine", &()).await.expect("published").offset, 1);
}
