//! The time of rooms. It never goes back, as that of a computer may: else members would wait for as long as it was put back by
//! until they may speak again, and hear who is there.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::core::Millis;
use crate::store;

/// Milliseconds since 1970-01-01 UTC, as far as the computer's clock was never put back; and by so much more than that clock says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Now {
    pub(crate) at: Millis,
    pub(crate) ahead: Millis,
}

/// What time it is.
pub(crate) fn now() -> Now {
    static CLOCK: LazyLock<(Instant, Clock)> = LazyLock::new(|| (Instant::now(), Clock::default()));
    let (begun, clock) = &*CLOCK;
    clock.tell(store::now_ms(), u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX))
}

pub(super) fn now_ms() -> Millis {
    now().at
}

/// When everything began, as the latest of what the computer's clock has made of it.
#[derive(Debug, Default)]
struct Clock(AtomicU64);

impl Clock {
    fn tell(&self, wall: Millis, steady: Millis) -> Now {
        let began = wall.saturating_sub(steady);
        let began = self.0.fetch_max(began, Ordering::Relaxed).max(began);
        let at = began.saturating_add(steady);
        Now { at, ahead: at.saturating_sub(wall) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_put_back_does_not_stop_time() {
        let clock = Clock::default();
        assert_eq!(clock.tell(1_000_000, 0), Now { at: 1_000_000, ahead: 0 });
        assert_eq!(clock.tell(1_000_500, 500), Now { at: 1_000_500, ahead: 0 });
        // Back by an hour's tenth.
        assert_eq!(clock.tell(640_600, 600), Now { at: 1_000_600, ahead: 360_000 });
        assert_eq!(clock.tell(641_000, 1_000), Now { at: 1_001_000, ahead: 360_000 });
        // And forth by more.
        assert_eq!(clock.tell(2_001_100, 1_100), Now { at: 2_001_100, ahead: 0 });
    }
}
