//! All sessions lose their connections at once, while messages go on: who is back when, with what, and how the connects spread.

mod place;
mod swarm;

use std::time::{Duration, Instant};

use self::swarm::Swarm;
use super::CONFIG;
use crate::Outcome;
use crate::peer::Peer;
use crate::raw;
use crate::report::{sliding_peak, verdict};

const SESSIONS: usize = 5_000;
const ROOMS: usize = 100;
const A_SECOND: u32 = 100;
const ROUNDS: usize = 3;
/// By the pings early comers hear how many there are now; the default would make everybody wait for nothing else.
const HEARTBEAT: &str = "[limits]\nheartbeat_interval = \"5s\"\n";
const HEARD: Duration = Duration::from_secs(7);
const BEFORE: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(60);
const AFTER: Duration = Duration::from_secs(2);

pub(crate) fn run() -> Outcome {
    raw::pin();
    println!(
        "{SESSIONS} sessions in {ROOMS} rooms lose their connections at once, while {A_SECOND} messages a second go to the rooms; {ROUNDS} rounds"
    );
    let mut worst = Round::default();
    for _ in 0..ROUNDS {
        let round = round()?;
        println!(
            "  all back after {:.2} s; {} connects, at most {:.0} in a second; {:.0} is what the advised spread of {} ms means; {} events \
             missed and caught up; {} gaps, {} duplicates",
            round.all_back,
            round.connects,
            round.peak,
            round.advised,
            round.spread,
            round.recovered,
            round.gaps,
            round.duplicates
        );
        worst.ratio = worst.ratio.max(round.ratio);
        worst.gaps += round.gaps;
        worst.duplicates += round.duplicates;
    }
    verdict("gaps, of all rounds", worst.gaps as f64, None, Some(0.0));
    verdict("duplicates, of all rounds", worst.duplicates as f64, None, Some(0.0));
    verdict("most connects in any second, ratio to the advised rate, the worst round", worst.ratio, None, Some(2.0));
    Ok(())
}

#[derive(Default)]
struct Round {
    all_back: f64,
    connects: usize,
    /// The most connects in any second.
    peak: f64,
    /// The spread in milliseconds that the server advised, and how many connects a second it means.
    spread: u64,
    advised: f64,
    ratio: f64,
    /// Events that were published while their readers were away.
    recovered: u64,
    gaps: u64,
    duplicates: u64,
}

fn round() -> Outcome<Round> {
    let peer = Peer::samewire_with(&format!("{HEARTBEAT}{CONFIG}"))?;
    let mut swarm = Swarm::new(&peer.url, ROOMS)?;
    swarm.join(SESSIONS)?;
    swarm.run_for(HEARD, 0)?;
    swarm.run_for(BEFORE, A_SECOND)?;
    let spread = swarm.advised_spread();
    let start = Instant::now();
    swarm.kill_all()?;
    while swarm.away() > 0 {
        swarm.run_for(Duration::from_millis(10), A_SECOND)?;
        if start.elapsed() > PATIENCE {
            return Err(format!("{} of {SESSIONS} are not back after {PATIENCE:?}", swarm.away()).into());
        }
    }
    let all_back = start.elapsed().as_secs_f64();
    swarm.run_for(AFTER, A_SECOND)?;
    swarm.run_for(AFTER, 0)?;
    let connects: Vec<f64> = swarm.dialled_since(start);
    let total = swarm.total();
    let peak = sliding_peak(&connects, 1.0);
    let advised = SESSIONS as f64 / (spread.max(1) as f64 / 1e3);
    Ok(Round {
        all_back,
        connects: connects.len(),
        peak,
        spread,
        advised,
        ratio: peak / advised,
        recovered: total.recovered,
        gaps: total.gaps,
        duplicates: total.duplicates,
    })
}
