//! A client's app around the session: it asks, gives and takes bytes, and writes down everything that it is told.

mod rooms;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use samewire_protocol::session::{CallRequest, Config, Event, Input, OpenStream, Output, Session, Status, TokenReason};
use samewire_protocol::streams::{Source, StreamSpec, Want};
use samewire_protocol::wire::Continuity;
use samewire_protocol::{CallId, Digest, Failure, Instant, Link, SessionId, StreamId, StreamNo};

pub use rooms::{Heard, Joining, View};

use crate::net::{Frame, Happening, Net, Side};

/// What became of a stream.
pub type Outcome = Result<(u64, Digest), Failure>;

/// A call that was made, and all that came back for it.
#[derive(Debug, Default)]
pub struct Asked {
    /// The parts, in order.
    pub parts: Vec<String>,
    /// The answers: never more than one.
    pub answers: Vec<Result<String, Failure>>,
    /// Bytes that came with the answer.
    pub attachment: Option<Bytes>,
}

/// A stream to the server.
#[derive(Debug)]
pub struct Upload {
    /// The public id.
    pub id: StreamId,
    /// What the source holds.
    pub content: Bytes,
    /// Whether the source can be read again.
    pub source: Source,
    /// The furthest word on what is durable.
    pub durable: u64,
    /// What became of it: never more than one.
    pub outcomes: Vec<Outcome>,
    /// How many bytes a source that gives each once has given.
    given: u64,
    /// Wants that the source works on.
    reading: u32,
}

/// A stream from the server.
#[derive(Debug)]
pub struct Download {
    /// The number.
    pub stream: StreamNo,
    /// What the server said of it.
    pub spec: StreamSpec,
    /// The bytes so far.
    pub content: Vec<u8>,
    /// What became of it: never more than one.
    pub outcomes: Vec<Outcome>,
}

#[derive(Debug)]
pub(crate) enum Due {
    /// The source has read.
    Read(Want),
    /// The app has used bytes up.
    Used(StreamNo, u64),
}

/// A client.
#[derive(Debug)]
pub struct Client {
    /// The machine.
    pub session: Session,
    /// Every call that was made.
    pub calls: BTreeMap<CallId, Asked>,
    /// Every stream to the server that was opened.
    pub uploads: BTreeMap<StreamNo, Upload>,
    /// Every stream from the server, in the order in which they came.
    pub downloads: Vec<Download>,
    /// Every welcome.
    pub welcomes: Vec<(SessionId, Continuity, Option<String>)>,
    /// Every change of status.
    pub statuses: Vec<Status>,
    /// What the server reported of no call and no stream.
    pub errors: Vec<Failure>,
    /// What this client has seen of each room.
    pub rooms: BTreeMap<String, View>,
    /// Why tokens were asked for.
    pub wanted: Vec<TokenReason>,
    /// Tokens that it gives when it is asked, the first one first.
    pub tokens: VecDeque<String>,
    /// How long a source reads.
    pub read_time: Duration,
    /// How long the app needs to use bytes up; for ever when absent.
    pub use_time: Option<Duration>,
    /// The most bytes that a source gives at once.
    pub read_size: usize,
    /// Whether it does what the machine says only after it has read all that came at one time.
    pub lazy: bool,
    /// What must never happen.
    pub faults: Vec<String>,
    pub(crate) wait: Option<Instant>,
    pub(crate) socket: Option<usize>,
    pub(crate) frozen: bool,
    pub(crate) stale: Vec<(Link, Held)>,
    who: usize,
}

/// What a frozen page has not seen yet.
#[derive(Debug)]
pub(crate) enum Held {
    Frame(Frame),
    Lost,
    Opened,
}

impl Client {
    pub(crate) fn new(who: usize, config: Config) -> Self {
        Self {
            session: Session::new(config),
            calls: BTreeMap::new(),
            uploads: BTreeMap::new(),
            downloads: Vec::new(),
            welcomes: Vec::new(),
            statuses: Vec::new(),
            errors: Vec::new(),
            rooms: BTreeMap::new(),
            wanted: Vec::new(),
            tokens: VecDeque::new(),
            read_time: Duration::ZERO,
            use_time: Some(Duration::ZERO),
            read_size: usize::MAX,
            lazy: false,
            faults: Vec::new(),
            wait: None,
            socket: None,
            frozen: false,
            stale: Vec::new(),
            who,
        }
    }

