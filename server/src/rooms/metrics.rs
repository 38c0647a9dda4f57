//! What the rooms of a kind have done and hold, as numbers.

use std::sync::atomic::{AtomicU64, Ordering};

use super::core::Tally;

macro_rules! metrics {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Numbers of one kind of rooms, since the server began.
        #[derive(Debug, Default)]
        pub struct Metrics {
            $($(#[$doc])* pub $name: Count,)*
        }

        impl Metrics {
            /// Every number with its name.
            pub fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name.get()),)*].into_iter()
            }
        }
    };
}

metrics! {
    /// Rooms there are.
    rooms,
    /// Members there are.
    members,
    /// Members that came in.
    joined,
    /// Joins that were refused.
    refused,
    /// Events that were published.
    published,
    /// Events that were published before with the same key.
    duplicates,
    /// Ephemeral events that were cast.
    cast,
    /// Signals that were sent, each counted once for every member.
    signals,
    /// Messages that were refused, whatever they were.
    rejected,
    /// How often who is there was told.
    presence,
    /// Frames that were given to links.
    delivered,
    /// Their bytes.
    delivered_bytes,
    /// Members that went on where they were.
    recovered,
    /// Members that came back and had lost events.
    lost,
    /// How often a reader was too slow.
    slow,
    /// Numbered events that were left out for slow readers.
    skipped,
}

/// A number that many threads change.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// The number.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn add(&self, more: u64) {
        if more > 0 {
            self.0.fetch_add(more, Ordering::Relaxed);
        }
    }

    pub(crate) fn take(&self, less: u64) {
        if less > 0 {
            self.0.fetch_sub(less, Ordering::Relaxed);
        }
    }
}

impl Metrics {
    pub(crate) fn pulled(&self, tally: &Tally) {
        self.delivered.add(tally.frames);
        self.delivered_bytes.add(tally.bytes);
        self.recovered.add(tally.recovered.into());
        self.lost.add(tally.lost.into());
        self.slow.add(tally.slow.into());
        self.skipped.add(tally.skipped);
    }
}
