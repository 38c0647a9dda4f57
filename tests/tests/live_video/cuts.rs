//! Links are lost and made anew: nobody is counted wrongly, what was said meanwhile is heard, and media that flows is left alone.

use std::time::Duration;

use samewire_tests::live::Host;
use serde_json::json;

use crate::stage::{Somebody, code, config, message, signal};

#[tokio::test]
async fn what_was_said_during_a_cut_is_heard_after_it() {
    let host = Host::start(config()).await;
    let addr = host.addr();
    let mut maria = Somebody::new(addr, "maria", "broadcaster").await;
    let mut eve = Somebody::new(addr, "eve", "viewer").await;
    maria.start().await;
    let watched = eve.watch().await;
    let (viewer, negotiation) = (&watched["viewer"], &watched["negotiation"]);
    maria.hears("viewer_joined").await;

    eve.come_back(addr).await;
    maria.call("signal", signal(Some(viewer), negotiation, message("offer", "while away"))).await.expect("held");
    eve.join().await;
    assert_eq!(eve.hears("offer").await["sdp"], "v=0\r\nwhile away");
    eve.call("signal", signal(None, negotiation, message("answer", "back"))).await.expect("the same peer connection");
    assert_eq!(maria.hears("answer").await["sdp"], "v=0\r\nback");
    assert_eq!(eve.watch().await["viewer"], *viewer);

    maria.cut(addr).await;
    let again = maria.start().await;
    assert_eq!((&again["resumed"], &again["peers"][0]["negotiation"]), (&json!(true), negotiation));
    assert_eq!(maria.rest().await, ["stream_started", "viewer_count_changed"], "nobody left, and nobody paused");
}

#[tokio::test]
async fn a_broadcaster_that_is_away_is_waited_for() {
    let mut config = config();
    config.live.pause_after = Duration::from_millis(50);
    let host = Host::start(config).await;
    let addr = host.addr();
    let mut maria = Somebody::new(addr, "maria", "broadcaster").await;
    let mut eve = Somebody::new(addr, "eve", "viewer").await;
    maria.start().await;
    let watched = eve.watch().await;

    maria.come_back(addr).await;
    let paused = eve.hears("stream_paused").await;
    assert_eq!((&eve.state["state"], &eve.state["hold_until"]), (&json!("paused"), &paused["hold_until"]));
    maria.join().await;
    eve.hears("stream_resumed").await;
    assert_eq!(
        (&eve.state["state"], &eve.state["hold_until"], &eve.state["viewer_count"]),
        (&json!("live"), &json!(null), &json!(1))
    );
    let again = maria.start().await;
    assert_eq!((&again["resumed"], &again["peers"][0]["negotiation"]), (&json!(true), &watched["negotiation"]));
    let rest = eve.rest().await;
    assert!(!rest.contains(&"peer".to_owned()), "media is left alone: {rest:?}");

    // Another session of hers, while the first one is there: the viewers are connected anew.
    let mut other = Somebody::new(addr, "maria", "broadcaster").await;
    let taken = other.start().await;
    let peer = eve.hears("peer").await;
    assert_eq!((&peer["viewer"], &peer["negotiation"]), (&watched["viewer"], &taken["peers"][0]["negotiation"]));
    assert!(peer["negotiation"].as_u64() > watched["negotiation"].as_u64());
    maria.hears("superseded").await;
    assert_eq!(code(maria.call("stop", json!({})).await), "forbidden");
    let stale = signal(None, &watched["negotiation"], message("answer", "late"));
    let refused = eve.call("signal", stale).await.expect_err("of a peer connection that is over");
    assert_eq!((&refused["code"], &refused["data"]["negotiation"]), (&json!("stale-negotiation"), &peer["negotiation"]));
}

#[tokio::test]
async fn a_broadcaster_that_stays_away_ends_the_stream() {
    let mut config = config();
    config.live.pause_after = Duration::from_millis(20);
    config.live.hold = Duration::from_millis(200);
    let host = Host::start(config).await;
    let addr = host.addr();
    let mut maria = Somebody::new(addr, "maria", "broadcaster").await;
    let mut eve = Somebody::new(addr, "eve", "viewer").await;
    maria.start().await;
    eve.watch().await;
    drop(maria);
    eve.hears("stream_paused").await;
    assert_eq!(eve.hears("stream_ended").await["reason"], "broadcaster-gone");
    assert_eq!((&eve.state["viewer_count"], &eve.state["hold_until"]), (&json!(0), &json!(null)));
    assert_eq!(code(eve.call("watch", json!({})).await), "live-not-found");
}