    /// The newest socket, if any was opened.
    #[must_use]
    pub fn socket(&self) -> Option<usize> {
        self.socket
    }

    pub(crate) fn call(&mut self, net: &mut Net, request: CallRequest) -> CallId {
        let id = self.session.call(net.now, request);
        self.calls.entry(id).or_default();
        self.pump(net);
        id
    }

    /// Opens a stream to the server.
    pub fn upload(&mut self, net: &mut Net, spec: StreamSpec, content: Bytes, source: Source) -> StreamNo {
        let id = spec.id;
        let (no, _) = self.session.open_stream(net.now, OpenStream { spec, source });
        let upload = Upload { id, content, source, durable: 0, outcomes: Vec::new(), given: 0, reading: 0 };
        if self.uploads.insert(no, upload).is_some() {
            self.faults.push(format!("stream number {no} was given twice"));
        }
        self.pump(net);
        no
    }

    pub(crate) fn input(&mut self, net: &mut Net, link: Link, held: Held) {
        if self.frozen {
            return self.stale.push((link, held));
        }
        let input = match &held {
            Held::Opened => Input::Opened,
            Held::Lost => Input::Closed { code: 1006 },
            Held::Frame(Frame::Close(code)) => Input::Closed { code: *code },
            Held::Frame(Frame::Text(text)) => Input::Text(text),
            Held::Frame(Frame::Binary(bytes)) => Input::Binary(bytes.clone()),
        };
        self.session.handle_input(net.now, link, input);
        if self.lazy {
            self.wait = Some(net.now);
        } else {
            self.pump(net);
        }
    }

    pub(crate) fn due(&mut self, net: &mut Net, due: Due) {
        match due {
            Due::Read(want) => self.answer_want(net, want),
            Due::Used(stream, offset) => self.session.consume(net.now, stream, offset),
        }
        self.pump(net);
    }

    /// Does what the machine says until it waits.
    pub(crate) fn pump(&mut self, net: &mut Net) {
        loop {
            match self.session.poll_output() {
                Output::Dial { link } => self.socket = Some(net.dial(self.who, link)),
                Output::SendText(text) => self.send(net, Frame::Text(text.as_str().to_owned())),
                Output::SendBinary(bytes) => self.send(net, Frame::Binary(bytes)),
                Output::HangUp { link, code, .. } => {
                    let current = self.socket.filter(|socket| net.client_of(*socket).1 == link);
                    match current {
                        Some(socket) => net.close(socket, Side::Client, code),
                        None => self.faults.push(format!("hung up on {link:?}, which is not the newest socket")),
                    }
                }
                Output::Event(event) => self.told(net, event),
                Output::Wait(at) => {
                    self.wait = at;
                    return;
                }
            }
        }
    }

    fn send(&mut self, net: &mut Net, frame: Frame) {
        match self.socket {
            Some(socket) => net.send(socket, Side::Client, frame),
            None => self.faults.push("a frame went out before any socket was open".to_owned()),
        }
    }

    fn told(&mut self, net: &mut Net, event: Event) {
        match event {
            Event::Status(status) => self.statuses.push(status),
            Event::Welcomed { session, continuity, identity } => self.welcomes.push((session, continuity, identity)),
            Event::CallPart { id, payload } => {
                let asked = self.calls.entry(id).or_default();
                if !asked.answers.is_empty() {
                    self.faults.push(format!("call {id} got a part after its answer"));
                }
                asked.parts.push(payload.get().to_owned());
            }
            Event::CallSettled { id, result, attachment } => {
                let asked = self.calls.entry(id).or_default();
                asked.attachment = attachment;
                asked.answers.push(result.map(|payload| payload.get().to_owned()));
                if asked.answers.len() > 1 {
                    self.faults.push(format!("call {id} was answered twice"));
                }
            }
            Event::Want(want) => self.wanted(net, want),
            Event::Progress { stream, durable } => match self.uploads.get_mut(&stream) {
                Some(upload) => upload.durable = upload.durable.max(durable),
                None => self.faults.push(format!("progress of stream {stream}, which is not open")),
            },
            Event::StreamOpened { stream, spec } => self.offered(stream, spec),
            Event::Data { stream, offset, bytes } => self.took(net, stream, offset, &bytes),
            Event::StreamFinished { stream, size, digest } => self.over(stream, Ok((size, digest))),
            Event::StreamAborted { stream, failure } => self.over(stream, Err(failure)),
            Event::ServerError(failure) => self.errors.push(failure),
            Event::Room(news) => self.news(&news),
            Event::RoomError { room, failure } => self.rooms.entry(room.to_string()).or_default().errors.push(failure),
            Event::RoomLeft { room, failure } => self.rooms.entry(room.to_string()).or_default().over(failure),
            Event::TokenWanted(reason) => {
                self.wanted.push(reason);
                if let Some(token) = self.tokens.pop_front() {
                    self.session.set_token(net.now, Some(token));
                }
            }
            event => self.faults.push(format!("an event that this client does not know: {event:?}")),
        }
    }

