//! The client's half of the session.
//!
//! [`Session`] decides everything and does nothing: a driver tells it what happened ([`Session::handle_input`],
//! [`Session::handle_timeout`]), the app's commands change it ([`Session::call`], [`Session::open_stream`], …), and
//! [`Session::poll_output`] says what to do.
//!
//! **The contract.** Every mutation is followed by draining [`Session::poll_output`] until it returns [`Output::Wait`]; the
//! driver holds no other protocol state. Every input names its link, so a late event of a dead socket is ignored.

mod backoff;
mod calls;
mod link;
mod rng;
mod state;
mod streams;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use serde_json::value::RawValue;

pub use backoff::BackoffConfig;
pub use calls::CallRequest;
pub use state::Status;
pub use streams::OpenStream;

use self::calls::Calls;
use self::rng::Rng;
use self::state::State;
use self::streams::Streams;
use crate::code::Code;
use crate::digest::Digest;
use crate::failure::{Failure, Ran};
use crate::id::{CallId, Link, SessionId, StreamNo};
use crate::limits::Limits;
use crate::streams::{Moment, READ_AHEAD, StreamSpec, Want};
use crate::time::Instant;
use crate::wire::{Advice, Continuity, Heartbeat, Text};

/// How many bytes of streams may wait in the socket's own buffer. Text never waits for it.
pub const SEND_AHEAD: u64 = 256 * 1024;

/// What a session is made of.
#[derive(Clone, Debug)]
pub struct Config {
    /// The token of the first hello.
    pub token: Option<String>,
    /// The SDK and its version, for the server's log.
    pub agent: Option<String>,
    /// Seeds the jitter. Drawn by the driver.
    pub seed: u64,
    /// When to dial again.
    pub backoff: BackoffConfig,
    /// How many bytes of a stream its source is asked for ahead of what is sent. More hides a source that is slow to answer;
    /// default 128 KiB.
    pub read_ahead: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { token: None, agent: None, seed: 0, backoff: BackoffConfig::default(), read_ahead: READ_AHEAD }
    }
}

/// What the driver saw.
#[derive(Debug)]
pub enum Input<'a> {
    /// The socket is open, with the subprotocol agreed on.
    Opened,
    /// A text frame.
    Text(&'a str),
    /// A binary frame.
    Binary(Bytes),
    /// The socket is closed, or could not be opened (1006).
    Closed {
        /// The close code (RFC 6455, section 7.4).
        code: u16,
    },
    /// So many bytes wait in the socket's own buffer.
    Writable {
        /// Bytes not yet taken by the network.
        buffered: u64,
    },
    /// The device's network came or went. True of any link.
    Network {
        /// Whether there is one.
        online: bool,
    },
    /// The page was hidden or shown. True of any link.
    Visibility {
        /// Whether people can see it. While they cannot, timers are unreliable and silence proves nothing.
        visible: bool,
    },
}

/// What the driver has to do.
#[derive(Debug)]
pub enum Output {
    /// Open a socket; its events carry this link.
    Dial {
        /// The new link.
        link: Link,
    },
    /// Send a text frame.
    SendText(Text),
    /// Send a binary frame.
    SendBinary(Bytes),
    /// Close the socket of this link.
    HangUp {
        /// The link.
        link: Link,
        /// 1000, or a code of 3000 to 4999.
        code: u16,
        /// For people who look at the connection.
        reason: Box<str>,
    },
    /// Tell the app.
    Event(Event),
    /// Nothing to do until the next input, command, or this point in time.
    Wait(Option<Instant>),
}

