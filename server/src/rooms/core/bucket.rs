//! How many messages a member may send: a token bucket.

/// Fills at a rate, up to a burst; each message takes one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    /// In thousandths of a message.
    level: u64,
    at: u64,
}

impl Bucket {
    pub(crate) fn full(now: u64, burst: u32) -> Self {
        Self { level: u64::from(burst) * 1_000, at: now }
    }

    /// Takes one message out. `Err` says in how many milliseconds there will be one.
    pub(crate) fn take(&mut self, now: u64, rate: u32, burst: u32) -> Result<(), u64> {
        // So many messages a second are as many thousandths a millisecond.
        let filled = now.saturating_sub(self.at).saturating_mul(u64::from(rate));
        self.level = self.level.saturating_add(filled).min(u64::from(burst) * 1_000);
        self.at = self.at.max(now);
        match self.level.checked_sub(1_000) {
            Some(rest) => {
                self.level = rest;
                Ok(())
            }
            None => Err((1_000 - self.level).div_ceil(u64::from(rate.max(1)))),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_burst_and_then_the_rate() {
        let mut bucket = Bucket::full(1_000, 3);
        assert!((0..3).all(|_| bucket.take(1_000, 10, 3).is_ok()));
        assert_eq!(bucket.take(1_000, 10, 3), Err(100));
        assert_eq!(bucket.take(1_050, 10, 3), Err(50));
        assert_eq!(bucket.take(1_100, 10, 3), Ok(()));
        assert_eq!(bucket.take(0, 10, 3), Err(100));
    }

    proptest! {
        #[test]
        fn never_more_than_the_burst_and_the_rate(rate in 1u32..100, burst in 1u32..50, waits in proptest::collection::vec(0u64..200, 1..200)) {
            let mut bucket = Bucket::full(0, burst);
            let (mut now, mut taken) = (0, 0);
            for wait in waits {
                now += wait;
                taken += u64::from(bucket.take(now, rate, burst).is_ok());
                prop_assert!(taken * 1_000 <= u64::from(burst) * 1_000 + now * u64::from(rate));
            }
        }
    }
}
