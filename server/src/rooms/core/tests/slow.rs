//! Readers that do not keep up: what each policy makes of them.

use serde_json::json;

use super::model::{Peer, core, message, raw};
use crate::rooms::core::{Author, Budget, Change, Core, Message, Publication};
use crate::rooms::policy::{KindPolicy, PresenceMode, Slow};

const SERVER: Author<'static> = Author::Server("test");

fn room(slow: Slow, state: bool) -> (Core, Peer) {
    let policy = KindPolicy { slow, state, presence: PresenceMode::Off, ..KindPolicy::default() };
    let mut room = core(policy);
    let mut peer = Peer::join(&mut room, 0, "ada");
    peer.pull(&mut room, 0);
    (room, peer)
}

fn publish(room: &mut Core, from: u64, to: u64) {
    for n in from..=to {
        let change = room.state_json().is_some().then(|| Change::Patch(raw(json!({ format!("k{}", n % 7): n }))));
        let publication = Publication { change, ..message(&format!("n{}", n % 5), json!(n)).into() };
        room.publish(0, SERVER, publication).expect("published");
    }
}

#[test]
fn one_that_recovers_joins_again_and_is_told_what_it_lost() {
    let (mut room, mut peer) = room(Slow::Recover, true);
    publish(&mut room, 1, 2_000);
    peer.pull(&mut room, 0);
    assert_eq!((peer.client.recovered, peer.client.missed, peer.client.offset), (Some(false), Some(2_000), 2_000));
    assert_eq!(peer.client.state, Some(serde_json::from_str(room.state_json().expect("a state").get()).expect("JSON")));
    publish(&mut room, 2_001, 2_010);
    peer.pull(&mut room, 0);
    assert_eq!((peer.client.offset, peer.client.heard.len()), (2_010, 10));
}

#[test]
fn one_that_recovers_loses_nothing_that_the_history_still_has() {
    let (mut room, mut peer) = room(Slow::Recover, false);
    publish(&mut room, 1, 50);
    for _ in 0..2_000 {
        room.cast(0, SERVER, Message::new("c".parse().unwrap()), None).expect("cast");
    }
    peer.pull(&mut room, 0);
    assert_eq!((peer.client.recovered, peer.client.offset), (Some(true), 50));
    assert_eq!(peer.client.heard.len(), 50, "ephemeral events are not made up for");
}

#[test]
fn one_that_drops_the_oldest_goes_on_with_what_is_left() {
    let (mut room, mut peer) = room(Slow::DropOldest, false);
    publish(&mut room, 1, 2_000);
    peer.pull(&mut room, 0);
    assert_eq!((peer.client.offset, peer.client.skipped, peer.client.heard.len()), (2_000, 976, 1_024));
}

#[test]
fn with_a_state_one_that_drops_goes_on_from_the_state() {
    let (mut room, mut peer) = room(Slow::DropOldest, true);
    publish(&mut room, 1, 2_000);
    peer.pull(&mut room, 0);
    assert_eq!((peer.client.offset, peer.client.skipped, peer.client.heard.len()), (2_000, 2_000, 0));
    assert_eq!(peer.client.state.as_ref().map(|state| state["k0"].clone()), Some(json!(1_995)));
}

#[test]
fn one_that_wants_the_latest_gets_the_newest_of_each_key() {
    let (mut room, mut peer) = room(Slow::Latest, false);
    publish(&mut room, 1, 20);
    peer.pull(&mut room, 0);
    assert_eq!(peer.client.heard.len(), 20, "one that keeps up gets everything");
    publish(&mut room, 21, 500);
    for n in 0..300 {
        room.cast(0, SERVER, message("at", json!(n)), Some(format!("u{}", n % 3).into())).expect("cast");
    }
    peer.client.heard.clear();
    peer.pull(&mut room, 0);
    let heard: Vec<_> = peer.client.heard.iter().map(|event| event["payload"].as_u64().unwrap()).collect();
    assert_eq!(heard, [496, 497, 498, 499, 500, 297, 298, 299]);
    assert_eq!((peer.client.offset, peer.client.skipped), (500, 475));
}

#[test]
fn one_that_samples_gets_the_newest() {
    let (mut room, mut peer) = room(Slow::Sample, false);
    publish(&mut room, 1, 3_000);
    peer.pull(&mut room, 0);
    assert_eq!((peer.client.heard.len(), peer.client.offset, peer.client.skipped), (1, 3_000, 2_999));
}

#[test]
fn with_a_state_the_latest_is_the_state() {
    for slow in [Slow::Latest, Slow::Sample] {
        let (mut room, mut peer) = room(slow, true);
        publish(&mut room, 1, 300);
        room.cast(0, SERVER, message("at", json!(1)), None).expect("cast");
        peer.pull(&mut room, 0);
        assert_eq!((peer.client.offset, peer.client.skipped, peer.client.heard.len()), (300, 300, 1), "{slow:?}");
        assert_eq!(peer.client.state.as_ref().map(|state| state["k6"].clone()), Some(json!(300)));
    }
}

#[test]
fn a_history_that_goes_while_it_is_read_is_told() {
    for slow in [Slow::Recover, Slow::DropOldest, Slow::Latest, Slow::Sample] {
        let (mut room, mut peer) = room(slow, false);
        publish(&mut room, 1, 80);
        peer.reader = None;
        peer.come_back(&mut room, 0);
        peer.pull_some(&mut room, 0, Budget { frames: 10, bytes: 100_000 });
        assert_eq!((peer.client.recovered, peer.client.offset), (Some(true), 9));
        publish(&mut room, 81, 160);
        peer.pull(&mut room, 0);
        assert_eq!(peer.client.offset, 160, "{slow:?}");
        let lost = if slow == Slow::Recover { peer.client.missed.unwrap_or(0) } else { peer.client.skipped };
        assert_eq!(peer.client.heard.len() as u64 + lost, 160, "{slow:?}");
    }
}

#[test]
fn a_pull_gives_no_more_than_its_budget() {
    let (mut room, mut peer) = room(Slow::Recover, false);
    publish(&mut room, 1, 100);
    peer.pull_some(&mut room, 0, Budget { frames: 7, bytes: 1_000_000 });
    assert_eq!(peer.client.heard.len(), 7);
    peer.pull_some(&mut room, 0, Budget { frames: 50, bytes: 100 });
    assert!(peer.client.heard.len() <= 9, "{}", peer.client.heard.len());
    assert!(!peer.reader.as_ref().is_some_and(|reader| reader.is_up_to(room.version())));
    peer.pull(&mut room, 0);
    assert_eq!(peer.client.heard.len(), 100);
}
