//! The numbered events that a room has kept.

use std::collections::VecDeque;

use bytes::Bytes;

use super::Millis;
use crate::rooms::policy::KindPolicy;

/// The events with the highest numbers, without a gap.
#[derive(Debug, Default)]
pub(super) struct History {
    kept: VecDeque<Kept>,
    bytes: u64,
    most: usize,
    most_bytes: u64,
    age: Millis,
}

/// An event that is kept.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) offset: u64,
    pub(super) at: Millis,
    /// The whole frame, shared with the feed.
    pub(super) frame: Bytes,
    /// The event as JSON, without what tells the frame's type and room; and its attachment.
    pub(super) body: Bytes,
    pub(super) attachment: Option<Bytes>,
}

impl Kept {
    /// What it takes in memory. The body is a part of the frame.
    fn size(&self) -> u64 {
        let attached = self.attachment.as_ref().map_or(0, Bytes::len);
        (self.frame.len() + attached + size_of::<Self>()) as u64
    }
}

impl History {
    pub(super) fn new(policy: &KindPolicy) -> Self {
        let age = u64::try_from(policy.history_age.as_millis()).unwrap_or(u64::MAX);
        Self { kept: VecDeque::new(), bytes: 0, most: policy.history, most_bytes: policy.history_bytes, age }
    }

    pub(super) fn push(&mut self, now: Millis, kept: Kept) {
        if self.most > 0 {
            self.bytes += kept.size();
            self.kept.push_back(kept);
        }
        while self.kept.len() > self.most || self.bytes > self.most_bytes {
            self.forget_first();
        }
        self.sweep(now);
    }

    fn forget_first(&mut self) {
        let first = self.kept.pop_front();
        self.bytes -= first.map_or(self.bytes, |kept| kept.size());
    }

    /// What it takes in memory.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The number of the oldest event, if there is one.
    pub(super) fn first(&self) -> Option<u64> {
        self.kept.front().map(|kept| kept.offset)
    }

    /// Whether every event after this offset, up to `newest`, is here.
    pub(super) fn reaches(&self, offset: u64, newest: u64) -> bool {
        offset == newest || self.first().is_some_and(|first| first <= offset.saturating_add(1) && offset <= newest)
    }

    /// Those after an offset.
    pub(super) fn after(&self, offset: u64) -> impl DoubleEndedIterator<Item = &Kept> {
        // The numbers are without a gap, so a place can be reckoned.
        let skip = self.first().map_or(0, |first| offset.saturating_add(1).saturating_sub(first));
        let skip = usize::try_from(skip).unwrap_or(usize::MAX).min(self.kept.len());
        self.kept.range(skip..)
    }

    /// When the last of it will have expired.
    pub(super) fn expires(&self) -> Option<Millis> {
        self.kept.back().map(|kept| kept.at.saturating_add(self.age))
    }

    pub(super) fn sweep(&mut self, now: Millis) {
        while self.kept.front().is_some_and(|kept| kept.at.saturating_add(self.age) <= now) {
            self.forget_first();
        }
    }
}
