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
mod event;
mod link;
pub(crate) mod rng;
mod rooms;
mod state;
mod streams;
mod token;

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::value::RawValue;

pub use backoff::BackoffConfig;
pub use calls::CallRequest;
pub use event::{Config, Event, Input, Load, Output, RoomNews, RoomNewsKind, TokenReason};
pub use rooms::JoinRequest;
pub use state::Status;
pub use streams::OpenStream;

use self::calls::Calls;
use self::rng::Rng;
use self::rooms::Rooms;
use self::state::State;
use self::streams::Streams;
use self::token::Tokens;
use crate::code::Code;
use crate::failure::{Failure, Ran};
use crate::id::{CallId, Link};
use crate::limits::Limits;
use crate::streams::Moment;
use crate::time::Instant;
use crate::wire::{Advice, ClientFrame, Frame, Heartbeat};

/// How many bytes of streams may wait in the socket's own buffer. Text never waits for it.
pub const SEND_AHEAD: u64 = 256 * 1024;

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
    /// The ticket is that of a client before this one.
    anew: bool,
    limits: Limits,
    heartbeat: Heartbeat,
    advice: Advice,
    /// The goodbye of this link, if one came.
    parting: Option<crate::wire::Goodbye>,
    /// When the last call was made.
    last_call: Option<Instant>,
    calls: Calls,
    streams: Streams,
    rooms: Rooms,
    tokens: Tokens,
    /// Frames for this link, in order. What must outlive a link is not here.
    control: VecDeque<Frame>,
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
            anew: config.ticket.is_some(),
            ticket: config.ticket.clone(),
            limits: Limits::default(),
            heartbeat: Heartbeat::default(),
            advice: Advice { delay: 0, spread: 0 },
            parting: None,
            last_call: None,
            calls: Calls::default(),
            streams: Streams::default(),
            rooms: Rooms::default(),
            tokens: Tokens::default(),
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
            Input::Text(text) => self.text(now, text, None),
            Input::Binary(frame) => self.binary(now, &frame),
            Input::Closed { code } => self.link_closed(now, code),
            Input::Writable { buffered } => self.room = SEND_AHEAD.saturating_sub(buffered),
        }
    }

    /// The point that [`Output::Wait`] named has come. Harmless when it is early.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        self.link_timeout(now);
        self.token_timeout(now);
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
        if !matches!(self.state, State::Idle | State::Tokenless { .. } | State::Waiting { .. }) {
            self.outputs.push_back(Output::HangUp { link: self.link, code: 1000, reason: "closed by the app".into() });
        }
        self.ticket = None;
        self.end(Failure::new(Code::SessionClosed, "the app closed the session"));
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
        let (rooms, left) = self.rooms.counts();
        let untold = self.calls.untold() + self.streams.untold() + left;
        Load { calls: self.calls.len(), streams_up, streams_down, rooms, untold }
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
            match self.next_frame() {
                Some(Frame::Text(text)) => return Output::SendText(text),
                Some(Frame::Binary(bytes)) => return Output::SendBinary(bytes),
                None => {}
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
    fn next_frame(&mut self) -> Option<Frame> {
        if let Some(frame) = self.control.pop_front().or_else(|| self.streams.next_text().map(Frame::Text)) {
            return Some(frame);
        }
        while let Some((id, frame)) = self.calls.next_frame(self.now, self.limits.max_calls) {
            match self.fits(&frame, "call") {
                Ok(()) => return Some(frame),
                Err(failure) => {
                    self.calls.settle(id);
                    self.settled(id, Err(failure));
                }
            }
        }
        None
    }

    /// Whether the server will take a frame, its attachment included.
    fn fits(&self, frame: &Frame, what: &str) -> Result<(), Failure> {
        let (most, size) = (self.limits.max_text, frame.weight());
        if size <= most {
            return Ok(());
        }
        let message = format!("the {what} takes {size} bytes, and the server allows {most}; send bulk as a stream");
        Err(Failure::new(Code::TooBig, message))
    }

    fn next_timeout(&self) -> Option<Instant> {
        let streams = self.streams.next_timeout(Moment::new(self.now, self.last_call));
        [self.link_deadline(), self.calls.next_deadline(), streams, self.token_deadline()].into_iter().flatten().min()
    }

    fn give_up(&mut self, id: CallId, code: Code, message: &str) {
        let live = matches!(self.state, State::Live(_));
        if let Some((frame, failure)) = self.calls.give_up(id, code, message, live) {
            self.control.extend(frame.map(Frame::Text));
            self.settled(id, Err(failure));
        }
    }

    fn settled(&mut self, id: CallId, result: Result<Box<RawValue>, Failure>) {
        self.event(Event::CallSettled { id, result, attachment: None });
    }

    fn say(&mut self, frame: &ClientFrame<'_>) {
        self.control.push_back(frame.encode().into());
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
