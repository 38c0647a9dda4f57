//! The sending end of a stream.

use std::collections::VecDeque;

use bytes::Bytes;

use super::StreamSpec;
use super::pacer::{Moment, Pacer};
use crate::code::Code;
use crate::digest::{Digest, Digester};
use crate::failure::{Failure, Ran};
use crate::id::StreamNo;
use crate::limits::{CHUNK_HEADER, MAX_CHUNK};
use crate::time::Instant;
use crate::wire::chunk;

/// How many bytes a source that answers at once is asked for ahead of what is sent.
pub(crate) const READ_AHEAD: u64 = 128 * 1024;

/// Where a stream's bytes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The source can be read again at any offset (a file).
    Seekable,
    /// The source gives each byte once: what is not durable yet is kept here, at most one window.
    Once,
}

/// The session wants bytes of a stream from its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Want {
    /// The stream.
    pub stream: StreamNo,
    /// Where the bytes begin.
    pub offset: u64,
    /// How many there may be at most. Fewer are fine; none say that the source has ended.
    pub max: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SenderPhase {
    /// The receiver has not said yet, on this link, where to go on.
    Opening,
    /// Bytes flow.
    Flowing,
    /// Everything is sent, and so is the end; the receiver verifies.
    Ended,
}

#[derive(Debug)]
enum Digests {
    Compute(Box<Digester>),
    Known(Digest),
}

#[derive(Debug)]
pub(crate) struct Sender {
    pub(crate) no: StreamNo,
    pub(crate) spec: StreamSpec,
    pub(crate) phase: SenderPhase,
    pub(crate) paused: bool,
    /// Whether it leaves room on the way for calls.
    pub(crate) paces: bool,
    source: Source,
    read_ahead: u64,
    digest: Digests,
    /// The next byte to go on the wire.
    next: u64,
    durable: u64,
    limit: u64,
    /// The size of the whole, once the source has said that it ends.
    total: Option<u64>,
    /// What the source was asked for and has not given.
    asked: Option<u64>,
    /// The receiver's word that it has everything.
    verdict: Option<(u64, Digest)>,
    /// The most bytes that a frame may carry.
    chunk: usize,
    /// Frames that wait to be sent, without gaps, from `next` on.
    ready: VecDeque<(u64, Bytes)>,
    /// Frames of a [`Source::Once`] that were sent and are not durable.
    kept: VecDeque<(u64, Bytes)>,
    pacer: Pacer,
}

impl Sender {
    pub(crate) fn new(no: StreamNo, spec: StreamSpec, source: Source, read_ahead: u64) -> Self {
        let sender = Self::with_digest(no, spec, source, Digests::Compute(Box::default()));
        Self { read_ahead, ..sender }
    }

    /// A sender whose content and digest are known from the start.
    pub(crate) fn known(no: StreamNo, spec: StreamSpec, size: u64, digest: Digest) -> Self {
        let mut sender = Self::with_digest(no, spec, Source::Seekable, Digests::Known(digest));
        sender.total = Some(size);
        sender
    }

    fn with_digest(no: StreamNo, spec: StreamSpec, source: Source, digest: Digests) -> Self {
        Self {
            no,
            spec,
            phase: SenderPhase::Opening,
            paused: false,
            paces: true,
            source,
            read_ahead: READ_AHEAD,
            digest,
            next: 0,
            durable: 0,
            limit: 0,
            total: None,
            asked: None,
            verdict: None,
            chunk: MAX_CHUNK,
            ready: VecDeque::new(),
            kept: VecDeque::new(),
            pacer: Pacer::new(),
        }
    }

    pub(crate) fn durable(&self) -> u64 {
        self.durable
    }

    /// The most bytes that the receiver takes in a frame.
    pub(crate) fn set_chunk(&mut self, most: usize) {
        self.chunk = most.clamp(1, MAX_CHUNK);
    }

    /// The link is gone; the receiver will say where to go on.
    pub(crate) fn suspend(&mut self) {
        self.phase = SenderPhase::Opening;
        self.pacer.reset();
    }

    /// The receiver may know nothing of the stream, of which nothing is durable: it is sent from its first byte on.
    pub(crate) fn rewind(&mut self) {
        self.next = 0;
        self.asked = None;
        self.ready.clear();
    }

