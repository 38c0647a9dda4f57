//! One task for everything in rooms that happens after a while.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::clock::now_ms;
use super::core::Millis;
use super::room::Room;
use super::{Inner, Rooms};

/// How long it takes until it is looked again which rooms are abandoned, at least.
const BETWEEN_LOOKS: Millis = 1_000;

/// Rooms by when they want to be looked at, each once.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    due: Mutex<Due>,
    earlier: Notify,
    /// What all rooms keep, in bytes.
    kept: AtomicU64,
}

#[derive(Debug, Default)]
struct Due {
    rooms: BTreeMap<(Millis, u64), Weak<Room>>,
    count: u64,
}

impl Schedule {
    pub(super) fn add(&self, room: &Arc<Room>, at: Millis) {
        let mut due = self.due.lock();
        let before = (room.scheduled.load(Ordering::Relaxed), room.place.load(Ordering::Relaxed));
        if at >= before.0 {
            return;
        }
        due.rooms.remove(&before);
        room.scheduled.store(at, Ordering::Relaxed);
        room.place.store(due.count + 1, Ordering::Relaxed);
        let is_first = due.rooms.first_key_value().is_none_or(|((first, _), _)| at < *first);
        due.count += 1;
        let key = (at, due.count);
        due.rooms.insert(key, Arc::downgrade(room));
        drop(due);
        if is_first {
            self.earlier.notify_one();
        }
    }

    /// A room keeps so many bytes where it kept so many before.
    pub(super) fn keeps(&self, before: u64, now: u64) {
        if now != before {
            self.kept.fetch_add(now.wrapping_sub(before), Ordering::Relaxed);
        }
    }

    /// What all rooms keep, in bytes.
    pub(super) fn kept(&self) -> u64 {
        self.kept.load(Ordering::Relaxed)
    }

    fn first(&self) -> Option<Millis> {
        self.due.lock().rooms.first_key_value().map(|((at, _), _)| *at)
    }

    /// The rooms that are due.
    fn take(&self, now: Millis) -> Vec<Arc<Room>> {
        let mut due = self.due.lock();
        let later = due.rooms.split_off(&(now + 1, 0));
        let rooms: Vec<_> = std::mem::replace(&mut due.rooms, later).into_values().filter_map(|room| room.upgrade()).collect();
        rooms.iter().for_each(|room| room.scheduled.store(Millis::MAX, Ordering::Relaxed));
        rooms
    }
}

/// Ticks rooms for as long as there are any to come.
pub(super) async fn run(rooms: Weak<Inner>, schedule: Arc<Schedule>, most_kept: u64) {
    let mut looked_at = 0;
    loop {
        // All at once, so that one that is due again at once does not keep the task from resting.
        for room in schedule.take(now_ms()) {
            if room.tick() {
                let Some(rooms) = rooms.upgrade() else { return };
                Rooms(rooms).let_go(&room);
            }
        }
        let now = now_ms();
        // Somebody who makes one room after the other and leaves it must not fill the memory; looking through all takes a while.
        if schedule.kept() > most_kept && now >= looked_at + BETWEEN_LOOKS {
            let Some(rooms) = rooms.upgrade() else { return };
            rooms.registry.make_space(most_kept);
            looked_at = now;
        }
        let look_again = (schedule.kept() > most_kept).then_some(looked_at + BETWEEN_LOOKS);
        match [schedule.first(), look_again].into_iter().flatten().min() {
            Some(at) => {
                let wait = Duration::from_millis(at.saturating_sub(now_ms()).max(1));
                // Whether it is time or there is something earlier: it is looked at anew.
                let _ = tokio::time::timeout(wait, schedule.earlier.notified()).await;
            }
            None => schedule.earlier.notified().await,
        }
    }
}