/// What the app may want to know.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// The session stands elsewhere now.
    Status(Status),
    /// The session is live.
    Welcomed {
        /// The session.
        session: SessionId,
        /// What became of the one before.
        continuity: Continuity,
        /// Who the server takes the client for.
        identity: Option<String>,
    },
    /// A part of a call's result. More follows.
    CallPart {
        /// The call.
        id: CallId,
        /// The part.
        payload: Box<RawValue>,
    },
    /// A call's answer. Nothing follows.
    CallSettled {
        /// The call.
        id: CallId,
        /// The result, or what went wrong.
        result: Result<Box<RawValue>, Failure>,
    },
    /// A stream wants bytes: answer with [`Session::provide`] or [`Session::source_ended`].
    Want(Want),
    /// Bytes of a stream that this side sends became durable at the receiver.
    Progress {
        /// The stream.
        stream: StreamNo,
        /// All bytes before this offset are durable.
        durable: u64,
    },
    /// The server began a stream. Bytes follow as [`Event::Data`].
    StreamOpened {
        /// The stream.
        stream: StreamNo,
        /// What the server says about it.
        spec: StreamSpec,
    },
    /// Bytes of a stream, in order, without gap or overlap. Answer with [`Session::consume`] once they are used up.
    Data {
        /// The stream.
        stream: StreamNo,
        /// Where the first byte belongs.
        offset: u64,
        /// The bytes.
        bytes: Bytes,
    },
    /// A stream is whole, and its digest was verified by its receiver.
    StreamFinished {
        /// The stream.
        stream: StreamNo,
        /// The size of the whole.
        size: u64,
        /// The digest of the whole.
        digest: Digest,
    },
    /// A stream was given up.
    StreamAborted {
        /// The stream.
        stream: StreamNo,
        /// Why.
        failure: Failure,
    },
    /// The server reports an error that belongs to no call and no stream.
    ServerError(Failure),
}

/// How much a session holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Calls that wait for their answers.
    pub calls: usize,
    /// Streams to the server.
    pub streams_up: usize,
    /// Streams from the server.
    pub streams_down: usize,
    /// Last words on calls and streams that the server has not confirmed.
    pub untold: usize,
}

/// The client's half of a session. See the [module](self) for how it is driven.
#[derive(Debug)]
pub struct Session {
    config: Config,
    state: State,
    link: Link,
    rng: Rng,
    attempt: u32,
    visible: bool,
    ticket: Option<String>,
    limits: Limits,
    heartbeat: Heartbeat,
    advice: Advice,
    /// The goodbye of this link, if one came.
    parting: Option<crate::wire::Goodbye>,
    /// When the last call was made.
    last_call: Option<Instant>,
    calls: Calls,
    streams: Streams,
    /// Text for this link, in order. What must outlive a link is not here.
    control: VecDeque<Text>,
    outputs: VecDeque<Output>,
    /// How many more bytes of streams the socket should be given.
    room: u64,
    /// The last time a driver told, for what is decided while output is polled.
    now: Instant,
}

