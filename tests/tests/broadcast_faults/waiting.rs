//! Joining a stream that is not there: refused, or waited for.

use serde_json::json;

use crate::stage::{Hand, STAGE, Stage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_not_there_is_refused_or_waited_for() {
    let mut stage = Stage::new().await;
    let mut early = Hand::inside(&stage.host, "early", "later", "viewer").await;
    assert_eq!(early.refused("live/watch", json!({"stream": "later"})).await, "live-not-found");
    assert_eq!(early.refused("live/watch", json!({"stream": "later", "wait": false})).await, "live-not-found");
    for _ in 0..3 {
        let waiting = early.call("live/watch", json!({"stream": "later", "wait": true})).await.expect("it waits");
        assert_eq!((&waiting["waiting"], waiting.get("viewer")), (&json!(true), None));
        assert_eq!(waiting["record"]["viewer_count"], 0);
    }
    let mut host = Hand::inside(&stage.host, "late", "later", "broadcaster").await;
    let started = host.call("live/start", json!({"stream": "later"})).await.expect("started");
    let let_in = early.signal().await;
    assert_eq!(let_in["name"], "watching");
    let peers = started["peers"].as_array().expect("who is there already");
    assert_eq!((&peers[0]["viewer"], peers.len()), (&let_in["payload"]["viewer"], 1));
    assert_eq!(peers[0]["negotiation"], let_in["payload"]["negotiation"]);
    let listed = host.call("live/peers", json!({"stream": "later"})).await.expect("a list");
    assert_eq!(listed["peers"].as_array().map(Vec::len), Some(1), "{listed}");
    stage.nobody_notices("one who waits").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_no_longer_is_not_let_in() {
    let mut stage = Stage::new().await;
    let (mut leaves, mut hangs_up) = (
        Hand::inside(&stage.host, "leaves", "later", "viewer").await,
        Hand::inside(&stage.host, "hangs-up", "later", "viewer").await,
    );
    for hand in [&mut leaves, &mut hangs_up] {
        hand.call("live/watch", json!({"stream": "later", "wait": true})).await.expect("it waits");
    }
    leaves.call("live/leave", json!({"stream": "later"})).await.expect("out");
    hangs_up.raw.close(1000).await;
    samewire_tests::live::until("the session is gone", || async { stage.host.health().await.sessions == 6 }).await;
    let mut host = Hand::broadcaster(&stage.host, "late", "later").await;
    let record = host.call("live/get", json!({"stream": "later"})).await.expect("a record");
    assert_eq!((&record["viewer_count"], &record["peak_viewers"]), (&json!(0), &json!(0)));
    assert_eq!(host.call("live/peers", json!({"stream": "later"})).await.expect("a list")["peers"], json!([]));
    stage.nobody_notices("those who waited").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outside_of_the_room_nothing_is_watched() {
    let mut stage = Stage::new().await;
    let mut mallory = Hand::new(&stage.host, "mallory", &[("*", "viewer")]).await;
    for stream in [STAGE, "never", "later"] {
        for wait in [false, true] {
            assert_eq!(mallory.refused("live/watch", json!({"stream": stream, "wait": wait})).await, "not-joined", "{stream}");
        }
    }
    stage.nobody_notices("one who stays outside").await;
}
