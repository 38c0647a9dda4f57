//! A room among sessions: the room itself behind a lock, and the bells of those who hear it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use samewire_protocol::Failure;
use samewire_protocol::rooms::{Member, RoomName};

use super::clock::{self, Now};
use super::core::{Budget, Core, Joiner, Millis, Pulled, Reader, Tally, Wakes};
use super::kind::Kind;
use super::ticker::Schedule;
use crate::session::Bell;

/// One room.
pub(crate) struct Room {
    pub(crate) name: RoomName,
    pub(crate) kind: Arc<Kind>,
    /// The room's version, to be looked at without the lock.
    version: AtomicU64,
    inner: Mutex<Inner>,
    /// Of members with a link, and of those who may still come back. Behind a lock of their own, so that who pulls does not wait
    /// for all others to be woken.
    bells: Mutex<HashMap<Member, Arc<Bell>>>,
    schedule: Arc<Schedule>,
    /// When it will be ticked, and its place among those of the same time. Changed only by the schedule.
    pub(super) scheduled: AtomicU64,
    pub(super) place: AtomicU64,
    /// One event after the other, for kinds that want to see them.
    pub(super) in_turn: Arc<tokio::sync::Mutex<()>>,
}

struct Inner {
    core: Core,
    /// It was let go: another room of the same name may be there.
    is_gone: bool,
    /// Members counted in the metrics.
    counted: u64,
    /// How often presence was told, as far as the metrics have it.
    told: u64,
    /// What the room keeps, as far as the schedule has counted it.
    kept: u64,
}

impl Room {
    pub(super) fn new(mut core: Core, kind: Arc<Kind>, schedule: Arc<Schedule>) -> Arc<Self> {
        kind.metrics.rooms.add(1);
        if kind.own.is_some() {
            core.listen();
        }
        Arc::new(Self {
            name: core.name().clone(),
            kind,
            version: AtomicU64::new(core.version()),
            inner: Mutex::new(Inner { core, is_gone: false, counted: 0, told: 0, kept: 0 }),
            bells: Mutex::default(),
            schedule,
            scheduled: AtomicU64::new(Millis::MAX),
            place: AtomicU64::new(0),
            in_turn: Arc::default(),
        })
    }

