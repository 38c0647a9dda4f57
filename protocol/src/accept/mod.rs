//! The server's half of the session.
//!
//! A socket begins with [`greet`]: the first frame must be a hello. The server then decides who the client is and which
//! [`Session`] it goes on with, and attaches the socket to it. A session outlives its sockets: it remembers which calls ran and
//! what they answered, and which stream stands for which number.
//!
//! It is driven like the client's half: inputs, commands, then [`Session::poll_output`] until it returns [`Output::Wait`].

mod calls;
mod event;
mod rooms;
mod streams;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use serde_json::value::RawValue;

pub use event::{Casting, Config, Event, Greeting, Input, Joining, Load, Output, Resumed};

use self::calls::{Calls, Met};
use self::streams::Streams;
use crate::code::Code;
use crate::digest::Digest;
use crate::failure::Failure;
use crate::id::{CallId, Link, SessionId, StreamId, StreamNo};
use crate::method::StreamRef;
use crate::session::SEND_AHEAD;
use crate::streams::{Moment, StreamSpec};
use crate::time::Instant;
use crate::wire::chunk::{self, Chunk, ChunkError};
use crate::wire::{Advice, Call, ClientFrame, Frame, Goodbye, Hello, ServerFrame, StreamFrame, Text, Welcome, decode_client};

/// Reads the first frame of a socket, which must be a hello.
pub fn greet(text: &str) -> Result<Hello<'_>, Failure> {
    match decode_client(text) {
        Ok(ClientFrame::Hello(hello)) => {
            let longest = [&hello.token, &hello.ticket].into_iter().flatten().map(|text| text.len()).max();
            if longest.unwrap_or(0) > crate::limits::MAX_TOKEN {
                return Err(Failure::new(Code::TooBig, "the token or ticket is longer than the protocol allows"));
            }
            Ok(hello)
        }
        Ok(_) => Err(Failure::new(Code::BadFrame, "the first frame on a socket must be a hello")),
        Err(error) => Err(Failure::new(Code::BadFrame, error.to_string())),
    }
}

/// The frame that tells a client why its socket is about to be closed. `advice` says when to come back, if it may.
#[must_use]
pub fn goodbye(error: Failure, advice: Option<Advice>) -> Text {
    ServerFrame::Goodbye(Goodbye { error, reconnect: advice }).encode()
}

/// How much text may wait for a client before nothing more is read from it.
const MOST_WAITING: usize = 256;
const MOST_WAITING_BYTES: usize = 1024 * 1024;

/// The server's half of a session. See the [module](self) for how it is driven.
#[derive(Debug)]
pub struct Session {
    id: SessionId,
    config: Box<Config>,
    attached: Option<Attached>,
    /// When the last call was made.
    last_call: Option<Instant>,
    calls: Calls,
    streams: Streams,
    control: VecDeque<Frame>,
    outputs: VecDeque<Output>,
    now: Instant,
}

#[derive(Debug)]
struct Attached {
    link: Link,
    heard_at: Instant,
    pinged_at: Option<Instant>,
    /// The advice that the client has, and the newest.
    told: Advice,
    advice: Advice,
    room: u64,
}

impl Session {
    /// A session without a socket.
    #[must_use]
    pub fn new(id: SessionId, config: Config) -> Self {
        Self {
            id,
            config: Box::new(config),
            attached: None,
            last_call: None,
            calls: Calls::default(),
            streams: Streams::default(),
            control: VecDeque::new(),
            outputs: VecDeque::new(),
            now: Instant::default(),
        }
    }

