//! A second broadcaster.

use serde_json::json;

use crate::stage::{Hand, STAGE, Stage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_broadcaster_is_refused_and_told_how() {
    let mut stage = Stage::new().await;
    let mut rival = Hand::inside(&stage.host, "rival", STAGE, "broadcaster").await;
    let error = rival.call("live/start", json!({"stream": STAGE})).await.expect_err("taken");
    assert_eq!(error["code"], "live-taken");
    assert!(error["message"].as_str().is_some_and(|message| message.contains("takeover")), "{error}");
    for method in ["live/stop", "live/peers"] {
        assert_eq!(rival.refused(method, json!({"stream": STAGE})).await, "forbidden", "{method}");
    }
    stage.nobody_notices("a rival").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_takeover_moves_the_viewers_and_the_old_one_is_out() {
    let mut stage = Stage::new().await;
    let mut rival = Hand::inside(&stage.host, "rival", STAGE, "broadcaster").await;
    let started = rival.call("live/start", json!({"stream": STAGE, "takeover": true})).await.expect("taken over");
    assert_eq!((&started["resumed"], &started["record"]["broadcaster"]), (&json!(true), &json!("rival")));
    let told = stage.show.broadcaster.signal().await;
    assert_eq!((&told["name"], &told["payload"]["by"]), (&json!("superseded"), &json!("rival")));
    let peers = started["peers"].as_array().expect("peers").clone();
    assert_eq!(peers.len(), 2);
    for viewer in &mut stage.show.viewers {
        let told = viewer.signal().await;
        let number = &peers.iter().find(|peer| peer["viewer"] == viewer.viewer).expect("it moves along")["negotiation"];
        assert_eq!((&told["name"], &told["payload"]["negotiation"]), (&json!("peer"), number));
        assert!(number.as_u64() > viewer.negotiation.as_u64(), "a new peer connection");
        viewer.negotiation = number.clone();
    }
    let mut old = std::mem::replace(&mut stage.show.broadcaster, rival);
    let (viewer, negotiation) = (&stage.show.viewers[0].viewer, &stage.show.viewers[0].negotiation);
    let message = json!({"type": "offer", "round": 1, "sdp": "v=0"});
    let params = json!({"stream": STAGE, "viewer": viewer, "negotiation": negotiation, "message": message});
    for method in ["live/signal", "live/renegotiate", "live/peers", "live/stop"] {
        assert_eq!(old.refused(method, params.clone()).await, "forbidden", "{method}");
    }
    stage.show.allow("stream_changed");
    stage.nobody_notices("who was superseded").await;
    assert_eq!(old.unexpected().iter().filter(|heard| heard.starts_with("\"signal\"")).count(), 0, "{:?}", old.unexpected());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_start_at_once_one_broadcasts() {
    let mut stage = Stage::new().await;
    let mut rivals = Vec::new();
    for number in 0..8 {
        let mut hand = Hand::inside(&stage.host, &format!("rival-{number}"), "raced", "broadcaster").await;
        let call = hand.begin("live/start", json!({"stream": "raced"})).await;
        rivals.push((hand, call));
    }
    let mut started = Vec::new();
    for (number, (hand, call)) in rivals.iter_mut().enumerate() {
        match hand.answer(*call).await {
            Ok(_) => started.push(format!("rival-{number}")),
            Err(error) => assert_eq!(error["code"], "live-taken"),
        }
    }
    assert_eq!(started.len(), 1, "{started:?}");
    let record = rivals[0].0.call("live/get", json!({"stream": "raced"})).await.expect("a record");
    assert_eq!(record["broadcaster"], started[0].as_str());
    stage.nobody_notices("a race").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_identity_has_so_many_streams_and_no_more() {
    let mut config = crate::stage::config();
    config.live.max_streams = 2;
    let mut stage = Stage::with(config).await;
    let mut greedy = Hand::new(&stage.host, "greedy", &[("*", "broadcaster")]).await;
    for stream in ["one", "two", "three"] {
        greedy.join(stream).await.expect("may join");
    }
    greedy.call("live/start", json!({"stream": "one"})).await.expect("the first");
    greedy.call("live/start", json!({"stream": "two"})).await.expect("the second");
    let error = greedy.call("live/start", json!({"stream": "three"})).await.expect_err("one too many");
    assert!(error["message"].as_str().is_some_and(|message| message.contains('2')), "{error}");
    greedy.call("live/stop", json!({"stream": "one"})).await.expect("ended");
    greedy.call("live/start", json!({"stream": "three"})).await.expect("in its place");
    stage.nobody_notices("one who wants all").await;
}
