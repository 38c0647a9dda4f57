//! Idempotency keys: an event that a user publishes twice with the same key is made once.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::Millis;

/// How long a key is remembered.
const KEPT: Millis = 5 * 60 * 1_000;
/// How many keys are remembered of one user, and of all users of a room.
const MOST: usize = 1_000;
const MOST_IN_ALL: usize = 50_000;

/// The keys of a room, by user.
#[derive(Debug, Default)]
pub(super) struct Keys {
    users: HashMap<Box<str>, OfUser>,
    count: usize,
    sweep_at: Option<Millis>,
}

#[derive(Debug, Default)]
struct OfUser {
    offsets: HashMap<Arc<str>, u64>,
    /// The oldest first.
    order: VecDeque<(Millis, Arc<str>)>,
}

impl Keys {
    /// The event that was made with this key.
    pub(super) fn offset(&self, now: Millis, user: &str, key: &str) -> Option<u64> {
        let keys = self.users.get(user)?;
        let offset = *keys.offsets.get(key)?;
        // The order holds every key once; an old one at its front may not have been swept yet.
        let is_old = keys.order.iter().take_while(|(at, _)| at + KEPT <= now).any(|(_, old)| **old == *key);
        (!is_old).then_some(offset)
    }

    pub(super) fn remember(&mut self, now: Millis, user: &str, key: &str, offset: u64) {
        self.sweep_at.get_or_insert(now + KEPT);
        if self.count >= MOST_IN_ALL {
            self.sweep(now);
        }
        if !self.users.contains_key(user) {
            self.users.insert(user.into(), OfUser::default());
        }
        let Some(keys) = self.users.get_mut(user) else { return };
        let before = keys.order.len();
        keys.forget_before(now);
        if self.count >= MOST_IN_ALL {
            // A user that says much forgets its own first.
            keys.forget_first();
        }
        let key: Arc<str> = key.into();
        keys.offsets.insert(key.clone(), offset);
        keys.order.push_back((now, key));
        if keys.order.len() > MOST {
            keys.forget_first();
        }
        self.count = self.count + keys.order.len() - before;
    }

    /// Forgets what is old.
    pub(super) fn sweep(&mut self, now: Millis) {
        if self.sweep_at.is_none_or(|at| at > now) {
            return;
        }
        self.forget_before(now);
        self.sweep_at = (!self.users.is_empty()).then_some(now + KEPT);
    }

    fn forget_before(&mut self, now: Millis) {
        self.users.retain(|_, keys| {
            keys.forget_before(now);
            !keys.order.is_empty()
        });
        self.count = self.users.values().map(|keys| keys.order.len()).sum();
    }

    /// When there will be something to forget.
    pub(super) fn due(&self) -> Option<Millis> {
        self.sweep_at
    }
}

impl OfUser {
    fn forget_before(&mut self, now: Millis) {
        while self.order.front().is_some_and(|(at, _)| at + KEPT <= now) {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        if let Some((_, key)) = self.order.pop_front() {
            self.offsets.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_for_its_user_and_its_time() {
        let mut keys = Keys::default();
        keys.remember(0, "ada", "k", 7);
        assert_eq!(keys.offset(KEPT - 1, "ada", "k"), Some(7));
        assert_eq!(keys.offset(0, "bob", "k"), None);
        assert_eq!(keys.offset(KEPT, "ada", "k"), None);
        keys.remember(KEPT, "ada", "k", 9);
        assert_eq!(keys.offset(KEPT, "ada", "k"), Some(9));
        assert_eq!(keys.due(), Some(KEPT));
        keys.sweep(KEPT * 2);
        assert_eq!(keys.due(), None);
    }

    #[test]
    fn a_user_has_room_for_a_thousand() {
        let mut keys = Keys::default();
        for n in 0..=MOST {
            keys.remember(0, "ada", &n.to_string(), n as u64);
        }
        assert_eq!(keys.offset(0, "ada", "0"), None);
        assert_eq!(keys.offset(0, "ada", "1"), Some(1));
        assert_eq!(keys.offset(0, "ada", &MOST.to_string()), Some(MOST as u64));
    }
    #[test]
    fn a_room_has_room_for_so_many() {
        let mut keys = Keys::default();
        for user in 0..60 {
            (0..MOST).for_each(|n| keys.remember(0, &user.to_string(), &n.to_string(), 1));
        }
        assert!(keys.count <= MOST_IN_ALL + 60, "{}", keys.count);
        assert_eq!(keys.offset(0, "0", "0"), Some(1), "who came first is not pushed out");
        assert_eq!(keys.offset(0, "59", &(MOST - 1).to_string()), Some(1), "and who comes last has its newest");
        keys.sweep(KEPT);
        assert_eq!((keys.count, keys.users.len()), (0, 0));
    }
}
