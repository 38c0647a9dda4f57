//! Who is in a room.

use std::collections::BTreeMap;

use samewire_protocol::rooms::{self, Entry};
use serde::Deserialize;

/// Who is in a room, as far as this member is told.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Presence {
    /// Users, or single members, as the room's kind has it, by id. Empty where they are only counted, because the kind has it so or
    /// because they are more than 200: [`Room::presence_page`](super::Room::presence_page) tells those of a large room.
    pub entries: BTreeMap<Box<str>, Entry>,
    /// How many users are there, each counted once.
    pub users: u64,
    /// How many members are there.
    pub members: u64,
}

/// How presence changed.
#[derive(Debug, Deserialize)]
pub(crate) struct Change {
    #[serde(default)]
    set: Vec<Entry>,
    #[serde(default)]
    gone: Vec<Box<str>>,
    users: u64,
    members: u64,
}

impl Presence {
    pub(super) fn whole(presence: rooms::Presence) -> Self {
        let rooms::Presence { entries, users, members } = presence;
        let mut whole = Self::default();
        whole.change(Change { set: entries.unwrap_or_default(), gone: Vec::new(), users, members });
        whole
    }

    pub(super) fn change(&mut self, change: Change) {
        for id in &change.gone {
            self.entries.remove(id);
        }
        self.entries.extend(change.set.into_iter().map(|entry| (entry.id.clone(), entry)));
        (self.users, self.members) = (change.users, change.members);
    }
}
