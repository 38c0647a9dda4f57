//! The server's streams in both directions, as numbers of one session.

use std::borrow::Cow;
use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;

use super::{Event, Output, Resumed};
use crate::code::Code;
use crate::digest::Digest;
use crate::failure::Failure;
use crate::id::{StreamId, StreamNo};
use crate::limits::Limits;
use crate::name::{check_name, is_media};
use crate::streams::{Moment, Receiver, Sender, SenderPhase, StreamSpec, Taken, Want, next_in_turn};
use crate::table::Table;
use crate::time::Instant;
use crate::wire::{Attach, Frame, Open, ServerFrame, StreamFrame, Text};

#[derive(Debug, Default)]
pub(super) struct Streams {
    last: u32,
    receivers: Table<StreamNo, Receiver>,
    senders: Table<StreamNo, Sender>,
    /// Streams that the client goes on reading and this session did not know: the server is asked.
    attaching: Table<StreamNo, Attach>,
    turn: Option<StreamNo>,
    /// Numbers of streams that are over, about which the client was told on this link.
    told_dead: BTreeSet<StreamNo>,
}

type Frames = VecDeque<Frame>;
type Outputs = VecDeque<Output>;

impl Streams {
    pub(super) fn len(&self) -> usize {
        self.receivers.len() + self.senders.len() + self.attaching.len()
    }

