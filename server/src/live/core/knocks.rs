//! How often a session may be let in. Each time its broadcaster begins a peer connection, so one that comes and goes without end would
//! keep the broadcaster's device busy.

use std::collections::HashMap;

use samewire_protocol::{Code, Failure};

use crate::rooms::core::{Bucket, Millis};
use crate::session::SessionKey;

/// How often a second, and at once.
const RATE: u32 = 20;
const BURST: u32 = 100;
/// After this long a session has all of it again, whatever it did.
const FORGOTTEN: Millis = 1_000 * (BURST / RATE) as Millis;
/// So many are remembered before those are looked for that need not be.
const MANY: usize = 256;

/// Who was let in lately. Kept beside the seats, so that leaving the room and coming back changes nothing.
#[derive(Debug, Default)]
pub(super) struct Knocks {
    buckets: HashMap<SessionKey, (Bucket, Millis)>,
    sweep_at: usize,
}

impl Knocks {
    /// Counts one more time.
    ///
    /// # Errors
    /// `rate-limited`.
    pub(super) fn knock(&mut self, now: Millis, session: SessionKey) -> Result<(), Failure> {
        if self.buckets.len() >= self.sweep_at.max(MANY) {
            self.buckets.retain(|_, (_, last)| now < *last + FORGOTTEN);
            self.sweep_at = self.buckets.len() * 2;
        }
        let (bucket, last) = self.buckets.entry(session).or_insert_with(|| (Bucket::full(now, BURST), now));
        *last = now;
        bucket.take(now, RATE, BURST).map_err(|wait| {
            let told = format!("a session is let in {RATE} times a second at most; the next time in {wait} ms");
            Failure::new(Code::RateLimited, told)
        })
    }
}

#[cfg(test)]
mod tests {
    use samewire_protocol::SessionId;

    use super::*;

    #[test]
    fn a_session_is_slowed_down_and_forgotten_when_it_is_calm() {
        let mut knocks = Knocks::default();
        let session = |life| SessionKey { id: SessionId::from_random([7; 16]), life };
        assert!((0..BURST).all(|_| knocks.knock(1_000, session(0)).is_ok()));
        assert_eq!(knocks.knock(1_000, session(0)).expect_err("too often").code, Code::RateLimited);
        assert!(knocks.knock(1_000, session(1)).is_ok(), "another one is not meant");
        assert!(knocks.knock(1_000 + FORGOTTEN, session(0)).is_ok());
        for number in 0..10_000 {
            let now = 2_000_000 + number * 10;
            knocks.knock(now, session(number)).expect("the first time");
        }
        assert!(knocks.buckets.len() <= 2 * 501, "{} are remembered", knocks.buckets.len());
    }
}
