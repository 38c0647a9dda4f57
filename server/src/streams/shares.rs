//! What all streams together may have on their way to the disk, in equal shares.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// No share is smaller: a sender that may send less at once waits for each answer.
const LEAST: u64 = 256 * 1024;

/// Counts the streams that are being sent.
#[derive(Clone, Default)]
pub(super) struct Shares(Arc<AtomicU64>);

/// One of them. Given back when dropped.
pub(super) struct Share(Arc<AtomicU64>);

impl Shares {
    pub(super) fn take(&self) -> Share {
        self.0.fetch_add(1, Ordering::Relaxed);
        Share(Arc::clone(&self.0))
    }

    /// How large each share of `all` is, and never more than `most`.
    pub(super) fn size(&self, all: u64, most: u64) -> u64 {
        (all / self.0.load(Ordering::Relaxed).max(1)).max(LEAST).min(most)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn all_streams_together_keep_to_what_there_is() {
        let shares = Shares::default();
        assert_eq!(shares.size(32 * MIB, 4 * MIB), 4 * MIB, "nobody sends");
        let mut taken: Vec<Share> = (0..8).map(|_| shares.take()).collect();
        assert_eq!(shares.size(32 * MIB, 4 * MIB), 4 * MIB);
        taken.extend((0..24).map(|_| shares.take()));
        assert_eq!(shares.size(32 * MIB, 4 * MIB), MIB);
        taken.truncate(16);
        assert_eq!(shares.size(32 * MIB, 4 * MIB), 2 * MIB);
    }

    #[test]
    fn no_share_is_too_small_to_go_on_with_and_none_larger_than_the_window() {
        let shares = Shares::default();
        let _taken: Vec<Share> = (0..1000).map(|_| shares.take()).collect();
        assert_eq!(shares.size(32 * MIB, 4 * MIB), LEAST);
        assert_eq!(shares.size(32 * MIB, 64 * 1024), 64 * 1024);
    }
}
