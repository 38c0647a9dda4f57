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

    fn shard(&self, name: &RoomName) -> &Mutex<HashMap<RoomName, Arc<Room>>> {
        &self.shards[self.place(name)]
    }

    fn place(&self, name: &RoomName) -> usize {
        self.hasher.hash_one(name) as usize % SHARDS
    }
}
