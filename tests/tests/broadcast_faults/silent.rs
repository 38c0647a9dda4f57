//! Peers that never answer, and readers that never read.

use serde_json::json;

use crate::stage::{Hand, STAGE, Stage, offer};

/// It gets offers and says nothing. It is counted, can be dropped, and the others' media are negotiated meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_that_never_answers_keeps_nobody_waiting() {
    let mut stage = Stage::new().await;
    let mut mute = Hand::viewer(&stage.host, "mute", STAGE).await;
    stage.show.broadcaster.signal().await;
    for round in 1..=5 {
        let mut message = offer();
        message["round"] = round.into();
        let params = json!({"stream": STAGE, "viewer": mute.viewer, "negotiation": mute.negotiation, "message": message});
        stage.show.broadcaster.call("live/signal", params).await.expect("passed on");
        stage.show.goes_on("an offer without an answer").await;
    }
    for round in 1..=5 {
        assert_eq!(mute.signal().await["payload"]["round"], round);
    }
    assert_eq!(stage.show.record().await["viewer_count"], 3);
    mute.call("live/leave", json!({"stream": STAGE})).await.expect("out");
    stage.show.broadcaster.signal().await;
    stage.show.allow("viewer_count_changed");
    stage.nobody_notices("a viewer that never answers").await;
}

/// What waits for it has an end. Who writes to it is told so, and everybody else is served.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_to_somebody_who_is_away_has_an_end() {
    let mut stage = Stage::new().await;
    let gone = Hand::viewer(&stage.host, "gone", STAGE).await;
    stage.show.broadcaster.signal().await;
    let (viewer, negotiation) = (gone.viewer.clone(), gone.negotiation.clone());
    let ticket = gone.raw.ticket.clone();
    drop(gone);
    let mut full = None;
    for sent in 0..2_000 {
        let params = json!({"stream": STAGE, "viewer": viewer, "negotiation": negotiation, "message": offer()});
        if let Err(error) = stage.show.broadcaster.call("live/signal", params).await {
            full = Some((sent, error));
            break;
        }
    }
    let (sent, error) = full.expect("2,000 messages wait for somebody who is away");
    assert!(sent >= 32, "only {sent} messages were kept");
    assert_eq!(error["retryable"], true, "{error}");
    stage.show.goes_on("one who is away").await;
    // Who comes back has what was kept, from the first on.
    let (raw, welcome) = samewire_tests::live::raw::Raw::resume(stage.host.addr(), &ticket).await;
    assert_eq!(welcome["continuity"], "kept");
    drop(raw);
    stage.calm_is_calm("one who is away").await;
}