    /// The receiver says what it has and how far it has room.
    pub(crate) fn opened(&mut self, offset: u64, limit: u64) -> Result<(), Failure> {
        let known = self.next.max(self.total.unwrap_or(0)).max(self.spec.size.unwrap_or(0));
        if self.source == Source::Once && offset < self.durable {
            return Err(Failure::new(
                Code::ConnectionLost,
                "the server lost bytes of this stream, and its source cannot be read again; send it anew",
            )
            .ran(Ran::Maybe));
        }
        // Before anything was read, those are bytes of a client before this one: they are read over.
        let begun = matches!(&self.digest, Digests::Compute(digester) if digester.count() > 0);
        let claimed = self.source == Source::Once && begun && offset > known;
        if claimed || self.total.or(self.spec.size).is_some_and(|size| offset > size) {
            return Err(Failure::new(Code::BadOffset, "the server claims bytes of this stream that were never sent"));
        }
        self.phase = SenderPhase::Flowing;
        self.limit = limit.max(offset);
        self.durable = offset;
        match self.source {
            Source::Seekable => {
                self.ready.clear();
                self.asked = None;
            }
            // Asked twice, the source would give the bytes of the first answer to nobody: the want stands.
            Source::Once => {
                // What was on the way when the link went goes out again, in order.
                while let Some(frame) = self.kept.pop_back() {
                    self.ready.push_front(frame);
                }
                while let Some((at, frame)) = self.ready.pop_front() {
                    let end = at + payload(&frame);
                    if end > offset {
                        let skip = usize::try_from(offset.saturating_sub(at)).unwrap_or(usize::MAX);
                        let frame =
                            if skip == 0 { frame } else { chunk::encode(self.no, offset, &frame[CHUNK_HEADER + skip..]) };
                        self.ready.push_front((at.max(offset), frame));
                        break;
                    }
                }
            }
        }
        self.next = offset;
        Ok(())
    }

    /// The receiver's word on what is durable and how far it has room. Returns whether anything became durable.
    pub(crate) fn credit(&mut self, now: Instant, durable: u64, limit: u64) -> bool {
        if self.phase == SenderPhase::Opening && self.no.is_clients() {
            return false;
        }
        if self.phase == SenderPhase::Opening {
            self.phase = SenderPhase::Flowing;
        }
        let durable = durable.min(self.next);
        let limited = self.next - self.durable >= self.pacer.allowance(false) - self.pacer.allowance(false) / 4;
        self.pacer.durable(now, durable, limited);
        self.limit = self.limit.max(limit);
        self.pacer.cap(self.limit.saturating_sub(durable));
        if durable <= self.durable {
            return false;
        }
        self.durable = durable;
        while self.kept.front().is_some_and(|(at, frame)| at + payload(frame) <= durable) {
            self.kept.pop_front();
        }
        true
    }

    /// What the session wants of the source now, if anything. Each want is told once.
    pub(crate) fn want(&mut self) -> Option<Want> {
        if self.phase != SenderPhase::Flowing || self.paused || self.asked.is_some() {
            return None;
        }
        let offset = self.wanted_offset();
        if self.total.or(self.spec.size).is_some_and(|total| offset >= total) {
            // A source of a declared size is done when the size is reached.
            return None;
        }
        let ahead = offset.saturating_sub(self.next);
        let room = self.limit.saturating_sub(offset).min(self.read_ahead.saturating_sub(ahead));
        let room = match self.total.or(self.spec.size) {
            Some(total) => room.min(total - offset),
            None => room,
        };
        // Small reads cost more than they bring.
        let last = self.total.or(self.spec.size).is_some_and(|total| total - offset <= room);
        if room == 0 || (room < MAX_CHUNK as u64 && !last && ahead > 0) {
            return None;
        }
        self.asked = Some(offset);
        Some(Want { stream: self.no, offset, max: usize::try_from(room).unwrap_or(MAX_CHUNK) })
    }

    fn wanted_offset(&self) -> u64 {
        let end = self.end_of_ready();
        match &self.digest {
            // The digest takes in every byte, those too that an earlier life of the stream has sent.
            Digests::Compute(digester) => end.min(digester.count()),
            Digests::Known(_) => end,
        }
    }

    /// Bytes from the source; none say that it has no more. False when they do not answer the last want (the link was cut in
    /// between): the source is asked again. Fails as [`Sender::source_ended`] does.
    pub(crate) fn provide(&mut self, offset: u64, bytes: &[u8]) -> Result<bool, Failure> {
        if self.asked != Some(offset) {
            return Ok(false);
        }
        if bytes.is_empty() {
            return self.source_ended().map(|()| true);
        }
        self.asked = None;
        if let Digests::Compute(digester) = &mut self.digest {
            let known = digester.count();
            if offset <= known
                && let Some(new) = usize::try_from(known - offset).ok().and_then(|skip| bytes.get(skip..))
            {
                digester.update(new);
            }
        }
        let end = self.end_of_ready();
        let Some(fresh) = usize::try_from(end.saturating_sub(offset)).ok().and_then(|skip| bytes.get(skip..)) else {
            return Ok(true);
        };
        let mut at = end;
        for piece in fresh.chunks(self.chunk) {
            self.ready.push_back((at, chunk::encode(self.no, at, piece)));
            at += piece.len() as u64;
        }
        Ok(true)
    }

