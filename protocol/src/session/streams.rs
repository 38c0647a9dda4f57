//! The client's streams in both directions.

use std::borrow::Cow;
use std::collections::VecDeque;

use bytes::Bytes;

use super::{Event, Session};
use crate::code::Code;
use crate::digest::{Digest, Digester};
use crate::failure::Failure;
use crate::id::{StreamId, StreamNo};
use crate::limits::Limits;
use crate::method::StreamRef;
use crate::streams::{Moment, Receiver, Sender, Source, StreamSpec, Taken, Want, next_in_turn};
use crate::table::Table;
use crate::time::Instant;
use crate::wire::{Attach, ClientFrame, Continuity, Open, StreamFrame, Text};

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
    /// The last word on each stream that this side ended, until the server says that it knows: said again on every new link.
    last_words: Table<StreamNo, (StreamId, LastWord)>,
    live: bool,
    /// The most bytes that the server takes in a frame, once it has said.
    chunk: Option<usize>,
}

#[derive(Debug)]
enum LastWord {
    GivenUp(Failure),
    Finished(u64, Digest),
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
        let no = self.streams.open(open, self.config.read_ahead, self.config.paces);
        self.wake(now);
        if let super::State::Closed { why } = &self.state {
            let failure = why.clone();
            self.streams.senders.remove(no);
            self.event(Event::StreamAborted { stream: no, failure });
        }
        (no, id)
    }

    /// Bytes that answer an [`Event::Want`], from its offset on and at most as many as it allows; none say that the source has no
    /// more. Bytes that answer no present want are ignored, with `false`: the want is told again after a cut. A source that gives
    /// each byte once is not asked again before it has answered.
    pub fn provide(&mut self, now: Instant, stream: StreamNo, offset: u64, bytes: &[u8]) -> bool {
        self.now = now;
        let Some(sender) = self.streams.senders.get_mut(stream) else { return false };
        let taken = sender.provide(offset, bytes);
        self.after_source(stream, taken)
    }

    /// The source has no more bytes: what [`Session::provide`] with none says, of the present want.
    pub fn source_ended(&mut self, now: Instant, stream: StreamNo) {
        self.now = now;
        let Some(sender) = self.streams.senders.get_mut(stream) else { return };
        let ended = sender.source_ended().map(|()| true);
        self.after_source(stream, ended);
    }

    fn after_source(&mut self, stream: StreamNo, taken: Result<bool, Failure>) -> bool {
        match taken {
            Ok(taken) => {
                self.conclude(stream);
                taken
            }
            Err(failure) => {
                self.abort_stream(stream, failure);
                true
            }
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
        // The server offers a stream again when it cannot know that its first word came.
        let known = self.streams.receivers.contains_key(open.stream) || self.streams.has_ended(open.stream, Some(open.id));
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
                    self.bears();
                    self.event(Event::Progress { stream, durable });
                }
            }
            StreamFrame::Finished { stream, size, digest } => self.sender_finished(stream, size, digest),
            StreamFrame::End { stream, size, digest } => self.reading_ended(stream, size, digest),
            StreamFrame::Abort { stream, id, error } => {
                if !self.streams.confirmed(stream, id) && self.streams.forget(stream, id) {
                    self.event(Event::StreamAborted { stream, failure: error.into_owned() });
                }
            }
        }
    }

    fn sender_finished(&mut self, stream: StreamNo, size: u64, digest: Digest) {
        if self.streams.confirmed(stream, None) {
            return;
        }
        if let Some(sender) = self.streams.senders.get_mut(stream) {
            sender.finished(size, digest);
            self.conclude(stream);
        }
    }

    /// Ends a stream of which the server has everything. Its word must not pass for success where it is not true.
    fn conclude(&mut self, stream: StreamNo) {
        match self.streams.senders.get(stream).and_then(Sender::conclusion) {
            Some(Ok((size, digest))) => {
                self.streams.forget(stream, None);
                self.event(Event::Progress { stream, durable: size });
                self.event(Event::StreamFinished { stream, size, digest });
            }
            Some(Err(failure)) => self.abort_stream(stream, failure),
            None => {}
        }
    }

    pub(super) fn stream_data(&mut self, stream: StreamNo, offset: u64, bytes: Bytes) {
        let Some(reading) = self.streams.receivers.get_mut(stream) else { return };
        match reading.receiver.data(offset, bytes) {
            Taken::New(offset, bytes) => {
                reading.digester.update(&bytes);
                self.bears();
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
                self.streams.finish_reading(stream, size, digest);
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
    fn open(&mut self, open: OpenStream, read_ahead: u64, paces: bool) -> StreamNo {
        let no = StreamNo(if self.last == 0 { 1 } else { self.last + 2 });
        self.last = no.0;
        let mut sender = Sender::new(no, open.spec, open.source, read_ahead);
        sender.paces = paces;
        if let Some(most) = self.chunk {
            sender.set_chunk(most);
        }
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

    fn id_of(&self, stream: StreamNo) -> Option<StreamId> {
        let sender = self.senders.get(stream).map(|sender| sender.spec.id);
        sender.or_else(|| self.receivers.get(stream).map(|reading| reading.receiver.spec.id))
    }

    /// Drops a stream that the server ended. False when the number stands for no stream, or for another one.
    fn forget(&mut self, stream: StreamNo, id: Option<StreamId>) -> bool {
        let known = self.id_of(stream).is_some_and(|known| id.is_none_or(|id| id == known));
        if known {
            self.senders.remove(stream);
            self.receivers.remove(stream);
        }
        known
    }

    /// Drops a stream and tells the other side, now and on each new link until it says that it knows.
    pub(super) fn give_up(&mut self, stream: StreamNo, failure: Failure) {
        let Some(id) = self.id_of(stream) else { return };
        self.forget(stream, None);
        self.last_word(stream, id, LastWord::GivenUp(failure));
    }

    fn finish_reading(&mut self, stream: StreamNo, size: u64, digest: Digest) {
        if let Some(reading) = self.receivers.remove(stream) {
            self.last_word(stream, reading.receiver.spec.id, LastWord::Finished(size, digest));
        }
    }

    fn last_word(&mut self, stream: StreamNo, id: StreamId, word: LastWord) {
        if self.live {
            self.control.push_back(word.frame(stream, id));
        }
        self.last_words.insert(stream, (id, word));
    }

    /// Whether this side ended a stream and the server has not said that it knows.
    fn has_ended(&self, stream: StreamNo, id: Option<StreamId>) -> bool {
        self.last_words.get(stream).is_some_and(|(known, _)| id.is_none_or(|id| id == *known))
    }

    /// The server says that a stream is over. Whether that confirms a last word.
    fn confirmed(&mut self, stream: StreamNo, id: Option<StreamId>) -> bool {
        self.has_ended(stream, id) && self.last_words.remove(stream).is_some()
    }

    pub(super) fn untold(&self) -> usize {
        self.last_words.len()
    }

    /// A new link is live: every stream says where it stands.
    pub(super) fn resume(&mut self, limits: &Limits, continuity: Continuity) {
        self.live = true;
        self.chunk = Some(limits.max_chunk);
        self.senders.values_mut().for_each(|sender| sender.set_chunk(limits.max_chunk));
        if continuity != Continuity::Kept {
            // A server that has lost its memory knows a stream by its id at most, which this frame does not carry.
            for (_, word) in self.last_words.values_mut().filter(|(_, word)| matches!(word, LastWord::Finished(..))) {
                *word = LastWord::GivenUp(Failure::new(Code::Canceled, "all of the stream has arrived"));
            }
        }
        for (stream, (id, word)) in self.last_words.iter() {
            self.control.push_back(word.frame(stream, *id));
        }
        for sender in self.senders.values() {
            self.control.push_back(open_frame(sender));
        }
        for reading in self.receivers.values_mut() {
            let limit = reading.consumed + limits.window;
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

    /// The session is over: drops every stream. With a reason, the server is told should the client come back after all.
    pub(super) fn drain(&mut self, why: Option<&Failure>) -> Vec<StreamNo> {
        let streams: Vec<_> = self.senders.keys().chain(self.receivers.keys()).collect();
        match why {
            Some(why) => streams.iter().for_each(|stream| self.give_up(*stream, why.clone())),
            None => *self = Self { last: self.last, chunk: self.chunk, ..Self::default() },
        }
        streams
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

    pub(super) fn next_timeout(&self, moment: Moment) -> Option<Instant> {
        self.senders.values().filter_map(|sender| sender.next_timeout(moment)).min()
    }

    /// Bytes of the stream whose turn it is.
    pub(super) fn next_chunk(&mut self, moment: Moment) -> Option<Bytes> {
        next_in_turn(&mut self.senders, &mut self.turn, moment)
    }
}

impl LastWord {
    fn frame(&self, stream: StreamNo, id: StreamId) -> Text {
        let frame = match self {
            Self::GivenUp(failure) => StreamFrame::Abort { stream, id: Some(id), error: Cow::Borrowed(failure) },
            Self::Finished(size, digest) => StreamFrame::Finished { stream, size: *size, digest: *digest },
        };
        ClientFrame::Stream(frame).encode()
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
