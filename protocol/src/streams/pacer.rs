//! How far a sender may run ahead of what is durable, so that a call made meanwhile does not wait behind a full pipe.
//!
//! The receiver's credit bounds memory; it says nothing of how much the path holds. Like the delay-based congestion controls
//! (Vegas, LEDBAT: RFC 6817) the pacer compares the time that bytes take to become durable with the least it has seen: while
//! the two are close the path is not full, and the allowance grows; when bytes begin to queue, it shrinks.

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::Instant;

/// What may always be on the way: four chunks, enough for hundreds of megabytes a second on a quick path.
const LEAST: u64 = 256 * 1024;
/// What may be on the way while no calls are made: larger batches cost both sides less.
const ALONE: u64 = 1024 * 1024;
/// A path quicker than this is filled by [`LEAST`]; more would only queue.
const QUICK: Duration = Duration::from_millis(1);
/// Queueing that is tolerated on top of the least delay: disks and schedulers are not exact.
const SLACK: Duration = Duration::from_micros(500);
/// A receiver that has said nothing for so long after the last bytes may be one that speaks seldom: it gets more.
const STALL: Duration = Duration::from_millis(250);
/// After this long the least delay is measured anew, because the path may have changed.
const MEMORY: Duration = Duration::from_secs(10);

/// A session counts as one without calls so long after the last of them.
const CALM: Duration = Duration::from_millis(250);

/// Now, as far as sending is concerned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) now: Instant,
    /// No call was made for a while, so that none is likely to wait behind a stream.
    pub(crate) alone: bool,
}

impl Moment {
    pub(crate) fn new(now: Instant, last_call: Option<Instant>) -> Self {
        Self { now, alone: last_call.is_none_or(|at| now.since(at) >= CALM) }
    }
}

#[derive(Debug)]
pub(crate) struct Pacer {
    allowance: u64,
    least: Option<(Duration, Instant)>,
    in_flight: VecDeque<(u64, Instant)>,
}

impl Pacer {
    pub(crate) fn new() -> Self {
        Self { allowance: LEAST, least: None, in_flight: VecDeque::new() }
    }

    /// How many bytes may be on the way: more when no call could wait behind them.
    pub(crate) fn allowance(&self, alone: bool) -> u64 {
        if alone { self.allowance.max(ALONE) } else { self.allowance }
    }

    /// When the allowance counts no longer, unless the receiver says something before.
    pub(crate) fn stalls_at(&self) -> Option<Instant> {
        self.in_flight.back().map(|(_, sent)| *sent + STALL)
    }

    pub(crate) fn sent(&mut self, now: Instant, end: u64) {
        self.in_flight.push_back((end, now));
    }

    pub(crate) fn durable(&mut self, now: Instant, offset: u64, limited: bool) {
        let mut took = None;
        while let Some(&(end, at)) = self.in_flight.front() {
            if end > offset {
                break;
            }
            took = Some(now.since(at));
            self.in_flight.pop_front();
        }
        let Some(took) = took else { return };
        let least = match self.least {
            Some((least, at)) if took >= least && now.since(at) < MEMORY => least,
            _ => {
                self.least = Some((took, now));
                took
            }
        };
        if least < QUICK || took > least * 3 + SLACK * 2 {
            self.allowance = (self.allowance - self.allowance / 8).max(LEAST);
        } else if took <= least * 2 + SLACK && limited {
            // Growing without need would only unlearn what the path can hold.
            self.allowance = self.allowance.saturating_add(self.allowance / 4);
        }
    }

    /// The link is gone, and with it what was on the way.
    pub(crate) fn reset(&mut self) {
        self.in_flight.clear();
        self.least = None;
    }

    pub(crate) fn cap(&mut self, window: u64) {
        self.allowance = self.allowance.min(window.max(LEAST));
    }
}
