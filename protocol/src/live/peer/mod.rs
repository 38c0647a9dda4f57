//! One end of the way between a broadcaster and a viewer: the order in which `RTCPeerConnection`s are negotiated, healed and replaced.
//!
//! ```
//! use samewire_protocol::Instant;
//! use samewire_protocol::live::Negotiation;
//! use samewire_protocol::live::peer::{Engine, Input, Output, Peer, PeerState, Side};
//!
//! let now = Instant::default();
//! let mut peer = Peer::new(Side::Broadcaster, 7);
//! let negotiation = Negotiation::new(1).expect("a small number");
//! peer.handle_input(now, Input::Begin(negotiation));
//! assert_eq!(peer.poll_output(), Output::Create(negotiation));
//! assert_eq!(peer.poll_output(), Output::State(PeerState::Connecting));
//! assert!(matches!(peer.poll_output(), Output::Wait(Some(_))));
//! // The driver's engine has its tracks, and asks for a negotiation.
//! peer.handle_input(now, Input::Engine(negotiation, Engine::NegotiationNeeded));
//! assert_eq!(peer.poll_output(), Output::SetLocal(negotiation));
//! ```
//!
//! After every input, and when the point of [`Output::Wait`] has come, the driver does what [`Peer::poll_output`] says until that is
//! [`Output::Wait`]. It keeps an `RTCPeerConnection` for each [`Output::Create`] until the [`Output::Close`] of the same number, and
//! tells what happened to one in the order in which it happened.
//!
//! - The two exchange descriptions as "perfect negotiation" has it; every description has a round, so that a late or a second one is
//!   never taken for another.
//! - A path that does not answer is left alone for 2.5 s, then ICE is restarted; after two restarts another peer connection is asked
//!   for, with growing waits. While that is set up the old one stays. After 60 s without a connection it is given up.
//! - While the session has no link, or the other end is known to be away, nothing is asked and nothing is given up: media that flows is
//!   not touched.

mod candidates;
mod event;
mod exchange;
mod healing;
mod path;
mod timing;

use std::collections::VecDeque;

pub use event::{ConnectionState, Engine, Input, Output, PeerState, Refusal, SdpKind, Side};

use self::exchange::{Exchange, News, Told};
use self::path::{Connection, Old, Path, Trouble, Why};
use self::timing::{BREAK, REBUILD};
use crate::Code;
use crate::failure::Failure;
use crate::live::{Negotiation, PeerMessage};
use crate::session::rng::Rng;
use crate::time::Instant;

/// One end of the way between a broadcaster and a viewer, over all peer connections that take each other's place.
#[derive(Debug)]
pub struct Peer {
    side: Side,
    rng: Rng,
    state: PeerState,
    told_state: Option<PeerState>,
    link: bool,
    away: bool,
    newest: Option<Negotiation>,
    current: Option<Connection>,
    old: Option<Old>,
    /// None while connected, and before the first peer connection.
    trouble: Option<Trouble>,
    was_connected: bool,
    /// What is to be said when the session has a link again.
    held: VecDeque<(Negotiation, PeerMessage)>,
    outputs: VecDeque<Output>,
}

impl Peer {
    /// An end that waits for its first peer connection. The seed, drawn by the driver, is for the jitter.
    #[must_use]
    pub fn new(side: Side, seed: u64) -> Self {
        Self {
            side,
            rng: Rng::new(seed),
            state: PeerState::Connecting,
            told_state: None,
            link: true,
            away: false,
            newest: None,
            current: None,
            old: None,
            trouble: None,
            was_connected: false,
            held: VecDeque::new(),
            outputs: VecDeque::new(),
        }
    }

    /// How it is.
    #[must_use]
    pub fn state(&self) -> &PeerState {
        &self.state
    }

    /// The number of the newest peer connection.
    #[must_use]
    pub fn negotiation(&self) -> Option<Negotiation> {
        self.newest
    }

