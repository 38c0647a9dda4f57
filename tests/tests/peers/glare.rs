//! Both ends make an offer at once: the viewer gives way, and nothing is mixed up.

use std::time::Duration;

use samewire_protocol::live::PeerMessage;
use samewire_protocol::live::peer::{PeerState, Side};
use samewire_tests::peers::Peers;

use super::{SIDES, seconds};

fn offers(peers: &Peers, side: Side) -> usize {
    peers.end(side).said.iter().filter(|(_, _, message)| matches!(message, PeerMessage::Offer(_))).count()
}

#[test]
fn the_viewer_gives_way() {
    let mut met = 0;
    for seed in 0..300 {
        let mut peers = Peers::connected(seed);
        let before: Vec<_> = SIDES.iter().map(|side| peers.end(*side).engines[0].agreed).collect();
        let (first, second) = if seed % 2 == 0 { (SIDES[0], SIDES[1]) } else { (SIDES[1], SIDES[0]) };
        peers.ask(first);
        peers.run(Duration::from_millis(seed % 80));
        peers.ask(second);
        peers.run(seconds(10));
        assert!(peers.is_connected(), "seed {seed}: {:?}", peers.states());
        for (side, before) in SIDES.iter().zip(before) {
            let end = peers.end(*side);
            assert_ne!(end.engines[0].agreed, before, "seed {seed}: {side:?} has a new ICE generation");
            assert_eq!((end.created, end.rebuilds.len()), (1, 0), "seed {seed}: {side:?}");
        }
        assert!(peers.end(Side::Broadcaster).engines[0].rolled_back.is_empty(), "a broadcaster does not give way");
        met += usize::from(!peers.end(Side::Viewer).engines[0].rolled_back.is_empty());
    }
    assert!(met > 50, "the two met only {met} times");
}

#[test]
fn glare_without_end_comes_to_an_end() {
    for seed in 0..50 {
        let mut peers = Peers::connected(seed);
        for _ in 0..40 {
            for side in SIDES {
                let wait = peers.rng.below(60);
                peers.run(Duration::from_millis(wait));
                peers.ask(side);
            }
        }
        peers.run(seconds(20));
        assert!(peers.is_connected(), "seed {seed}: {:?}", peers.states());
        assert!(SIDES.iter().all(|side| peers.end(*side).states.last() == Some(&PeerState::Connected)));
        assert!(offers(&peers, Side::Broadcaster) <= 42, "{}", offers(&peers, Side::Broadcaster));
    }
}
