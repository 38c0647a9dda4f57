//! A path that breaks: it is left alone, then looked for anew, then replaced, then given up.

use std::time::Duration;

use samewire_protocol::live::peer::{Input, PeerState, Side};
use samewire_tests::peers::Peers;

use super::{SIDES, seconds};

#[test]
fn a_path_that_comes_back_by_itself_is_left_alone() {
    let mut peers = Peers::connected(1);
    peers.blink(false);
    peers.run(seconds(2));
    assert!(SIDES.iter().all(|side| *peers.end(*side).peer.state() == PeerState::Reconnecting));
    peers.blink(true);
    assert!(peers.run_until(seconds(5), Peers::is_connected));
    peers.run(seconds(60));
    for side in SIDES {
        let end = peers.end(side);
        assert_eq!((end.created, end.restarts, end.rebuilds.len()), (1, 0, 0), "{side:?}");
        assert_eq!(end.states.last(), Some(&PeerState::Connected));
    }
}

#[test]
fn another_network_takes_an_ice_restart() {
    for seed in 0..50 {
        let mut peers = Peers::connected(seed);
        peers.way(true);
        let broken = peers.now;
        peers.run(seconds(1));
        assert!(peers.run_until(seconds(15), Peers::is_connected), "seed {seed}: {:?}", peers.states());
        assert!(peers.now.since(broken) < seconds(6), "it took {:?}", peers.now.since(broken));
        let restarts: usize = SIDES.iter().map(|side| peers.end(*side).restarts).sum();
        assert!((1..=2).contains(&restarts), "{restarts} restarts");
        assert!(SIDES.iter().all(|side| peers.end(*side).created == 1));
    }
}

#[test]
fn a_browser_that_comes_online_need_not_wait() {
    for side in SIDES {
        let mut peers = Peers::connected(2);
        peers.way(true);
        peers.input(side, Input::Restart);
        peers.run(Duration::from_millis(500));
        assert!(peers.is_connected(), "{side:?}: {:?}", peers.states());
        assert_eq!(peers.end(side).states.len(), 2, "nobody noticed");
    }
}

#[test]
fn a_long_break_is_healed_by_another_peer_connection() {
    for seed in 0..30 {
        let mut peers = Peers::connected(seed);
        peers.way(false);
        peers.run(seconds(40));
        for side in SIDES {
            let end = peers.end(side);
            assert_eq!(end.states.last(), Some(&PeerState::Reconnecting), "{side:?}");
            assert!(end.restarts <= 2, "{side:?} restarted {} times", end.restarts);
            assert!(end.created >= 2, "{side:?} made {} peer connections", end.created);
        }
        peers.way(true);
        assert!(peers.run_until(seconds(40), Peers::is_connected), "seed {seed}: {:?}", peers.states());
    }
}

#[test]
fn without_any_path_both_give_up_and_can_be_asked_once_more() {
    let mut peers = Peers::connected(4);
    peers.way(false);
    peers.run(seconds(180));
    for side in SIDES {
        let end = peers.end(side);
        let PeerState::Failed(failure) = end.peer.state() else { panic!("{side:?}: {:?}", end.peer.state()) };
        assert!(failure.message.contains("diagnose()"), "{failure}");
        assert_eq!(end.engines.len(), 0);
    }
    peers.way(true);
    peers.input(Side::Viewer, Input::Restart);
    assert!(peers.run_until(seconds(10), Peers::is_connected), "{:?}", peers.states());
}
