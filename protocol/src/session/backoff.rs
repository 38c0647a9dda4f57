//! When to dial again: full jitter, a cap, and the server's advice first.

use std::time::Duration;

use super::rng::Rng;
use crate::wire::Advice;

/// The numbers of the backoff.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackoffConfig {
    /// The span of the first retry. Default 250 ms.
    pub base: Duration,
    /// The longest span. Default 20 s.
    pub cap: Duration,
    /// A link that was up for so long makes the next retry a first one again. Default 10 s; 1 s suffices where it carried bytes of a
    /// stream or the answer to a call.
    pub settled: Duration,
}

impl Default for BackoffConfig {
    fn default() -> Self {
        Self { base: Duration::from_millis(250), cap: Duration::from_secs(20), settled: Duration::from_secs(10) }
    }
}

impl BackoffConfig {
    /// The wait before retry number `attempt` (from 0): the server's delay, then a random part of the span
    /// `min(cap, base * 2^attempt)` or of the server's spread, whichever is longer.
    pub(crate) fn wait(&self, rng: &mut Rng, attempt: u32, advice: Advice) -> Duration {
        let doubled = self.base.saturating_mul(1u32.checked_shl(attempt).unwrap_or(u32::MAX));
        let span = doubled.min(self.cap).max(Duration::from_millis(advice.spread));
        let span = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
        Duration::from_millis(advice.delay) + Duration::from_micros(rng.up_to(span))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_spread_over_the_whole_span_and_never_shorter_than_told() {
        let config = BackoffConfig::default();
        let mut rng = Rng::new(1);
        let advice = Advice { delay: 300, spread: 4_000 };
        let waits: Vec<_> = (0..2_000).map(|_| config.wait(&mut rng, 0, advice).as_millis()).collect();
        assert!(waits.iter().all(|wait| (300..=4_300).contains(wait)));
        for slot in 0..4 {
            let from = 300 + slot * 1_000;
            let hits = waits.iter().filter(|wait| (from..from + 1_000).contains(*wait)).count();
            assert!((400..600).contains(&hits), "slot {slot}: {hits} of 2000");
        }
    }

    #[test]
    fn the_span_doubles_up_to_the_cap() {
        let config = BackoffConfig::default();
        let none = Advice { delay: 0, spread: 0 };
        let longest = |attempt| {
            let mut rng = Rng::new(7);
            (0..500).map(|_| config.wait(&mut rng, attempt, none)).max().unwrap()
        };
        assert!(longest(0) <= config.base && longest(3) <= config.base * 8 && longest(3) > config.base * 6);
        assert!(longest(200) <= config.cap && longest(200) > config.cap / 2);
    }
}
