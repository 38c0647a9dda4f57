//! Everything at once, from many seeds: when the storm is over the two are connected, or say why not.

use samewire_protocol::live::peer::{Input, PeerState};
use samewire_tests::peers::{Peers, Weather};

use super::{SIDES, seconds};

fn storm(seed: u64) -> Peers {
    let mut peers = Peers::new(seed);
    let percent = peers.rng.below(30);
    peers.weather = Weather { loss: percent, twice: peers.rng.below(40), late: peers.rng.below(40) };
    let mut links = [true, true];
    for _ in 0..peers.rng.below(30) {
        let which = usize::from(peers.rng.chance(50));
        let side = SIDES[which];
        match peers.rng.below(8) {
            0 => {
                links[which] = !links[which];
                peers.link(side, links[which]);
            }
            1 => peers.way(true),
            2 => peers.way(false),
            3 => {
                // The link is a new page's own.
                links[which] = true;
                peers.reload(side);
            }
            4 => peers.ask(side),
            5 => peers.input(side, Input::Restart),
            6 => peers.renew(),
            _ => peers.blink(true),
        }
        let wait = peers.rng.below(5_000);
        peers.run(std::time::Duration::from_millis(wait));
    }
    peers.weather = Weather::default();
    peers.way(true);
    for (side, up) in SIDES.into_iter().zip(links) {
        if !up {
            peers.link(side, true);
        }
    }
    peers
}

#[test]
fn after_any_storm_they_are_connected_or_say_why_not() {
    let (mut connected, mut failed) = (0, 0);
    for seed in 0..600 {
        let mut peers = storm(seed);
        let given_up = |peers: &Peers| peers.states().iter().all(|state| matches!(state, PeerState::Failed(_)));
        let settled = peers.run_until(seconds(180), |peers| peers.is_connected() || given_up(peers));
        assert!(settled, "seed {seed}: {:#?}", peers.states());
        if peers.is_connected() {
            connected += 1;
            peers.run(seconds(120));
            assert!(peers.is_connected(), "seed {seed}: it did not last: {:?}", peers.states());
        } else {
            failed += 1;
            for state in peers.states() {
                assert!(matches!(state, PeerState::Failed(failure) if failure.message.len() > 40), "seed {seed}: {state:?}");
            }
        }
    }
    assert!(connected > failed * 20, "{connected} connected, {failed} failed");
}
