//! A few bytes.

use tokio::io::ReadBuf;

/// At most so many bytes, which are pushed one by one.
#[derive(Debug)]
pub(super) struct Few<const N: usize> {
    bytes: [u8; N],
    start: usize,
    end: usize,
}

impl<const N: usize> Default for Few<N> {
    fn default() -> Self {
        Self { bytes: [0; N], start: 0, end: 0 }
    }
}

impl<const N: usize> Few<N> {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut few = Self::default();
        bytes.iter().for_each(|byte| few.push(*byte));
        few
    }

    pub(super) fn push(&mut self, byte: u8) {
        self.bytes[self.end] = byte;
        self.end += 1;
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    pub(super) fn len(&self) -> usize {
        self.bytes().len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes().is_empty()
    }

    /// Gives out what there is room for.
    pub(super) fn drain(&mut self, out: &mut ReadBuf<'_>) {
        let count = self.len().min(out.remaining());
        out.put_slice(&self.bytes()[..count]);
        self.start += count;
    }
}
