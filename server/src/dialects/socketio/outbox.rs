//! What waits to be told to a client.

use std::collections::VecDeque;

use tokio_tungstenite::tungstenite::Utf8Bytes;

/// How much may wait before nothing more is asked of the session or the client, in bytes.
const MOST: usize = 64 * 1024;
/// What a packet takes besides its bytes.
const PACKET: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Outbox {
    packets: VecDeque<Utf8Bytes>,
    bytes: usize,
}

impl Outbox {
    pub(super) fn push(&mut self, packet: Utf8Bytes) {
        self.bytes += packet.len() + PACKET;
        self.packets.push_back(packet);
    }

    pub(super) fn pop(&mut self) -> Option<Utf8Bytes> {
        let packet = self.packets.pop_front()?;
        self.bytes = self.bytes.saturating_sub(packet.len() + PACKET);
        Some(packet)
    }

    /// Puts what waits there before what waits here.
    pub(super) fn go_behind(&mut self, mut other: Self) {
        other.extend(self.packets.drain(..));
        *self = other;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes >= MOST
    }

    pub(super) fn into_packets(self) -> impl Iterator<Item = Utf8Bytes> {
        self.packets.into_iter()
    }
}

impl Extend<Utf8Bytes> for Outbox {
    fn extend<I: IntoIterator<Item = Utf8Bytes>>(&mut self, packets: I) {
        packets.into_iter().for_each(|packet| self.push(packet));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_full_by_bytes_and_keeps_the_order() {
        let mut outbox = Outbox::default();
        outbox.extend(["c", "d"].map(Utf8Bytes::from_static));
        let mut before = Outbox::default();
        before.extend(["a", "b"].map(Utf8Bytes::from_static));
        outbox.go_behind(before);
        assert!(!outbox.is_full());
        outbox.push("x".repeat(MOST).into());
        assert!(outbox.is_full());
        let first: Vec<_> = std::iter::from_fn(|| outbox.pop()).take(4).collect();
        assert_eq!(first, ["a", "b", "c", "d"]);
        assert!(outbox.is_full());
        assert!(outbox.pop().is_some() && outbox.is_empty() && outbox.bytes == 0);
    }
}
