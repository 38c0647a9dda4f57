//! A member's place in its room: what it has been given, and what is next.
//!
//! Nothing is queued for a reader. It pulls when its socket takes more, from the room's history until it has caught up and then
//! from the feed, and the policy of the kind says what becomes of it when what it wants next is there no more.

use std::collections::VecDeque;

use bytes::Bytes;
use samewire_protocol::rooms::{Epoch, Joined, Member, Role, RoomFrame};

use super::feed::About;
use super::slow::{LAG, Picks};
use super::{Core, Millis, framed};
use crate::rooms::policy::Slow;

/// A member's place in its room.
#[derive(Debug)]
pub struct Reader {
    pub(super) member: Member,
    pub(super) role: Role,
    pub(super) watches: bool,
    pub(super) place: Place,
    /// The position of the next frame of the feed.
    pub(super) next: u64,
    /// The newest numbered event that it has been given, or been told of that it will not.
    pub(super) offset: u64,
    /// The room's version when there was nothing more for it.
    seen: u64,
    /// The room's notes to single members that it has looked at.
    notes: u64,
    pub(super) picks: Option<Box<Picks>>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// It has not been told that it joined.
    Joining { claim: Option<(Epoch, u64)> },
    /// It reads the history up to this event, and then the feed.
    CatchingUp { until: u64 },
    /// It reads the feed.
    Live,
}

/// How much may be pulled at once.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Frames. Default 64.
    pub frames: usize,
    /// Bytes; the frame that goes beyond is the last. Default 256 KiB.
    pub bytes: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { frames: 64, bytes: 256 * 1024 }
    }
}

impl Budget {
    /// The smaller of both.
    #[must_use]
    pub fn at_most(self, other: Self) -> Self {
        Self { frames: self.frames.min(other.frames), bytes: self.bytes.min(other.bytes) }
    }

    /// What is left of it when of a share of it so much is left.
    #[must_use]
    pub fn less(self, share: Self, left: Self) -> Self {
        let (frames, bytes) = (share.frames - left.frames, share.bytes - left.bytes);
        Self { frames: self.frames.saturating_sub(frames), bytes: self.bytes.saturating_sub(bytes) }
    }

    /// Whether nothing more may be pulled.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.frames == 0 || self.bytes == 0
    }
}

/// How a pull ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pulled {
    /// The reader has everything.
    Drained,
    /// The budget is spent.
    More,
    /// The membership is over, and its client knows.
    Over,
}

/// What became of a reader, for those who count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Frames that were given.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
    /// It joined again without a gap.
    pub recovered: bool,
    /// It joined again, and events were lost.
    pub lost: bool,
    /// It was too slow.
    pub slow: bool,
    /// Numbered events that were left out.
    pub skipped: u64,
}

impl Reader {
    /// The place of a member that has just been taken in, or is back. `claim` is what its client remembers.
    pub(super) fn new(member: Member, role: Role, watches: bool, claim: Option<(Epoch, u64)>) -> Self {
        let place = Place::Joining { claim };
        Self { member, role, watches, place, next: 0, offset: 0, seen: u64::MAX, notes: u64::MAX, picks: None }
    }

    /// The member whose place it is.
    #[must_use]
    pub fn member(&self) -> Member {
        self.member
    }

    /// It is something else from here on, and is told so.
    pub(super) fn become_role(&mut self, epoch: Epoch, role: Role, watches: bool) {
        let offset = match self.place {
            Place::Joining { claim } => claim,
            Place::CatchingUp { .. } | Place::Live => Some((epoch, self.offset)),
        };
        (self.role, self.watches) = (role, watches);
        self.place = Place::Joining { claim: offset };
        self.picks = None;
        self.seen = u64::MAX;
    }

    /// Whether there is nothing for it in a room of this version.
    #[must_use]
    pub fn is_up_to(&self, version: u64) -> bool {
        self.seen == version
    }
}

/// Where pulled frames go.
pub(super) struct Out<'a> {
    frames: &'a mut VecDeque<Bytes>,
    budget: &'a mut Budget,
    pub(super) tally: &'a mut Tally,
}

impl Out<'_> {
    pub(super) fn push(&mut self, frame: Bytes) {
        self.budget.frames = self.budget.frames.saturating_sub(1);
        self.budget.bytes = self.budget.bytes.saturating_sub(frame.len());
        self.tally.frames += 1;
        self.tally.bytes += frame.len() as u64;
        self.frames.push_back(frame);
    }

    fn is_full(&self) -> bool {
        self.budget.is_spent()
    }
}

impl Core {
    /// Gives a reader what is next for it, as far as the budget reaches.
    pub fn pull(
        &mut self,
        now: Millis,
        reader: &mut Reader,
        frames: &mut VecDeque<Bytes>,
        budget: &mut Budget,
        tally: &mut Tally,
    ) -> Pulled {
        let mut out = Out { frames, budget, tally };
        let pulled = self.pull_into(now, reader, &mut out);
        reader.seen = if pulled == Pulled::Drained { self.version } else { u64::MAX };
        pulled
    }

