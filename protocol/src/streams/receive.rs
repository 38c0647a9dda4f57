//! The receiving end of a stream.

use bytes::Bytes;

use super::StreamSpec;
use crate::code::Code;
use crate::failure::Failure;
use crate::id::StreamNo;

#[derive(Debug)]
pub(crate) struct Receiver {
    pub(crate) no: StreamNo,
    pub(crate) spec: StreamSpec,
    phase: Phase,
    /// The next byte that is new.
    expected: u64,
    /// What the receiver has made durable.
    durable: u64,
    /// How far the sender may go, as last told.
    limit: u64,
    told_durable: u64,
    told_limit: u64,
}

/// Where a receiver stands on the present link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The sender has not named the stream.
    Away,
    /// It has; it has not been told where to go on.
    Opening,
    /// Bytes may come.
    Flowing,
    /// The sender has said that there are no more.
    Ended,
}

/// What became of bytes that arrived.
#[derive(Debug, PartialEq)]
pub(crate) enum Taken {
    /// New bytes, at this offset.
    New(u64, Bytes),
    /// All of it was there already.
    Known,
    /// The stream cannot go on.
    Broken(Failure),
}

impl Receiver {
    pub(crate) fn new(no: StreamNo, spec: StreamSpec) -> Self {
        Self { no, spec, phase: Phase::Away, expected: 0, durable: 0, limit: 0, told_durable: 0, told_limit: 0 }
    }

    pub(crate) fn expected(&self) -> u64 {
        self.expected
    }

    pub(crate) fn durable_offset(&self) -> u64 {
        self.durable
    }

    /// The sender names the stream. False when it did so before on this link.
    pub(crate) fn opening(&mut self) -> bool {
        let away = self.phase == Phase::Away;
        if away {
            self.phase = Phase::Opening;
        }
        away
    }

    /// The sender goes on at `offset` and may go up to `limit`. False when that is said already, or to nobody: of two answers to
    /// the same word the first one counts.
    pub(crate) fn start(&mut self, offset: u64, limit: u64) -> bool {
        if self.phase != Phase::Opening {
            return false;
        }
        self.phase = Phase::Flowing;
        self.expected = offset;
        self.durable = offset;
        self.limit = limit;
        self.told_durable = offset;
        self.told_limit = limit;
        true
    }

    /// The link is gone; nothing may come until [`Receiver::start`] or [`Receiver::go_on`].
    pub(crate) fn suspend(&mut self) {
        self.phase = Phase::Away;
    }

    /// The reader goes on, on a new link, with what it has not seen yet; it has room up to `limit`.
    pub(crate) fn go_on(&mut self, limit: u64) {
        self.phase = Phase::Flowing;
        self.limit = self.limit.max(limit);
        self.told_durable = self.durable;
        self.told_limit = self.limit;
    }

    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    pub(crate) fn data(&mut self, offset: u64, bytes: Bytes) -> Taken {
        let end = offset + bytes.len() as u64;
        if self.phase == Phase::Ended && end > self.expected {
            let message = format!("bytes up to {end} came after the stream had ended at {}", self.expected);
            return Taken::Broken(Failure::new(Code::SizeMismatch, message));
        }
        // Before the credit, which never goes beyond the declared size: a sender told to wait would wait for ever.
        if let Some(size) = self.spec.size
            && end > size
        {
            return Taken::Broken(Failure::new(
                Code::SizeMismatch,
                format!("bytes up to {end} came, but {size} were declared; declare the right size or none"),
            ));
        }
        let limit = if matches!(self.phase, Phase::Flowing | Phase::Ended) { self.limit } else { 0 };
        if end > limit {
            return Taken::Broken(Failure::new(
                Code::BeyondCredit,
                format!("bytes up to {end} came, but credit was given up to {limit} only; wait for credit"),
            ));
        }
        if offset > self.expected {
            return Taken::Broken(Failure::new(
                Code::BadOffset,
                format!("bytes at {offset} came, but {} was next; send a stream's bytes in order", self.expected),
            ));
        }
        if end <= self.expected {
            return Taken::Known;
        }
        let skip = usize::try_from(self.expected - offset).unwrap_or(bytes.len());
        let at = self.expected;
        self.expected = end;
        Taken::New(at, bytes.slice(skip..))
    }

