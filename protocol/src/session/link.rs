//! The life of a link: dialling, the hello, the heartbeat, losing it, coming back.

use std::time::Duration;

use bytes::Bytes;

use super::state::{Live, State};
use super::token::Tokens;
use super::{Event, Output, SEND_AHEAD, Session, TokenReason};
use crate::code::{Code, may_come_back};
use crate::failure::{Failure, Ran};
use crate::id::StreamNo;
use crate::time::Instant;
use crate::wire::chunk::{self, Chunk};
use crate::wire::{ClientFrame, Continuity, Frame, Hello, ServerFrame, Welcome, decode_server};

/// How long a socket may take to open, and the server to answer the hello.
const PATIENCE: Duration = Duration::from_secs(10);
/// No window is larger; offsets stay numbers that JavaScript holds.
const MOST_WINDOW: u64 = 1 << 40;
/// A link that carried something counts as a good one once it was up for so long.
const FRUITFUL: Duration = Duration::from_secs(1);
/// How long a probe waits for a sign of life.
const PROBE: Duration = Duration::from_secs(5);

impl Session {
    pub(super) fn dial(&mut self, now: Instant) {
        if self.needs_first_token() {
            return self.await_token(now, None, TokenReason::First);
        }
        self.link = self.link.next();
        self.parting = None;
        self.outputs.push_back(Output::Dial { link: self.link });
        self.enter(State::Dialing { give_up_at: now + PATIENCE });
    }

    pub(super) fn opened(&mut self, now: Instant) {
        if !matches!(self.state, State::Dialing { .. }) {
            return;
        }
        let hello = Hello {
            token: self.config.token.as_deref().map(Into::into),
            ticket: self.ticket.as_deref().map(Into::into),
            anew: self.anew && self.ticket.is_some(),
            agent: self.config.agent.as_deref().map(Into::into),
        };
        // The hello goes out while the session is not live, so it does not wait in `control`.
        self.outputs.push_back(Output::SendText(ClientFrame::Hello(hello).encode()));
        self.state = State::Greeting { give_up_at: now + PATIENCE };
    }

    pub(super) fn text(&mut self, now: Instant, text: &str, attachment: Option<Bytes>) {
        let frame = match decode_server(text) {
            Ok(frame) => frame,
            Err(error) => return self.broken(now, &error.to_string()),
        };
        self.heard(now);
        match (&mut self.state, frame) {
            (State::Greeting { .. }, ServerFrame::Welcome(welcome)) => self.welcomed(now, &welcome),
            (State::Greeting { .. } | State::Live(_), ServerFrame::Goodbye(goodbye)) => self.parting = Some(goodbye),
            (State::Live(_), frame) => self.live_frame(now, frame, attachment),
            // Anything else before the welcome is of no session.
            _ => {}
        }
    }

    fn live_frame(&mut self, now: Instant, frame: ServerFrame<'_>, attachment: Option<Bytes>) {
        match frame {
            ServerFrame::Result { id, payload } => {
                if self.calls.settle(id) {
                    self.bears();
                    self.event(Event::CallSettled { id, result: Ok(payload.to_owned()), attachment });
                }
            }
            ServerFrame::Failure { id, error } => {
                if self.calls.settle(id) {
                    self.settled(id, Err(error));
                }
            }
            ServerFrame::Part { id, seq, payload } => {
                if let Some(ack) = self.calls.part(id, seq, payload.get().len()) {
                    self.control.extend(ack.map(Frame::Text));
                    self.event(Event::CallPart { id, payload: payload.to_owned() });
                }
            }
            ServerFrame::Opened { stream, offset, limit } => self.stream_opened(stream, offset, limit),
            ServerFrame::Open(open) => self.stream_offered(&open),
            ServerFrame::Stream(frame) => self.stream_frame(now, frame),
            ServerFrame::Room(frame) => self.room_frame(frame, attachment),
            ServerFrame::Token { expires } => self.token_taken(now, expires),
            ServerFrame::Error { error, room: Some(room) } => self.room_error(&room, error),
            ServerFrame::Error { error, room: None } => self.server_error(now, error),
            ServerFrame::Ping { nonce, reconnect } => {
                self.advice = reconnect.unwrap_or(self.advice);
                self.say(&ClientFrame::Pong { nonce });
            }
            ServerFrame::Welcome(_) | ServerFrame::Goodbye(_) | ServerFrame::Pong { .. } | ServerFrame::Unknown(_) => {}
        }
    }

