//! Bytes that one owner may have on the server: stored files and everything that is reserved for streams under way.

use crate::auth::Owner;

/// What each kind of owner may keep, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// For each user. Default 16 GiB.
    pub user: u64,
    /// For each anonymous session. Default 1 GiB.
    pub anonymous: u64,
}

impl Default for Quota {
    fn default() -> Self {
        Self { user: 16 << 30, anonymous: 1 << 30 }
    }
}

impl Quota {
    /// What this owner may keep, in bytes.
    #[must_use]
    pub fn of(&self, owner: &Owner) -> u64 {
        if owner.is_anonymous() { self.anonymous } else { self.user }
    }
}

/// How many windows are reserved when a stream of unknown length is opened. Reserving costs a write to the records, so it is
/// done in steps, well before the sender needs the room.
const FIRST_STEP: u64 = 4;

/// How many windows are reserved at a time while such a stream goes on.
const STEP: u64 = 16;

/// What to reserve for a new stream: its size, or the first step.
pub(crate) fn first_reservation(size: Option<u64>, window: u64, max: u64) -> u64 {
    size.unwrap_or_else(|| window.saturating_mul(FIRST_STEP).min(max))
}

/// What to raise the reservation of a stream of unknown length to, once less than two windows of it are left.
pub(crate) fn next_reservation(durable: u64, reserved: u64, window: u64, max: u64) -> Option<u64> {
    let low = reserved < durable.saturating_add(window.saturating_mul(2));
    let next = durable.saturating_add(window.saturating_mul(STEP)).min(max);
    (low && next > reserved).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reservations_of_unknown_length_grow_ahead_of_the_bytes_and_stop_at_the_maximum() {
        let (window, max) = (4, 100);
        let mut reserved = first_reservation(None, window, max);
        assert_eq!(reserved, 16);
        for durable in 0..=max {
            if let Some(next) = next_reservation(durable, reserved, window, max) {
                assert!(next > reserved && next <= max);
                reserved = next;
            }
            assert!(reserved >= (durable + window).min(max), "credit at {durable} has no room reserved");
        }
        assert_eq!(next_reservation(max, max, window, max), None);
        assert_eq!(first_reservation(Some(7), window, max), 7);
        assert_eq!(first_reservation(None, window, 3), 3);
    }
}
