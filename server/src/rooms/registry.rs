//! The rooms that there are, by name.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use parking_lot::Mutex;
use samewire_protocol::rooms::{Epoch, RoomName};
use samewire_protocol::{Code, Failure};
use serde_json::Value;

use super::clock::now_ms;
use super::core::Core;
use super::kind::{Kind, RoomKind};
use super::kinds::Kinds;
use super::metrics::Metrics;
use super::room::Room;
use super::ticker::Schedule;
use crate::session::random;

/// Over so many locks are the rooms spread.
const SHARDS: usize = 16;
/// So long is a room looked for that was made and never used.
const UNUSED: u64 = 1_000;

pub(crate) struct Registry {
    kinds: BTreeMap<Box<str>, Arc<Kind>>,
    shards: [Mutex<HashMap<RoomName, Arc<Room>>>; SHARDS],
    /// Rises when something has changed by which is decided who may be in some room of the shard.
    decisions: [AtomicU64; SHARDS],
    hasher: RandomState,
    schedule: Arc<Schedule>,
}

impl Registry {
    pub(super) fn new(kinds: &Kinds, own: Vec<(Box<str>, Arc<dyn RoomKind>)>) -> Result<Self, String> {
        let kind = |policy, own| Arc::new(Kind { policy, own, metrics: Metrics::default() });
        let mut all: BTreeMap<Box<str>, Arc<Kind>> =
            kinds.iter().map(|(name, policy)| (name.into(), kind(policy.clone(), None))).collect();
        for (name, own) in own {
            let policy = kinds.over(&name, own.policy())?;
            all.insert(name, kind(policy, Some(own)));
        }
        Ok(Self {
            kinds: all,
            shards: Default::default(),
            decisions: Default::default(),
            hasher: RandomState::new(),
            schedule: Arc::default(),
        })
    }

    pub(super) fn schedule(&self) -> Arc<Schedule> {
        self.schedule.clone()
    }

    pub(super) fn kinds(&self) -> impl Iterator<Item = (&str, &Arc<Kind>)> {
        self.kinds.iter().map(|(name, kind)| (&**name, kind))
    }

    /// The kind of a room.
    pub(super) fn kind(&self, room: &RoomName) -> Result<&Arc<Kind>, Failure> {
        self.kinds.get(room.kind()).ok_or_else(|| {
            Failure::new(Code::RoomNotFound, format!("there are no rooms of the kind {:?} on this server", room.kind()))
        })
    }

    pub(super) fn find(&self, room: &RoomName) -> Option<Arc<Room>> {
        self.shard(room).lock().get(room).cloned()
    }

    /// Makes a room, unless somebody was faster.
    pub(super) fn make(&self, name: &RoomName, kind: &Arc<Kind>, state: Option<Value>) -> Result<Arc<Room>, Failure> {
        let [e0, e1, e2, e3, e4, e5, e6, e7, ..] = random()?;
        let epoch = Epoch::from_random(u64::from_be_bytes([e0, e1, e2, e3, e4, e5, e6, e7]));
        let now = now_ms();
        let mut shard = self.shard(name).lock();
        let room = shard.entry(name.clone()).or_insert_with(|| {
            let core = Core::new(name.clone(), epoch, kind.policy.clone(), state, now);
            Room::new(core, kind.clone(), self.schedule.clone())
        });
        let room = room.clone();
        drop(shard);
        self.schedule.add(&room, now + UNUSED);
        Ok(room)
    }

    /// A number that is another one as soon as something has changed by which is decided who may be in the room.
    pub(super) fn decisions(&self, room: &RoomName) -> &AtomicU64 {
        &self.decisions[self.place(room)]
    }

    /// Takes a room out.
    pub(super) fn take(&self, name: &RoomName) -> Option<Arc<Room>> {
        self.shard(name).lock().remove(name)
    }

    /// Lets a room go, unless it came back to life.
    pub(super) fn let_go(&self, room: &Arc<Room>) {
        let mut shard = self.shard(&room.name).lock();
        let is_the_one = shard.get(&room.name).is_some_and(|there| Arc::ptr_eq(there, room));
        if is_the_one && room.let_go() {
            shard.remove(&room.name);
        }
    }

    /// Lets go of rooms that nobody is in, the longest abandoned first, until all rooms together keep no more than `most` bytes.
    pub(super) fn make_space(&self, most: u64) {
        let mut abandoned = Vec::new();
        for shard in &self.shards {
            let rooms: Vec<_> = shard.lock().values().cloned().collect();
            abandoned.extend(rooms.into_iter().filter_map(|room| room.abandoned().map(|(since, bytes)| (since, bytes, room))));
        }
        abandoned.sort_by_key(|(since, ..)| *since);
        let mut over = self.schedule.kept().saturating_sub(most);
        for (_, bytes, room) in abandoned {
            if over == 0 {
                break;
            }
            let mut shard = self.shard(&room.name).lock();
            let is_the_one = shard.get(&room.name).is_some_and(|there| Arc::ptr_eq(there, &room));
            if is_the_one && room.abandon() {
                shard.remove(&room.name);
                over = over.saturating_sub(bytes);
            }
        }
    }

    fn shard(&self, name: &RoomName) -> &Mutex<HashMap<RoomName, Arc<Room>>> {
        &self.shards[self.place(name)]
    }

    fn place(&self, name: &RoomName) -> usize {
        self.hasher.hash_one(name) as usize % SHARDS
    }
}

#[cfg(test)]
mod tests {
    use samewire_protocol::rooms::RoomName;
    use serde_json::value::to_raw_value;

    use super::super::core::{Message, Publication};
    use super::super::{Kinds, Rooms};
    use crate::rooms::policy::KindPolicy;

    fn said(bytes: usize) -> Publication {
        let payload = to_raw_value(&"x".repeat(bytes)).expect("JSON");
        Message { payload: Some(payload), ..Message::new("note".parse().expect("a name")) }.into()
    }

    /// Somebody who goes from room to room and leaves much behind in each.
    #[tokio::test]
    async fn what_abandoned_rooms_keep_is_bounded() {
        let mut kinds = Kinds::default();
        kinds.insert("note", KindPolicy::default());
        let most = 1024 * 1024;
        let rooms = Rooms::start(Rooms::registry(&kinds, Vec::new()).expect("kinds"), most);
        let name = |n: usize| format!("note:{n}").parse::<RoomName>().expect("a name");
        for n in 0..100 {
            rooms.publish(&name(n), said(50_000)).await.expect("published");
            // Time goes on, so that it can be told which has been abandoned for longer.
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        let schedule = rooms.0.registry.schedule();
        let bounded = async {
            while schedule.kept() > most {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(30), bounded).await.expect("old rooms are let go");
        assert!(rooms.find(&name(0)).is_none(), "the first was abandoned for longest");
        assert!(rooms.find(&name(99)).is_some(), "the last was not");
        drop(rooms);
        assert_eq!(schedule.kept(), 0, "what is gone is not counted");
    }
}
