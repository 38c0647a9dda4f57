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
