//! Randomness from a seed, so that a script that fails can be run again.

use bytes::Bytes;
use samewire_protocol::{FileId, SessionId, StreamId};

/// SplitMix64 (Steele, Lea and Flood 2014).
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// A generator that gives the same numbers for the same seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is at least 1.
    pub fn below(&mut self, end: u64) -> u64 {
        self.bits() % end.max(1)
    }

    /// True in `percent` of 100 cases.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of these, which are at least one.
    pub fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        let at = usize::try_from(self.below(items.len() as u64)).unwrap_or(0);
        items[at]
    }

    /// So many random bytes.
    pub fn bytes(&mut self, count: usize) -> Bytes {
        let mut bytes = Vec::with_capacity(count + 8);
        while bytes.len() < count {
            bytes.extend_from_slice(&self.bits().to_le_bytes());
        }
        bytes.truncate(count);
        bytes.into()
    }

    fn id_bits(&mut self) -> [u8; 16] {
        let (high, low) = (self.bits(), self.bits());
        (u128::from(high) << 64 | u128::from(low)).to_be_bytes()
    }

    /// A stream's id.
    pub fn stream_id(&mut self) -> StreamId {
        StreamId::from_random(self.id_bits())
    }

    /// A session's id.
    pub fn session_id(&mut self) -> SessionId {
        SessionId::from_random(self.id_bits())
    }

    /// A file's id.
    pub fn file_id(&mut self) -> FileId {
        FileId::from_random(self.id_bits())
    }
}
