//! Two ends that begin become connected, whatever goes lost on the way.

use samewire_protocol::Instant;
use samewire_protocol::live::peer::{Engine, Input, Output, Peer, PeerState, SdpKind, Side};
use samewire_protocol::live::{Candidate, Negotiation, PeerMessage};
use samewire_tests::peers::{Peers, Weather};

use super::{SIDES, seconds};

#[test]
fn two_ends_connect_with_one_offer_and_one_answer() {
    for seed in 0..50 {
        let mut peers = Peers::connected(seed);
        peers.run(seconds(30));
        for side in SIDES {
            let end = peers.end(side);
            assert_eq!(end.states, [PeerState::Connecting, PeerState::Connected], "{side:?}");
            assert_eq!((end.created, end.restarts, end.rebuilds.len()), (1, 0, 0));
        }
        let names =
            |side| peers.end(side).said.iter().map(|(_, _, message)| message.name()).filter(|name| *name != "candidates");
        assert_eq!(names(Side::Broadcaster).collect::<Vec<_>>(), ["offer"]);
        assert_eq!(names(Side::Viewer).collect::<Vec<_>>(), ["answer"]);
    }
}

#[test]
fn candidates_of_a_moment_go_together_and_their_end_is_told() {
    let mut peers = Peers::connected(1);
    peers.run(seconds(1));
    for side in SIDES {
        let told: Vec<(usize, bool)> = peers
            .end(side)
            .said
            .iter()
            .filter_map(|(_, _, message)| match message {
                PeerMessage::Candidates(candidates) => Some((candidates.candidates.len(), candidates.end)),
                _ => None,
            })
            .collect();
        // The engine finds three: after 1, 8 and 60 ms, and is at the end after 90 ms.
        assert_eq!(told, [(2, false), (1, false), (0, true)], "{side:?}");
    }
}

#[test]
fn candidates_do_not_wait_for_a_timer_that_is_late() {
    let at = |millis: u64| Instant::from_micros(millis * 1_000);
    let negotiation = Negotiation::new(1).unwrap();
    let mut peer = Peer::new(Side::Broadcaster, 1);
    let mut said = Vec::new();
    let mut take = |millis, input| {
        peer.handle_input(at(millis), input);
        loop {
            match peer.poll_output() {
                Output::Wait(_) => break,
                Output::Send(_, PeerMessage::Candidates(told)) => said.push((millis, told.candidates.len(), told.end)),
                _ => {}
            }
        }
    };
    take(0, Input::Begin(negotiation));
    take(1, Input::Engine(negotiation, Engine::NegotiationNeeded));
    take(2, Input::Engine(negotiation, Engine::LocalSet { kind: SdpKind::Offer, sdp: "v=0".into() }));
    for millis in [3, 4, 40] {
        take(millis, Input::Engine(negotiation, Engine::Candidate(Some(Candidate::default()))));
    }
    take(50, Input::Engine(negotiation, Engine::Candidate(None)));
    assert_eq!(said, [(40, 3, false), (50, 0, true)]);
}

#[test]
fn any_message_may_be_lost() {
    let mut tried = 0;
    for seed in 0..10 {
        let mut plain = Peers::connected(seed);
        plain.run(seconds(1));
        let messages = SIDES.iter().map(|side| plain.end(*side).said.len() as u64).sum();
        for lost in 0..messages {
            let mut peers = Peers::new(seed);
            peers.lost = Some(lost);
            assert!(peers.run_until(seconds(60), Peers::is_connected), "seed {seed}, message {lost}: {:?}", peers.states());
            tried += 1;
        }
    }
    assert!(tried >= 60, "{tried}");
}

#[test]
fn messages_may_come_twice_and_late() {
    for seed in 0..100 {
        let mut peers = Peers::new(seed);
        peers.weather = Weather { loss: 0, twice: 60, late: 60 };
        assert!(peers.run_until(seconds(60), Peers::is_connected), "seed {seed}: {:?}", peers.states());
    }
}

#[test]
fn who_finds_nobody_gives_up_in_words() {
    for side in SIDES {
        let mut peers = Peers::new(3);
        peers.kill(if side == Side::Viewer { Side::Broadcaster } else { Side::Viewer });
        let begun = peers.now;
        let failed = |peers: &Peers| matches!(peers.end(side).peer.state(), PeerState::Failed(_));
        assert!(peers.run_until(seconds(70), failed), "{side:?}: {:?}", peers.states());
        assert!(peers.now.since(begun) >= seconds(60), "{side:?} gave up after {:?}", peers.now.since(begun));
        let end = peers.end(side);
        let PeerState::Failed(failure) = end.peer.state() else { unreachable!() };
        assert!(failure.message.contains("Try again"), "{failure}");
        assert_eq!(end.engines.len(), 0, "what was given up is closed");
        assert!((3..20).contains(&end.rebuilds.len()), "{side:?} asked {} times", end.rebuilds.len());
        // The last word: nothing is asked any more.
        let asked = end.rebuilds.len();
        peers.run(seconds(600));
        assert_eq!(peers.end(side).rebuilds.len(), asked);
    }
}
