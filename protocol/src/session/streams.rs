//! The client's streams in both directions.

use std::borrow::Cow;
use std::collections::VecDeque;

use bytes::Bytes;

use super::{Event, Session};
use crate::code::Code;
use crate::digest::{Digest, Digester};
use crate::failure::Failure;
use crate::id::{StreamId, StreamNo};
use crate::method::StreamRef;
use crate::streams::{Receiver, Sender, SenderPhase, Source, StreamSpec, Taken, Want, next_in_turn};
use crate::table::Table;
use crate::time::Instant;
use crate::wire::{Attach, ClientFrame, Open, StreamFrame, Text};

/// How many bytes the app uses up before the sender is told, while more of them wait here.
const CREDIT_STEP: u64 = 128 * 1024;

/// A stream to open.
#[derive(Clone, Debug)]
pub struct OpenStream {
    /// What to say about it. The id is drawn by the driver from a secure source of randomness.
    pub spec: StreamSpec,
    /// Where the bytes come from.
    pub source: Source,
}

#[derive(Debug, Default)]
pub(super) struct Streams {
    last: u32,
    senders: Table<StreamNo, Sender>,
    receivers: Table<StreamNo, Reading>,
    /// The sender that sent last, for taking turns.
    turn: Option<StreamNo>,
    /// Text of this link.
    control: VecDeque<Text>,
    /// Given up while no link was up: the other side is told on the next one.
    given_up: Vec<(StreamNo, StreamId, Failure)>,
    live: bool,
    window: u64,
}

#[derive(Debug)]
struct Reading {
    receiver: Receiver,
    digester: Digester,
    /// Bytes that the app has used up.
    consumed: u64,
}

impl Session {
    /// Opens a stream to the server. It may be named in calls at once; bytes are asked for by [`Event::Want`] once the session
    /// is live. Connects where nobody asked for a connection yet.
    pub fn open_stream(&mut self, now: Instant, open: OpenStream) -> (StreamNo, StreamRef) {
        self.now = now;
        let id = StreamRef(open.spec.id);
        let no = self.streams.open(open);
        self.wake(now);
        if let super::State::Closed { why } = &self.state {
            let failure = why.clone();
            self.streams.senders.remove(no);
            self.event(Event::StreamAborted { stream: no, failure });
        }
        (no, id)
    }

    /// Bytes that answer an [`Event::Want`], from its offset on and at most as many as it allows. Bytes that answer no present
    /// want are ignored, with `false`: the want is told again after a cut, and a source that gives each byte once keeps them till
    /// then.
    pub fn provide(&mut self, now: Instant, stream: StreamNo, offset: u64, bytes: &[u8]) -> bool {
        self.now = now;
        self.streams.senders.get_mut(stream).is_some_and(|sender| sender.provide(offset, bytes))
    }

    /// The source has no more bytes.
    pub fn source_ended(&mut self, now: Instant, stream: StreamNo) {
        self.now = now;
        if let Some(sender) = self.streams.senders.get_mut(stream)
            && let Err(failure) = sender.source_ended()
        {
            self.abort_stream(stream, failure);
        }
    }

    /// Stops sending a stream, or goes on. The server keeps what it has until the stream expires.
    pub fn pause_stream(&mut self, now: Instant, stream: StreamNo, paused: bool) {
        self.now = now;
        if let Some(sender) = self.streams.senders.get_mut(stream) {
            sender.paused = paused;
        }
    }

    /// Gives a stream up: the server deletes what it has of it. The app gets [`Event::StreamAborted`].
    pub fn abort(&mut self, now: Instant, stream: StreamNo, failure: Failure) {
        self.now = now;
        if self.streams.knows(stream) {
            self.abort_stream(stream, failure);
        }
    }

    /// The app has used a stream's bytes up to this offset; the server may send more.
    pub fn consume(&mut self, now: Instant, stream: StreamNo, offset: u64) {
        self.now = now;
        let window = self.limits.window;
        if let Some(reading) = self.streams.receivers.get_mut(stream) {
            reading.consume(offset, window);
        }
    }

