//! Messages before and after their time: the server passes on what is about the peer connection that counts, in the order in which it
//! came, and nothing else.

use serde_json::json;

use crate::stage::{Hand, STAGE, Stage, answer, offer, word};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn candidates_before_any_description_arrive_in_order() {
    let mut stage = Stage::new().await;
    let viewer = &mut stage.show.viewers[0];
    let about = |message| json!({"stream": STAGE, "negotiation": viewer.negotiation, "message": message});
    let said = [about(word("first")), about(answer()), about(word("second")), about(offer()), about(word("third"))];
    for params in said.clone() {
        viewer.call("live/signal", params).await.expect("passed on");
    }
    for params in said {
        let heard = stage.show.broadcaster.signal().await;
        assert_eq!(heard["name"], params["message"]["type"]);
        assert_eq!((&heard["payload"]["negotiation"], &heard["payload"]["viewer"]), (&viewer.negotiation, &viewer.viewer));
        assert_eq!(heard["payload"]["candidates"], params["message"]["candidates"]);
        assert_eq!(heard["payload"]["sdp"], params["message"]["sdp"]);
    }
    stage.nobody_notices("messages out of their order").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_about_an_older_peer_connection_is_dropped() {
    let mut stage = Stage::new().await;
    let viewer = &mut stage.show.viewers[0];
    let old = viewer.negotiation.clone();
    let renewed = viewer.call("live/renegotiate", json!({"stream": STAGE, "negotiation": old})).await.expect("a new one");
    let new = renewed["negotiation"].clone();
    assert!(new.as_u64() > old.as_u64(), "{new} after {old}");
    for hand in [&mut *viewer, &mut stage.show.broadcaster] {
        let told = hand.signal().await;
        assert_eq!((&told["name"], &told["payload"]["negotiation"]), (&json!("peer"), &new));
    }
    viewer.negotiation = new.clone();
    for message in [offer(), answer(), word("late")] {
        let mut params = json!({"stream": STAGE, "negotiation": old, "message": message});
        let error = viewer.call("live/signal", params.clone()).await.expect_err("too late");
        assert_eq!((&error["code"], &error["data"]["negotiation"]), (&json!("stale-negotiation"), &new));
        params["viewer"] = viewer.viewer.clone();
        let error = stage.show.broadcaster.call("live/signal", params).await.expect_err("too late");
        assert_eq!((&error["code"], &error["data"]["negotiation"]), (&json!("stale-negotiation"), &new));
    }
    // A number of the future is no number of anything.
    let future = new.as_u64().expect("a number") + 1_000;
    let params = json!({"stream": STAGE, "negotiation": future, "message": word("early")});
    assert_eq!(viewer.refused("live/signal", params).await, "stale-negotiation");
    // Both sides may find out at the same time that it is broken, and hear of one new connection.
    let params = json!({"stream": STAGE, "negotiation": old, "viewer": viewer.viewer});
    let again = stage.show.broadcaster.call("live/renegotiate", params).await.expect("the present one");
    assert_eq!(again["negotiation"], new);
    stage.nobody_notices("an older peer connection").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_that_left_hears_and_says_nothing_more() {
    let mut stage = Stage::new().await;
    let mut mallory = Hand::viewer(&stage.host, "mallory", STAGE).await;
    stage.show.broadcaster.signal().await;
    let (viewer, negotiation) = (mallory.viewer.clone(), mallory.negotiation.clone());
    mallory.call("live/leave", json!({"stream": STAGE})).await.expect("out");
    let told = stage.show.broadcaster.signal().await;
    assert_eq!((&told["name"], &told["payload"]["viewer"]), (&json!("viewer_left"), &viewer));
    let mut params = json!({"stream": STAGE, "negotiation": negotiation, "message": word("late")});
    assert_eq!(mallory.refused("live/signal", params.clone()).await, "peer-not-found");
    params["viewer"] = viewer;
    assert_eq!(stage.show.broadcaster.refused("live/signal", params).await, "peer-not-found");
    mallory.call("live/leave", json!({"stream": STAGE})).await.expect("twice is no fault");
    stage.show.goes_on("one who left").await;
    assert!(mallory.unexpected().iter().all(|heard| heard.starts_with("\"event\"")), "{:?}", mallory.unexpected());
    stage.show.allow("viewer_count_changed");
    stage.nobody_notices("one who left").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_the_end_there_is_nothing_to_say() {
    let mut stage = Stage::new().await;
    stage.show.broadcaster.call("live/stop", json!({"stream": STAGE})).await.expect("ended");
    let (viewer, negotiation) = (stage.show.viewers[0].viewer.clone(), stage.show.viewers[0].negotiation.clone());
    let mut params = json!({"stream": STAGE, "negotiation": negotiation, "message": word("late")});
    let code = stage.show.viewers[0].refused("live/signal", params.clone()).await;
    assert!(matches!(code.as_str(), "live-not-found" | "peer-not-found"), "{code}");
    params["viewer"] = viewer;
    for method in ["live/signal", "live/renegotiate", "live/peers", "live/stop"] {
        let code = stage.show.broadcaster.refused(method, params.clone()).await;
        assert!(matches!(code.as_str(), "live-not-found" | "peer-not-found" | "forbidden"), "{method}: {code}");
    }
    assert_eq!(stage.show.viewers[0].refused("live/watch", json!({"stream": STAGE})).await, "live-not-found");
    let record = stage.show.record().await;
    assert_eq!(
        (&record["state"], &record["viewer_count"], &record["end_reason"]),
        (&json!("ended"), &json!(0), &json!("stopped"))
    );
    stage.calm_is_calm("the end").await;
}