    /// The source has no more bytes. Fails when it gave fewer than it declared, or than it gave before.
    pub(crate) fn source_ended(&mut self) -> Result<(), Failure> {
        let end = match (self.source, self.asked.take()) {
            (Source::Once, _) => self.end_of_ready(),
            (Source::Seekable, Some(asked)) => asked,
            // The answer to a want of a link before: it is told again.
            (Source::Seekable, None) => return Ok(()),
        };
        let before = match &self.digest {
            Digests::Compute(digester) => digester.count(),
            Digests::Known(_) => self.total.unwrap_or(end),
        };
        let expected = self.total.or(self.spec.size).unwrap_or(before).max(before);
        if end != expected {
            return Err(Failure::new(
                Code::SizeMismatch,
                format!("the source ended after {end} bytes, and not after {expected}; the file may have changed"),
            ));
        }
        self.total = Some(end);
        Ok(())
    }

    fn end_of_ready(&self) -> u64 {
        self.ready.back().map_or(self.next, |(at, frame)| at + payload(frame))
    }

    /// The receiver says that it has everything.
    pub(crate) fn finished(&mut self, size: u64, digest: Digest) {
        self.verdict = Some((size, digest));
    }

    /// Whether the receiver's word is true, once it can be told: it may come before all bytes were read here, when they arrived in
    /// an earlier life of the stream.
    pub(crate) fn conclusion(&self) -> Option<Result<(u64, Digest), Failure>> {
        let (size, digest) = self.verdict?;
        let Digests::Compute(digester) = &self.digest else { return Some(Ok((size, digest))) };
        if self.total.or(self.spec.size).is_some_and(|total| total != size) || digester.count() > size {
            return Some(Err(Failure::new(Code::SizeMismatch, "the server has another number of bytes than were sent")));
        }
        if digester.count() < size {
            return None;
        }
        Some(if digester.digest() == digest {
            Ok((size, digest))
        } else {
            Err(Failure::new(Code::DigestMismatch, "the server has other bytes than were sent"))
        })
    }

    /// The next frame to send, if any may go.
    pub(crate) fn next_chunk(&mut self, moment: Moment) -> Option<Bytes> {
        if self.phase != SenderPhase::Flowing || self.paused {
            return None;
        }
        let (at, end) = self.next_span()?;
        if end > self.limit || (self.is_paced(at, end, moment.alone) && self.pacer.stalls_at().is_none_or(|at| moment.now < at))
        {
            return None;
        }
        let (_, frame) = self.ready.pop_front()?;
        let frame = self.cut(at, end, frame);
        self.next = end;
        self.pacer.sent(moment.now, end);
        if self.source == Source::Once {
            self.kept.push_back((at, frame.clone()));
        }
        Some(frame)
    }

    /// From where to where the next frame goes: all that is ready as one piece, unless the receiver takes less at once or has no
    /// room for as much as one piece.
    fn next_span(&self) -> Option<(u64, u64)> {
        let (at, frame) = self.ready.front()?;
        let end = at + payload(frame).min(self.chunk as u64);
        let cramped = *at <= self.durable && *at < self.limit;
        Some((*at, if cramped { end.min(self.limit) } else { end }))
    }

    /// The part of a frame up to `end`; the rest waits for its turn.
    fn cut(&mut self, at: u64, end: u64, frame: Bytes) -> Bytes {
        let Some((head, rest)) = usize::try_from(end - at).ok().and_then(|len| frame[CHUNK_HEADER..].split_at_checked(len))
        else {
            return frame;
        };
        if rest.is_empty() {
            return frame;
        }
        let (head, rest) = (chunk::encode(self.no, at, head), chunk::encode(self.no, end, rest));
        self.ready.push_front((end, rest));
        head
    }

    fn is_paced(&self, at: u64, end: u64, alone: bool) -> bool {
        self.paces && end - self.durable > self.pacer.allowance(alone) && at > self.durable
    }

    /// When a frame may go that the pacer holds back now. A frame that is due and waits for the socket waits for no timer.
    pub(crate) fn next_timeout(&self, moment: Moment) -> Option<Instant> {
        let (at, end) = self.next_span()?;
        let held =
            self.phase == SenderPhase::Flowing && !self.paused && end <= self.limit && self.is_paced(at, end, moment.alone);
        self.pacer.stalls_at().filter(|at| held && *at > moment.now)
    }

    /// Size and digest, when everything is sent and the end is not: the caller sends it now.
    pub(crate) fn take_end(&mut self) -> Option<(u64, Digest)> {
        if self.phase != SenderPhase::Flowing || self.paused || !self.ready.is_empty() || self.verdict.is_some() {
            return None;
        }
        let (total, digest) = self.whole()?;
        if self.next < total {
            return None;
        }
        self.phase = SenderPhase::Ended;
        Some((total, digest))
    }

    /// Size and digest of the whole, once all of it was taken from the source.
    pub(crate) fn whole(&self) -> Option<(u64, Digest)> {
        let total = self.total.or(self.spec.size)?;
        match &self.digest {
            Digests::Compute(digester) => (digester.count() == total).then(|| (total, digester.digest())),
            Digests::Known(digest) => Some((total, *digest)),
        }
    }
}

fn payload(frame: &Bytes) -> u64 {
    (frame.len() - CHUNK_HEADER) as u64
}
