//! How long each thing may take.

use std::time::Duration;

use super::Side;
use crate::session::rng::Rng;

/// Candidates found within this time are told together.
pub(super) const BATCH: Duration = Duration::from_millis(15);

/// An offer without an answer is made again after this time.
pub(super) const ANSWER: Duration = Duration::from_secs(5);

/// How often an offer is told before a new peer connection is asked for.
pub(super) const OFFERS: u32 = 3;

/// An offer without an answer is told again after this time while media flows all the same.
pub(super) const NO_HURRY: Duration = Duration::from_secs(15);

/// A message that the server did not take for the moment is told again after this time.
pub(super) const RETELL: Duration = Duration::from_secs(2);

/// How long an engine may take over a description.
pub(super) const ENGINE: Duration = Duration::from_secs(10);

/// How many ICE restarts are tried before a new peer connection is asked for.
pub(super) const RESTARTS: u32 = 2;

/// How long an answer to the wish for a new peer connection may take.
pub(super) const REBUILD: Duration = Duration::from_secs(5);

/// Without a connection for so long, it is given up.
pub(super) const GIVE_UP: Duration = Duration::from_secs(60);

/// How long a peer connection stays after another one has taken its place, unless that one has media before.
pub(super) const BREAK: Duration = Duration::from_secs(15);

/// The longest waits before a new peer connection is asked for, the first time, the second, …, in seconds.
const SPANS: [u64; 5] = [1, 2, 4, 8, 15];

/// The wait before a new peer connection is asked for: a random part of the span of this attempt, from 0.
pub(super) fn backoff(rng: &mut Rng, attempt: u32) -> Duration {
    let at = usize::try_from(attempt).unwrap_or(usize::MAX).min(SPANS.len() - 1);
    let span = SPANS.get(at).copied().unwrap_or_default();
    Duration::from_millis(rng.up_to(span * 1_000))
}

impl Side {
    /// A viewer lets the broadcaster go first, so that the two seldom do the same at once.
    fn later(self) -> Duration {
        if self == Self::Viewer { Duration::from_secs(1) } else { Duration::ZERO }
    }

    /// How long the first offer may be awaited; at a broadcaster, how long its engine may take to ask for a negotiation.
    pub(super) fn beginning(self) -> Duration {
        Duration::from_secs(6) + self.later()
    }

    /// How long a path may be looked for after descriptions were exchanged.
    pub(super) fn connecting(self) -> Duration {
        Duration::from_secs(12) + self.later()
    }

    /// How long a path that does not answer is left alone: most come back by themselves.
    pub(super) fn grace(self) -> Duration {
        Duration::from_millis(2_500) + self.later()
    }

    /// How long a path may be looked for after an ICE restart.
    pub(super) fn healing(self) -> Duration {
        Duration::from_secs(8) + self.later()
    }

    /// How long the old peer connection stays after the new one is connected: a broadcaster cannot see when the viewer has its first
    /// picture; a viewer closes it with that picture, and after this time where none comes.
    pub(super) fn linger(self) -> Duration {
        Duration::from_secs(1) + self.later()
    }
}
