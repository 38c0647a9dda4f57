//! What comes of reports: the stream's quality, and how long peer connections take.

use samewire_protocol::Code;
use samewire_protocol::live::methods::RenegotiateParams;
use samewire_protocol::live::stats::Summary;
use samewire_protocol::live::{LimitedBy, LiveRecord};

use super::scenes::{code, live};
use super::stage::{Stage, name};

fn picture(height: u32) -> Summary {
    Summary { width: Some(height * 16 / 9), height: Some(height), fps: 30.0, bitrate: 2_500_000, ..Summary::default() }
}

fn quality(stage: &Stage) -> (String, u64, u64) {
    let told = serde_json::from_value::<LiveRecord>(stage.state.clone()).expect("a record");
    assert_eq!(told.quality, stage.core.record(stage.now).quality);
    let quality = &stage.state["quality"];
    let number = |name: &str| quality[name].as_u64().unwrap_or_default();
    (quality["level"].as_str().unwrap_or_default().to_owned(), number("height"), number("bitrate"))
}

#[test]
fn the_level_is_told_when_it_changes() {
    let mut stage = live();
    stage.join(1, "eve", "viewer");
    stage.watch(1, false).expect("let in");
    stage.names();
    stage.report(0, None, picture(720)).expect("taken");
    assert_eq!((stage.names(), quality(&stage).0.as_str()), (vec!["quality_changed"], "high"));
    // Three in a row, of which the first has another size and the second is called worse.
    let mut told = Vec::new();
    for _ in 0..3 {
        stage.pass(5_000);
        stage.report(0, None, picture(360)).expect("taken");
        stage.report(0, None, picture(720)).expect("too soon to count");
        stage.report(1, None, picture(720)).expect("a viewer's own");
        told.push((stage.names().len(), quality(&stage).0));
    }
    assert_eq!(told, [(1, "high".to_owned()), (1, "medium".to_owned()), (0, "medium".to_owned())]);
    stage.join(2, "pia", "audience");
    assert_eq!(code(stage.report(2, None, picture(720))), Code::PeerNotFound);
}

#[test]
fn a_worse_level_does_not_wait_for_the_record_to_be_due() {
    let mut stage = live();
    stage.report(0, None, picture(720)).expect("taken");
    stage.names();
    for _ in 0..2 {
        stage.pass(1_000);
        stage.report(0, None, picture(180)).expect("taken");
    }
    assert_eq!((stage.names(), quality(&stage)), (vec!["quality_changed"], ("low".to_owned(), 180, 2_500_000)));
}

/// The record is what who comes later sees, and what the list shows.
#[test]
fn numbers_go_on_in_the_record_while_the_level_stays() {
    let mut stage = live();
    stage.report(0, None, picture(720)).expect("taken");
    stage.names();
    stage.pass(5_000);
    stage.report(0, None, Summary { bitrate: 250_000, ..picture(720) }).expect("taken");
    assert_eq!((stage.names(), quality(&stage)), (vec![], ("high".to_owned(), 720, 250_000)), "nobody needs to be told so");
    // Those of one span come together, the last one of them.
    for bitrate in [300_000, 310_000, 320_000] {
        stage.pass(1_000);
        stage.report(0, None, Summary { bitrate, ..picture(720) }).expect("taken");
        assert_eq!(quality(&stage).2, 250_000);
    }
    stage.pass(2_000);
    assert_eq!((stage.names(), quality(&stage).2), (vec![], 320_000));
    stage.pass(5_000);
    stage.report(0, None, Summary { limited_by: Some(LimitedBy::Cpu), ..picture(1080) }).expect("taken");
    assert_eq!((stage.names(), quality(&stage)), (vec!["quality_changed"], ("high".to_owned(), 1080, 2_500_000)));
    assert_eq!(stage.state["quality"]["limited_by"], "cpu");
    stage.pass(5_000);
    stage.report(0, None, picture(1080)).expect("taken");
    assert_eq!((stage.names(), &stage.state["quality"]["limited_by"]), (vec!["quality_changed"], &serde_json::Value::Null));
    stage.pass(60_000);
    assert!(stage.names().is_empty(), "what was told is not told again");
}

#[test]
fn a_connection_counts_once_and_by_its_viewers_word() {
    let mut stage = live();
    stage.join(1, "eve", "viewer");
    let peer = stage.watch(1, false).expect("let in").peer.expect("a viewer");
    let (own, connected) = (Some(peer.viewer), Summary { connected_ms: Some(250), ..picture(720) });
    assert_eq!(stage.report(0, None, connected), Ok(false), "the broadcaster's of all");
    assert_eq!(stage.report(0, own, connected), Ok(false), "and of this one");
    assert_eq!(stage.report(1, None, picture(720)), Ok(false), "not connected yet");
    assert_eq!(stage.report(1, own, connected), Ok(true), "a viewer that names itself");
    for _ in 0..200 {
        assert_eq!(stage.report(1, None, connected), Ok(false));
    }
    let key = stage.key(1);
    let params = RenegotiateParams { stream: name(), viewer: None, negotiation: peer.negotiation };
    stage.core.renegotiate(stage.now, key, &params).expect("begun anew");
    assert_eq!(stage.report(1, None, connected), Ok(true));
    assert_eq!(stage.report(1, own, connected), Ok(false));
}

#[test]
fn only_who_broadcasts_or_is_let_in_is_a_peer() {
    let mut stage = Stage::new();
    for (who, role) in [(0, "broadcaster"), (1, "viewer"), (2, "audience")] {
        stage.join(who, "maria", role);
    }
    let is_peer = |stage: &Stage, who| stage.core.is_peer(stage.key(who)).map_err(|failure| failure.code);
    assert_eq!((is_peer(&stage, 0), is_peer(&stage, 1)), (Ok(false), Ok(false)), "a stream that nobody has started");
    stage.watch(1, true).expect("it waits");
    assert_eq!(is_peer(&stage, 1), Ok(false));
    stage.start(0, false).expect("started");
    assert_eq!((is_peer(&stage, 0), is_peer(&stage, 1)), (Ok(true), Ok(true)));
    stage.leave(1);
    assert_eq!((is_peer(&stage, 1), is_peer(&stage, 2)), (Ok(false), Err(Code::Forbidden)));
    let key = stage.key(0);
    stage.core.stop(stage.now, key).expect("stopped");
    assert_eq!(is_peer(&stage, 0), Ok(false));
}