    /// The sender says that the whole has `size` bytes. Whether that is news.
    pub(crate) fn end(&mut self, size: u64) -> Result<bool, Failure> {
        if self.phase == Phase::Ended && size == self.expected {
            return Ok(false);
        }
        let mismatch = match self.spec.size {
            Some(declared) if declared != size => format!("the stream ends at {size} bytes, but {declared} were declared"),
            _ if self.expected != size || self.phase != Phase::Flowing => {
                format!("the stream ends at {size} bytes, but {} arrived; open it again", self.expected)
            }
            _ => {
                self.phase = Phase::Ended;
                return Ok(true);
            }
        };
        Err(Failure::new(Code::SizeMismatch, mismatch))
    }

    /// Bytes up to here are durable, and there is room up to `limit`.
    pub(crate) fn durable(&mut self, durable: u64, limit: u64) {
        self.durable = self.durable.max(durable);
        self.limit = self.limit.max(limit);
    }

    /// What the sender has not been told yet. Called when a frame can go out, so that many steps make one frame.
    pub(crate) fn take_credit(&mut self) -> Option<(u64, u64)> {
        if !matches!(self.phase, Phase::Flowing | Phase::Ended)
            || (self.told_durable == self.durable && self.told_limit == self.limit)
        {
            return None;
        }
        self.told_durable = self.durable;
        self.told_limit = self.limit;
        Some((self.durable, self.limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::StreamId;

    fn receiver(size: Option<u64>, limit: u64) -> Receiver {
        let spec = StreamSpec { id: StreamId::from_random([0; 16]), name: None, media: None, size };
        let mut receiver = Receiver::new(StreamNo(1), spec);
        assert!(receiver.opening() && receiver.start(0, limit));
        receiver
    }

    fn code(taken: Taken) -> Option<Code> {
        match taken {
            Taken::Broken(failure) => Some(failure.code),
            _ => None,
        }
    }

    #[test]
    fn an_overlap_is_cut_and_a_gap_is_refused() {
        let mut receiver = receiver(None, 100);
        assert_eq!(receiver.data(0, Bytes::from_static(b"abcd")), Taken::New(0, Bytes::from_static(b"abcd")));
        assert_eq!(receiver.data(2, Bytes::from_static(b"cdef")), Taken::New(4, Bytes::from_static(b"ef")));
        assert_eq!(receiver.data(0, Bytes::from_static(b"abc")), Taken::Known);
        assert_eq!(code(receiver.data(7, Bytes::from_static(b"x"))), Some(Code::BadOffset));
    }

    #[test]
    fn credit_and_declared_size_hold() {
        assert_eq!(code(receiver(None, 3).data(0, Bytes::from_static(b"abcd"))), Some(Code::BeyondCredit));
        assert_eq!(code(receiver(Some(3), 9).data(0, Bytes::from_static(b"abcd"))), Some(Code::SizeMismatch));
    }

    #[test]
    fn bytes_come_between_the_word_where_to_begin_and_the_end() {
        let spec = StreamSpec { id: StreamId::from_random([0; 16]), name: None, media: None, size: None };
        let mut receiver = Receiver::new(StreamNo(1), spec);
        assert!(!receiver.start(0, 9));
        assert!(receiver.opening() && !receiver.opening());
        assert_eq!(code(receiver.data(0, Bytes::from_static(b"a"))), Some(Code::BeyondCredit));
        assert!(receiver.start(0, 9) && !receiver.start(5, 9));
        assert_eq!(receiver.data(0, Bytes::from_static(b"ab")), Taken::New(0, Bytes::from_static(b"ab")));
        assert_eq!(receiver.end(3).map_err(|failure| failure.code), Err(Code::SizeMismatch));
        assert_eq!((receiver.end(2), receiver.end(2)), (Ok(true), Ok(false)));
        assert_eq!(receiver.data(0, Bytes::from_static(b"ab")), Taken::Known);
        assert_eq!(code(receiver.data(2, Bytes::from_static(b"c"))), Some(Code::SizeMismatch));
    }

    #[test]
    fn credit_is_told_once() {
        let mut receiver = receiver(None, 10);
        assert_eq!(receiver.take_credit(), None);
        receiver.durable(4, 14);
        receiver.durable(5, 15);
        assert_eq!(receiver.take_credit(), Some((5, 15)));
        assert_eq!(receiver.take_credit(), None);
    }
}