impl Session {
    /// A session that is not connected yet.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            state: State::Idle,
            link: Link::default(),
            rng: Rng::new(config.seed),
            attempt: 0,
            visible: true,
            ticket: None,
            limits: Limits::default(),
            heartbeat: Heartbeat::default(),
            advice: Advice { delay: 0, spread: 0 },
            parting: None,
            last_call: None,
            calls: Calls::default(),
            streams: Streams::default(),
            control: VecDeque::new(),
            outputs: VecDeque::new(),
            room: 0,
            now: Instant::default(),
            config,
        }
    }

    // What the driver tells.

    /// Something happened on a link. Events of any but the newest link are ignored.
    pub fn handle_input(&mut self, now: Instant, link: Link, input: Input<'_>) {
        self.now = now;
        match input {
            Input::Network { online } => self.network(now, online),
            Input::Visibility { visible } => self.visibility(now, visible),
            _ if link != self.link => {}
            Input::Opened => self.opened(now),
            Input::Text(text) => self.text(now, text),
            Input::Binary(frame) => self.binary(now, &frame),
            Input::Closed { code } => self.link_closed(now, code),
            Input::Writable { buffered } => self.room = SEND_AHEAD.saturating_sub(buffered),
        }
    }

    /// The point that [`Output::Wait`] named has come. Harmless when it is early.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        self.link_timeout(now);
        while let Some(id) = self.calls.expired(now) {
            self.give_up(id, Code::DeadlineExceeded, "no answer came before the call's deadline");
        }
    }

    // What the app commands.

    /// Connects now, if the session is neither live nor on the way to be.
    pub fn connect(&mut self, now: Instant) {
        self.now = now;
        if matches!(self.state, State::Idle | State::Waiting { .. } | State::Closed { .. }) {
            self.attempt = 0;
            self.dial(now);
        }
    }

    /// Ends the session, here and on the server: gives up every call and stream, and forgets the ticket.
    pub fn close(&mut self, now: Instant) {
        self.now = now;
        if matches!(self.state, State::Closed { .. }) {
            return;
        }
        if !matches!(self.state, State::Idle | State::Waiting { .. }) {
            self.outputs.push_back(Output::HangUp { link: self.link, code: 1000, reason: "closed by the app".into() });
        }
        self.ticket = None;
        self.end(Failure::new(Code::SessionClosed, "the app closed the session"));
    }

    /// Sets the token that the next hello carries.
    pub fn set_token(&mut self, token: Option<String>) {
        self.config.token = token;
    }

    /// Makes a call. It is sent as soon as the session is live; connects where nobody asked for a connection yet.
    /// The answer comes as [`Event::CallSettled`].
    pub fn call(&mut self, now: Instant, request: CallRequest) -> CallId {
        self.now = now;
        self.last_call = Some(now);
        let id = self.calls.add(now, request);
        self.wake(now);
        if let State::Closed { why } = &self.state {
            let why = why.clone();
            self.calls.settle(id);
            self.settled(id, Err(why.ran(Ran::No)));
        }
        id
    }

    /// Gives a call up: its handler is told, and the caller gets [`Code::Canceled`].
    pub fn cancel(&mut self, now: Instant, id: CallId) {
        self.now = now;
        self.give_up(id, Code::Canceled, "the caller cancelled the call");
    }

    /// The server's numbers, as last told.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The resume ticket, which is also the session's credential for calls over HTTP.
    #[must_use]
    pub fn ticket(&self) -> Option<&str> {
        self.ticket.as_deref()
    }

    /// Where the session stands.
    #[must_use]
    pub fn status(&self) -> Status {
        self.state.status()
    }

    /// How much the session holds.
    #[must_use]
    pub fn load(&self) -> Load {
        let (streams_up, streams_down) = self.streams.counts();
        Load { calls: self.calls.len(), streams_up, streams_down, untold: self.calls.untold() + self.streams.untold() }
    }

    /// The newest link.
    #[must_use]
    pub fn link(&self) -> Link {
        self.link
    }

    // What the driver does.

    /// The next thing to do. Drain it until [`Output::Wait`] after every mutation.
    pub fn poll_output(&mut self) -> Output {
        loop {
            if let Some(output) = self.outputs.pop_front() {
                return output;
            }
            if !matches!(self.state, State::Live(_)) {
                break;
            }
            if let Some(text) = self.next_text() {
                return Output::SendText(text);
            }
            if !self.outputs.is_empty() {
                continue;
            }
            if let Some(want) = self.streams.want() {
                return Output::Event(Event::Want(want));
            }
            if self.room > 0
                && let Some(frame) = self.streams.next_chunk(Moment::new(self.now, self.last_call))
            {
                self.room = self.room.saturating_sub(frame.len() as u64);
                return Output::SendBinary(frame);
            }
            break;
        }
        Output::Wait(self.next_timeout())
    }

    /// Text goes before bytes of streams; what streams have to say is put into words only now, so that it is the latest.
    fn next_text(&mut self) -> Option<Text> {
        if let Some(text) = self.control.pop_front().or_else(|| self.streams.next_text()) {
            return Some(text);
        }
        while let Some((id, text)) = self.calls.next_frame(self.now, self.limits.max_calls) {
            if text.len() <= self.limits.max_text {
                return Some(text);
            }
            self.calls.settle(id);
            let most = self.limits.max_text;
            let message = format!("the call takes {} bytes, and the server allows {most}; send bulk as a stream", text.len());
            self.settled(id, Err(Failure::new(Code::TooBig, message)));
        }
        None
    }

    fn next_timeout(&self) -> Option<Instant> {
        [self.link_deadline(), self.calls.next_deadline(), self.streams.next_timeout(Moment::new(self.now, self.last_call))]
            .into_iter()
            .flatten()
            .min()
    }

    fn give_up(&mut self, id: CallId, code: Code, message: &str) {
        let live = matches!(self.state, State::Live(_));
        if let Some((frame, failure)) = self.calls.give_up(id, code, message, live) {
            self.control.extend(frame);
            self.settled(id, Err(failure));
        }
    }

    fn settled(&mut self, id: CallId, result: Result<Box<RawValue>, Failure>) {
        self.event(Event::CallSettled { id, result });
    }

    fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    /// Something waits for a connection: makes one where nobody did yet.
    fn wake(&mut self, now: Instant) {
        if matches!(self.state, State::Idle) {
            self.dial(now);
        }
    }

    fn retry_in(&mut self, advice: Advice) -> Duration {
        let wait = self.config.backoff.wait(&mut self.rng, self.attempt, advice);
        self.attempt = self.attempt.saturating_add(1);
        wait
    }
}
