//! Another peer connection takes the place of one: the old one stays until the new one has media.

use samewire_protocol::live::peer::{Input, Output, PeerState, Side};
use samewire_tests::peers::Peers;

use super::{SIDES, seconds};

#[test]
fn the_new_one_is_there_before_the_old_one_goes() {
    for seed in 0..50 {
        let mut peers = Peers::connected(seed);
        peers.renew();
        assert!(peers.run_until(seconds(1), |peers| SIDES.iter().all(|side| peers.end(*side).engines.len() == 2)));
        assert!(peers.run_until(seconds(5), Peers::is_connected), "seed {seed}: {:?}", peers.states());
        for side in SIDES {
            assert_eq!(peers.end(side).states, [PeerState::Connecting, PeerState::Connected], "nobody noticed");
            assert_eq!(peers.end(side).created, 2);
        }
    }
}

#[test]
fn an_old_one_does_not_stay_for_ever() {
    let mut peers = Peers::connected(1);
    peers.kill(Side::Broadcaster);
    peers.renew();
    peers.run(seconds(14));
    assert_eq!(peers.end(Side::Viewer).engines.len(), 2);
    peers.run(seconds(2));
    assert_eq!(peers.end(Side::Viewer).engines.len(), 1);
}

#[test]
fn a_page_that_is_loaded_anew_is_connected_anew() {
    for seed in 0..50 {
        for side in SIDES {
            let mut peers = Peers::connected(seed);
            peers.reload(side);
            assert!(peers.run_until(seconds(10), Peers::is_connected), "seed {seed}: {:?}", peers.states());
        }
    }
}

#[test]
fn a_number_that_was_given_before_is_nothing_new() {
    let mut peers = Peers::connected(2);
    let negotiation = peers.end(Side::Viewer).peer.negotiation().unwrap();
    peers.input(Side::Viewer, Input::Begin(negotiation));
    peers.run(seconds(1));
    assert_eq!(peers.end(Side::Viewer).created, 1);
}

#[test]
fn after_the_end_nothing_is_held_and_nothing_happens() {
    for steps in 0..30 {
        let mut peers = Peers::new(3);
        peers.run(std::time::Duration::from_millis(steps * 10));
        if steps % 3 == 0 {
            peers.renew();
            peers.run(std::time::Duration::from_millis(100));
        }
        for side in SIDES {
            peers.input(side, Input::Close);
            assert_eq!((peers.end(side).engines.len(), peers.end(side).peer.state()), (0, &PeerState::Closed));
        }
        let said = SIDES.map(|side| peers.end(side).said.len());
        peers.renew();
        peers.run(seconds(60));
        for (side, said) in SIDES.iter().zip(said) {
            assert_eq!((peers.end(*side).engines.len(), peers.end(*side).said.len()), (0, said));
        }
    }
}

#[test]
fn a_closed_machine_waits_for_nothing() {
    let mut peer = samewire_protocol::live::peer::Peer::new(Side::Viewer, 1);
    let now = samewire_protocol::Instant::default();
    peer.handle_input(now, Input::Begin(samewire_protocol::live::Negotiation::new(1).unwrap()));
    peer.handle_input(now, Input::Close);
    let outputs: Vec<Output> =
        std::iter::from_fn(|| Some(peer.poll_output())).take_while(|o| !matches!(o, Output::Wait(_))).collect();
    assert_eq!(outputs.last(), Some(&Output::State(PeerState::Closed)));
    assert_eq!(peer.poll_output(), Output::Wait(None));
}