    pub(super) fn stream_opened(&mut self, stream: StreamNo, offset: u64, limit: u64) {
        let Some(sender) = self.streams.senders.get_mut(stream) else { return };
        let before = sender.durable();
        match sender.opened(offset, limit) {
            Ok(()) if offset != before => self.event(Event::Progress { stream, durable: offset }),
            Ok(()) => {}
            Err(failure) => self.abort_stream(stream, failure),
        }
    }

    pub(super) fn stream_offered(&mut self, open: &Open<'_>) {
        let known = self.streams.receivers.contains_key(open.stream);
        if known || open.stream.is_clients() {
            return;
        }
        let spec = StreamSpec {
            id: open.id,
            name: open.name.as_deref().map(str::to_owned),
            media: open.media.as_deref().map(str::to_owned),
            size: open.size,
        };
        let mut receiver = Receiver::new(open.stream, spec.clone());
        receiver.go_on(0);
        receiver.durable(0, self.limits.window);
        let reading = Reading { receiver, digester: Digester::default(), consumed: 0 };
        self.streams.receivers.insert(open.stream, reading);
        self.event(Event::StreamOpened { stream: open.stream, spec });
    }

    pub(super) fn stream_frame(&mut self, now: Instant, frame: StreamFrame<'_>) {
        match frame {
            StreamFrame::Credit { stream, durable, limit } => {
                if let Some(sender) = self.streams.senders.get_mut(stream)
                    && sender.credit(now, durable, limit)
                {
                    let durable = sender.durable();
                    self.event(Event::Progress { stream, durable });
                }
            }
            StreamFrame::Finished { stream, size, digest } => self.sender_finished(stream, size, digest),
            StreamFrame::End { stream, size, digest } => self.reading_ended(stream, size, digest),
            StreamFrame::Abort { stream, error, .. } => {
                if self.streams.forget(stream) {
                    self.event(Event::StreamAborted { stream, failure: error.into_owned() });
                }
            }
        }
    }

    fn sender_finished(&mut self, stream: StreamNo, size: u64, digest: Digest) {
        let Some(sender) = self.streams.senders.get(stream) else { return };
        // Only what was sent whole can be finished; a word out of order must not pass for success.
        if sender.phase != SenderPhase::Ended {
            return;
        }
        self.streams.forget(stream);
        self.event(Event::Progress { stream, durable: size });
        self.event(Event::StreamFinished { stream, size, digest });
    }

    pub(super) fn stream_data(&mut self, stream: StreamNo, offset: u64, bytes: Bytes) {
        let Some(reading) = self.streams.receivers.get_mut(stream) else { return };
        match reading.receiver.data(offset, bytes) {
            Taken::New(offset, bytes) => {
                reading.digester.update(&bytes);
                self.event(Event::Data { stream, offset, bytes });
            }
            Taken::Known => {}
            Taken::Broken(failure) => self.abort_stream(stream, failure),
        }
    }

    fn reading_ended(&mut self, stream: StreamNo, size: u64, digest: Option<Digest>) {
        let Some(reading) = self.streams.receivers.get_mut(stream) else { return };
        let failure = match (reading.receiver.end(size), digest) {
            (Err(failure), _) => failure,
            (Ok(_), None) => Failure::new(Code::DigestRequired, "the server ended the stream without its digest"),
            (Ok(_), Some(digest)) if digest == reading.digester.digest() => {
                self.streams.receivers.remove(stream);
                let frame = StreamFrame::Finished { stream, size, digest };
                self.streams.control.push_back(ClientFrame::Stream(frame).encode());
                return self.event(Event::StreamFinished { stream, size, digest });
            }
            (Ok(_), Some(_)) => {
                Failure::new(Code::DigestMismatch, "the bytes that arrived are not those that were sent; open it again")
            }
        };
        self.abort_stream(stream, failure);
    }
}

impl Streams {
    fn open(&mut self, open: OpenStream) -> StreamNo {
        let no = StreamNo(if self.last == 0 { 1 } else { self.last + 2 });
        self.last = no.0;
        let sender = Sender::new(no, open.spec, open.source);
        if self.live {
            self.control.push_back(open_frame(&sender));
        }
        self.senders.insert(no, sender);
        no
    }

