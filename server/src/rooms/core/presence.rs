//! What is told of who is there: gathered for a moment, and in big rooms as numbers only.

use std::collections::BTreeSet;

use bytes::Bytes;
use samewire_protocol::rooms::{Entry, Member, Presence, PresenceNews, RoomFrame, RoomName};

use super::members::Members;
use super::{Millis, framed};
use crate::rooms::policy::PresenceMode;

/// With more members, presence is told by numbers only.
pub(super) const LISTED: usize = 200;
/// So few must they become before they are listed again.
const LISTED_AGAIN: usize = 150;
/// With more members, presence is told once a second at most; with fewer, ten times.
const CROWD: usize = 100;
const CROWD_EVERY: Millis = 1_000;
const EVERY: Millis = 100;

/// What changed since presence was told last.
#[derive(Debug)]
pub(super) struct News {
    mode: PresenceMode,
    /// Ids of entries that may have changed; while nobody is listed, of those that were.
    changed: BTreeSet<Box<str>>,
    is_listed: bool,
    is_due: bool,
    told_at: Millis,
    /// How often it was told.
    pub(super) told: u64,
}

impl News {
    pub(super) fn new(mode: PresenceMode) -> Self {
        Self { mode, changed: BTreeSet::new(), is_listed: true, is_due: false, told_at: 0, told: 0 }
    }

    /// A member came, went or changed; `user` is the id of its user, if that one's entry changed.
    pub(super) fn note(&mut self, members: &Members, member: Member, user: Option<&str>) {
        if self.mode == PresenceMode::Off {
            return;
        }
        self.is_due = true;
        if self.is_listed {
            match (self.mode, user) {
                (PresenceMode::Members, _) => drop(self.changed.insert(member.to_string().into())),
                (PresenceMode::Users, Some(user)) => drop(self.changed.insert(user.into())),
                _ => {}
            }
            if members.len() > LISTED {
                self.is_listed = false;
                self.note_all(members);
            }
        } else if members.len() <= LISTED_AGAIN {
            self.is_listed = true;
            self.note_all(members);
        }
    }

    fn note_all(&mut self, members: &Members) {
        let (entries, _) = members.page(self.mode, None, usize::MAX);
        self.changed.extend(entries.into_iter().map(|entry| entry.id));
    }

    /// When there is something to tell.
    pub(super) fn due(&self, members: &Members) -> Option<Millis> {
        let every = if members.len() > CROWD { CROWD_EVERY } else { EVERY };
        self.is_due.then_some(self.told_at + every)
    }

    /// What there is to tell, as a frame.
    pub(super) fn take(&mut self, now: Millis, room: &RoomName, members: &Members) -> Option<Bytes> {
        if self.due(members).is_none_or(|due| due > now) {
            return None;
        }
        self.is_due = false;
        self.told_at = now;
        self.told += 1;
        let (mut set, mut gone) = (Vec::new(), Vec::new());
        for id in std::mem::take(&mut self.changed) {
            match self.entry(members, &id).filter(|_| self.is_listed) {
                Some(entry) => set.push(entry),
                None => gone.push(id),
            }
        }
        let news = PresenceNews { set: &set, gone: &gone, users: members.users() as u64, members: members.len() as u64 };
        Some(framed::about(room, &RoomFrame::Presence(news)))
    }

    fn entry(&self, members: &Members, id: &str) -> Option<Entry> {
        match self.mode {
            PresenceMode::Members => members.entry_of_member(Member(id.parse().ok()?)),
            _ => members.entry_of_user(id),
        }
    }

    /// Who is there, for one who joins; `None` in rooms that do not tell.
    pub(super) fn now(&self, members: &Members) -> Option<Presence> {
        let entries = match self.mode {
            PresenceMode::Off => return None,
            PresenceMode::Users | PresenceMode::Members if self.is_listed => Some(members.page(self.mode, None, LISTED).0),
            _ => None,
        };
        Some(Presence { entries, users: members.users() as u64, members: members.len() as u64 })
    }
}
