//! Messages to one member: numbered, and held for a while, because a link that is lost may take the newest with it.

use std::collections::VecDeque;

use bytes::Bytes;
use samewire_protocol::limits::{SIGNALS_KEPT, SIGNALS_KEPT_BYTES, SIGNALS_KEPT_MS};

use super::Millis;

/// The signals of one member.
#[derive(Debug, Default)]
pub(super) struct Signals {
    /// The number of the newest.
    pub(super) newest: u64,
    /// Up to here they were given to the member's link.
    given: u64,
    held: VecDeque<(u64, Millis, Bytes)>,
    /// How many bytes are held.
    bytes: usize,
}

impl Signals {
    /// For a member that has seen signals up to this number in an earlier membership.
    pub(super) fn after(seq: u64) -> Self {
        Self { newest: seq, given: seq, held: VecDeque::new(), bytes: 0 }
    }

    /// Whether there is room for one more.
    pub(super) fn has_room(&mut self, now: Millis) -> bool {
        self.sweep(now);
        while self.is_full() && self.held.front().is_some_and(|(seq, ..)| *seq <= self.given) {
            self.drop_first();
        }
        !self.is_full()
    }

    /// Adds one; ask [`Signals::has_room`] before.
    pub(super) fn push(&mut self, now: Millis, frame: impl FnOnce(u64) -> Bytes) {
        self.newest += 1;
        let frame = frame(self.newest);
        self.bytes += frame.len();
        self.held.push_back((self.newest, now, frame));
    }

    fn is_full(&self) -> bool {
        self.held.len() >= SIGNALS_KEPT || self.bytes >= SIGNALS_KEPT_BYTES
    }

    fn drop_first(&mut self) {
        if let Some((.., frame)) = self.held.pop_front() {
            self.bytes -= frame.len();
        }
    }

    /// The member is on a new link, and has seen signals up to this number; absent, what was given counts as seen.
    pub(super) fn resume(&mut self, seen: Option<u64>) {
        let Some(seen) = seen else { return };
        self.given = seen.min(self.newest);
        while self.held.front().is_some_and(|(seq, ..)| *seq <= seen) {
            self.drop_first();
        }
    }

    /// The next one to give, if there is one.
    pub(super) fn next(&mut self, now: Millis) -> Option<Bytes> {
        self.sweep(now);
        let (seq, _, frame) = self.held.iter().find(|(seq, ..)| *seq > self.given)?;
        self.given = *seq;
        Some(frame.clone())
    }

    /// Lets go of what is old. Whether something is left.
    pub(super) fn sweep(&mut self, now: Millis) -> bool {
        while self.held.front().is_some_and(|(_, at, _)| at + SIGNALS_KEPT_MS <= now) {
            self.drop_first();
        }
        !self.held.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(signals: &mut Signals, now: Millis) {
        signals.push(now, |seq| seq.to_string().into());
    }

    fn all(signals: &mut Signals, now: Millis) -> String {
        std::iter::from_fn(|| signals.next(now)).map(|frame| String::from_utf8_lossy(&frame).into_owned() + ",").collect()
    }

    #[test]
    fn what_a_cut_took_comes_again() {
        let mut signals = Signals::after(10);
        (0..3).for_each(|_| push(&mut signals, 0));
        assert_eq!(all(&mut signals, 0), "11,12,13,");
        signals.resume(Some(11));
        assert_eq!(all(&mut signals, 0), "12,13,");
        signals.resume(None);
        push(&mut signals, 5);
        assert_eq!(all(&mut signals, 5), "14,");
        signals.resume(Some(12));
        assert_eq!(all(&mut signals, SIGNALS_KEPT_MS), "14,", "the others are too old");
        assert!(!signals.sweep(SIGNALS_KEPT_MS + 5));
    }

    #[test]
    fn there_is_room_for_as_many_as_are_not_given() {
        let mut signals = Signals::default();
        for _ in 0..SIGNALS_KEPT {
            assert!(signals.has_room(0));
            push(&mut signals, 0);
        }
        assert!(!signals.has_room(0));
        assert!(signals.next(0).is_some());
        assert!(signals.has_room(0));
        push(&mut signals, 0);
        assert!(!signals.has_room(0));
        assert!(signals.has_room(SIGNALS_KEPT_MS));
    }

    #[test]
    fn there_is_room_for_so_many_bytes_as_are_not_given() {
        let mut signals = Signals::default();
        let big = Bytes::from(vec![0; SIGNALS_KEPT_BYTES / 4]);
        for _ in 0..4 {
            assert!(signals.has_room(0));
            signals.push(0, |_| big.clone());
        }
        assert!(!signals.has_room(0));
        assert!(signals.next(0).is_some() && signals.has_room(0), "what was given goes first");
        signals.push(0, |_| big.clone());
        assert!(!signals.has_room(0) && signals.bytes == SIGNALS_KEPT_BYTES);
        signals.resume(Some(3));
        assert!(signals.has_room(0) && signals.bytes == SIGNALS_KEPT_BYTES / 2);
        assert!(!signals.sweep(SIGNALS_KEPT_MS) && signals.bytes == 0);
    }
}
