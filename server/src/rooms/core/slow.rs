//! Readers that do not keep up: what the policy of the kind makes of them.

use std::collections::{HashSet, VecDeque};

use samewire_protocol::rooms::{RoomFrame, Skipped};

use super::feed::{About, Heard};
use super::reader::{Out, Place};
use super::{Core, Millis, Reader, framed};
use crate::rooms::policy::Slow;

/// So many frames behind is a reader slow, where the kind gives slow readers only what is newest.
pub(super) const LAG: u64 = 64;

/// What a slow reader gets instead of everything.
#[derive(Debug)]
pub(super) struct Picks {
    /// Positions in the feed, and which part of a batch.
    pub(super) chosen: VecDeque<(u64, usize)>,
    /// Numbered events up to here are left out if they are not chosen.
    until: u64,
}

impl Core {
    /// The reader is too slow for the room: what the policy says becomes of it.
    pub(super) fn fall_behind(&mut self, now: Millis, reader: &mut Reader, out: &mut Out<'_>) {
        out.tally.slow = true;
        // What still waits to be gathered is newer than what is left out.
        self.flush(now);
        let (start, head) = (self.feed.start(), self.feed.head());
        match self.policy.slow {
            Slow::Recover => reader.place = Place::Joining { claim: Some((self.epoch, reader.offset)) },
            Slow::DropOldest => {
                let missed_presence = reader.next < start;
                if self.state.is_some() {
                    // The state is as of the newest event, so it goes on behind that one.
                    reader.next = head;
                    self.skip(reader, self.newest, out);
                } else {
                    reader.next = start;
                    let first = self.feed.from(start).find_map(|(_, entry)| entry.first_offset());
                    self.skip(reader, first.map_or(self.newest, |first| first - 1), out);
                }
                if missed_presence && reader.watches {
                    out.push(self.joined(reader, true, None));
                }
            }
            Slow::Latest | Slow::Sample => {
                let most = if self.policy.slow == Slow::Sample { 1 } else { usize::MAX };
                let numbered = self.state.is_none();
                let mut subjects = HashSet::new();
                let mut chosen = VecDeque::new();
                let mut choose = |position, part, heard: &Heard| {
                    let wanted = heard.by(reader.member, &reader.role) && (numbered || heard.offset.is_none());
                    if wanted && chosen.len() < most && subjects.insert(heard.subject) {
                        chosen.push_front((position, part));
                    }
                };
                for (position, entry) in self.feed.from(reader.next.max(start)).rev() {
                    match &entry.about {
                        About::Presence => {}
                        About::Event(heard) => choose(position, 0, heard),
                        About::Batch(parts) => {
                            parts.iter().enumerate().rev().for_each(|(part, (_, heard))| choose(position, part, heard));
                        }
                    }
                }
                reader.next = head;
                if !numbered {
                    self.skip(reader, self.newest, out);
                }
                reader.picks = Some(Box::new(Picks { chosen, until: self.newest }));
            }
        }
    }

    /// Gives one of the frames that were chosen for a slow reader; after the last, what it needs to go on.
    pub(super) fn give_pick(&self, reader: &mut Reader, chosen: Option<(u64, usize)>, out: &mut Out<'_>) {
        let Some((position, part)) = chosen else {
            let until = reader.picks.take().map_or(0, |picks| picks.until);
            self.skip(reader, until, out);
            if reader.watches {
                out.push(self.joined(reader, true, None));
            }
            return;
        };
        // It may have left the feed meanwhile.
        let Some(entry) = self.feed.get(position) else { return };
        let (frame, offset) = match &entry.about {
            About::Presence => return,
            About::Event(heard) => (entry.frame.clone(), heard.offset),
            About::Batch(parts) => match parts.get(part) {
                Some((frame, heard)) => (frame.clone(), heard.offset),
                None => return,
            },
        };
        if let Some(offset) = offset {
            self.skip(reader, offset - 1, out);
            reader.offset = offset;
        }
        out.push(frame);
    }

    /// Tells a reader that numbered events are left out for it.
    pub(super) fn skip(&self, reader: &mut Reader, until: u64, out: &mut Out<'_>) {
        if until <= reader.offset {
            return;
        }
        let count = until - reader.offset;
        let state = self.state.as_ref().map(|state| state.json());
        let skipped = Skipped { offset: until, count, state };
        out.push(framed::about(&self.name, &RoomFrame::Skipped(skipped)));
        out.tally.skipped += count;
        reader.offset = until;
    }
}
