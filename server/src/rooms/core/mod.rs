//! A room by itself: its members, its state, its history and its feed. Pure: the time is an argument, and nothing here waits.
//!
//! Commands change the room. Readers [pull](Core::pull) what it says, each from its own place; [`Core::wakes`] tells who has
//! something to pull, and [`Core::due`] when the room wants to be looked at again.

mod bucket;
mod feed;
mod framed;
mod history;
mod keys;
mod members;
mod pages;
mod presence;
mod publish;
mod reader;
mod signals;
mod state;

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use samewire_protocol::rooms::{Epoch, Member, Role, RoomEvent, RoomFrame, RoomName};
use samewire_protocol::{Code, Failure};
use serde_json::Value;
use serde_json::value::RawValue;

use self::bucket::Bucket;
use self::feed::{About, Entry, Feed, Heard};
use self::history::History;
use self::keys::Keys;
use self::members::{Members, There};
use self::presence::News;
use self::state::State;
use super::policy::KindPolicy;
use crate::auth::Identity;

pub use publish::{Author, Change, Message, Publication};
pub use reader::{Budget, Pulled, Reader, Tally};

/// Milliseconds since 1970-01-01 UTC.
pub type Millis = u64;

/// So many events, or bytes of them, are gathered at most before they go out.
const MOST_GATHERED: usize = 64;
const MOST_GATHERED_BYTES: usize = 64 * 1024;

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
}

/// Events that wait for others, to go out together.
#[derive(Debug, Default)]
struct Gathered {
    events: Vec<RoomEvent>,
    frames: Vec<(Bytes, Heard)>,
    bytes: usize,
    due: Option<Millis>,
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

/// Who wants to be in a room.
#[derive(Clone, Debug)]
pub struct Joiner {
    /// Who it is.
    pub identity: Identity,
    /// What it may be.
    pub role: Role,
    /// What the others are shown of it.
    pub info: Option<Box<RawValue>>,
    /// Whether it wants to hear who is there.
    pub presence: bool,
    /// The epoch that it remembers, and the last event of it that it has.
    pub from: Option<(Epoch, u64)>,
    /// The last signal that it has.
    pub signals: Option<u64>,
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

    // Members.

    /// Takes a member in.
    ///
    /// # Errors
    /// `room-full`.
    pub fn join(&mut self, now: Millis, joiner: Joiner) -> Result<Reader, Failure> {
        let most = self.policy.max_members;
        if self.members.len() >= most {
            let message = format!("the room {} has {most} members, as many as it may; try again later", self.name);
            return Err(Failure::new(Code::RoomFull, message));
        }
        let Joiner { identity, role, info, presence, from, signals } = joiner;
        let bucket = Bucket::full(now, self.policy.burst);
        let since = self.newest;
        let signals = signals.filter(|seq| *seq > 0).map(|seq| Box::new(signals::Signals::after(seq)));
        let there = {
            let (identity, role) = (identity.clone(), role.clone());
            |id| There { identity, id, role, info, away: None, since, bucket, signals }
        };
        let (member, user, is_first) = self.members.add(there, &identity);
        self.note(now, member, is_first.then_some(&*user));
        let watches = presence && self.policy.see.has(&role);
        Ok(Reader::new(member, role, watches, from))
    }

    /// A member is back on a new link, or joins once more on its link. `None` when it is a member no longer.
    pub fn rejoin(&mut self, now: Millis, member: Member, joiner: Joiner) -> Option<Reader> {
        let Joiner { role, info, presence, from, signals, .. } = joiner;
        let there = self.members.get_mut(member)?;
        there.away = None;
        let has_changed =
            there.role != role || there.info.as_ref().map(|info| info.get()) != info.as_ref().map(|info| info.get());
        there.role = role.clone();
        there.info = info;
        if let Some(held) = &mut there.signals {
            held.resume(signals);
        }
        if has_changed {
            let user = there.id.clone();
            self.note(now, member, Some(&user));
        }
        let watches = presence && self.policy.see.has(&role);
        Some(Reader::new(member, role, watches, from))
    }

    /// A member is something else from here on; nothing for one that is a member no longer.
    pub fn change_role(&mut self, now: Millis, member: Member, role: Role) {
        if let Some(there) = self.members.get_mut(member) {
            there.role = role;
            let user = there.id.clone();
            self.note(now, member, Some(&user));
        }
    }

    /// Tells a member what it is now: it joins once more, where it is.
    pub fn tell_role(&self, reader: &mut Reader, presence: bool) {
        if let Some(role) = self.role(reader.member()) {
            reader.become_role(self.epoch, role.clone(), presence && self.policy.see.has(role));
        }
    }

