//! Many follow the count of one stream while viewers come and go: whether each has the right numbers in the end, and what it costs
//! the server beside the same server with the same many who hear nothing.

use std::time::{Duration, Instant};

use super::CONFIG;
use super::flock::{Flock, Part, Speech};
use crate::Outcome;
use crate::peer::Peer;
use crate::raw::{self, number};
use crate::report::verdict;

const WATCHERS: usize = 10_000;
const A_SECOND: u32 = 50;
const SPAN: Duration = Duration::from_secs(20);
/// How many viewers leave when all have come.
const LEAVE: usize = 300;
const IDLE: Duration = Duration::from_secs(10);
/// Until what the joining itself led to is over, and until nobody can be told anything late.
const QUIET: Duration = Duration::from_secs(3);

pub(crate) fn run() -> Outcome {
    raw::pin();
    let viewers = A_SECOND as usize * SPAN.as_secs() as usize;
    println!(
        "{WATCHERS} watch the count of a stream to which {A_SECOND} viewers a second come for {SPAN:?}, {viewers} in all; then {LEAVE} leave"
    );
    let peer = Peer::samewire_with(CONFIG)?;
    let mut flock = Flock::new(&peer.url, Tally::default())?;
    flock.join([Member::new(Role::Broadcaster)])?;
    flock.until("the stream is live", |flock| flock.tally.answered == 1)?;
    flock.join((0..WATCHERS).map(|_| Member::new(Role::Watcher)))?;
    flock.idle(QUIET)?;
    let (_, idle) = share(&peer, || flock.idle(IDLE))?;
    let heard = flock.tally.heard;
    let (took, busy) = share(&peer, || come(&mut flock, viewers))?;
    let told = (flock.tally.heard - heard) as f64 / took / WATCHERS as f64;
    flock.until("all viewers are let in", |flock| flock.tally.answered == 1 + viewers)?;
    for index in 1 + WATCHERS..1 + WATCHERS + LEAVE {
        flock.speak(index, |_, out| out.call("live/leave", STREAM_PARAMS))?;
    }
    let right = [Some((viewers - LEAVE) as u64), Some(viewers as u64)];
    let start = Instant::now();
    let wrong = |flock: &Flock<Member>| flock.parts().filter(|member| member.numbers != right).count();
    // Counted below, whether all of them have the numbers in time or not.
    let _ = flock.until("everybody has the right numbers", |flock| wrong(flock) == 0);
    let last = start.elapsed();
    flock.idle(QUIET)?;
    println!(
        " the server: {:.1} % of a core while viewers came, {:.1} % while nothing happened; each watcher heard {told:.2} counts a second; \
         the last had the final one {:.0} ms after the viewers had left",
        busy * 100.0,
        idle * 100.0,
        last.as_secs_f64() * 1e3
    );
    verdict("sessions with another count or peak in the end", wrong(&flock) as f64, None, Some(0.0));
    verdict("percent of a core while viewers came", busy * 100.0, None, Some(20.0));
    Ok(())
}

/// Lets so many viewers come, evenly.
fn come(flock: &mut Flock<Member>, viewers: usize) -> Outcome {
    let (start, gap) = (Instant::now(), Duration::from_secs(1) / A_SECOND);
    for viewer in 0..viewers {
        flock.dial(Member::new(Role::Viewer))?;
        let next = start + gap * (viewer as u32 + 1);
        flock.idle(next.saturating_duration_since(Instant::now()))?;
    }
    Ok(())
}

/// How long it takes, and what share of a core the server takes meanwhile.
fn share(peer: &Peer, run: impl FnOnce() -> Outcome) -> Outcome<(f64, f64)> {
    let (before, start) = (peer.used()?.cpu, Instant::now());
    run()?;
    let took = start.elapsed().as_secs_f64();
    Ok((took, (peer.used()?.cpu - before) / took))
}

const STREAM: &str = "counts";
const STREAM_PARAMS: &str = r#"{"stream":"counts"}"#;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Broadcaster,
    Viewer,
    Watcher,
}

#[derive(Default)]
struct Tally {
    /// Calls that were answered well.
    answered: usize,
    /// How often a watcher was told a count.
    heard: u64,
}

struct Member {
    role: Role,
    /// The count and the peak, as it was told them last.
    numbers: [Option<u64>; 2],
}

impl Member {
    fn new(role: Role) -> Self {
        Self { role, numbers: [None; 2] }
    }

    /// Of several numbers in a frame the last is the newest.
    fn note(&mut self, text: &str) -> bool {
        let told = [r#""viewer_count":"#, r#""peak_viewers":"#].map(|key| {
            let at = text.rfind(key)?;
            number(&text[at..], key)
        });
        for (known, told) in self.numbers.iter_mut().zip(told) {
            *known = told.or(*known);
        }
        told[0].is_some()
    }
}

impl Part for Member {
    type Tally = Tally;

    fn stream(&self) -> &str {
        STREAM
    }

    fn joined(&mut self, text: &str, out: &mut Speech<'_>, _: &mut Tally) -> Outcome {
        self.note(text);
        match self.role {
            Role::Broadcaster => out.call("live/start", STREAM_PARAMS),
            Role::Viewer => out.call("live/watch", STREAM_PARAMS),
            Role::Watcher => {}
        }
        Ok(())
    }

    fn hear(&mut self, text: &str, _: &mut Speech<'_>, tally: &mut Tally) -> Outcome {
        if text.starts_with(r#"{"type":"result""#) {
            // What the answer says of the count may be older than an event before it.
            tally.answered += 1;
        } else if self.note(text) && self.role == Role::Watcher {
            tally.heard += 1;
        }
        Ok(())
    }
}
