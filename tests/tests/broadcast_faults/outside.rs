//! Who is not in the room, and who may not even know that it is there.

use serde_json::json;

use crate::roles::requests;
use crate::stage::{Hand, STAGE, Stage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_in_the_room_can_do_nothing_in_it() {
    let mut stage = Stage::new().await;
    let victim = &stage.show.viewers[0];
    let all = requests(STAGE, &victim.viewer, &victim.negotiation);
    let mut mallory = Hand::new(&stage.host, "mallory", &[(STAGE, "viewer")]).await;
    for (method, params) in &all {
        let expected = if *method == "live/end" { "forbidden" } else { "not-joined" };
        assert_eq!(mallory.refused(method, params.clone()).await, expected, "{method} {params}");
    }
    // The same after it was there and left.
    mallory.join(STAGE).await.expect("may join");
    mallory.watch(STAGE).await;
    stage.show.broadcaster.signal().await;
    mallory.raw.send(&json!({"type": "leave", "room": format!("live:{STAGE}")})).await;
    mallory.raw.expect("left").await;
    stage.show.broadcaster.signal().await;
    for (method, params) in &all {
        let expected = if *method == "live/end" { "forbidden" } else { "not-joined" };
        assert_eq!(mallory.refused(method, params.clone()).await, expected, "{method} {params}");
    }
    stage.show.goes_on("one who left the room").await;
    stage.show.allow("viewer_count_changed");
    stage.nobody_notices("one outside of the room").await;
}

/// A stranger cannot tell what is there from what is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_sees_what_is_not_there() {
    let mut stage = Stage::new().await;
    let mut mallory = Hand::new(&stage.host, "mallory", &[("own", "viewer")]).await;
    for (method, code) in [("live/get", "live-not-found"), ("live/end", "forbidden")] {
        let there = mallory.call(method, json!({"stream": STAGE})).await.expect_err(method);
        let nowhere = mallory.call(method, json!({"stream": "never"})).await.expect_err(method);
        let words = |error: &serde_json::Value| error.to_string().replace(STAGE, "never");
        assert_eq!((&there["code"], words(&there)), (&json!(code), words(&nowhere)), "{method}");
    }
    assert_eq!(mallory.call("live/list", json!({})).await.expect("a list")["streams"], json!([]));
    let refused = mallory.join(STAGE).await.expect_err("a stranger");
    let elsewhere = mallory.join("never").await.expect_err("a stranger");
    assert_eq!(refused["code"], elsewhere["code"]);
    stage.nobody_notices("a stranger").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http_the_calls_of_a_session_are_sent_to_it() {
    let mut stage = Stage::new().await;
    let victim = &stage.show.viewers[0];
    let all = requests(STAGE, &victim.viewer, &victim.negotiation);
    let token = crate::stage::granted("stage-host", &[(STAGE, "broadcaster")]);
    for (method, params) in all.into_iter().filter(|(method, _)| *method != "live/end") {
        let answer = samewire_tests::live::http::call(&stage.host.url(), method, &params, Some(&token), None).await;
        assert_eq!((answer.status, answer.problem().as_str()), (421, "misdirected"), "{method}");
    }
    stage.nobody_notices("calls over HTTP").await;
}
