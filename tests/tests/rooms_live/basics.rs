//! Members hear each other.

use samewire_tests::live::raw::Raw;
use samewire_tests::live::{Host, settings};
use serde_json::json;

fn dev() -> samewire_server::Config {
    samewire_server::Config { dev: true, ..settings() }
}

#[tokio::test]
async fn members_hear_each_other() {
    let host = Host::start(dev()).await;
    let (mut ada, mut bob) = (Raw::session(host.addr(), None).await, Raw::session(host.addr(), None).await);
    for raw in [&mut ada, &mut bob] {
        raw.send(&json!({"type": "join", "room": "demo:1"})).await;
        let joined = raw.expect("joined").await;
        assert_eq!((&joined["recovered"], &joined["offset"], &joined["state"]), (&json!(false), &json!(0), &json!(null)));
    }
    let published = ada.call(1, "rooms/publish", json!({"room": "demo:1", "name": "say", "payload": "hi"})).await;
    assert_eq!(published.expect("published")["offset"], 1);
    let heard = bob.expect("event").await;
    assert_eq!((&heard["name"], &heard["payload"], &heard["offset"]), (&json!("say"), &json!("hi"), &json!(1)));
    ada.expect("event").await;
    bob.send(&json!({"type": "cast", "room": "demo:1", "name": "typing"})).await;
    assert_eq!(ada.expect("event").await["name"], "typing");
    bob.send(&json!({"type": "leave", "room": "demo:1"})).await;
    assert!(bob.expect("left").await.get("error").is_none());
    assert_eq!(ada.expect("presence").await["room"], "demo:1");
}

/// Everybody speaks at once: everybody hears everything, in the one order of its numbers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_speak_at_once() {
    const SPEAKERS: u64 = 8;
    const EACH: u64 = 150;
    let host = Host::start(super::stage::config()).await;
    let (addr, room) = (host.addr(), super::stage::ROOM);
    let mut speakers = Vec::new();
    for n in 0..SPEAKERS {
        speakers.push(super::stage::member(&host, &format!("u{n}"), "speaker", room).await);
    }
    let listening: Vec<_> = speakers
        .into_iter()
        .map(|mut raw| {
            tokio::spawn(async move {
                let (mut said, mut offset) = (0, 0);
                while offset < SPEAKERS * EACH {
                    // Some calls at once, so that what is said and what is heard are under way together.
                    for _ in 0..10 {
                        if said < EACH {
                            said += 1;
                            let params = json!({"room": room, "name": "say", "payload": said});
                            raw.send(&json!({"type": "call", "id": said, "method": "rooms/publish", "payload": params})).await;
                        }
                    }
                    let event = super::stage::event(&mut raw).await;
                    offset += 1;
                    assert_eq!(event["offset"], offset);
                }
                raw
            })
        })
        .collect();
    for listener in listening {
        samewire_tests::live::within("a listener", listener).await.expect("it hears everything");
    }
    let mut late = Raw::session(addr, Some(&super::stage::token("late", "*", "speaker"))).await;
    assert_eq!(super::stage::join(&mut late, room).await.expect("may join")["offset"], SPEAKERS * EACH);
}
