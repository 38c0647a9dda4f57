//! Whether a client is there: it is asked every so often, as its library expects, and given up when it does not answer or takes
//! nothing.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::time::Sleep;

use crate::config::SessionLimits;

#[derive(Debug)]
pub(super) struct Heartbeat {
    interval: Duration,
    patience: Duration,
    heard: Instant,
    /// When it was asked last, and whether that is answered.
    asked: Instant,
    waits: bool,
    /// Since when it takes nothing of what it is told.
    moved: Instant,
    alarm: Pin<Box<Sleep>>,
}

/// What it is time for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Beat {
    Nothing,
    Ask,
    /// To give the client up.
    Stop,
}

impl Heartbeat {
    pub(super) fn new(limits: &SessionLimits) -> Self {
        let (interval, patience, now) = (limits.heartbeat_interval, limits.heartbeat_timeout, Instant::now());
        let alarm = Box::pin(tokio::time::sleep(interval));
        Self { interval, patience, heard: now, asked: now, waits: false, moved: now, alarm }
    }

    /// The client said something.
    pub(super) fn heard(&mut self) {
        self.heard = Instant::now();
    }

    /// The client takes what it is told.
    pub(super) fn moved(&mut self) {
        self.moved = Instant::now();
    }

    /// Whether it is time to look after the client. [`Self::beat`] comes next, then this again.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.alarm.as_mut().poll(context)
    }

    pub(super) fn beat(&mut self) -> Beat {
        let now = Instant::now();
        let beat = self.at(now);
        let next = match self.waits {
            true if now < self.asked + self.interval => (self.asked + self.interval).min(self.asked + self.patience),
            true => self.asked + self.patience,
            false => self.asked + self.interval,
        };
        let next = next.max(now + Duration::from_millis(10));
        self.alarm.as_mut().reset(next.into());
        beat
    }

    fn at(&mut self, now: Instant) -> Beat {
        self.waits &= self.heard < self.asked;
        let is_late = self.waits && now >= self.asked + self.patience;
        if is_late || now >= self.moved + self.interval + self.patience {
            return Beat::Stop;
        }
        if self.waits || now < self.asked + self.interval {
            return Beat::Nothing;
        }
        (self.asked, self.waits) = (now, true);
        Beat::Ask
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heartbeat() -> Heartbeat {
        let limits = SessionLimits {
            heartbeat_interval: Duration::from_secs(20),
            heartbeat_timeout: Duration::from_secs(10),
            ..SessionLimits::default()
        };
        Heartbeat::new(&limits)
    }

    #[tokio::test]
    async fn it_is_asked_every_so_often_also_while_it_talks() {
        let mut heartbeat = heartbeat();
        let start = heartbeat.asked;
        let second = |n| start + Duration::from_secs(n);
        for n in 0..10 {
            let due = 20 * (n + 1);
            (heartbeat.heard, heartbeat.moved) = (second(due - 1), second(due));
            assert_eq!(heartbeat.at(second(due - 1)), Beat::Nothing);
            assert_eq!(heartbeat.at(second(due)), Beat::Ask, "{n}");
            assert_eq!(heartbeat.at(second(due + 9)), Beat::Nothing);
        }
        assert_eq!(heartbeat.at(second(210)), Beat::Stop);
    }

    #[tokio::test]
    async fn who_takes_nothing_is_given_up_however_much_it_says() {
        let mut heartbeat = heartbeat();
        let start = heartbeat.asked;
        let second = |n| start + Duration::from_secs(n);
        assert_eq!(heartbeat.at(second(20)), Beat::Ask);
        heartbeat.heard = second(29);
        assert_eq!(heartbeat.at(second(29)), Beat::Nothing);
        heartbeat.heard = second(30);
        assert_eq!(heartbeat.at(second(30)), Beat::Stop);
    }
}
