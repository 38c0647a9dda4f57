//! The feed: what a room says, as frames that all its readers share. A ring: who falls behind its start has missed something.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use samewire_protocol::rooms::{Member, Role};

use super::Millis;
use crate::rooms::policy::Roles;

/// How many frames the ring holds.
const MOST_FRAMES: usize = 1_024;
/// How many bytes it holds; always one frame, however large.
const MOST_BYTES: usize = 1024 * 1024;
/// How long a frame stays in it, and how long what is older may stay beyond, so that a busy room need not be looked at all the time.
const KEPT: Millis = 30_000;
const SLACK: Millis = 5_000;

/// The ring.
#[derive(Debug, Default)]
pub(super) struct Feed {
    entries: VecDeque<(Millis, Entry)>,
    /// The position of the first entry.
    start: u64,
    bytes: usize,
}

/// One frame, or several in one.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) frame: Bytes,
    pub(super) about: About,
}

/// What an entry is.
#[derive(Clone, Debug)]
pub(super) enum About {
    /// Who is there.
    Presence,
    /// An event.
    Event(Heard),
    /// A frame of several events, and each of them alone for readers that may not hear all of them.
    Batch(Arc<[(Bytes, Heard)]>),
}

/// Who hears an event, and what it is to a reader that is slow.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    /// Its number, if it is kept.
    pub(super) offset: Option<u64>,
    /// Whom it is not for: its sender.
    pub(super) except: Option<Member>,
    /// Whom it is for.
    pub(super) to: Roles,
    /// Of those with the same subject only the newest matters to a slow reader of a kind that says so.
    pub(super) subject: u64,
}

impl Heard {
    pub(super) fn by(&self, member: Member, role: &Role) -> bool {
        self.except != Some(member) && self.to.has(role)
    }
}

impl Entry {
    /// The newest numbered event in it.
    pub(super) fn offset(&self) -> Option<u64> {
        match &self.about {
            About::Presence => None,
            About::Event(heard) => heard.offset,
            About::Batch(parts) => parts.iter().rev().find_map(|(_, heard)| heard.offset),
        }
    }

    /// The oldest numbered event in it.
    pub(super) fn first_offset(&self) -> Option<u64> {
        match &self.about {
            About::Presence => None,
            About::Event(heard) => heard.offset,
            About::Batch(parts) => parts.iter().find_map(|(_, heard)| heard.offset),
        }
    }

    fn size(&self) -> usize {
        let parts = match &self.about {
            About::Batch(parts) => parts.iter().map(|(frame, _)| frame.len()).sum(),
            About::Presence | About::Event(_) => 0,
        };
        self.frame.len() + parts
    }
}

impl Feed {
    /// The position behind the newest entry.
    pub(super) fn head(&self) -> u64 {
        self.start + self.entries.len() as u64
    }

    /// The position of the oldest entry.
    pub(super) fn start(&self) -> u64 {
        self.start
    }

    pub(super) fn push(&mut self, now: Millis, entry: Entry) {
        self.bytes += entry.size();
        self.entries.push_back((now, entry));
        while self.entries.len() > MOST_FRAMES || (self.bytes > MOST_BYTES && self.entries.len() > 1) {
            self.forget_first();
        }
        self.sweep(now);
    }

    /// The entry at a position.
    pub(super) fn get(&self, position: u64) -> Option<&Entry> {
        let index = usize::try_from(position.checked_sub(self.start)?).ok()?;
        self.entries.get(index).map(|(_, entry)| entry)
    }

    /// The entries from a position on.
    pub(super) fn from(&self, position: u64) -> impl DoubleEndedIterator<Item = (u64, &Entry)> {
        let index = usize::try_from(position.saturating_sub(self.start)).unwrap_or(usize::MAX).min(self.entries.len());
        let first = self.start + index as u64;
        self.entries.range(index..).enumerate().map(move |(at, (_, entry))| (first + at as u64, entry))
    }

    /// Forgets what nobody who is not hopelessly behind can want.
    pub(super) fn sweep(&mut self, now: Millis) {
        while self.entries.front().is_some_and(|(at, _)| at + KEPT <= now) {
            self.forget_first();
        }
        if self.entries.is_empty() {
            self.entries.shrink_to_fit();
        }
    }

    /// When there will be something to forget.
    pub(super) fn due(&self) -> Option<Millis> {
        self.entries.front().map(|(at, _)| at + KEPT + SLACK)
    }

    fn forget_first(&mut self) {
        if let Some((_, entry)) = self.entries.pop_front() {
            self.bytes -= entry.size();
            self.start += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(len: usize) -> Entry {
        Entry { frame: vec![0; len].into(), about: About::Presence }
    }

    #[test]
    fn it_is_bounded_in_frames_bytes_and_time() {
        let mut feed = Feed::default();
        (0..MOST_FRAMES + 5).for_each(|_| feed.push(0, entry(1)));
        assert_eq!((feed.start(), feed.head()), (5, MOST_FRAMES as u64 + 5));
        assert!(feed.get(4).is_none() && feed.get(5).is_some() && feed.get(feed.head()).is_none());
        assert_eq!(feed.from(feed.head() - 2).count(), 2);
        assert_eq!(feed.from(feed.head() + 2).count(), 0);

        feed.push(0, entry(MOST_BYTES + 1));
        assert_eq!(feed.head() - feed.start(), 1);
        feed.push(1, entry(1));
        assert_eq!(feed.bytes, 1);
        assert_eq!(feed.due(), Some(1 + KEPT + SLACK));
        feed.sweep(1 + KEPT);
        assert_eq!((feed.bytes, feed.due()), (0, None));
    }
}