    pub(super) fn binary(&mut self, now: Instant, frame: &Bytes) {
        if !matches!(self.state, State::Live(_)) {
            return;
        }
        self.heard(now);
        match chunk::decode(frame) {
            Ok(Chunk::Data { stream, offset, bytes }) => self.stream_data(stream, offset, bytes),
            Ok(Chunk::Attached { text, attachment }) => self.text(now, text.as_str(), Some(attachment)),
            Ok(Chunk::Unknown(_)) => {}
            Err(error) => self.broken(now, &error.to_string()),
        }
    }

    fn welcomed(&mut self, now: Instant, welcome: &Welcome<'_>) {
        self.ticket = Some(welcome.ticket.as_ref().to_owned());
        self.anew = false;
        self.limits = welcome.limits;
        // The server's number is what it takes in; what this side takes in follows it within reason.
        self.limits.window = self.limits.window.clamp(crate::limits::MAX_CHUNK as u64, MOST_WINDOW);
        self.heartbeat = welcome.heartbeat;
        self.advice = welcome.reconnect;
        self.room = SEND_AHEAD;
        self.state = State::Live(Live { since: now, heard_at: now, fruitful: false, probe: None });
        // Whoever hears that the session is live must already know which one it is.
        self.event(Event::Welcomed {
            session: welcome.session,
            continuity: welcome.continuity,
            identity: welcome.identity.as_deref().map(str::to_owned),
        });
        self.event(Event::Status(self.state.status()));
        // Streams first: a call that names one must find it.
        self.streams.resume(&self.limits, welcome.continuity);
        let (cancels, lost) = self.calls.resume(welcome.continuity);
        self.control.extend(cancels.into_iter().map(Frame::Text));
        // A call about a room must find it, too.
        self.rooms.resume(welcome.continuity, &mut self.control);
        self.welcomed_until(now, welcome.expires);
        for id in lost {
            let why = match welcome.continuity {
                Continuity::Restarted => "the server was started anew and cannot say whether the call ran",
                _ => "the session was lost, and it cannot be said whether the call ran",
            };
            self.settled(id, Err(Failure::new(Code::ConnectionLost, why).ran(Ran::Maybe)));
        }
    }

    /// The other side breaks the protocol: hang up, and do not come back to hear it again.
    fn broken(&mut self, now: Instant, what: &str) {
        self.hang_up(Code::BadFrame);
        let failure = Failure::new(Code::BadFrame, format!("the server sent what this client cannot read: {what}"));
        self.parting = Some(crate::wire::Goodbye { error: failure, reconnect: None });
        self.link_closed(now, Code::BadFrame.close());
    }

    fn hang_up(&mut self, code: Code) {
        self.outputs.push_back(Output::HangUp { link: self.link, code: code.close(), reason: code.as_str().into() });
    }

    pub(super) fn link_closed(&mut self, now: Instant, code: u16) {
        let settled = match &self.state {
            State::Live(live) => {
                let up = now.since(live.since);
                up >= self.config.backoff.settled || (live.fruitful && up >= FRUITFUL)
            }
            State::Dialing { .. } | State::Greeting { .. } => false,
            State::Idle | State::Tokenless { .. } | State::Waiting { .. } | State::Closed { .. } => return,
        };
        // Whatever the dead socket still says is of no interest.
        self.link = self.link.next();
        let parting = self.parting.take();
        let advice = match &parting {
            Some(goodbye) => match goodbye.reconnect {
                Some(advice) => advice,
                None => return self.sent_away(now, goodbye.error.clone()),
            },
            None if !may_come_back(code) => {
                return self.end(Failure::new(
                    Code::SessionClosed,
                    format!("the server closed the connection with code {code}, which means not to come back"),
                ));
            }
            None => self.advice,
        };
        if settled {
            self.attempt = 0;
        }
        self.lose_link();
        let retry_at = now + self.retry_in(advice);
        self.enter(State::Waiting { retry_at });
    }