    /// How many come from the client, and how many go to it.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.receivers.len(), self.senders.len())
    }

    pub(super) fn attached(&mut self, control: &mut Frames) {
        // A stream that the client never gave credit for may be one it never heard of. One that it knows, it attaches to.
        for sender in self.senders.values_mut().filter(|sender| sender.durable() == 0) {
            sender.rewind();
            control.push_back(open_frame(sender).into());
        }
    }

    pub(super) fn detached(&mut self) {
        self.receivers.values_mut().for_each(Receiver::suspend);
        self.senders.values_mut().for_each(Sender::suspend);
        self.told_dead.clear();
        self.attaching = Table::default();
    }

    pub(super) fn opening(&mut self, open: &Open<'_>, limits: &Limits, control: &mut Frames, outputs: &mut Outputs) {
        let stream = open.stream;
        if let Err(failure) = self.check(open, limits) {
            return refuse(stream, open.id, &failure, control);
        }
        let spec = StreamSpec {
            id: open.id,
            name: open.name.as_deref().map(str::to_owned),
            media: open.media.as_deref().map(str::to_owned),
            size: open.size,
        };
        self.told_dead.remove(&stream);
        if !self.receivers.contains_key(stream) {
            self.receivers.insert(stream, Receiver::new(stream, spec.clone()));
        }
        if self.receivers.get_mut(stream).is_some_and(Receiver::opening) {
            outputs.push_back(Output::Event(Event::Open { stream, spec }));
        } else {
            let failure = Failure::new(Code::BadNumber, "the stream was opened before on this connection");
            self.break_off(stream, failure, outputs);
        }
    }

    fn check(&self, open: &Open<'_>, limits: &Limits) -> Result<(), Failure> {
        if !open.stream.is_clients() {
            return Err(Failure::new(Code::BadNumber, "a stream that a client opens has an odd number"));
        }
        match self.receivers.get(open.stream) {
            Some(known) if known.spec.id != open.id => {
                return Err(Failure::new(Code::BadNumber, "the number stands for another stream of this session"));
            }
            Some(_) => {}
            None if self.len() >= limits.max_streams => {
                let most = limits.max_streams;
                let message = format!("this session has {most} streams open; finish or abort some of them");
                return Err(Failure::new(Code::TooManyStreams, message));
            }
            None => {}
        }
        if open.size.is_some_and(|size| size > limits.max_upload) {
            return Err(too_big(limits.max_upload));
        }
        if let Some(name) = &open.name {
            check_name(name).map_err(|error| Failure::new(Code::BadName, error.to_string()))?;
        }
        if open.media.as_deref().is_some_and(|media| !is_media(media)) {
            return Err(Failure::new(Code::BadName, "the media type is not of the form type/subtype"));
        }
        Ok(())
    }

    pub(super) fn incoming(&self, stream: StreamNo) -> Option<StreamId> {
        self.receivers.get(stream).map(|receiver| receiver.spec.id)
    }

    pub(super) fn opened(&mut self, stream: StreamNo, offset: u64, limit: u64) -> Option<Text> {
        let starts = self.receivers.get_mut(stream)?.start(offset, limit);
        starts.then(|| ServerFrame::Opened { stream, offset, limit }.encode())
    }

    pub(super) fn durable(&mut self, stream: StreamNo, offset: u64, limit: u64) {
        if let Some(receiver) = self.receivers.get_mut(stream) {
            receiver.durable(offset, limit);
        }
    }

    pub(super) fn finished(&mut self, stream: StreamNo) -> bool {
        self.receivers.remove(stream).is_some()
    }

    pub(super) fn data(&mut self, chunk: (StreamNo, u64, Bytes), max_upload: u64, outputs: &mut Outputs) {
        let (stream, offset, bytes) = chunk;
        let Some(receiver) = self.receivers.get_mut(stream) else {
            return self.dead(stream, outputs);
        };
        if offset + bytes.len() as u64 > max_upload {
            return self.break_off(stream, too_big(max_upload), outputs);
        }
        match receiver.data(offset, bytes) {
            Taken::New(offset, bytes) => outputs.push_back(Output::Event(Event::Data { stream, offset, bytes })),
            Taken::Known => {}
            Taken::Broken(failure) => self.break_off(stream, failure, outputs),
        }
    }

    /// Bytes for a stream that is over. The client is told once; what was on the way already needs no answer each.
    fn dead(&mut self, stream: StreamNo, outputs: &mut Outputs) {
        const MOST: usize = 256;
        if self.told_dead.len() < MOST && self.told_dead.insert(stream) {
            let failure = Failure::new(Code::StreamNotFound, "no stream of this session has this number; open one first");
            outputs.push_back(Output::SendText(abort_frame(stream, None, &failure)));
        }
    }

    /// The client broke a rule of the stream.
    fn break_off(&mut self, stream: StreamNo, failure: Failure, outputs: &mut Outputs) {
        let Some(id) = self.remove(stream) else { return };
        self.told_dead.insert(stream);
        outputs.push_back(Output::SendText(abort_frame(stream, Some(id), &failure)));
        outputs.push_back(Output::Event(Event::Aborted { stream, id, failure }));
    }

    fn id_of(&self, stream: StreamNo) -> Option<StreamId> {
        let receiver = self.receivers.get(stream).map(|receiver| receiver.spec.id);
        receiver.or_else(|| self.senders.get(stream).map(|sender| sender.spec.id))
    }

    fn remove(&mut self, stream: StreamNo) -> Option<StreamId> {
        let receiver = self.receivers.remove(stream).map(|receiver| receiver.spec.id);
        receiver.or_else(|| self.senders.remove(stream).map(|sender| sender.spec.id))
    }

    pub(super) fn abort(&mut self, stream: StreamNo, failure: &Failure, control: &mut Frames) {
        if let Some(id) = self.remove(stream) {
            self.told_dead.insert(stream);
            refuse(stream, id, failure, control);
        }
    }

    pub(super) fn frame(&mut self, now: Instant, frame: StreamFrame<'_>, outputs: &mut Outputs) {
        match frame {
            StreamFrame::Credit { stream, durable, limit } => {
                if let Some(sender) = self.senders.get_mut(stream) {
                    sender.credit(now, durable, limit);
                }
            }
            StreamFrame::End { stream, size, digest } => {
                let Some(receiver) = self.receivers.get_mut(stream) else {
                    return self.dead(stream, outputs);
                };
                match (receiver.end(size), digest) {
                    (Err(failure), _) => self.break_off(stream, failure, outputs),
                    (Ok(_), None) => {
                        let message = "an `end` needs the digest of the whole stream, `blake3:` and 64 hexadecimal digits";
                        self.break_off(stream, Failure::new(Code::DigestRequired, message), outputs);
                    }
                    (Ok(news), Some(digest)) => {
                        outputs.extend(news.then_some(Output::Event(Event::End { stream, size, digest })));
                    }
                }
            }
            StreamFrame::Finished { stream, size, digest } => self.delivered(stream, size, digest, outputs),
            StreamFrame::Abort { stream, id, error } => {
                let known = self.id_of(stream).filter(|known| id.is_none_or(|id| id == *known));
                if known.is_some() {
                    self.remove(stream);
                    self.told_dead.insert(stream);
                }
                self.attaching.remove(stream);
                // The client says it again on each new link until it hears that this is known.
                outputs.push_back(Output::SendText(abort_frame(stream, known.or(id), &error)));
                if let Some(id) = known.or(id) {
                    let stream = known.map_or(StreamNo(0), |_| stream);
                    outputs.push_back(Output::Event(Event::Aborted { stream, id, failure: error.into_owned() }));
                }
            }
        }
    }

    /// The client says that it has all of a stream. It says so again on each new link until it hears that this is known.
    fn delivered(&mut self, stream: StreamNo, size: u64, digest: Digest, outputs: &mut Outputs) {
        if let Some(sender) = self.senders.get_mut(stream) {
            if sender.whole() != Some((size, digest)) {
                let failure = Failure::new(Code::DigestMismatch, "this is not the size and the digest of the stream");
                return self.break_off(stream, failure, outputs);
            }
            let id = sender.spec.id;
            self.senders.remove(stream);
            outputs.push_back(Output::Event(Event::Delivered { stream, id }));
        }
        let frame = StreamFrame::Finished { stream, size, digest };
        outputs.push_back(Output::SendText(ServerFrame::Stream(frame).encode()));
    }

    pub(super) fn open(&mut self, spec: StreamSpec, whole: (u64, Digest), chunk: usize, control: &mut Frames) -> StreamNo {
        let (size, digest) = whole;
        let no = self.next_no();
        let mut sender = Sender::known(no, spec, size, digest);
        sender.set_chunk(chunk);
        control.push_back(open_frame(&sender).into());
        self.senders.insert(no, sender);
        no
    }

    /// An even number that stands for no stream; which ones do is not up to this side alone.
    fn next_no(&mut self) -> StreamNo {
        loop {
            self.last = self.last.wrapping_add(2).max(2);
            let no = StreamNo(self.last);
            if !self.senders.contains_key(no) && !self.attaching.contains_key(no) {
                return no;
            }
        }
    }

    pub(super) fn attach(&mut self, attach: Attach, max_streams: usize, control: &mut Frames, outputs: &mut Outputs) {
        let Attach { stream, id, offset, limit } = attach;
        if let Some(sender) = self.senders.get_mut(stream) {
            if sender.spec.id == id
                && sender.spec.size.is_none_or(|size| offset <= size)
                && sender.opened(offset, limit).is_ok()
            {
                return;
            }
            return refuse(stream, id, &not_found(), control);
        }
        if stream.is_clients() || stream.0 == 0 || self.len() >= max_streams {
            return refuse(stream, id, &not_found(), control);
        }
        if !self.attaching.contains_key(stream) {
            self.attaching.insert(stream, attach);
            outputs.push_back(Output::Event(Event::Attach { stream, id, offset, limit }));
        }
    }

    pub(super) fn refuse(&mut self, stream: StreamNo, failure: &Failure, control: &mut Frames) {
        if let Some(asked) = self.attaching.remove(stream) {
            refuse(stream, asked.id, failure, control);
        }
    }

    pub(super) fn resume(&mut self, resumed: Resumed, chunk: usize, control: &mut Frames) {
        let Resumed { stream, spec, size, digest, offset, limit } = resumed;
        // None when the link that asked is gone, or the client gave the stream up.
        let Some(asked) = self.attaching.remove(stream) else { return };
        // The answer may be to a link before; what counts is what was said last.
        let (offset, limit) = (asked.offset.max(offset), asked.limit.max(limit));
        let mut sender = Sender::known(stream, spec, size, digest);
        sender.set_chunk(chunk);
        if offset > size || sender.opened(offset, limit).is_err() {
            return refuse(stream, asked.id, &not_found(), control);
        }
        self.senders.insert(stream, sender);
    }

    pub(super) fn provide(&mut self, stream: StreamNo, offset: u64, bytes: &[u8], outputs: &mut Outputs) {
        let given = self.senders.get_mut(stream).map(|sender| sender.provide(offset, bytes));
        if let Some(Err(failure)) = given {
            self.break_off(stream, failure, outputs);
        }
    }

    pub(super) fn want(&mut self) -> Option<Want> {
        self.senders.values_mut().find_map(Sender::want)
    }

    pub(super) fn next_text(&mut self) -> Option<Text> {
        for (stream, receiver) in self.receivers.iter_mut() {
            if let Some((durable, limit)) = receiver.take_credit() {
                return Some(ServerFrame::Stream(StreamFrame::Credit { stream, durable, limit }).encode());
            }
        }
        for (stream, sender) in self.senders.iter_mut() {
            if let Some((size, digest)) = sender.take_end() {
                let frame = StreamFrame::End { stream, size, digest: Some(digest) };
                return Some(ServerFrame::Stream(frame).encode());
            }
        }
        None
    }

    pub(super) fn next_timeout(&self, moment: Moment) -> Option<Instant> {
        self.senders.values().filter_map(|sender| sender.next_timeout(moment)).min()
    }

    pub(super) fn next_chunk(&mut self, moment: Moment) -> Option<Bytes> {
        next_in_turn(&mut self.senders, &mut self.turn, moment)
    }
}

fn open_frame(sender: &Sender) -> Text {
    debug_assert!(sender.phase != SenderPhase::Ended);
    ServerFrame::Open(Open {
        stream: sender.no,
        id: sender.spec.id,
        name: sender.spec.name.as_deref().map(Cow::Borrowed),
        media: sender.spec.media.as_deref().map(Cow::Borrowed),
        size: sender.spec.size,
    })
    .encode()
}

fn abort_frame(stream: StreamNo, id: Option<StreamId>, failure: &Failure) -> Text {
    ServerFrame::Stream(StreamFrame::Abort { stream, id, error: Cow::Borrowed(failure) }).encode()
}

fn refuse(stream: StreamNo, id: StreamId, failure: &Failure, control: &mut Frames) {
    control.push_back(abort_frame(stream, Some(id), failure).into());
}

fn too_big(max_upload: u64) -> Failure {
    Failure::new(Code::TooBig, format!("a stream to this server may have at most {max_upload} bytes"))
}

fn not_found() -> Failure {
    Failure::new(Code::StreamNotFound, "there is no such stream; ask for it again")
}
