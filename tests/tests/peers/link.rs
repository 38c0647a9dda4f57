//! The session loses its link, or the other end is away: media that flows is not touched, and nothing is asked in vain.

use std::time::Duration;

use samewire_protocol::live::peer::{Input, PeerState, Side};
use samewire_tests::peers::Peers;

use super::{SIDES, seconds};

#[test]
fn media_flows_on_without_a_link() {
    for side in SIDES {
        let mut peers = Peers::connected(1);
        peers.run(seconds(2));
        let said = peers.end(side).said.len();
        peers.link(side, false);
        peers.run(seconds(600));
        peers.link(side, true);
        peers.run(seconds(60));
        for side in SIDES {
            let end = peers.end(side);
            assert_eq!(end.states, [PeerState::Connecting, PeerState::Connected]);
            assert_eq!((end.created, end.restarts, end.rebuilds.len()), (1, 0, 0));
        }
        assert_eq!(peers.end(side).said.len(), said);
    }
}

#[test]
fn a_link_that_is_lost_while_they_connect_delays_it_and_no_more() {
    for seed in 0..40 {
        for side in SIDES {
            let mut peers = Peers::new(seed);
            peers.run(Duration::from_millis(seed * 5));
            peers.link(side, false);
            peers.run(seconds(25));
            peers.link(side, true);
            assert!(peers.run_until(seconds(20), Peers::is_connected), "seed {seed}: {:?}", peers.states());
        }
    }
}

#[test]
fn a_path_that_broke_without_a_link_is_healed_as_soon_as_there_is_one() {
    for side in SIDES {
        let mut peers = Peers::connected(5);
        peers.link(side, false);
        let other = if side == Side::Viewer { Side::Broadcaster } else { Side::Viewer };
        peers.link(other, false);
        peers.way(true);
        peers.run(seconds(100));
        assert_eq!(*peers.end(side).peer.state(), PeerState::Reconnecting);
        peers.link(other, true);
        peers.link(side, true);
        assert!(peers.run_until(seconds(3), Peers::is_connected), "{:?}", peers.states());
        assert!(SIDES.iter().all(|side| peers.end(*side).created == 1));
    }
}

#[test]
fn nobody_gives_up_on_who_is_known_to_be_away() {
    let mut peers = Peers::new(6);
    peers.kill(Side::Broadcaster);
    peers.input(Side::Viewer, Input::Away(true));
    peers.run(seconds(600));
    let viewer = peers.end(Side::Viewer);
    assert_eq!((viewer.peer.state(), viewer.rebuilds.len()), (&PeerState::Connecting, 0));
    peers.reload(Side::Broadcaster);
    peers.input(Side::Viewer, Input::Away(false));
    assert!(peers.run_until(seconds(5), Peers::is_connected), "{:?}", peers.states());
}
