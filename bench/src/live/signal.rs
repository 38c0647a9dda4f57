//! Many broadcasters, to each of which its viewers come all at once: whether every offer is answered, and nothing goes astray.

use std::time::{Duration, Instant};

use super::CONFIG;
use super::flock::Flock;
use super::peers::{End, Tally};
use crate::Outcome;
use crate::peer::Peer;
use crate::raw;
use crate::report::verdict;

const BROADCASTERS: usize = 1_000;
const VIEWERS: usize = 10;
const PAIRS: usize = BROADCASTERS * VIEWERS;
/// How many ask to be let in before what comes is answered.
const AT_ONCE: usize = 100;
const QUIET: Duration = Duration::from_secs(1);

pub(crate) fn run() -> Outcome {
    raw::pin();
    println!(
        "{BROADCASTERS} broadcasters, to each of which {VIEWERS} viewers come at once: offer, answer and candidates of all"
    );
    let peer = Peer::samewire_with(CONFIG)?;
    let mut flock = Flock::new(&peer.url, Tally::default())?;
    let stream = |number: usize| format!("signal-{number}").parse();
    for broadcasts in [true, false] {
        let each = if broadcasts { 1 } else { VIEWERS };
        let ends = (0..BROADCASTERS * each).map(|number| Ok(End::new(stream(number % BROADCASTERS)?, broadcasts)));
        flock.join(ends.collect::<Outcome<Vec<_>>>()?)?;
    }
    flock.until("all streams are live", |flock| flock.tally.live == BROADCASTERS)?;
    flock.idle(QUIET)?;
    let (before, start) = (peer.used()?.cpu, Instant::now());
    for first in (BROADCASTERS..BROADCASTERS + PAIRS).step_by(AT_ONCE) {
        for index in first..first + AT_ONCE {
            flock.speak(index, End::watch)?;
        }
        flock.turn(Duration::ZERO)?;
    }
    // What is missing is counted below.
    let done = |tally: &Tally| tally.answers >= PAIRS && tally.candidates >= 2 * PAIRS;
    let _ = flock.until("all are answered", |flock| done(&flock.tally));
    let (took, cpu) = (start.elapsed().as_secs_f64(), peer.used()?.cpu - before);
    flock.idle(QUIET)?;
    let Tally { watching, offers, answers, candidates, misrouted, .. } = flock.tally;
    let passed = offers + answers + candidates;
    println!(
        " {watching} let in, {offers} offers, {answers} answers, {candidates} candidates heard: {:.2} s, {:.0} messages a second; {cpu:.2} \
         CPU-seconds of the server, {:.0} µs for each message",
        took,
        passed as f64 / took,
        cpu * 1e6 / passed.max(1) as f64
    );
    verdict("pairs without an answer", PAIRS.saturating_sub(answers) as f64, None, Some(0.0));
    verdict("messages that are missing, or came twice", (4 * PAIRS).abs_diff(passed) as f64, None, Some(0.0));
    verdict("messages that went astray", misrouted as f64, None, Some(0.0));
    Ok(())
}