    /// How many go to the server, and how many come from it.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.senders.len(), self.receivers.len())
    }

    fn knows(&self, stream: StreamNo) -> bool {
        self.senders.contains_key(stream) || self.receivers.contains_key(stream)
    }

    pub(super) fn forget(&mut self, stream: StreamNo) -> bool {
        self.senders.remove(stream).is_some() | self.receivers.remove(stream).is_some()
    }

    /// Drops a stream and tells the other side, now or on the next link.
    pub(super) fn give_up(&mut self, stream: StreamNo, failure: Failure) {
        let sender = self.senders.remove(stream).map(|sender| sender.spec.id);
        let Some(id) = sender.or_else(|| self.receivers.remove(stream).map(|reading| reading.receiver.spec.id)) else {
            return;
        };
        if self.live {
            self.control.push_back(abort_frame(stream, id, &failure));
        } else {
            self.given_up.push((stream, id, failure));
        }
    }

    /// A new link is live: every stream says where it stands.
    pub(super) fn resume(&mut self, window: u64) {
        self.live = true;
        self.window = window;
        for (stream, id, failure) in std::mem::take(&mut self.given_up) {
            self.control.push_back(abort_frame(stream, id, &failure));
        }
        for sender in self.senders.values() {
            self.control.push_back(open_frame(sender));
        }
        for reading in self.receivers.values_mut() {
            let limit = reading.consumed + window;
            reading.receiver.go_on(limit);
            self.control.push_back(
                ClientFrame::Attach(Attach {
                    stream: reading.receiver.no,
                    id: reading.receiver.spec.id,
                    offset: reading.receiver.expected(),
                    limit: reading.receiver.limit(),
                })
                .encode(),
            );
        }
    }

    pub(super) fn suspend(&mut self) {
        self.live = false;
        self.control.clear();
        self.senders.values_mut().for_each(Sender::suspend);
        self.receivers.values_mut().for_each(|reading| reading.receiver.suspend());
    }

    pub(super) fn drain(&mut self) -> Vec<StreamNo> {
        let last = self.last;
        let all = std::mem::take(self);
        self.last = last;
        all.senders.keys().chain(all.receivers.keys()).collect()
    }

    pub(super) fn next_text(&mut self) -> Option<Text> {
        if let Some(text) = self.control.pop_front() {
            return Some(text);
        }
        for (stream, reading) in self.receivers.iter_mut() {
            if let Some((durable, limit)) = reading.receiver.take_credit() {
                let frame = StreamFrame::Credit { stream, durable, limit };
                return Some(ClientFrame::Stream(frame).encode());
            }
        }
        for (stream, sender) in self.senders.iter_mut() {
            if let Some((size, digest)) = sender.take_end() {
                let frame = StreamFrame::End { stream, size, digest: Some(digest) };
                return Some(ClientFrame::Stream(frame).encode());
            }
        }
        None
    }

    pub(super) fn want(&mut self) -> Option<Want> {
        self.senders.values_mut().find_map(Sender::want)
    }

    pub(super) fn next_timeout(&self, now: Instant) -> Option<Instant> {
        self.senders.values().filter_map(|sender| sender.next_timeout(now)).min()
    }

    /// Bytes of the stream whose turn it is.
    pub(super) fn next_chunk(&mut self, now: Instant) -> Option<Bytes> {
        next_in_turn(&mut self.senders, &mut self.turn, now)
    }
}

impl Reading {
    fn consume(&mut self, offset: u64, window: u64) {
        self.consumed = self.consumed.max(offset.min(self.receiver.expected()));
        // Telling every step would cost more frames than it is worth; but a sender that waits must hear of the last one.
        let untold = self.consumed - self.receiver.durable_offset();
        if untold >= CREDIT_STEP || self.consumed == self.receiver.expected() {
            self.receiver.durable(self.consumed, self.consumed + window);
        }
    }
}

fn open_frame(sender: &Sender) -> Text {
    ClientFrame::Open(Open {
        stream: sender.no,
        id: sender.spec.id,
        name: sender.spec.name.as_deref().map(Cow::Borrowed),
        media: sender.spec.media.as_deref().map(Cow::Borrowed),
        size: sender.spec.size,
    })
    .encode()
}

fn abort_frame(stream: StreamNo, id: StreamId, failure: &Failure) -> Text {
    ClientFrame::Stream(StreamFrame::Abort { stream, id: Some(id), error: Cow::Borrowed(failure) }).encode()
}
