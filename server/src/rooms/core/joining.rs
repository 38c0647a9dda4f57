//! Members come, go away for a while, come back, and go.

use samewire_protocol::rooms::{Epoch, Member, Role};
use samewire_protocol::{Code, Failure};
use serde_json::value::RawValue;

use super::bucket::Bucket;
use super::members::There;
use super::news::{Leaving, What};
use super::signals::Signals;
use super::{Core, Millis, Reader};
use crate::auth::Identity;
use crate::session::SessionKey;

/// Who wants to be in a room.
#[derive(Clone, Debug)]
pub struct Joiner {
    /// Its session; `None` for members that none stands behind.
    pub session: Option<SessionKey>,
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

impl Core {
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
        let Joiner { session, identity, role, info, presence, from, signals } = joiner;
        let bucket = Bucket::full(now, self.policy.burst);
        let since = self.newest;
        let signals = signals.filter(|seq| *seq > 0).map(|seq| Box::new(Signals::after(seq)));
        let there = {
            let (identity, role) = (identity.clone(), role.clone());
            |id| There { session, identity, id, role, info, away: None, since, bucket, signals }
        };
        let (member, user, is_first) = self.members.add(there, &identity);
        self.tell(member, What::Came { role: role.clone() });
        self.note(now, member, is_first.then_some(&*user));
        let watches = presence && self.policy.see.has(&role);
        Ok(Reader::new(member, role, watches, from))
    }

    /// A member is back on a new link, or joins once more on its link. `None` when it is a member no longer.
    pub fn rejoin(&mut self, now: Millis, member: Member, joiner: Joiner) -> Option<Reader> {
        let Joiner { role, info, presence, from, signals, .. } = joiner;
        let there = self.members.get_mut(member)?;
        let was_away = there.away.take().is_some();
        let is_another = there.role != role;
        let has_changed = is_another || there.info.as_ref().map(|info| info.get()) != info.as_ref().map(|info| info.get());
        there.role = role.clone();
        there.info = info;
        if let Some(held) = &mut there.signals {
            held.resume(signals);
        }
        if has_changed {
            let user = there.id.clone();
            self.note(now, member, Some(&user));
        }
        if was_away {
            self.tell(member, What::Back);
        }
        if is_another {
            self.tell(member, What::Role { role: role.clone() });
        }
        let watches = presence && self.policy.see.has(&role);
        Some(Reader::new(member, role, watches, from))
    }

    /// A member is something else from here on; nothing for one that is a member no longer.
    pub fn change_role(&mut self, now: Millis, member: Member, role: Role) {
        if let Some(there) = self.members.get_mut(member) {
            there.role = role.clone();
            let user = there.id.clone();
            self.note(now, member, Some(&user));
            self.tell(member, What::Role { role });
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
            self.tell(member, What::Away);
            self.lingering.push_back((now.saturating_add(linger), member));
            self.tick(now);
        }
    }

    /// A member leaves, and need not be told.
    pub fn leave(&mut self, now: Millis, member: Member) {
        self.members.told(member);
        self.take_out(now, member, Leaving::Left);
    }

    /// Takes a member out, and tells it why.
    pub fn remove(&mut self, now: Millis, member: Member, failure: Failure) {
        if self.take_out(now, member, Leaving::Removed(failure.clone())) {
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

    pub(super) fn take_out(&mut self, now: Millis, member: Member, reason: Leaving) -> bool {
        let Some((there, has_changed)) = self.members.remove(member) else { return false };
        self.tell_of(member, there.session, &there.identity, What::Left { reason });
        self.note(now, member, has_changed.then_some(&*there.id));
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
}
