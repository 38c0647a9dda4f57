//! Floods of everything that can be said about a stream.

use samewire_tests::live::raw::{Heard, frame, opcode};
use serde_json::{Value, json};

use crate::stage::{Hand, STAGE, Stage, offer, word};

/// Sends all of these at once, and answers how they were answered: by code, `ok` where nothing was wrong.
async fn flood(hand: &mut Hand, calls: Vec<(&str, Value)>) -> Vec<String> {
    let count = calls.len();
    let mut bytes = Vec::new();
    for (method, payload) in calls {
        let call = json!({"type": "call", "id": hand.next_call(), "method": method, "payload": payload});
        bytes.extend(frame(0x80 | opcode::TEXT, call.to_string().as_bytes()));
    }
    hand.raw.write(&bytes).await;
    let mut codes = Vec::new();
    while codes.len() < count {
        match hand.raw.next().await {
            Heard::Text(frame) if frame["type"] == "result" => codes.push("ok".to_owned()),
            Heard::Text(frame) if frame["type"] == "failure" => {
                codes.push(frame["error"]["code"].as_str().unwrap_or_default().to_owned());
            }
            Heard::Text(_) => {}
            other => panic!("after {} answers: {other:?}", codes.len()),
        }
    }
    codes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_that_floods_its_broadcaster_is_slowed_down() {
    let mut stage = Stage::new().await;
    let mut mallory = Hand::viewer(&stage.host, "mallory", STAGE).await;
    stage.show.broadcaster.signal().await;
    let message = |message| json!({"stream": STAGE, "negotiation": mallory.negotiation, "message": message});
    let calls = (0..3_000).map(|n| ("live/signal", message(word(&format!("flood {n}"))))).collect();
    let codes = flood(&mut mallory, calls).await;
    let passed = codes.iter().filter(|code| *code == "ok").count();
    assert!(passed > 0 && passed < 3_000, "{passed} of 3,000 messages were passed on");
    for code in codes.iter().filter(|code| *code != "ok") {
        assert!(matches!(code.as_str(), "rate-limited" | "overloaded" | "too-many-calls"), "{code}");
    }
    // The others are heard, whatever still lies before them.
    let viewer = &mut stage.show.viewers[0];
    let params = json!({"stream": STAGE, "negotiation": viewer.negotiation, "message": word("in spite of it")});
    viewer.call("live/signal", params).await.expect("passed on");
    loop {
        let heard = stage.show.broadcaster.signal().await;
        if heard["payload"]["viewer"] == viewer.viewer {
            assert_eq!(heard["payload"]["candidates"][0]["candidate"], "in spite of it");
            break;
        }
    }
    stage.calm_is_calm("a flood of messages").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn coming_and_going_a_thousand_times_is_counted_right() {
    let mut stage = Stage::new().await;
    let mut mallory = Hand::inside(&stage.host, "mallory", STAGE, "viewer").await;
    let mut codes = Vec::new();
    for _ in 0..20 {
        let calls = (0..100)
            .map(|n| (if n % 2 == 0 { "live/watch" } else { "live/leave" }, json!({"stream": STAGE})))
            .collect::<Vec<_>>();
        codes.extend(flood(&mut mallory, calls).await);
    }
    // Each time it is let in, the broadcaster's device has work.
    assert!(codes.iter().any(|code| code == "rate-limited"), "nothing slows it down");
    mallory.call("live/leave", json!({"stream": STAGE})).await.expect("out");
    let record = stage.show.record().await;
    assert_eq!(record["viewer_count"], 2, "{record}");
    let peers = stage.show.broadcaster.call("live/peers", json!({"stream": STAGE})).await.expect("a list");
    assert_eq!(peers["peers"].as_array().map(Vec::len), Some(2), "{peers}");
    stage.calm_is_calm("one who comes and goes").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn starting_and_stopping_renegotiating_and_reporting_without_end() {
    let mut stage = Stage::new().await;
    let mut mallory = Hand::new(&stage.host, "mallory", &[("own", "broadcaster"), (STAGE, "viewer")]).await;
    for stream in ["own", STAGE] {
        mallory.join(stream).await.expect("may join");
    }
    mallory.watch(STAGE).await;
    stage.show.broadcaster.signal().await;
    let summary = json!({"seconds": 5.0, "bitrate": 1, "fps": 1e308, "height": 4_294_967_295_u32, "relay": true, "connected_ms": 9_007_199_254_740_991_u64});
    let about = |method, negotiation: &Value| {
        (method, json!({"stream": STAGE, "negotiation": negotiation, "message": offer(), "summary": summary}))
    };
    for _ in 0..10 {
        let mut calls = Vec::new();
        for _ in 0..20 {
            calls.push(("live/start", json!({"stream": "own"})));
            calls.push(about("live/renegotiate", &mallory.negotiation));
            calls.push(about("live/report", &mallory.negotiation));
            calls.push(("live/ice", json!({"stream": "own"})));
            calls.push(("live/stop", json!({"stream": "own"})));
        }
        flood(&mut mallory, calls).await;
    }
    let record = mallory.call("live/get", json!({"stream": "own"})).await.expect("a record");
    assert_eq!(record["state"], "ended", "{record}");
    // One new peer connection a second and pair.
    let mut told = 0;
    for viewer in &mut stage.show.viewers {
        let params = json!({"stream": STAGE, "negotiation": viewer.negotiation, "message": word("here")});
        viewer.call("live/signal", params).await.expect("passed on");
    }
    let mut words = 0;
    while words < 2 {
        let heard = stage.show.broadcaster.signal().await;
        told += u32::from(heard["name"] == "peer");
        words += u32::from(heard["name"] == "candidates");
    }
    assert!(told <= 60, "{told} new peer connections");
    stage.calm_is_calm("all of it at once").await;
}
