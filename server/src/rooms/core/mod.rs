//! A room by itself: its members, its state, its history and its feed. Pure: the time is an argument, and nothing here waits.
//!
//! Commands change the room. Readers [pull](Core::pull) what it says, each from its own place; [`Core::wakes`] tells who has
//! something to pull, and [`Core::due`] when the room wants to be looked at again.

mod admit;
mod bucket;
mod feed;
mod framed;
mod gathering;
mod history;
mod joining;
mod keys;
mod members;
mod news;
mod pages;
mod presence;
mod publish;
mod reader;
mod send;
mod signals;
mod slow;
mod state;

use std::collections::VecDeque;
use std::sync::Arc;

use samewire_protocol::rooms::{Epoch, Member, RoomName};
use serde_json::Value;

use self::feed::Feed;
use self::gathering::Gathered;
use self::history::History;
use self::keys::Keys;
use self::members::Members;
use self::presence::News;
use self::state::State;
use super::policy::KindPolicy;

pub(crate) use admit::not_joined;
pub(crate) use bucket::Bucket;
pub use joining::Joiner;
pub use news::{Leaving, MemberNews, What};
pub use publish::{Author, Change, Message, Publication};
pub use reader::{Budget, Pulled, Reader, Tally};

/// Milliseconds since 1970-01-01 UTC.
pub type Millis = u64;

/// About what a room takes in which nothing is.
const ROOM_BYTES: u64 = 2 * 1024;

/// How long signals that are too old may stay, so that a room in which many are sent need not be looked at all the time.
const SLACK: Millis = 1_000;

/// One room.
#[derive(Debug)]
pub struct Core {
    name: RoomName,
    epoch: Epoch,
    policy: Arc<KindPolicy>,
    members: Members,
    /// Members without a link, and until when they count, the first one first.
    lingering: VecDeque<(Millis, Member)>,
    /// Members that signals are held for, and until when, the first one first.
    signalled: VecDeque<(Millis, Member)>,
    news: News,
    state: Option<State>,
    history: History,
    /// The number of the newest event.
    newest: u64,
    keys: Keys,
    feed: Feed,
    gathered: Gathered,
    /// Rises whenever there may be something to pull.
    version: u64,
    /// Rises whenever there is something for single members.
    notes: u64,
    wakes: Wakes,
    /// When something happened last that is worth keeping.
    touched: Millis,
    /// What happened to members, for the kind that wants to know.
    told: Option<Vec<MemberNews>>,
    /// By so much the time of rooms is ahead of what people take it for.
    ahead: Millis,
}

/// Who has something to pull.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Wakes {
    /// Nobody.
    #[default]
    Nobody,
    /// These members.
    Some(Vec<Member>),
    /// Every member.
    All,
}

/// How many are in a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Users, each counted once.
    pub users: u64,
    /// Members.
    pub members: u64,
}

impl Core {
    /// A room without members. `state` is what its state begins with, for kinds that have one.
    #[must_use]
    pub fn new(name: RoomName, epoch: Epoch, policy: Arc<KindPolicy>, state: Option<Value>, now: Millis) -> Self {
        Self {
            name,
            epoch,
            members: Members::default(),
            lingering: VecDeque::new(),
            signalled: VecDeque::new(),
            news: News::new(policy.presence),
            state: policy.state.then(|| State::new(state)),
            history: History::new(&policy),
            newest: 0,
            keys: Keys::default(),
            feed: Feed::default(),
            gathered: Gathered::default(),
            version: 0,
            notes: 0,
            wakes: Wakes::Nobody,
            touched: now,
            told: None,
            ahead: 0,
            policy,
        }
    }

    /// The room's name.
    #[must_use]
    pub fn name(&self) -> &RoomName {
        &self.name
    }

    /// The span in which its events are counted.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// What its kind allows.
    #[must_use]
    pub fn policy(&self) -> &Arc<KindPolicy> {
        &self.policy
    }

    /// Sets by how much the time that commands are given is ahead of the one that events tell.
    pub(crate) fn set_ahead(&mut self, ahead: Millis) {
        self.ahead = ahead;
    }

    /// The number of the newest event.
    #[must_use]
    pub fn newest(&self) -> u64 {
        self.newest
    }

    /// Rises whenever there may be something to pull: see [`Reader::is_up_to`].
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// How many there are.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts { users: self.members.users() as u64, members: self.members.len() as u64 }
    }

    /// How often who is here was told.
    pub(crate) fn presence_told(&self) -> u64 {
        self.news.told
    }

    /// Who has something to pull since this was asked last.
    pub fn wakes(&mut self) -> Wakes {
        std::mem::take(&mut self.wakes)
    }

    fn wake(&mut self, member: Member) {
        match &mut self.wakes {
            Wakes::All => {}
            Wakes::Some(members) => members.push(member),
            Wakes::Nobody => self.wakes = Wakes::Some(vec![member]),
        }
    }

    // Time.

    /// When the room wants to be looked at, with [`Core::tick`].
    #[must_use]
    pub fn due(&self) -> Option<Millis> {
        let empty = (self.members.len() == 0).then(|| self.expires());
        [
            self.gathered.due,
            self.news.due(&self.members),
            self.lingering.front().map(|(at, _)| *at),
            self.signalled.front().map(|(at, _)| at + SLACK),
            self.feed.due(),
            self.keys.due(),
            empty,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Millis) {
        if self.gathered.due.is_some_and(|due| due <= now) {
            self.flush(now);
        }
        while let Some((_, member)) = self.lingering.pop_front_if(|(at, _)| *at <= now) {
            let linger = u64::try_from(self.policy.linger.as_millis()).unwrap_or(u64::MAX);
            let away = self.members.get(member).and_then(|there| there.away);
            if away.is_some_and(|since| since.saturating_add(linger) <= now) {
                self.take_out(now, member, Leaving::Lingered);
            }
        }
        while let Some((_, member)) = self.signalled.pop_front_if(|(at, _)| *at <= now) {
            if let Some(signals) = self.members.get_mut(member).and_then(|there| there.signals.as_mut()) {
                signals.sweep(now);
            }
        }
        self.tell_presence(now);
        self.feed.sweep(now);
        self.keys.sweep(now);
    }

    /// Whether nobody is there and nothing is left that is worth keeping.
    #[must_use]
    pub fn has_expired(&self, now: Millis) -> bool {
        self.members.len() == 0 && self.expires() <= now
    }

    /// Whether nobody is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.len() == 0
    }

    /// When something happened last that is worth keeping.
    #[must_use]
    pub fn touched(&self) -> Millis {
        self.touched
    }

    /// What is kept for those who come, in bytes: the history, the state, and the room itself.
    #[must_use]
    pub fn kept_bytes(&self) -> u64 {
        let state = self.state.as_ref().map_or(0, |state| state.json().get().len());
        // The state is there as text and as a value.
        self.history.bytes() + 2 * state as u64 + ROOM_BYTES
    }

    /// When what is kept is not worth keeping any more, if nobody comes.
    fn expires(&self) -> Millis {
        let age = u64::try_from(self.policy.history_age.as_millis()).unwrap_or(u64::MAX);
        let state = self.state.as_ref().filter(|state| state.is_set()).map(|_| self.touched.saturating_add(age));
        [state, self.history.expires(), self.keys.due()].into_iter().flatten().max().unwrap_or(self.touched)
    }
}

#[cfg(test)]
mod tests;