    /// The session's id.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.id
    }

    // What the driver tells.

    /// A socket takes the session over; the one before, if any, is of no account from here on.
    pub fn attach(&mut self, now: Instant, link: Link, greeting: &Greeting<'_>) {
        self.detach_now();
        self.now = now;
        self.attached = Some(Attached {
            link,
            heard_at: now,
            pinged_at: None,
            told: greeting.reconnect,
            advice: greeting.reconnect,
            room: SEND_AHEAD,
        });
        let welcome = ServerFrame::Welcome(Welcome {
            session: self.id,
            ticket: greeting.ticket.into(),
            continuity: greeting.continuity,
            identity: greeting.identity.map(Into::into),
            limits: self.config.limits,
            heartbeat: self.config.heartbeat,
            reconnect: greeting.reconnect,
            expires: greeting.expires,
        });
        self.say(welcome);
        self.streams.attached(&mut self.control);
    }

    /// The socket of this link is gone.
    pub fn detach(&mut self, link: Link) {
        if self.is_attached(link) {
            self.detach_now();
        }
    }

    /// Whether this link is the session's present one.
    #[must_use]
    pub fn is_attached(&self, link: Link) -> bool {
        self.attached.as_ref().is_some_and(|attached| attached.link == link)
    }

    /// Something happened on a link. Events of any but the present link are ignored.
    pub fn handle_input(&mut self, now: Instant, link: Link, input: Input<'_>) {
        self.now = now;
        let Some(attached) = self.attached.as_mut().filter(|attached| attached.link == link) else { return };
        if let Input::Writable { buffered } = input {
            attached.room = SEND_AHEAD.saturating_sub(buffered);
            return;
        }
        attached.heard_at = now;
        attached.pinged_at = None;
        match input {
            Input::Text(text) if text.len() > self.config.limits.max_text => {
                let most = self.config.limits.max_text;
                self.part_ways(Failure::new(Code::TooBig, format!("a text frame may have at most {most} bytes")));
            }
            Input::Text(text) => match decode_client(text) {
                Ok(frame) => self.frame(frame, None),
                Err(error) => self.part_ways(Failure::new(Code::BadFrame, error.to_string())),
            },
            Input::Binary(frame) => match chunk::decode(&frame) {
                Ok(Chunk::Attached { text, attachment }) => self.attached(&text, attachment),
                Ok(Chunk::Data { bytes, .. }) if bytes.len() > self.config.limits.max_chunk.max(1) => {
                    let most = self.config.limits.max_chunk;
                    let message = format!("a binary frame may carry at most {most} bytes of a stream");
                    self.part_ways(Failure::new(Code::TooBig, message));
                }
                Ok(Chunk::Data { stream, offset, bytes }) => {
                    self.streams.data((stream, offset, bytes), self.config.limits.max_upload, &mut self.outputs);
                }
                Ok(Chunk::Unknown(_)) => {}
                Err(error) => {
                    let code = if error == ChunkError::Long { Code::TooBig } else { Code::BadFrame };
                    self.part_ways(Failure::new(code, error.to_string()));
                }
            },
            Input::Writable { .. } => {}
        }
    }

    /// The point that [`Output::Wait`] named has come. Harmless when it is early.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        let heartbeat = self.config.heartbeat;
        let Some(attached) = &mut self.attached else { return };
        match attached.pinged_at {
            // A timer may come late: nobody is sent away who was not asked, and the time to answer begins with the question.
            None if now.since(attached.heard_at) >= Duration::from_millis(heartbeat.interval) => {
                attached.pinged_at = Some(now);
                let reconnect = (attached.told != attached.advice).then_some(attached.advice);
                attached.told = attached.advice;
                self.say(ServerFrame::Ping { nonce: now.as_micros() % 1_000_000, reconnect });
            }
            Some(at) if now.since(at) >= Duration::from_millis(heartbeat.timeout) => {
                self.part_ways(Failure::new(Code::HeartbeatTimeout, "nothing was heard for too long; connect again"));
            }
            _ => {}
        }
    }

    /// How the client should come back when it loses this link. It is told with the next ping, where it has changed: a client that
    /// came while there were few must not come back as if there still were.
    pub fn advise(&mut self, advice: Advice) {
        if let Some(attached) = &mut self.attached {
            attached.advice = advice;
        }
    }

    /// The largest stream that the client may send from now on. It is told with the next welcome.
    pub fn limit_uploads(&mut self, bytes: u64) {
        self.config.limits.max_upload = bytes;
    }

    // What the server commands.

    /// A call's answer. It is kept until the client says that it has it. False when nobody waits for it any more.
    pub fn answer(&mut self, now: Instant, id: CallId, result: Result<Box<RawValue>, Failure>) -> bool {
        self.now = now;
        let text = match result {
            Ok(payload) => ServerFrame::Result { id, payload: &payload }.encode(),
            Err(error) => ServerFrame::Failure { id, error }.encode(),
        };
        self.answer_is(id, text.into())
    }

    /// A call's result, and bytes that belong to it; otherwise like [`Session::answer`].
    pub fn answer_with(&mut self, now: Instant, id: CallId, payload: &RawValue, attachment: &[u8]) -> bool {
        self.now = now;
        self.answer_is(id, Frame::new(ServerFrame::Result { id, payload }.encode(), Some(attachment)))
    }

    fn answer_is(&mut self, id: CallId, frame: Frame) -> bool {
        let asked = self.calls.answered(id, frame.clone());
        if asked == Some(true) && self.attached.is_some() {
            self.control.push_back(frame);
        }
        asked.is_some()
    }

    /// A part of a call's result. False while the caller is too far behind, or when nobody waits for it any more: see
    /// [`Session::part_room`].
    pub fn part(&mut self, now: Instant, id: CallId, payload: &RawValue) -> bool {
        self.now = now;
        let Some(text) = self.calls.part(id, payload) else { return false };
        if self.attached.is_some() {
            self.control.extend(text.map(Frame::Text));
        }
        true
    }

    /// How many more parts a call may send before its caller has taken some; `None` when nobody waits for them.
    #[must_use]
    pub fn part_room(&self, id: CallId) -> Option<u64> {
        self.calls.part_room(id)
    }

    /// The client's stream that this number stands for, if it does.
    #[must_use]
    pub fn incoming(&self, stream: StreamNo) -> Option<StreamId> {
        self.streams.incoming(stream)
    }

    /// A client's stream is taken, with so many bytes durable already and room up to `limit`.
    pub fn opened(&mut self, now: Instant, stream: StreamNo, offset: u64, limit: u64) {
        self.now = now;
        self.control.extend(self.streams.opened(stream, offset, limit).map(Frame::Text));
    }

    /// Bytes of a client's stream are durable up to here, and there is room up to `limit`.
    pub fn durable(&mut self, now: Instant, stream: StreamNo, offset: u64, limit: u64) {
        self.now = now;
        self.streams.durable(stream, offset, limit);
    }

    /// A client's stream is whole and verified.
    pub fn finished(&mut self, now: Instant, stream: StreamNo, size: u64, digest: Digest) {
        self.now = now;
        if self.streams.finished(stream) && self.attached.is_some() {
            let frame = StreamFrame::Finished { stream, size, digest };
            self.say(ServerFrame::Stream(frame));
        }
    }

    /// Gives a stream up and tells the client.
    pub fn abort(&mut self, now: Instant, stream: StreamNo, failure: &Failure) {
        self.now = now;
        self.streams.abort(stream, failure, &mut self.control);
    }

    /// Begins a stream to the client, of known size and digest. `None` when the session has too many.
    pub fn open_stream(&mut self, now: Instant, spec: StreamSpec, size: u64, digest: Digest) -> Option<(StreamNo, StreamRef)> {
        self.now = now;
        if self.streams.len() >= self.config.limits.max_streams {
            return None;
        }
        let id = StreamRef(spec.id);
        let chunk = self.config.limits.max_chunk;
        Some((self.streams.open(spec, (size, digest), chunk, &mut self.control), id))
    }

    /// Goes on with a stream to the client that this session did not know.
    pub fn resume_stream(&mut self, now: Instant, attach: Resumed) {
        self.now = now;
        self.streams.resume(attach, self.config.limits.max_chunk, &mut self.control);
    }

    /// There is no such stream to go on with.
    pub fn refuse_stream(&mut self, now: Instant, stream: StreamNo, failure: &Failure) {
        self.now = now;
        self.streams.refuse(stream, failure, &mut self.control);
    }

    /// Bytes that answer an [`Event::Want`].
    pub fn provide(&mut self, now: Instant, stream: StreamNo, offset: u64, bytes: &[u8]) {
        self.now = now;
        self.streams.provide(stream, offset, bytes, &mut self.outputs);
    }

    /// Says goodbye and closes the socket; nothing more is taken from it. The session itself stays.
    pub fn dismiss(&mut self, failure: Failure, advice: Option<Advice>) {
        if self.attached.take().is_some() {
            let code = failure.code.close();
            let reason = failure.code.as_str().into();
            // What was said before goes out before: a server that goes may not be able to say it again.
            self.outputs.extend(self.control.drain(..).map(send));
            self.outputs.push_back(Output::SendText(goodbye(failure, advice)));
            self.outputs.push_back(Output::HangUp { code, reason });
            self.calls.detached();
            self.streams.detached();
        }
    }

    /// Calls that run, for a server that ends the session.
    #[must_use]
    pub fn running(&self) -> Vec<CallId> {
        self.calls.running()
    }

    /// Whether a call runs.
    #[must_use]
    pub fn is_running(&self, id: CallId) -> bool {
        self.calls.part_room(id).is_some()
    }

    /// How much the session holds.
    #[must_use]
    pub fn load(&self) -> Load {
        let (streams_in, streams_out) = self.streams.counts();
        Load { streams_in, streams_out, ..self.calls.load() }
    }

    /// Whether the client takes so little of what it is told that nothing more should be read from it for now.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.control.len() > MOST_WAITING || self.control.iter().map(Frame::len).sum::<usize>() > MOST_WAITING_BYTES
    }

    // What the driver does.

    /// The next thing to do. Drain it until [`Output::Wait`] after every mutation.
    pub fn poll_output(&mut self) -> Output {
        if let Some(output) = self.outputs.pop_front() {
            return output;
        }
        let Some(attached) = &mut self.attached else { return Output::Wait(None) };
        if let Some(frame) = self.control.pop_front() {
            return send(frame);
        }
        if let Some(text) = self.streams.next_text() {
            return Output::SendText(text);
        }
        if let Some(want) = self.streams.want() {
            return Output::Event(Event::Want(want));
        }
        if attached.room > 0
            && let Some(frame) = self.streams.next_chunk(Moment::new(self.now, self.last_call))
        {
            attached.room = attached.room.saturating_sub(frame.len() as u64);
            return Output::SendBinary(frame);
        }
        let heartbeat = self.config.heartbeat;
        let heartbeat = match attached.pinged_at {
            None => attached.heard_at + Duration::from_millis(heartbeat.interval),
            Some(at) => at + Duration::from_millis(heartbeat.timeout),
        };
        Output::Wait(Some(
            self.streams.next_timeout(Moment::new(self.now, self.last_call)).map_or(heartbeat, |stall| stall.min(heartbeat)),
        ))
    }

    /// The next thing to act on, whatever waits to be sent before it. A driver drains it while its socket takes nothing, so that
    /// what a client says counts although it does not listen, and when its socket is gone, so that what it said last does.
    pub fn poll_event(&mut self) -> Option<Event> {
        let at = self.outputs.iter().position(|output| matches!(output, Output::Event(_)))?;
        match self.outputs.remove(at) {
            Some(Output::Event(event)) => Some(event),
            _ => None,
        }
    }

    /// A frame with bytes that belong to it.
    fn attached(&mut self, text: &Text, attachment: Bytes) {
        if text.len() + attachment.len() > self.config.limits.max_text {
            let most = self.config.limits.max_text;
            return self
                .part_ways(Failure::new(Code::TooBig, format!("a frame and its attachment may have {most} bytes together")));
        }
        match decode_client(text.as_str()) {
            Ok(frame @ (ClientFrame::Call(_) | ClientFrame::Cast(_) | ClientFrame::Unknown(_))) => {
                self.frame(frame, Some(attachment));
            }
            Ok(_) => self.part_ways(Failure::new(Code::BadFrame, "only a call and a cast have an attachment")),
            Err(error) => self.part_ways(Failure::new(Code::BadFrame, error.to_string())),
        }
    }

    fn frame(&mut self, frame: ClientFrame<'_>, attachment: Option<Bytes>) {
        match frame {
            ClientFrame::Hello(_) => {
                self.part_ways(Failure::new(Code::BadFrame, "a hello is only the first frame of a socket"))
            }
            ClientFrame::Call(call) => self.call(&call, attachment),
            ClientFrame::Cancel { id } => {
                let (ran, answer) = self.calls.cancel(id);
                self.control.push_back(answer.into());
                if ran {
                    self.outputs.push_back(Output::Event(Event::Cancel { id }));
                }
            }
            ClientFrame::Ack { id, parts } => {
                self.calls.ack(id, parts);
                self.outputs.push_back(Output::Event(Event::PartsTaken { id }));
            }
            ClientFrame::Open(open) => {
                self.streams.opening(&open, &self.config.limits, &mut self.control, &mut self.outputs);
            }
            ClientFrame::Attach(attach) => {
                self.streams.attach(attach, self.config.limits.max_streams, &mut self.control, &mut self.outputs);
            }
            ClientFrame::Stream(frame) => self.streams.frame(self.now, frame, &mut self.outputs),
            ClientFrame::Join(join) => self.join(&join),
            ClientFrame::Leave { room } => self.leave(&room),
            ClientFrame::Cast(cast) => self.cast(&cast, attachment),
            ClientFrame::Token { token } => self.token(&token),
            ClientFrame::Ping { nonce } => self.say(ServerFrame::Pong { nonce }),
            ClientFrame::Pong { .. } => {}
            ClientFrame::Unknown(kind) => {
                let kind: String = kind.chars().take(64).collect();
                let error = Failure::new(Code::UnknownType, format!("this server knows no frame of type {kind:?}"));
                self.say(ServerFrame::Error { error, room: None });
            }
        }
    }

    fn call(&mut self, call: &Call<'_>, attachment: Option<Bytes>) {
        if !crate::name::is_method(&call.method) {
            let error = Failure::new(Code::MethodNotFound, "this is not a method's name: expected parts with `/` between them");
            return self.say(ServerFrame::Failure { id: call.id, error });
        }
        self.last_call = Some(self.now);
        let mut given_up = Vec::new();
        let met = self.calls.meet(call, self.config.limits.max_calls, &mut given_up);
        self.outputs.extend(given_up.into_iter().map(|id| Output::Event(Event::Cancel { id })));
        match met {
            Met::New => self.outputs.push_back(Output::Event(Event::Call {
                id: call.id,
                method: call.method.as_ref().into(),
                payload: call.payload.unwrap_or(RawValue::NULL).to_owned(),
                attachment,
                timeout: call.timeout.map(Duration::from_millis),
            })),
            Met::Known(texts) => {
                self.control.extend(texts);
                if call.parts > 0 {
                    self.outputs.push_back(Output::Event(Event::PartsTaken { id: call.id }));
                }
            }
            Met::Refused(error) => self.say(ServerFrame::Failure { id: call.id, error }),
        }
    }

    fn say(&mut self, frame: ServerFrame<'_>) {
        self.control.push_back(frame.encode().into());
    }

    /// The client broke the protocol: it is told so, and should not come back the same way.
    fn part_ways(&mut self, failure: Failure) {
        let advice = crate::code::may_come_back(failure.code.close()).then(Advice::default);
        self.dismiss(failure, advice);
    }

    fn detach_now(&mut self) {
        self.attached = None;
        self.control.clear();
        // What the client said last still counts, but a join is of its link alone.
        self.outputs.retain(|output| matches!(output, Output::Event(event) if !matches!(event, Event::Join(_))));
        self.calls.detached();
        self.streams.detached();
    }
}

fn send(frame: Frame) -> Output {
    match frame {
        Frame::Text(text) => Output::SendText(text),
        Frame::Binary(bytes) => Output::SendBinary(bytes),
    }
}