    fn wanted(&mut self, net: &mut Net, want: Want) {
        if want.max == 0 {
            self.faults.push(format!("{want:?} asks for nothing"));
        }
        if let Some(upload) = self.uploads.get_mut(&want.stream) {
            upload.reading += 1;
            if upload.source == Source::Once && upload.reading > 1 {
                self.faults.push(format!("{want:?} while a source that gives each byte once still reads"));
            }
        }
        if self.read_time.is_zero() {
            self.answer_want(net, want);
        } else {
            net.at(net.now + self.read_time, Happening::Client(self.who, Due::Read(want)));
        }
    }

    fn answer_want(&mut self, net: &mut Net, want: Want) {
        let Some(upload) = self.uploads.get_mut(&want.stream) else { return };
        upload.reading -= 1;
        let offset = match upload.source {
            Source::Seekable => want.offset,
            Source::Once => upload.given,
        };
        if offset != want.offset && upload.outcomes.is_empty() {
            self.faults.push(format!("{want:?} of a source that gives each byte once and is at {offset}"));
        }
        let length = upload.content.len();
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(length);
        let end = start.saturating_add(want.max.min(self.read_size)).min(length);
        let bytes = upload.content.slice(start..end);
        if bytes.is_empty() {
            return self.session.source_ended(net.now, want.stream);
        }
        upload.given = end as u64;
        self.session.provide(net.now, want.stream, want.offset, &bytes);
    }

    fn offered(&mut self, stream: StreamNo, spec: StreamSpec) {
        if self.downloads.iter().any(|known| known.spec.id == spec.id) {
            self.faults.push(format!("stream {} was offered twice", spec.id));
        }
        if self.reading(stream).is_some() {
            self.faults.push(format!("stream number {stream} was offered while it stood for another"));
        }
        self.downloads.push(Download { stream, spec, content: Vec::new(), outcomes: Vec::new() });
    }

    fn reading(&mut self, stream: StreamNo) -> Option<&mut Download> {
        self.downloads.iter_mut().rev().find(|download| download.stream == stream && download.outcomes.is_empty())
    }

    fn took(&mut self, net: &mut Net, stream: StreamNo, offset: u64, bytes: &[u8]) {
        let Some(download) = self.reading(stream) else {
            return self.faults.push(format!("bytes of stream {stream}, which is not open"));
        };
        let at = download.content.len() as u64;
        download.content.extend_from_slice(bytes);
        if at != offset {
            self.faults.push(format!("bytes of stream {stream} at {offset}, expected {at}"));
        }
        let Some(time) = self.use_time else { return };
        let end = offset + bytes.len() as u64;
        if time.is_zero() {
            self.session.consume(net.now, stream, end);
        } else {
            net.at(net.now + time, Happening::Client(self.who, Due::Used(stream, end)));
        }
    }

    fn over(&mut self, stream: StreamNo, outcome: Outcome) {
        if let Some(upload) = self.uploads.get_mut(&stream) {
            upload.outcomes.push(outcome);
            if upload.outcomes.len() > 1 {
                self.faults.push(format!("stream {stream} ended twice"));
            }
        } else if let Some(download) = self.reading(stream) {
            download.outcomes.push(outcome);
        } else {
            self.faults.push(format!("stream {stream} ended, which is not open"));
        }
    }
}