    pub(super) fn lose_link(&mut self) {
        self.control.clear();
        self.outputs.retain(|output| !matches!(output, Output::SendText(_) | Output::SendBinary(_)));
        self.calls.suspend();
        self.streams.suspend();
        self.rooms.suspend();
        self.room = 0;
    }

    /// The session is over: everybody who waits is told.
    pub(super) fn end(&mut self, why: Failure) {
        self.link = self.link.next();
        self.lose_link();
        // Without a ticket there is nothing to come back to.
        let resumable = self.ticket.is_some();
        for (id, ran) in self.calls.drain(resumable) {
            self.settled(id, Err(why.clone().ran(ran)));
        }
        for stream in self.streams.drain(resumable.then_some(&why)) {
            self.event(Event::StreamAborted { stream, failure: why.clone() });
        }
        for room in self.rooms.drain() {
            self.event(Event::RoomLeft { room, failure: Some(why.clone()) });
        }
        self.tokens = Tokens::default();
        self.enter(State::Closed { why });
    }

    pub(super) fn enter(&mut self, state: State) {
        let before = self.state.status();
        self.state = state;
        let status = self.state.status();
        if status != before {
            self.event(Event::Status(status));
        }
    }

    fn heard(&mut self, now: Instant) {
        if let State::Live(live) = &mut self.state {
            live.heard_at = now;
            live.probe = None;
        }
    }

    /// The link carried something that the app had waited for.
    pub(super) fn bears(&mut self) {
        if let State::Live(live) = &mut self.state {
            live.fruitful = true;
        }
    }

    pub(super) fn link_deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Dialing { give_up_at } | State::Greeting { give_up_at } | State::Tokenless { give_up_at, .. } => {
                Some(*give_up_at)
            }
            State::Live(live) => match live.probe {
                Some(probe) => Some(probe),
                // While nobody can see the page, its timers are late, and silence proves nothing.
                None => self.visible.then(|| live.heard_at + self.silence()),
            },
            State::Waiting { retry_at } => Some(*retry_at),
            State::Idle | State::Closed { .. } => None,
        }
    }

    fn silence(&self) -> Duration {
        Duration::from_millis(self.heartbeat.interval.saturating_add(self.heartbeat.timeout))
    }

    pub(super) fn link_timeout(&mut self, now: Instant) {
        if self.link_deadline().is_none_or(|at| at > now) {
            return;
        }
        match self.state {
            State::Waiting { .. } => self.dial(now),
            State::Tokenless { .. } => self.no_token(now),
            State::Dialing { .. } | State::Greeting { .. } => {
                self.hang_up(Code::HandshakeTimeout);
                self.link_closed(now, 1006);
            }
            State::Live(_) => {
                self.hang_up(Code::HeartbeatTimeout);
                self.link_closed(now, 1006);
            }
            State::Idle | State::Closed { .. } => {}
        }
    }

    fn probe(&mut self, now: Instant) {
        if let State::Live(live) = &mut self.state
            && live.probe.is_none()
        {
            live.probe = Some(now + PROBE);
            self.say(&ClientFrame::Ping { nonce: now.as_micros() % 1_000_000 });
        }
    }

    pub(super) fn network(&mut self, now: Instant, online: bool) {
        match &mut self.state {
            State::Waiting { retry_at } if online => {
                // Everybody behind the same router hears of it at once, so a little spread remains.
                let wait = Duration::from_millis(self.rng.up_to(250));
                *retry_at = (*retry_at).min(now + wait);
            }
            State::Live(_) => self.probe(now),
            _ => {}
        }
    }

    pub(super) fn visibility(&mut self, now: Instant, visible: bool) {
        let shown = visible && !self.visible;
        self.visible = visible;
        if shown {
            match self.state {
                State::Live(_) => self.probe(now),
                State::Waiting { retry_at } if retry_at <= now => self.dial(now),
                _ => {}
            }
        }
    }

    /// A stream broke a rule: both sides drop it.
    pub(super) fn abort_stream(&mut self, stream: StreamNo, failure: Failure) {
        self.streams.give_up(stream, failure.clone());
        self.event(Event::StreamAborted { stream, failure });
    }
}