    /// Looks at the room.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&mut Core, Millis) -> T) -> T {
        let now = clock::now();
        let mut inner = self.inner.lock();
        inner.core.set_ahead(now.ahead);
        look(&mut inner.core, now.at)
    }

    /// Does something in the room, and wakes whom it concerns.
    pub(crate) fn change<T>(self: &Arc<Self>, change: impl FnOnce(&mut Core, Millis) -> T) -> T {
        self.change_inner(|inner, now| change(&mut inner.core, now))
    }

    /// The same, unless the room was let go.
    pub(crate) fn change_if_there<T>(self: &Arc<Self>, change: impl FnOnce(&mut Core, Millis) -> T) -> Option<T> {
        self.change_inner(|inner, now| (!inner.is_gone).then(|| change(&mut inner.core, now)))
    }

    fn change_inner<T>(self: &Arc<Self>, change: impl FnOnce(&mut Inner, Millis) -> T) -> T {
        let Now { at: now, ahead } = clock::now();
        let mut inner = self.inner.lock();
        inner.core.set_ahead(ahead);
        let result = change(&mut inner, now);
        self.tell_kind(&mut inner.core);
        let wakes = inner.core.wakes();
        // A room that was let go has nothing to come.
        let due = inner.core.due().filter(|_| !inner.is_gone);
        let members = inner.core.counts().members;
        let counted = std::mem::replace(&mut inner.counted, members);
        let told = inner.core.presence_told();
        let told_before = std::mem::replace(&mut inner.told, told);
        let kept = inner.core.kept_bytes();
        self.schedule.keeps(std::mem::replace(&mut inner.kept, kept), kept);
        self.version.store(inner.core.version(), Ordering::Release);
        drop(inner);
        self.kind.metrics.presence.add(told - told_before);
        self.kind.metrics.members.add(members.saturating_sub(counted));
        self.kind.metrics.members.take(counted.saturating_sub(members));
        self.wake(&wakes);
        if let Some(due) = due
            && due < self.scheduled.load(Ordering::Relaxed)
        {
            self.schedule.add(self, due);
        }
        result
    }

    /// Behind the lock, so that the kind hears in order what happens to members, and before anybody else can see it.
    fn tell_kind(&self, core: &mut Core) {
        let Some(own) = &self.kind.own else { return };
        for news in core.take_news() {
            let told = std::panic::AssertUnwindSafe(|| own.member(&news));
            if std::panic::catch_unwind(told).is_err() {
                tracing::error!(room = %self.name, "a kind of rooms panicked over what happened to a member");
            }
        }
    }

    fn wake(&self, wakes: &Wakes) {
        Bell::fence();
        match wakes {
            Wakes::Nobody => {}
            Wakes::Some(members) => {
                let bells = self.bells.lock();
                members.iter().filter_map(|member| bells.get(member)).for_each(|bell| bell.ring_for_rooms());
            }
            Wakes::All => self.bells.lock().values().for_each(|bell| bell.ring_for_rooms()),
        }
    }

    /// Takes a member in. `None` when the room was let go, or what was decided of the member is not `fresh`.
    pub(crate) fn join(
        self: &Arc<Self>,
        joiner: Joiner,
        bell: &Arc<Bell>,
        fresh: impl Fn() -> bool,
    ) -> Option<Result<Reader, Failure>> {
        self.change_inner(|inner, now| {
            // Asked for behind the lock: whoever decides anew looks for members behind it, too, and afterwards.
            if inner.is_gone || !fresh() {
                return None;
            }
            let reader = inner.core.join(now, joiner);
            if let Ok(reader) = &reader {
                self.bells.lock().insert(reader.member(), bell.clone());
            }
            Some(reader)
        })
    }

    /// A member leaves.
    pub(crate) fn leave(self: &Arc<Self>, member: Member) {
        self.change(|core, now| core.leave(now, member));
        self.forget(member);
    }

    /// A membership is over, and nobody need be woken for it any more.
    pub(crate) fn forget(&self, member: Member) {
        let mut bells = self.bells.lock();
        bells.remove(&member);
        if bells.capacity() > 64 && bells.len() < bells.capacity() / 8 {
            bells.shrink_to_fit();
        }
    }

    /// Whether there is nothing for a reader. Costs one look at a number.
    pub(crate) fn is_quiet(&self, reader: &Reader) -> bool {
        reader.is_up_to(self.version.load(Ordering::Acquire))
    }

    pub(crate) fn pull(self: &Arc<Self>, reader: &mut Reader, out: &mut VecDeque<Bytes>, budget: &mut Budget) -> Pulled {
        let (mut tally, now) = (Tally::default(), clock::now_ms());
        let mut inner = self.inner.lock();
        let version = inner.core.version();
        let pulled = inner.core.pull(now, reader, out, budget, &mut tally);
        let wakes = inner.core.wakes();
        self.version.store(inner.core.version(), Ordering::Release);
        let has_changed = version != inner.core.version();
        drop(inner);
        if has_changed {
            // Telling one what there is may let out what was gathered.
            self.wake(&wakes);
        }
        self.kind.metrics.pulled(&tally);
        pulled
    }

    /// Does what is due. Whether the room may be let go.
    pub(super) fn tick(self: &Arc<Self>) -> bool {
        let has_expired = self.change(|core, now| {
            core.tick(now);
            core.has_expired(now)
        });
        if !has_expired {
            // Members that lingered and are gone.
            let gone: Vec<_> = {
                let inner = self.inner.lock();
                let bells = self.bells.lock();
                if bells.len() as u64 == inner.core.counts().members {
                    return false;
                }
                bells.keys().filter(|member| !inner.core.knows(**member)).copied().collect()
            };
            gone.into_iter().for_each(|member| self.forget(member));
        }
        has_expired
    }

    /// Whether another room of the name may be there.
    pub(super) fn is_gone(&self) -> bool {
        self.inner.lock().is_gone
    }

    /// Marks the room as let go, if it has still expired.
    pub(super) fn let_go(&self) -> bool {
        // While something is stored for it, it is still needed.
        let Ok(_turn) = self.in_turn.try_lock() else { return false };
        let mut inner = self.inner.lock();
        let now = clock::now_ms();
        inner.is_gone |= inner.core.has_expired(now);
        inner.is_gone
    }

    /// When something happened in the room last, and what it keeps, if nobody is there.
    pub(super) fn abandoned(&self) -> Option<(Millis, u64)> {
        let inner = self.inner.lock();
        inner.core.is_empty().then(|| (inner.core.touched(), inner.kept))
    }

    /// Marks the room as let go, if nobody is there, whatever it keeps.
    pub(super) fn abandon(&self) -> bool {
        let Ok(_turn) = self.in_turn.try_lock() else { return false };
        let mut inner = self.inner.lock();
        inner.is_gone |= inner.core.is_empty();
        inner.is_gone
    }

    /// Takes everybody out, and lets the room go.
    pub(super) fn close(self: &Arc<Self>, failure: &Failure) -> usize {
        self.change_inner(|inner, now| {
            inner.is_gone = true;
            inner.core.close(now, failure)
        })
    }

    /// The bells of all members.
    pub(super) fn bells(&self) -> Vec<Arc<Bell>> {
        self.bells.lock().values().cloned().collect()
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.kind.metrics.rooms.take(1);
        self.schedule.keeps(self.inner.get_mut().kept, 0);
    }
}

impl std::fmt::Debug for Room {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Room").field("name", &self.name).finish_non_exhaustive()
    }
}
