//! Every message from a role that may not send it.

use serde_json::{Value, json};

use crate::stage::{CALM, Hand, STAGE, Stage, answer, offer, word};

/// All that can be asked about a stream, with params that are right for who may.
pub(crate) fn requests(stream: &str, viewer: &Value, negotiation: &Value) -> Vec<(&'static str, Value)> {
    let message = |message: Value| json!({"stream": stream, "viewer": viewer, "negotiation": negotiation, "message": message});
    vec![
        ("live/start", json!({"stream": stream})),
        ("live/start", json!({"stream": stream, "takeover": true})),
        ("live/stop", json!({"stream": stream})),
        ("live/peers", json!({"stream": stream})),
        ("live/watch", json!({"stream": stream, "wait": true})),
        ("live/signal", message(offer())),
        ("live/signal", message(answer())),
        ("live/signal", message(word("candidate:1 1 udp 1 192.0.2.1 1 typ host"))),
        ("live/renegotiate", json!({"stream": stream, "viewer": viewer, "negotiation": negotiation})),
        ("live/report", json!({"stream": stream, "viewer": viewer, "summary": {"seconds": 5, "bitrate": 1, "height": 9}})),
        ("live/ice", json!({"stream": stream})),
        ("live/end", json!({"stream": stream})),
    ]
}

/// What only the server says, and nobody may say in its name.
fn forgeries(stream: &str, viewer: &Value) -> Vec<(&'static str, Value)> {
    let room = format!("live:{stream}");
    let mut all = Vec::new();
    for name in ["viewer_joined", "viewer_left", "offer", "answer", "candidates", "peer", "superseded", "watching"] {
        let payload = json!({"viewer": viewer, "negotiation": 1, "sdp": "v=0", "candidates": []});
        for to in [json!({"user": "stage-host"}), json!({"user": "stage-viewer-0"})] {
            all.push(("rooms/send", json!({"room": room, "name": name, "to": to, "payload": payload})));
        }
    }
    for name in ["stream_started", "stream_ended", "viewer_count_changed", "quality_changed"] {
        all.push(("rooms/publish", json!({"room": room, "name": name, "payload": {"stream_id": stream, "viewer_count": 9}})));
    }
    let patch = json!({"viewer_count": 1_000_000, "state": "ended"});
    all.push(("rooms/publish", json!({"room": room, "name": "viewer_count_changed", "patch": patch})));
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_does_nothing_that_is_the_broadcasters() {
    let mut stage = Stage::new().await;
    let mut mallory = Hand::viewer(&stage.host, "mallory", STAGE).await;
    stage.show.broadcaster.signal().await;
    let victim = &stage.show.viewers[0];
    for (method, params) in requests(STAGE, &victim.viewer, &victim.negotiation) {
        let expected = match method {
            "live/watch" | "live/ice" => continue,
            _ => "forbidden",
        };
        assert_eq!(mallory.refused(method, params.clone()).await, expected, "{method} {params}");
    }
    mallory.call("live/leave", json!({"stream": STAGE})).await.expect("out");
    stage.show.broadcaster.signal().await;
    stage.show.goes_on("a viewer who oversteps").await;
    stage.show.allow("viewer_count_changed");
    stage.nobody_notices("a viewer who oversteps").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_audience_only_listens() {
    let mut stage = Stage::new().await;
    let mut mallory = Hand::inside(&stage.host, "mallory", STAGE, "audience").await;
    let victim = &stage.show.viewers[0];
    for (method, params) in requests(STAGE, &victim.viewer, &victim.negotiation) {
        assert_eq!(mallory.refused(method, params.clone()).await, "forbidden", "{method} {params}");
    }
    let record = mallory.call("live/get", json!({"stream": STAGE})).await.expect("it may look");
    assert_eq!(record["viewer_count"], 2);
    stage.nobody_notices("one of the audience").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_watch_but_does_not_is_nobodys_peer() {
    let mut stage = Stage::new().await;
    let mut mallory = Hand::inside(&stage.host, "mallory", STAGE, "viewer").await;
    let victim = &stage.show.viewers[0];
    for (method, params) in requests(STAGE, &victim.viewer, &victim.negotiation) {
        if !matches!(method, "live/watch" | "live/ice") {
            assert_eq!(mallory.refused(method, params.clone()).await, "forbidden", "{method} {params}");
        }
        // Without a viewer's name it would be its own peer connection that is meant, and there is none.
        if matches!(method, "live/signal" | "live/renegotiate" | "live/report") {
            let mut own = params.clone();
            own.as_object_mut().expect("an object").remove("viewer");
            assert_eq!(mallory.refused(method, own.clone()).await, "peer-not-found", "{method} {own}");
        }
    }
    stage.nobody_notices("one who may watch").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broadcaster_does_nothing_in_anothers_stream() {
    let mut stage = Stage::new().await;
    // It broadcasts one of its own, may come into the others, and knows all their numbers.
    let mut mallory = Hand::new(&stage.host, "mallory", &[("own", "broadcaster"), ("*", "viewer")]).await;
    for stream in ["own", STAGE, CALM] {
        mallory.join(stream).await.expect("may join");
    }
    mallory.call("live/start", json!({"stream": "own"})).await.expect("its own");
    let (viewer, negotiation) = (stage.show.viewers[0].viewer.clone(), stage.show.viewers[0].negotiation.clone());
    for (method, params) in requests(STAGE, &viewer, &negotiation) {
        if !matches!(method, "live/watch" | "live/ice") {
            assert_eq!(mallory.refused(method, params.clone()).await, "forbidden", "{method} {params}");
        }
    }
    for (method, params) in requests("own", &viewer, &negotiation) {
        if matches!(method, "live/signal" | "live/renegotiate") {
            assert_eq!(mallory.refused(method, params.clone()).await, "peer-not-found", "{method} {params}");
        }
    }
    stage.nobody_notices("a broadcaster of another stream").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_speaks_in_the_servers_name() {
    let mut stage = Stage::new().await;
    let viewer = stage.show.viewers[0].viewer.clone();
    for role in ["viewer", "audience", "broadcaster"] {
        let mut mallory = Hand::inside(&stage.host, "mallory", STAGE, role).await;
        for (method, params) in forgeries(STAGE, &viewer) {
            assert_eq!(mallory.refused(method, params.clone()).await, "forbidden", "{role}: {method} {params}");
        }
        let cast = json!({"type": "cast", "room": format!("live:{STAGE}"), "name": "stream_ended", "payload": {}});
        mallory.raw.send(&cast).await;
        assert_eq!(mallory.raw.expect("error").await["error"]["code"], "forbidden", "{role}");
    }
    stage.nobody_notices("forged announcements").await;
}
