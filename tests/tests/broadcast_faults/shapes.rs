//! Messages of every wrong shape and size.

use serde_json::{Value, json};

use crate::stage::{STAGE, Stage, offer};

const BIG: usize = 1024 * 1024;

/// What is wrong, with the code that says so.
fn wrong() -> Vec<(&'static str, Value, &'static str)> {
    let sdp = |sdp: Value| json!({"type": "offer", "round": 1, "sdp": sdp});
    let candidates = |candidates: Value| json!({"type": "candidates", "candidates": candidates});
    let many = vec![json!({"candidate": "candidate:1"}); 33];
    vec![
        ("no message", Value::Null, "bad-params"),
        ("a message that is text", json!("v=0"), "bad-params"),
        ("a message that is a list", json!(["offer", "v=0"]), "bad-params"),
        ("no type", json!({"round": 1, "sdp": "v=0"}), "bad-params"),
        ("a type of nobody's", json!({"type": "bye"}), "bad-params"),
        ("the type of the old server", json!({"type": "webrtc-offer", "offer": {"sdp": "v=0"}}), "bad-params"),
        ("a rollback", json!({"type": "rollback", "round": 1, "sdp": ""}), "bad-params"),
        ("no description", json!({"type": "offer", "round": 1}), "bad-params"),
        ("a description of null", sdp(Value::Null), "bad-params"),
        ("an empty description", sdp(json!("")), "bad-params"),
        ("a description that is an object", sdp(json!({"type": "offer", "sdp": "v=0"})), "bad-params"),
        ("a page in its place", sdp(json!("<script>alert(1)</script>")), "bad-params"),
        ("a version of the future", sdp(json!("v=1\r\n")), "bad-params"),
        ("white space before it", sdp(json!(" v=0\r\n")), "bad-params"),
        ("an answer without one", json!({"type": "answer", "round": 1}), "bad-params"),
        ("no round", json!({"type": "offer", "sdp": "v=0"}), "bad-params"),
        ("a round below zero", json!({"type": "offer", "round": -1, "sdp": "v=0"}), "bad-params"),
        ("a round past all", json!({"type": "offer", "round": 1_u64 << 40, "sdp": "v=0"}), "bad-params"),
        ("64 KiB and a byte", sdp(json!(format!("v=0{}", "x".repeat(64 * 1024 - 2)))), "too-big"),
        ("half a megabyte", sdp(json!(format!("v=0{}", "x".repeat(BIG / 2)))), "too-big"),
        ("half a megabyte of no description", sdp(json!("x".repeat(BIG / 2))), "too-big"),
        ("candidates that are text", candidates(json!("candidate:1")), "bad-params"),
        ("candidates that are texts", candidates(json!(["candidate:1"])), "bad-params"),
        ("a candidate of nothing", candidates(json!([{}])), "bad-params"),
        ("a candidate that is a number", candidates(json!([{"candidate": 7}])), "bad-params"),
        ("a line below zero", candidates(json!([{"candidate": "", "sdpMLineIndex": -1}])), "bad-params"),
        ("a line past all", candidates(json!([{"candidate": "", "sdpMLineIndex": 65_536}])), "bad-params"),
        ("33 candidates", candidates(json!(many)), "too-big"),
        ("a candidate of 1 KiB and a byte", candidates(json!([{"candidate": "x".repeat(1025)}])), "too-big"),
        ("a name of a kilobyte", candidates(json!([{"candidate": "", "sdpMid": "x".repeat(1024)}])), "too-big"),
        ("a user name of a kilobyte", candidates(json!([{"candidate": "", "usernameFragment": "x".repeat(1024)}])), "too-big"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_of_a_wrong_shape_reaches_nobody() {
    let mut stage = Stage::new().await;
    let (viewer, negotiation) = (stage.show.viewers[0].viewer.clone(), stage.show.viewers[0].negotiation.clone());
    for (what, message, code) in wrong() {
        let mut params = json!({"stream": STAGE, "negotiation": negotiation, "message": message});
        assert_eq!(stage.show.viewers[0].refused("live/signal", params.clone()).await, code, "{what}, from the viewer");
        params["viewer"] = viewer.clone();
        assert_eq!(stage.show.broadcaster.refused("live/signal", params).await, code, "{what}, from the broadcaster");
    }
    stage.nobody_notices("messages of wrong shapes").await;
}

/// The connection is over that brings it, because no frame is so large, and nothing else is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_description_of_a_megabyte_ends_its_own_connection_only() {
    let mut stage = Stage::new().await;
    let mut mallory = crate::stage::Hand::viewer(&stage.host, "mallory", STAGE).await;
    stage.show.broadcaster.signal().await;
    let message = json!({"type": "offer", "round": 1, "sdp": format!("v=0{}", "x".repeat(BIG))});
    mallory.begin("live/signal", json!({"stream": STAGE, "negotiation": mallory.negotiation, "message": message})).await;
    assert_eq!(mallory.raw.parting().await, ("too-big".to_owned(), 1009));
    drop(mallory);
    stage.calm_is_calm("a description of a megabyte").await;
    stage.show.goes_on("a description of a megabyte").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn params_of_wrong_shapes_are_refused_and_change_nothing() {
    let mut stage = Stage::new().await;
    let negotiation = stage.show.viewers[0].negotiation.clone();
    let viewer = &mut stage.show.viewers[0];
    for stream in [json!(null), json!(7), json!(""), json!("a b"), json!("*"), json!("x".repeat(200)), json!({"name": STAGE})] {
        for method in ["live/start", "live/watch", "live/get", "live/end", "live/leave", "live/peers", "live/ice"] {
            let code = viewer.refused(method, json!({"stream": stream})).await;
            assert!(matches!(code.as_str(), "bad-params" | "bad-name"), "{method} {stream}: {code}");
        }
    }
    for number in [json!(null), json!(-1), json!(1.5), json!("1"), json!(1_u64 << 53), json!([1])] {
        for method in ["live/signal", "live/renegotiate"] {
            let params = json!({"stream": STAGE, "negotiation": number, "message": offer()});
            assert_eq!(viewer.refused(method, params).await, "bad-params", "{method} {number}");
        }
    }
    for summary in [json!(null), json!(7), json!({"seconds": "5"}), json!({"bitrate": -1}), json!({"fps": "fast"})] {
        let params = json!({"stream": STAGE, "negotiation": negotiation, "summary": summary});
        assert_eq!(viewer.refused("live/report", params).await, "bad-params", "{summary}");
    }
    let host = &mut stage.show.broadcaster;
    for (params, code) in [
        (json!({"max_viewers": 0}), "bad-params"),
        (json!({"max_viewers": -1}), "bad-params"),
        (json!({"max_viewers": "many"}), "bad-params"),
        (json!({"title": "x".repeat(129)}), "too-big"),
        (json!({"title": "a\u{202e}b"}), "bad-params"),
        (json!({"title": 7}), "bad-params"),
        (json!({"info": "x".repeat(1024)}), "too-big"),
        (json!({"media": "all of it"}), "bad-params"),
        (json!({"takeover": "yes"}), "bad-params"),
    ] {
        let mut params = params;
        params["stream"] = STAGE.into();
        assert_eq!(host.refused("live/start", params.clone()).await, code, "{params}");
    }
    stage.nobody_notices("params of wrong shapes").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_largest_that_may_be_passes() {
    let mut stage = Stage::new().await;
    let viewer = &mut stage.show.viewers[0];
    // Every byte of it is written as two in JSON.
    let sdp = format!("v=0{}", "\n".repeat(64 * 1024 - 3));
    let message = json!({"type": "answer", "round": 1, "sdp": sdp});
    viewer
        .call("live/signal", json!({"stream": STAGE, "negotiation": viewer.negotiation, "message": message}))
        .await
        .expect("passes");
    let heard = stage.show.broadcaster.signal().await;
    assert_eq!((&heard["name"], &heard["payload"]["sdp"]), (&json!("answer"), &json!(sdp)));
    let candidate = json!({"candidate": "\"".repeat(1024), "sdpMid": "\"".repeat(256), "usernameFragment": "\"".repeat(256)});
    let message = json!({"type": "candidates", "candidates": vec![candidate; 32], "end": true});
    let viewer = &mut stage.show.viewers[0];
    viewer
        .call("live/signal", json!({"stream": STAGE, "negotiation": viewer.negotiation, "message": message}))
        .await
        .expect("passes");
    let heard = stage.show.broadcaster.signal().await;
    assert_eq!((heard["payload"]["candidates"].as_array().map(Vec::len), &heard["payload"]["end"]), (Some(32), &json!(true)));
    stage.nobody_notices("large messages").await;
}
