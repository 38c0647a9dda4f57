//! Messages of one publisher to a crowd, and who has which of them.

use std::ops::Range;
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::raw::{Crowd, Member};

/// How many messages may be on the way to the slowest reader before the next is published, flat out.
const UNDER_WAY: usize = 16;
const PATIENCE: Duration = Duration::from_secs(30);
const QUIET: Duration = Duration::from_millis(500);
const TURN: Duration = Duration::from_millis(100);

pub(crate) struct Traffic {
    crowd: Crowd,
    ledger: Ledger,
    text: String,
}

/// Which reader has how many messages.
struct Ledger {
    readers: Range<Member>,
    seen: Vec<usize>,
    messages: Vec<Message>,
    /// Everybody has all messages before this one.
    settled: usize,
    /// The times of single deliveries, in milliseconds, where they are asked for.
    each: Option<Vec<f64>>,
}

struct Message {
    at: Instant,
    missing: usize,
    /// Until the last reader had it.
    took: Duration,
}

impl Ledger {
    fn delivered(&mut self, member: Member) {
        if !self.readers.contains(&member) {
            return;
        }
        let Some(message) = self.messages.get_mut(self.seen[member]) else { return };
        self.seen[member] += 1;
        message.missing -= 1;
        if let Some(each) = &mut self.each {
            each.push(message.at.elapsed().as_secs_f64() * 1e3);
        }
        if message.missing == 0 {
            message.took = message.at.elapsed();
            while self.messages.get(self.settled).is_some_and(|message| message.missing == 0) {
                self.settled += 1;
            }
        }
    }

    fn under_way(&self) -> usize {
        self.messages.len() - self.settled
    }
}

impl Traffic {
    /// Subscribes the readers and connects the publisher; messages are JSON strings of so many bytes.
    pub(crate) fn new(mut crowd: Crowd, readers: usize, size: usize) -> Outcome<Self> {
        crowd.join(readers)?;
        crowd.join_publisher()?;
        let ledger = Ledger { readers: 0..readers, seen: vec![0; readers], messages: Vec::new(), settled: 0, each: None };
        // What the joining itself led to is over before anything is measured.
        crowd.idle(QUIET, &mut |_| {})?;
        Ok(Self { crowd, ledger, text: "x".repeat(size - 2) })
    }

    /// Only the first so many readers are counted and waited for.
    pub(super) fn count_only(&mut self, count: usize) {
        self.ledger.readers = 0..count;
    }

    /// Those who are not counted stop reading.
    pub(super) fn stall_uncounted(&mut self) -> Outcome {
        self.crowd.stall(self.ledger.readers.end..self.ledger.seen.len())
    }

    /// Publishes so often for so long, and waits until everybody has everything. The number of deliveries.
    pub(super) fn paced(&mut self, a_second: u32, span: Duration) -> Outcome<usize> {
        let (start, before) = (Instant::now(), self.ledger.messages.len());
        let gap = Duration::from_secs(1) / a_second;
        let mut next = start;
        while next < start + span {
            let now = Instant::now();
            if now >= next {
                self.publish();
                self.crowd.flush()?;
                next += gap;
            } else {
                self.turn(next - now)?;
            }
        }
        self.settle(before)
    }

    /// The same, but the readers look only after half of the gap, and no message is published before everybody has the one before.
    /// So a server's work is one write to each reader: it has never several messages to write at once because a busy machine held
    /// it up, and does not contend for the sockets with readers who share its kernel, which most have on a machine of their own.
    pub(crate) fn paced_apart(&mut self, a_second: u32, span: Duration) -> Outcome<usize> {
        let (start, before) = (Instant::now(), self.ledger.messages.len());
        let gap = Duration::from_secs(1) / a_second;
        let mut next = start;
        while next < start + span {
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
            self.publish();
            self.crowd.flush()?;
            std::thread::sleep(gap / 2);
            self.settle(before)?;
            next += gap;
        }
        self.settle(before)
    }

    /// Publishes as fast as the slowest reader reads.
    pub(crate) fn flat_out(&mut self, span: Duration) -> Outcome<usize> {
        let (until, before) = (Instant::now() + span, self.ledger.messages.len());
        while Instant::now() < until {
            self.fill()?;
        }
        self.settle(before)
    }

    /// Publishes so many, as fast as the slowest reader reads.
    pub(super) fn burst(&mut self, count: usize) -> Outcome<usize> {
        let before = self.ledger.messages.len();
        while self.ledger.messages.len() < before + count {
            self.fill()?;
        }
        self.settle(before)
    }

    /// How long each message since the `from`th took to the last reader, in milliseconds.
    pub(super) fn to_last(&self, from: usize) -> Vec<f64> {
        self.ledger.messages[from..].iter().map(|message| message.took.as_secs_f64() * 1e3).collect()
    }

    pub(super) fn published(&self) -> usize {
        self.ledger.messages.len()
    }

    /// From now on, or no longer, the time of each delivery is kept; those kept so far.
    pub(super) fn keep_each(&mut self, keep: bool) -> Vec<f64> {
        std::mem::replace(&mut self.ledger.each, keep.then(Vec::new)).unwrap_or_default()
    }

    fn publish(&mut self) {
        self.ledger.messages.push(Message { at: Instant::now(), missing: self.ledger.readers.len(), took: Duration::ZERO });
        self.crowd.publish(&self.text);
    }

    fn fill(&mut self) -> Outcome {
        while self.ledger.under_way() < UNDER_WAY {
            self.publish();
        }
        self.crowd.flush()?;
        self.turn(TURN)
    }

    fn turn(&mut self, wait: Duration) -> Outcome {
        self.crowd.turn(wait, &mut |member| self.ledger.delivered(member))
    }

    fn settle(&mut self, before: usize) -> Outcome<usize> {
        let until = Instant::now() + PATIENCE;
        while self.ledger.under_way() > 0 {
            self.turn(TURN)?;
            if Instant::now() > until {
                return Err(format!("{} messages did not reach everybody in {PATIENCE:?}", self.ledger.under_way()).into());
            }
        }
        Ok((self.ledger.messages.len() - before) * self.ledger.readers.len())
    }
}
