//! Who is in a room: members, and the users that they belong to.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use samewire_protocol::Failure;
use samewire_protocol::rooms::{Entry, Member, Role};
use serde_json::value::RawValue;

use super::Millis;
use super::bucket::Bucket;
use super::signals::Signals;
use crate::auth::{ANONYMOUS_PREFIX, Identity};
use crate::rooms::policy::PresenceMode;
use crate::session::SessionKey;

/// The members, and the users among them.
#[derive(Debug, Default)]
pub(super) struct Members {
    /// Boxed: the map's nodes are half empty, as members come in their order.
    present: BTreeMap<Member, Box<There>>,
    /// Users by the id that presence shows.
    users: BTreeMap<Arc<str>, OfUser>,
    /// Members whose time is over, and who have not heard so.
    over: BTreeMap<Member, Failure>,
    newest: u64,
}

/// One member.
#[derive(Debug)]
pub(super) struct There {
    pub(super) session: Option<SessionKey>,
    pub(super) identity: Identity,
    /// The user's id as presence shows it: an anonymous one has none of its own, so it is named after its member.
    pub(super) id: Arc<str>,
    pub(super) role: Role,
    pub(super) info: Option<Box<RawValue>>,
    /// Since when it has no link.
    pub(super) away: Option<Millis>,
    /// The newest event when it came: of what was before it may know only what the history shows it.
    pub(super) since: u64,
    pub(super) bucket: Bucket,
    pub(super) signals: Option<Box<Signals>>,
}

impl There {
    /// The user's id, if there is a user.
    pub(super) fn user(&self) -> Option<&Arc<str>> {
        (!self.identity.is_anonymous()).then_some(&self.id)
    }
}

/// The members of one user, the first one first.
#[derive(Debug)]
enum OfUser {
    One(Member),
    More(Vec<Member>),
}

impl OfUser {
    fn all(&self) -> &[Member] {
        match self {
            Self::One(member) => std::slice::from_ref(member),
            Self::More(members) => members,
        }
    }

    fn add(&mut self, member: Member) {
        match self {
            Self::One(first) => *self = Self::More(vec![*first, member]),
            Self::More(members) => members.push(member),
        }
    }
}

impl Members {
    pub(super) fn len(&self) -> usize {
        self.present.len()
    }

    pub(super) fn users(&self) -> usize {
        self.users.len()
    }

    pub(super) fn get(&self, member: Member) -> Option<&There> {
        self.present.get(&member).map(|there| &**there)
    }

    pub(super) fn get_mut(&mut self, member: Member) -> Option<&mut There> {
        self.present.get_mut(&member).map(|there| &mut **there)
    }

    /// Adds a member. The id that presence shows for its user, and whether it is the first of that user.
    pub(super) fn add(&mut self, make: impl FnOnce(Arc<str>) -> There, identity: &Identity) -> (Member, Arc<str>, bool) {
        self.newest += 1;
        let member = Member(self.newest);
        let id: Arc<str> = match identity.is_anonymous() {
            true => format!("{ANONYMOUS_PREFIX}{member}").into(),
            false => match self.users.get_key_value(identity.id()) {
                Some((id, _)) => id.clone(),
                None => identity.id().into(),
            },
        };
        let is_first = match self.users.get_mut(&id) {
            Some(members) => {
                members.add(member);
                false
            }
            None => {
                self.users.insert(id.clone(), OfUser::One(member));
                true
            }
        };
        self.present.insert(member, Box::new(make(id.clone())));
        (member, id, is_first)
    }

    /// Takes a member out. Also tells whether its user is shown as something else now, or not any more.
    pub(super) fn remove(&mut self, member: Member) -> Option<(There, bool)> {
        let there = self.present.remove(&member)?;
        let (was_first, is_last) = match self.users.get_mut(&there.id) {
            Some(OfUser::More(members)) => {
                let was_first = members.first() == Some(&member);
                members.retain(|other| *other != member);
                (was_first, members.is_empty())
            }
            _ => (true, true),
        };
        if is_last {
            self.users.remove(&there.id);
        }
        Some((*there, was_first))
    }

    /// Remembers why a member was taken out, until it has been told.
    pub(super) fn tell(&mut self, member: Member, failure: Failure) {
        self.over.insert(member, failure);
    }

    /// Why a member was taken out, if it has not been told.
    pub(super) fn told(&mut self, member: Member) -> Option<Failure> {
        self.over.remove(&member)
    }

    pub(super) fn knows(&self, member: Member) -> bool {
        self.present.contains_key(&member) || self.over.contains_key(&member)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (Member, &There)> {
        self.present.iter().map(|(member, there)| (*member, &**there))
    }

    /// The members of a user.
    pub(super) fn of_user(&self, id: &str) -> Vec<Member> {
        self.users.get(id).map(|members| members.all().to_vec()).unwrap_or_default()
    }

    pub(super) fn entry_of_member(&self, member: Member) -> Option<Entry> {
        let there = self.present.get(&member)?;
        Some(Entry {
            id: member.to_string().into(),
            user: there.user().map(|id| (**id).into()),
            member: Some(member),
            role: there.role.clone(),
            info: there.info.clone(),
        })
    }

    pub(super) fn entry_of_user(&self, id: &str) -> Option<Entry> {
        let there = self.users.get(id)?.all().first().and_then(|member| self.present.get(member))?;
        Some(Entry { id: id.into(), user: None, member: None, role: there.role.clone(), info: there.info.clone() })
    }

    /// Entries by id, after one of them, `limit` at most; and whether there are more. Empty for kinds that only count.
    pub(super) fn page(&self, mode: PresenceMode, after: Option<&str>, limit: usize) -> (Vec<Entry>, bool) {
        match mode {
            PresenceMode::Off | PresenceMode::Count => (Vec::new(), false),
            PresenceMode::Users => {
                let from = after.map_or(Bound::Unbounded, Bound::Excluded);
                let ids = self.users.range::<str, _>((from, Bound::Unbounded)).map(|(id, _)| id);
                page(ids.filter_map(|id| self.entry_of_user(id)), limit)
            }
            PresenceMode::Members => {
                let after = Member(after.and_then(|after| after.parse().ok()).unwrap_or(0));
                let members = self.present.range((Bound::Excluded(after), Bound::Unbounded)).map(|(member, _)| *member);
                page(members.filter_map(|member| self.entry_of_member(member)), limit)
            }
        }
    }
}

fn page(mut entries: impl Iterator<Item = Entry>, limit: usize) -> (Vec<Entry>, bool) {
    let page: Vec<_> = entries.by_ref().take(limit).collect();
    (page, entries.next().is_some())
}