    fn pull_into(&mut self, now: Millis, reader: &mut Reader, out: &mut Out<'_>) -> Pulled {
        let has_notes = reader.notes != self.notes;
        if has_notes && self.members.get(reader.member).is_none() {
            if let Some(failure) = self.members.told(reader.member) {
                out.push(framed::about(&self.name, &RoomFrame::Left(Some(&failure))));
            }
            return Pulled::Over;
        }
        loop {
            if out.is_full() {
                return Pulled::More;
            }
            if let Some(picks) = &mut reader.picks {
                let chosen = picks.chosen.pop_front();
                self.give_pick(reader, chosen, out);
                continue;
            }
            match reader.place {
                Place::Joining { claim } => self.give_joined(now, reader, claim, out),
                _ if has_notes && reader.notes != self.notes => {
                    let signals = self.members.get_mut(reader.member).and_then(|there| there.signals.as_mut());
                    match signals.and_then(|signals| signals.next(now)) {
                        Some(frame) => out.push(frame),
                        None => reader.notes = self.notes,
                    }
                }
                Place::CatchingUp { until } => self.give_history(now, reader, until, out),
                Place::Live => {
                    let behind = self.feed.head() - reader.next;
                    let conflates = matches!(self.policy.slow, Slow::Latest | Slow::Sample);
                    if reader.next < self.feed.start() || (conflates && behind > LAG) {
                        self.fall_behind(now, reader, out);
                    } else if behind == 0 {
                        return Pulled::Drained;
                    } else {
                        self.give_feed(reader, out);
                    }
                }
            }
        }
    }

    /// Tells a member how it finds the room, and where it goes on.
    fn give_joined(&mut self, now: Millis, reader: &mut Reader, claim: Option<(Epoch, u64)>, out: &mut Out<'_>) {
        // What still waits to be gathered is part of what the member is told here.
        self.flush(now);
        self.history.sweep(now);
        let since = self.members.get(reader.member).map_or(u64::MAX, |there| there.since);
        let claimed = claim.filter(|(epoch, offset)| *epoch == self.epoch && *offset <= self.newest).map(|(_, offset)| offset);
        let may_read = |offset: &u64| *offset >= since || self.policy.history_for.has(&reader.role);
        let recovered = claimed.filter(may_read).filter(|offset| self.history.reaches(*offset, self.newest));
        reader.next = self.feed.head();
        match recovered {
            Some(offset) => {
                reader.offset = offset;
                reader.place = Place::CatchingUp { until: self.newest };
                out.push(self.joined(reader, true, None));
            }
            None => {
                let missed = claimed.map(|offset| self.newest - offset);
                reader.offset = self.newest;
                reader.place = Place::Live;
                out.push(self.joined(reader, false, missed));
            }
        }
        out.tally.recovered |= recovered.is_some();
        out.tally.lost |= claim.is_some() && recovered.is_none();
    }

    pub(super) fn joined(&self, reader: &Reader, recovered: bool, missed: Option<u64>) -> Bytes {
        let joined = Joined {
            member: reader.member,
            role: reader.role.clone(),
            epoch: self.epoch,
            offset: reader.offset,
            recovered,
            missed,
            state: self.state.as_ref().filter(|_| !recovered).map(|state| state.json()),
            presence: if reader.watches { self.news.now(&self.members) } else { None },
        };
        framed::about(&self.name, &RoomFrame::Joined(joined))
    }

    fn give_history(&mut self, now: Millis, reader: &mut Reader, until: u64, out: &mut Out<'_>) {
        self.history.sweep(now);
        if !self.history.reaches(reader.offset, until.max(reader.offset)) {
            out.tally.slow = true;
            if self.policy.slow == Slow::Recover {
                reader.place = Place::Joining { claim: Some((self.epoch, reader.offset)) };
                return;
            }
            // What it could not be given any more is as if the feed had gone past it.
            self.flush(now);
            if self.state.is_some() {
                reader.next = self.feed.head();
                self.skip(reader, self.newest, out);
            } else {
                self.skip(reader, until, out);
            }
            reader.place = Place::Live;
            return;
        }
        for kept in self.history.after(reader.offset).take_while(|kept| kept.offset <= until) {
            if out.is_full() {
                return;
            }
            reader.offset = kept.offset;
            out.push(kept.frame.clone());
        }
        reader.offset = until;
        reader.place = Place::Live;
    }

    fn give_feed(&mut self, reader: &mut Reader, out: &mut Out<'_>) {
        for (position, entry) in self.feed.from(reader.next) {
            if out.is_full() {
                return;
            }
            reader.next = position + 1;
            match &entry.about {
                About::Presence if reader.watches => out.push(entry.frame.clone()),
                About::Presence => {}
                About::Event(heard) => {
                    if heard.by(reader.member, &reader.role) {
                        out.push(entry.frame.clone());
                    }
                }
                About::Batch(parts) if parts.iter().all(|(_, heard)| heard.by(reader.member, &reader.role)) => {
                    out.push(entry.frame.clone());
                }
                About::Batch(parts) => {
                    let heard = parts.iter().filter(|(_, heard)| heard.by(reader.member, &reader.role));
                    heard.for_each(|(frame, _)| out.push(frame.clone()));
                }
            }
            reader.offset = entry.offset().unwrap_or(reader.offset);
        }
    }
}