    /// Something happened.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        if self.state == PeerState::Closed {
            return;
        }
        match input {
            Input::Begin(negotiation) => self.begin(now, negotiation),
            Input::Heard(negotiation, message) => self.heard(now, negotiation, message),
            Input::Engine(negotiation, event) => self.engine(now, negotiation, event),
            Input::Link(up) => self.quiet(now, |peer| peer.link = up),
            Input::Away(away) => self.quiet(now, |peer| peer.away = away),
            Input::Refused(negotiation, failure) => self.refused(now, negotiation, failure),
            Input::Restart => self.look_anew(now),
            Input::Close => self.close(),
        }
        self.judge();
    }

    /// The point that [`Output::Wait`] named has come. Harmless when it is early.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.old.as_ref().is_some_and(|old| old.until <= now) {
            self.close_old();
        }
        self.exchange(now, |exchange, quiet, flows, told| exchange.timeout(now, quiet, flows, told));
        if !self.is_quiet() {
            self.path_timeout(now);
            if self.gives_up_at().is_some_and(|at| at <= now) {
                self.give_up(now, None);
            }
        }
        self.judge();
    }

    /// The next thing to do. Drain it until [`Output::Wait`] after every mutation.
    pub fn poll_output(&mut self) -> Output {
        self.outputs.pop_front().unwrap_or_else(|| Output::Wait(self.next_timeout()))
    }

    fn next_timeout(&self) -> Option<Instant> {
        let quiet = self.is_quiet();
        let current = self.current.as_ref();
        let exchange = current.and_then(|current| current.exchange.due(quiet));
        let path = current.and_then(|current| current.path.due(current.exchange.is_stable())).filter(|_| !quiet);
        let old = self.old.as_ref().map(|old| old.until);
        [exchange, path, old, self.gives_up_at().filter(|_| !quiet)].into_iter().flatten().min()
    }

    /// Whether nothing is asked of the other end, because it would not be heard.
    fn is_quiet(&self) -> bool {
        !self.link || self.away
    }

    // Peer connections come and go.

    fn begin(&mut self, now: Instant, negotiation: Negotiation) {
        if self.newest.is_some_and(|newest| newest >= negotiation) {
            return;
        }
        self.newest = Some(negotiation);
        self.held.clear();
        match self.current.take() {
            Some(before) if before.ever && !before.closed => {
                self.close_old();
                let until = now + BREAK;
                self.old = Some(Old { negotiation: before.negotiation, connected: before.connected, until });
            }
            Some(before) if !before.closed => self.outputs.push_back(Output::Close(before.negotiation)),
            _ => {}
        }
        if matches!(self.state, PeerState::Failed(_)) {
            (self.trouble, self.state) = (None, PeerState::Connecting);
        }
        self.trouble.get_or_insert_with(|| Trouble::new(now));
        self.current = Some(Connection {
            negotiation,
            exchange: Exchange::new(negotiation, self.side),
            path: Path::Waiting { until: now + self.side.beginning() },
            connected: false,
            ever: false,
            closed: false,
        });
        self.outputs.push_back(Output::Create(negotiation));
    }

    fn close_old(&mut self) {
        if let Some(old) = self.old.take() {
            self.outputs.push_back(Output::Close(old.negotiation));
        }
    }

    fn close_current(&mut self) {
        if let Some(current) = &mut self.current
            && !current.closed
        {
            (current.closed, current.connected) = (true, false);
            current.exchange.abandon();
            self.outputs.push_back(Output::Close(current.negotiation));
        }
    }

    fn close(&mut self) {
        self.close_old();
        self.close_current();
        (self.current, self.trouble) = (None, None);
        self.held.clear();
        self.state = PeerState::Closed;
    }

    // What the other end and the server say.

    fn heard(&mut self, now: Instant, negotiation: Negotiation, message: PeerMessage) {
        // The other end began it already, so the word of the server is on its way, or was lost.
        self.begin(now, negotiation);
        if self.is_current(negotiation) {
            self.exchange(now, |exchange, _, _, told| {
                exchange.heard(now, message, told);
                News::None
            });
        }
    }

    fn refused(&mut self, now: Instant, negotiation: Negotiation, failure: Failure) {
        if !self.is_current(negotiation) {
            return;
        }
        let Some(current) = &mut self.current else { return };
        match failure.code {
            // The number that counts now is on its way; if it does not come, it is asked for.
            Code::StaleNegotiation => current.path = Path::Asked { until: now + REBUILD },
            Code::NotJoined => current.exchange.refused(now),
            _ if failure.retryable => current.exchange.refused(now),
            // Media that flows is not touched: a server that was started anew knows nothing of it yet.
            _ if self.state == PeerState::Connected => {}
            _ => self.give_up(now, Some(failure)),
        }
    }

    fn quiet(&mut self, now: Instant, change: impl FnOnce(&mut Self)) {
        let before = self.is_quiet();
        change(self);
        if self.link {
            self.outputs.extend(self.held.drain(..).map(|(negotiation, message)| Output::Send(negotiation, message)));
        }
        if before && !self.is_quiet() {
            self.rearm(now);
        }
    }

    // What the engine says.

    fn engine(&mut self, now: Instant, negotiation: Negotiation, event: Engine) {
        if !self.is_current(negotiation) {
            self.old_engine(negotiation, &event);
            return;
        }
        match event {
            Engine::NegotiationNeeded => self.exchange(now, |exchange, _, _, told| {
                exchange.negotiation_needed(now, told);
                News::None
            }),
            Engine::LocalSet { kind, sdp } => {
                self.exchange(now, |exchange, _, _, told| exchange.local_set(now, kind, sdp, told));
            }
            Engine::RemoteSet => self.exchange(now, |exchange, _, _, told| exchange.remote_set(now, told)),
            Engine::Candidate(candidate) => self.exchange(now, |exchange, _, _, told| {
                exchange.candidate(now, candidate, told);
                News::None
            }),
            Engine::Failed { what: Refusal::Create, told } => {
                let failure = Trouble { why: Why::Engine(told), ..Trouble::new(now) }.failure();
                self.give_up(now, Some(failure));
            }
            Engine::Failed { told, .. } => self.broken(now, Why::Engine(told)),
            Engine::Connection(state) => self.connection(now, state),
            Engine::Frames(frames) if frames > 0 => {
                if self.current.as_ref().is_some_and(|current| current.connected) {
                    self.close_old();
                }
            }
            Engine::Frames(_) => {}
        }
    }

    /// The old one is only watched: nothing is negotiated over it any more.
    fn old_engine(&mut self, negotiation: Negotiation, event: &Engine) {
        let Some(old) = self.old.as_mut().filter(|old| old.negotiation == negotiation) else { return };
        match event {
            Engine::Connection(ConnectionState::Failed | ConnectionState::Closed) => self.close_old(),
            Engine::Connection(state) => old.connected = *state == ConnectionState::Connected,
            _ => {}
        }
    }

    // Telling.

    /// Lets the exchange do something, and passes on what it says.
    fn exchange(&mut self, now: Instant, act: impl FnOnce(&mut Exchange, bool, bool, &mut Told) -> News) {
        let quiet = self.is_quiet();
        let Some(current) = self.current.as_mut().filter(|current| !current.closed) else { return };
        let mut told = Told::default();
        let news = act(&mut current.exchange, quiet, current.connected, &mut told);
        if news == News::Agreed {
            current.path = current.path.agreed(now, self.side);
        }
        let negotiation = current.negotiation;
        self.outputs.extend(told.outputs);
        for message in told.messages {
            if self.link {
                self.outputs.push_back(Output::Send(negotiation, message));
            } else {
                self.held.push_back((negotiation, message));
            }
        }
        match news {
            News::None | News::Agreed => {}
            News::Silent => self.broken(now, Why::Silent),
            News::Stuck => self.broken(now, Why::Engine("it did not come to an end".into())),
        }
    }

    fn is_current(&self, negotiation: Negotiation) -> bool {
        self.current.as_ref().is_some_and(|current| current.negotiation == negotiation)
    }

    /// Puts what is known into one word, and tells it when it is another one.
    fn judge(&mut self) {
        if !matches!(self.state, PeerState::Failed(_) | PeerState::Closed) {
            let current = self.current.as_ref().is_some_and(|current| current.connected);
            let connected = current || self.old.as_ref().is_some_and(|old| old.connected);
            self.was_connected |= connected;
            self.state = match (connected, self.was_connected) {
                (true, _) => PeerState::Connected,
                (false, true) => PeerState::Reconnecting,
                (false, false) => PeerState::Connecting,
            };
        }
        if self.newest.is_some() && self.told_state.as_ref() != Some(&self.state) {
            self.told_state = Some(self.state.clone());
            self.outputs.push_back(Output::State(self.state.clone()));
        }
    }
}
