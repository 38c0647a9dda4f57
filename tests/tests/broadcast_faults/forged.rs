//! Viewers and peer connections that are made up, or somebody else's.

use serde_json::json;

use crate::stage::{CALM, STAGE, Stage, offer, word};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_cannot_speak_as_another_one() {
    let mut stage = Stage::new().await;
    let victim = stage.show.viewers[1].viewer.clone();
    let (negotiation, own) = (stage.show.viewers[1].negotiation.clone(), stage.show.viewers[0].viewer.clone());
    let mallory = &mut stage.show.viewers[0];
    for viewer in [victim, json!("v_0123456789abcdef")] {
        let params = json!({"stream": STAGE, "viewer": viewer, "negotiation": negotiation, "message": offer()});
        assert_eq!(mallory.refused("live/signal", params).await, "forbidden", "{viewer}");
        let params = json!({"stream": STAGE, "viewer": viewer, "negotiation": negotiation});
        assert_eq!(mallory.refused("live/renegotiate", params).await, "forbidden", "{viewer}");
        let params = json!({"stream": STAGE, "viewer": viewer, "summary": {"seconds": 5, "fps": 1}});
        assert_eq!(mallory.refused("live/report", params).await, "forbidden", "{viewer}");
    }
    // The other's number with its own name is not its number.
    let params = json!({"stream": STAGE, "viewer": own, "negotiation": negotiation, "message": offer()});
    assert_eq!(mallory.refused("live/signal", params).await, "stale-negotiation");
    stage.nobody_notices("one viewer as another").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broadcaster_reaches_its_own_viewers_and_nobody_else() {
    let mut stage = Stage::new().await;
    let elsewhere = stage.calm_viewer();
    let negotiation = stage.show.viewers[0].negotiation.clone();
    let host = &mut stage.show.broadcaster;
    for viewer in [json!("v_0123456789abcdef"), json!("v_0000000000000000"), elsewhere.clone()] {
        for method in ["live/signal", "live/renegotiate"] {
            let params = json!({"stream": STAGE, "viewer": viewer, "negotiation": negotiation, "message": word("x")});
            assert_eq!(host.refused(method, params).await, "peer-not-found", "{method} {viewer}");
        }
    }
    for viewer in [json!("stage-viewer-0"), json!(""), json!(7), json!("V_0123456789ABCDEF"), json!(["v_0123456789abcdef"])] {
        let params = json!({"stream": STAGE, "viewer": viewer, "negotiation": negotiation, "message": word("x")});
        assert_eq!(host.refused("live/signal", params).await, "bad-params", "{viewer}");
    }
    // Without a name, there is nobody whom it could mean.
    let params = json!({"stream": STAGE, "negotiation": negotiation, "message": word("x")});
    assert_eq!(host.refused("live/signal", params).await, "bad-params");
    // It is not in the other stream.
    let params = json!({"stream": CALM, "viewer": elsewhere, "negotiation": negotiation, "message": word("x")});
    assert_eq!(host.refused("live/signal", params).await, "not-joined");
    stage.nobody_notices("viewers that are not its own").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_is_drawn_anew_for_everybody() {
    let mut stage = Stage::new().await;
    let mut seen = Vec::new();
    let viewer = &mut stage.show.viewers[0];
    for _ in 0..20 {
        assert!(!seen.contains(&viewer.viewer), "{} was somebody before", viewer.viewer);
        seen.push(viewer.viewer.clone());
        viewer.call("live/leave", json!({"stream": STAGE})).await.expect("out");
        viewer.watch(STAGE).await;
    }
    // Asked again, it is the same viewer.
    let again = viewer.call("live/watch", json!({"stream": STAGE})).await.expect("let in");
    assert_eq!((&again["viewer"], &again["negotiation"]), (&viewer.viewer, &viewer.negotiation));
    stage.calm_is_calm("one who comes and goes").await;
}
