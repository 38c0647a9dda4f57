//! The way of a stream: start, watch, offer, answer, candidates, leave, stop.

use samewire_tests::live::Host;
use serde_json::json;

use crate::stage::{Somebody, config, message, signal};

#[tokio::test]
async fn a_stream_from_its_start_to_its_end() {
    let host = Host::start(config()).await;
    let addr = host.addr();
    let mut maria = Somebody::new(addr, "maria", "broadcaster").await;
    let mut eve = Somebody::new(addr, "eve", "viewer").await;
    let mut pia = Somebody::new(addr, "pia", "audience").await;
    assert_eq!(pia.state["state"], "offline");

    let started = maria.call("start", json!({"title": "Hello", "info": {"a": 1}, "max_viewers": 5})).await.expect("may start");
    assert_eq!((&started["resumed"], &started["peers"]), (&json!(false), &json!([])));
    let record = &started["record"];
    assert_eq!(
        (&record["state"], &record["broadcaster"], &record["max_viewers"]),
        (&json!("live"), &json!("maria"), &json!(5))
    );
    for somebody in [&mut eve, &mut pia] {
        let event = somebody.hears("stream_started").await;
        assert_eq!((&event["stream_id"], &event["broadcaster"]), (&json!("stage"), &json!("maria")));
        assert_eq!(somebody.state["title"], "Hello");
    }

    let watched = eve.watch().await;
    let (viewer, negotiation) = (&watched["viewer"], &watched["negotiation"]);
    assert_eq!((&watched["waiting"], &watched["record"]["viewer_count"]), (&json!(false), &json!(1)));
    let joined = maria.hears("viewer_joined").await;
    assert_eq!(joined, json!({"viewer": viewer, "negotiation": negotiation, "user": "eve"}));
    let counted = pia.hears("viewer_count_changed").await;
    assert_eq!((&counted["viewer_count"], &counted["peak_viewers"]), (&json!(1), &json!(1)));
    assert_eq!((&pia.state["viewer_count"], &pia.state["peak_viewers"]), (&json!(1), &json!(1)));

    let offer = signal(Some(viewer), negotiation, message("offer", "of maria"));
    maria.call("signal", offer).await.expect("passed on");
    let heard = eve.hears("offer").await;
    assert_eq!(heard, json!({"viewer": viewer, "negotiation": negotiation, "round": 1, "sdp": "v=0\r\nof maria"}));
    eve.call("signal", signal(None, negotiation, message("answer", "of eve"))).await.expect("passed on");
    eve.call("signal", signal(None, negotiation, message("candidates", "of eve"))).await.expect("passed on");
    assert_eq!(maria.hears("answer").await["sdp"], "v=0\r\nof eve");
    assert_eq!(maria.hears("candidates").await["candidates"][0]["candidate"], "of eve");

    eve.call("leave", json!({})).await.expect("may leave");
    eve.call("leave", json!({})).await.expect("and once more");
    assert_eq!(maria.hears("viewer_left").await, json!({"viewer": viewer, "reason": "left"}));
    pia.sees("nobody watches", |state| state["viewer_count"] == 0 && state["peak_viewers"] == 1).await;

    maria.call("stop", json!({})).await.expect("may stop");
    assert_eq!(pia.hears("stream_ended").await["reason"], "stopped");
    assert_eq!((&pia.state["state"], &pia.state["end_reason"]), (&json!("ended"), &json!("stopped")));
    // Who comes later finds it so at once.
    let late = Somebody::new(addr, "late", "audience").await;
    assert_eq!(late.state, pia.state);
    assert_eq!(pia.rest().await, ["viewer_count_changed"], "nobody else heard what was said between the two");
}