    /// The role of a member.
    #[must_use]
    pub fn role(&self, member: Member) -> Option<&Role> {
        self.members.get(member).map(|there| &there.role)
    }

    /// Whether this is a member, or was one and has not heard that it is none any more.
    #[must_use]
    pub fn knows(&self, member: Member) -> bool {
        self.members.knows(member)
    }

    /// A member's link is lost: it counts for a while as if it were there.
    pub fn away(&mut self, now: Millis, member: Member) {
        let linger = u64::try_from(self.policy.linger.as_millis()).unwrap_or(u64::MAX);
        if let Some(there) = self.members.get_mut(member) {
            there.away = Some(now);
            self.lingering.push_back((now.saturating_add(linger), member));
            self.tick(now);
        }
    }

    /// A member leaves, and need not be told.
    pub fn leave(&mut self, now: Millis, member: Member) {
        self.members.told(member);
        self.take_out(now, member);
    }

    /// Takes a member out, and tells it why.
    pub fn remove(&mut self, now: Millis, member: Member, failure: Failure) {
        if self.take_out(now, member) {
            self.members.tell(member, failure);
        }
    }

    /// Takes all members of a user out, and tells them why. How many they were.
    pub fn remove_user(&mut self, now: Millis, user: &str, failure: &Failure) -> usize {
        let members = self.members.of_user(user);
        members.iter().for_each(|member| self.remove(now, *member, failure.clone()));
        members.len()
    }

    /// Takes every member out, and tells them why. How many they were.
    pub fn close(&mut self, now: Millis, failure: &Failure) -> usize {
        let members: Vec<_> = self.members.all().map(|(member, _)| member).collect();
        members.iter().for_each(|member| self.remove(now, *member, failure.clone()));
        members.len()
    }

    fn take_out(&mut self, now: Millis, member: Member) -> bool {
        let Some((there, is_last)) = self.members.remove(member) else { return false };
        self.note(now, member, is_last.then_some(&*there.id));
        self.touched = now;
        self.version += 1;
        self.notes += 1;
        self.wake(member);
        true
    }

    fn note(&mut self, now: Millis, member: Member, user: Option<&str>) {
        self.news.note(&self.members, member, user);
        self.tell_presence(now);
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
            self.signalled.front().map(|(at, _)| *at),
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
                self.take_out(now, member);
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

    /// When what is kept is not worth keeping any more, if nobody comes.
    fn expires(&self) -> Millis {
        let age = u64::try_from(self.policy.history_age.as_millis()).unwrap_or(u64::MAX);
        let state = self.state.as_ref().filter(|state| state.is_set()).map(|_| self.touched.saturating_add(age));
        [state, self.history.expires(), self.keys.due()].into_iter().flatten().max().unwrap_or(self.touched)
    }

    // The feed.

    /// Puts a frame in the feed, or among those that wait for others.
    fn deliver(&mut self, now: Millis, event: RoomEvent, frame: Bytes, is_text: bool, heard: Heard) {
        if self.policy.batch.is_zero() {
            return self.append(now, Entry { frame, about: About::Event(heard) });
        }
        if !is_text {
            self.flush(now);
            return self.append(now, Entry { frame, about: About::Event(heard) });
        }
        let gathered = &mut self.gathered;
        gathered.bytes += frame.len();
        gathered.events.push(event);
        gathered.frames.push((frame, heard));
        let window = u64::try_from(self.policy.batch.as_millis()).unwrap_or(u64::MAX);
        gathered.due.get_or_insert(now.saturating_add(window));
        if gathered.events.len() >= MOST_GATHERED || gathered.bytes >= MOST_GATHERED_BYTES {
            self.flush(now);
        }
    }

    /// Lets out what was gathered.
    fn flush(&mut self, now: Millis) {
        let Gathered { events, mut frames, .. } = std::mem::take(&mut self.gathered);
        match frames.len() {
            0 => {}
            1 => {
                if let Some((frame, heard)) = frames.pop() {
                    self.append(now, Entry { frame, about: About::Event(heard) });
                }
            }
            _ => {
                let frame = framed::about(&self.name, &RoomFrame::Events(&events));
                self.append(now, Entry { frame, about: About::Batch(frames.into()) });
            }
        }
    }

    fn tell_presence(&mut self, now: Millis) {
        if let Some(frame) = self.news.take(now, &self.name, &self.members) {
            // What was said before goes out before.
            self.flush(now);
            self.append(now, Entry { frame, about: About::Presence });
        }
    }

    fn append(&mut self, now: Millis, entry: Entry) {
        self.feed.push(now, entry);
        self.version += 1;
        self.wakes = Wakes::All;
    }
}

#[cfg(test)]
mod tests;
