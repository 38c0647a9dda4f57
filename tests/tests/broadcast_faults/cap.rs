//! As many viewers as may be, and one more.

use serde_json::json;

use crate::stage::{Hand, STAGE, Stage, config};

fn small(max: u32) -> samewire_server::Config {
    let mut config = config();
    config.live.max_viewers = max;
    config
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_too_many_is_refused_until_somebody_leaves() {
    let mut stage = Stage::with(small(3)).await;
    let mut third = Hand::viewer(&stage.host, "third", STAGE).await;
    stage.show.broadcaster.signal().await;
    let mut fourth = Hand::inside(&stage.host, "fourth", STAGE, "viewer").await;
    for wait in [false, true] {
        let error = fourth.call("live/watch", json!({"stream": STAGE, "wait": wait})).await.expect_err("full");
        assert_eq!((&error["code"], &error["retryable"]), (&json!("live-full"), &json!(true)), "{error}");
    }
    let record = stage.show.record().await;
    assert_eq!((&record["viewer_count"], &record["peak_viewers"], &record["max_viewers"]), (&json!(3), &json!(3), &json!(3)));
    third.call("live/leave", json!({"stream": STAGE})).await.expect("out");
    stage.show.broadcaster.signal().await;
    fourth.watch(STAGE).await;
    stage.show.broadcaster.signal().await;
    assert_eq!(stage.show.record().await["peak_viewers"], 3);
    fourth.call("live/leave", json!({"stream": STAGE})).await.expect("out");
    stage.show.broadcaster.signal().await;
    stage.show.allow("viewer_count_changed");
    stage.nobody_notices("a full house").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broadcaster_may_ask_for_fewer_and_not_for_more() {
    let stage = Stage::with(small(3)).await;
    for (asked, given) in [(1, 1), (100, 3)] {
        let stream = format!("asks-{asked}");
        let mut host = Hand::inside(&stage.host, "modest", &stream, "broadcaster").await;
        let started = host.call("live/start", json!({"stream": stream, "max_viewers": asked})).await.expect("started");
        assert_eq!(started["record"]["max_viewers"], given);
        for number in 0..given {
            Hand::viewer(&stage.host, &format!("fan-{number}"), &stream).await;
        }
        let mut more = Hand::inside(&stage.host, "more", &stream, "viewer").await;
        assert_eq!(more.refused("live/watch", json!({"stream": stream})).await, "live-full");
    }
}

/// All at once, from sessions that are gone again at once: the count never passes the cap, and comes down to nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rush_never_passes_the_cap() {
    let mut config = small(5);
    config.live.hold = std::time::Duration::from_millis(500);
    config.live.pause_after = std::time::Duration::from_millis(100);
    let mut stage = Stage::with(config).await;
    let mut host = Hand::broadcaster(&stage.host, "host", "rush").await;
    let mut rush = Vec::new();
    for number in 0..20 {
        let mut hand = Hand::inside(&stage.host, &format!("fan-{number}"), "rush", "viewer").await;
        let call = hand.begin("live/watch", json!({"stream": "rush"})).await;
        rush.push((hand, call));
    }
    let mut let_in = 0;
    for (hand, call) in &mut rush {
        match hand.answer(*call).await {
            Ok(_) => let_in += 1,
            Err(error) => assert_eq!(error["code"], "live-full"),
        }
    }
    assert_eq!(let_in, 5);
    for (hand, _) in rush {
        drop(hand);
    }
    loop {
        let event = host.event().await;
        let (count, peak) = (event["payload"]["viewer_count"].as_u64(), event["payload"]["peak_viewers"].as_u64());
        assert!(event["name"] != "viewer_count_changed" || (count <= peak && peak <= Some(5)), "{event}");
        if count == Some(0) && peak == Some(5) {
            break;
        }
    }
    stage.nobody_notices("a rush").await;
}
