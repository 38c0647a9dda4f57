//! Messages before and after their time, from another peer connection, or made up: none is taken for what it is not.

use samewire_protocol::live::peer::{Input, PeerState, Side};
use samewire_protocol::live::{Candidate, Candidates, Description, Negotiation, PeerMessage};
use samewire_protocol::{Code, Failure};
use samewire_tests::peers::Peers;

use super::{SIDES, seconds};

/// Everything that both said, with the end that it was said to.
fn history(peers: &Peers) -> Vec<(Side, Negotiation, PeerMessage)> {
    let to = |side| if side == Side::Viewer { Side::Broadcaster } else { Side::Viewer };
    let of = |side| peers.end(side).said.iter().map(move |(_, negotiation, message)| (to(side), *negotiation, message.clone()));
    SIDES.into_iter().flat_map(of).collect()
}

#[test]
fn what_was_said_before_can_be_heard_again_at_any_time() {
    for seed in 0..30 {
        let mut peers = Peers::connected(seed);
        peers.ask(Side::Viewer);
        peers.run(seconds(2));
        peers.renew();
        peers.run(seconds(5));
        peers.ask(Side::Broadcaster);
        peers.run(seconds(2));
        let mut old = history(&peers);
        while !old.is_empty() {
            let at = usize::try_from(peers.rng.below(old.len() as u64)).unwrap();
            let (to, negotiation, message) = old.swap_remove(at);
            peers.forge(to, negotiation, message);
            let wait = peers.rng.below(100);
            peers.run(std::time::Duration::from_millis(wait));
        }
        peers.run(seconds(1));
        assert!(peers.is_connected(), "seed {seed}: {:?}", peers.states());
        for side in SIDES {
            assert_eq!(peers.end(side).states, [PeerState::Connecting, PeerState::Connected], "nobody noticed");
            assert_eq!(peers.end(side).rebuilds.len(), 0);
        }
    }
}

#[test]
fn an_offer_that_is_heard_twice_is_answered_twice_with_the_same_answer() {
    let mut peers = Peers::connected(1);
    peers.run(seconds(1));
    let viewer = peers.end(Side::Viewer);
    let answers = |peers: &Peers| -> Vec<PeerMessage> {
        let said = peers.end(Side::Viewer).said.iter().map(|(_, _, message)| message.clone());
        said.filter(|message| matches!(message, PeerMessage::Answer(_))).collect()
    };
    let negotiation = viewer.peer.negotiation().unwrap();
    let offer = peers.end(Side::Broadcaster).said[0].2.clone();
    peers.forge(Side::Viewer, negotiation, offer);
    peers.run(seconds(1));
    let told = answers(&peers);
    assert_eq!((told.len(), &told[0]), (2, &told[1]));
}

#[test]
fn what_breaks_the_rules_of_rounds_is_ignored() {
    let mut peers = Peers::connected(2);
    peers.run(seconds(1));
    let negotiation = peers.end(Side::Viewer).peer.negotiation().unwrap();
    let said = SIDES.map(|side| peers.end(side).said.len());
    for side in SIDES {
        // Numbers of the wrong end, of nobody, and beyond any end's.
        let own = if side == Side::Viewer { 102 } else { 101 };
        for round in [own, 0, u32::MAX, u32::MAX - 1] {
            let description = Description { round, made: Some(round), sdp: "v=0".into() };
            peers.forge(side, negotiation, PeerMessage::Offer(description.clone()));
            peers.forge(side, negotiation, PeerMessage::Answer(description));
        }
    }
    peers.run(seconds(1));
    assert_eq!(SIDES.map(|side| peers.end(side).said.len()), said);
    peers.ask(Side::Viewer);
    peers.run(seconds(3));
    assert!(peers.is_connected(), "the two can still negotiate: {:?}", peers.states());
}

#[test]
fn candidates_wait_for_their_description_and_are_bounded() {
    let mut peers = Peers::new(3);
    // Before anything was heard: the engine would refuse them, and the model says so.
    let negotiation = Negotiation::new(1).unwrap();
    for round in [None, Some(1), Some(7), Some(u32::MAX)] {
        for _ in 0..100 {
            let candidates = vec![Candidate::default(); 32];
            let message = PeerMessage::Candidates(Candidates { round, candidates, end: true });
            peers.forge(Side::Viewer, negotiation, message);
        }
    }
    assert!(peers.run_until(seconds(20), Peers::is_connected), "{:?}", peers.states());
}

#[test]
fn a_message_of_a_newer_peer_connection_begins_it() {
    let mut peers = Peers::connected(4);
    let newer = Negotiation::new(9).unwrap();
    let offer = PeerMessage::Offer(Description { round: 1, made: None, sdp: "v=0 1 9 1 0".into() });
    peers.forge(Side::Viewer, newer, offer);
    assert_eq!(peers.end(Side::Viewer).peer.negotiation(), Some(newer));
    assert_eq!(peers.end(Side::Viewer).engines.len(), 2);
}

#[test]
fn a_refusal_that_cannot_be_helped_ends_it_in_the_servers_words_unless_media_flows() {
    let refusal = Failure::new(Code::PeerNotFound, "you are no viewer of this stream; watch it again");
    let viewer = |peers: &Peers| peers.end(Side::Viewer).peer.state().clone();
    let mut peers = Peers::connected(5);
    let negotiation = peers.end(Side::Viewer).peer.negotiation().unwrap();
    peers.input(Side::Viewer, Input::Refused(negotiation, refusal.clone()));
    peers.run(seconds(60));
    assert_eq!(viewer(&peers), PeerState::Connected);
    peers.way(false);
    peers.run(seconds(3));
    peers.input(Side::Viewer, Input::Refused(Negotiation::new(0).unwrap(), refusal.clone()));
    assert_eq!(viewer(&peers), PeerState::Reconnecting, "it was about another one");
    peers.input(Side::Viewer, Input::Refused(negotiation, refusal.clone()));
    assert_eq!(viewer(&peers), PeerState::Failed(refusal.clone()));
    assert_eq!(peers.end(Side::Viewer).engines.len(), 0);
    // Somebody has asked for another one in vain, and waits to hear of it.
    let told = peers.end(Side::Viewer).states.len();
    peers.input(Side::Viewer, Input::Refused(negotiation, refusal.clone()));
    assert_eq!(peers.end(Side::Viewer).states[told..], [PeerState::Failed(refusal)]);
}

#[test]
fn what_the_server_does_not_take_for_the_moment_is_said_again() {
    let mut peers = Peers::new(6);
    let negotiation = Negotiation::new(1).unwrap();
    let offers = |peers: &Peers| {
        let said = &peers.end(Side::Broadcaster).said;
        said.iter().filter(|(_, _, message)| matches!(message, PeerMessage::Offer(_))).count()
    };
    // The offer is lost on its way to a server that refuses it.
    peers.lost = Some(0);
    assert!(peers.run_until(seconds(1), |peers| offers(peers) == 1));
    let refusal = Failure::new(Code::RateLimited, "wait a moment");
    peers.input(Side::Broadcaster, Input::Refused(negotiation, refusal));
    assert!(peers.run_until(seconds(3), Peers::is_connected), "{:?}", peers.states());
    assert_eq!(offers(&peers), 2);
}
