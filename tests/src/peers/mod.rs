//! A broadcaster and a viewer, the server between them and their networks, moved through virtual time: two real machines that drive
//! modelled engines.

mod end;
pub mod engine;
mod engines;

use std::collections::BTreeMap;
use std::time::Duration;

use samewire_protocol::live::peer::{ConnectionState, Engine as Happening, Input, Output, PeerState, Side};
use samewire_protocol::live::{Negotiation, PeerMessage};
use samewire_protocol::{Code, Failure, Instant};

pub use self::end::End;
use self::engine::{Engine, Task};
use crate::rng::Rng;

/// How the network treats a message, in percent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weather {
    /// So many are lost.
    pub loss: u64,
    /// So many come twice.
    pub twice: u64,
    /// So many come late, by up to 3 s.
    pub late: u64,
}

#[derive(Debug)]
enum Event {
    /// Something reaches the server.
    AtServer(Side, Negotiation, PeerMessage),
    Wish(Side, Negotiation),
    /// Something reaches an end.
    AtEnd(Side, Input),
    /// An engine has done something.
    Engine(Side, u64, Negotiation, Step),
}

#[derive(Debug)]
enum Step {
    Work,
    Tell(Happening),
}

/// Everything there is.
#[derive(Debug)]
pub struct Peers {
    /// The time.
    pub now: Instant,
    /// How the network is.
    pub weather: Weather,
    /// The message with this number, from 0, is lost.
    pub lost: Option<u64>,
    messages: u64,
    /// Whether media has a way from one end to the other, and the number of the present one.
    open: bool,
    way: u64,
    ends: [End; 2],
    present: u64,
    renewed: Option<Instant>,
    events: BTreeMap<(Instant, u64), Event>,
    count: u64,
    /// For the test's own use.
    pub rng: Rng,
    /// On which way each pair of generations was agreed.
    ways: BTreeMap<(u64, u64), u64>,
}

const SIDES: [Side; 2] = [Side::Broadcaster, Side::Viewer];
const LOOK: Duration = Duration::from_millis(100);

fn other(side: Side) -> Side {
    if side == Side::Broadcaster { Side::Viewer } else { Side::Broadcaster }
}

fn number(number: u64) -> Negotiation {
    Negotiation::new(number).expect("the numbers of a test are small")
}

impl Peers {
    /// Two ends that were just told to begin.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let ends = SIDES.map(|side| End::new(side, rng.bits()));
        let mut peers = Self {
            now: Instant::from_micros(1_000_000),
            weather: Weather::default(),
            lost: None,
            messages: 0,
            open: true,
            way: 0,
            ends,
            present: 0,
            renewed: None,
            events: BTreeMap::new(),
            count: 1,
            rng,
            ways: BTreeMap::new(),
        };
        peers.renew();
        peers
    }

    /// A pair that is connected.
    #[must_use]
    pub fn connected(seed: u64) -> Self {
        let mut peers = Self::new(seed);
        assert!(peers.run_until(Duration::from_secs(10), Self::is_connected), "{:?}", peers.states());
        peers
    }

    /// One of the two.
    #[must_use]
    pub fn end(&self, side: Side) -> &End {
        &self.ends[usize::from(side == Side::Viewer)]
    }

    fn end_mut(&mut self, side: Side) -> &mut End {
        &mut self.ends[usize::from(side == Side::Viewer)]
    }

    /// How the two are.
    #[must_use]
    pub fn states(&self) -> [&PeerState; 2] {
        SIDES.map(|side| self.end(side).peer.state())
    }

    /// Whether both are connected, over the peer connection that counts, and hold no other.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        let whole = |end: &End| {
            let [engine] = &end.engines[..] else { return false };
            *end.peer.state() == PeerState::Connected
                && engine.state == ConnectionState::Connected
                && engine.negotiation.number() == self.present
        };
        self.ends.iter().all(whole)
    }

    // What happens to them.

    /// The session of one end loses its link, or has one again.
    pub fn link(&mut self, side: Side, up: bool) {
        self.end_mut(side).link = up;
        self.input(side, Input::Link(up));
        if up {
            for input in std::mem::take(&mut self.end_mut(side).held) {
                self.input(side, input);
            }
        }
    }

    /// Media finds no way any more, or one that was there already.
    pub fn blink(&mut self, open: bool) {
        self.open = open;
    }

    /// Media finds no way any more, or a new one: those of the ICE generations so far are gone for good.
    pub fn way(&mut self, open: bool) {
        self.open = open;
        self.way += 1;
    }

    /// One end is gone without a word.
    pub fn kill(&mut self, side: Side) {
        let life = self.end(side).life + 1;
        *self.end_mut(side) = End { life, link: false, ..End::new(side, 0) };
    }

    /// The page of one end is loaded anew.
    pub fn reload(&mut self, side: Side) {
        let seed = self.rng.bits();
        let life = self.end(side).life + 1;
        *self.end_mut(side) = End { life, ..End::new(side, seed) };
        self.renew();
    }

    /// Something is told to one end.
    pub fn input(&mut self, side: Side, input: Input) {
        let now = self.now;
        self.end_mut(side).peer.handle_input(now, input);
        self.drain(side);
    }

    /// One end wants another negotiation for a reason of its own, as a browser does that has another track.
    pub fn ask(&mut self, side: Side) {
        if let Some(engine) = self.end_mut(side).engines.last_mut() {
            engine.restart_ice();
        }
        self.look(side);
    }

    /// A message comes from nowhere: one that was said long ago, or that somebody made up.
    pub fn forge(&mut self, to: Side, negotiation: Negotiation, message: PeerMessage) {
        self.input(to, Input::Heard(negotiation, message));
    }

    /// The server begins a peer connection anew.
    pub fn renew(&mut self) {
        self.present += 1;
        for side in SIDES {
            let begin = Input::Begin(number(self.present));
            self.event(Duration::from_millis(20), Event::AtEnd(side, begin));
        }
    }

    // Time.

    /// Moves time until something is so; false where it is not within the span.
    pub fn run_until(&mut self, span: Duration, mut done: impl FnMut(&Self) -> bool) -> bool {
        let end = self.now + span;
        while !done(self) {
            if self.now >= end {
                return false;
            }
            self.step(end);
        }
        true
    }

    /// Moves time by a span.
    pub fn run(&mut self, span: Duration) {
        self.run_until(span, |_| false);
    }

    fn step(&mut self, end: Instant) {
        let next = self.events.first_key_value().map(|((at, _), _)| *at);
        let wakes = self.ends.iter().filter_map(|end| end.wake);
        let mut at = wakes.chain(next).min().unwrap_or(end).min(self.now + LOOK).min(end);
        if at < self.now {
            at = self.now;
        }
        self.now = at;
        while let Some(entry) = self.events.first_entry().filter(|entry| entry.key().0 <= at) {
            let event = entry.remove();
            self.happen(event);
        }
        for side in SIDES {
            for _ in 0..100 {
                if self.end(side).wake.is_none_or(|wake| wake > at) {
                    break;
                }
                self.end_mut(side).peer.handle_timeout(at);
                self.drain(side);
            }
            assert!(self.end(side).wake.is_none_or(|wake| wake > at), "{side:?} wants to be woken without end");
            self.look(side);
        }
    }

    fn event(&mut self, delay: Duration, event: Event) {
        self.count += 1;
        self.events.insert((self.now + delay, self.count), event);
    }

    /// When a message arrives, if it does, and perhaps once more.
    fn arrivals(&mut self) -> Vec<Duration> {
        let weather = self.weather;
        self.messages += 1;
        if self.lost == Some(self.messages - 1) {
            return Vec::new();
        }
        let copies = if self.rng.chance(weather.loss) { 0 } else { 1 + usize::from(self.rng.chance(weather.twice)) };
        let one = |rng: &mut Rng| if rng.chance(weather.late) { rng.below(3_000) } else { 20 };
        (0..copies).map(|_| Duration::from_millis(one(&mut self.rng))).collect()
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::AtServer(from, negotiation, message) => {
                if negotiation.number() == self.present {
                    for delay in self.arrivals() {
                        self.event(delay, Event::AtEnd(other(from), Input::Heard(negotiation, message.clone())));
                    }
                } else {
                    let failure = Failure::new(Code::StaleNegotiation, "another one counts");
                    self.event(Duration::from_millis(20), Event::AtEnd(from, Input::Refused(negotiation, failure)));
                }
            }
            Event::Wish(from, negotiation) => self.wish(from, negotiation),
            Event::AtEnd(side, input) => {
                if self.end(side).link {
                    self.input(side, input);
                } else {
                    self.end_mut(side).held.push_back(input);
                }
            }
            Event::Engine(side, life, negotiation, step) => self.engine_step(side, life, negotiation, step),
        }
    }

    fn wish(&mut self, from: Side, negotiation: Negotiation) {
        let answer = if negotiation.number() < self.present {
            Input::Begin(number(self.present))
        } else if self.renewed.is_some_and(|at| self.now.since(at) < Duration::from_secs(1)) {
            Input::Refused(negotiation, Failure::new(Code::RateLimited, "at most once a second"))
        } else {
            self.renewed = Some(self.now);
            self.renew();
            return;
        };
        self.event(Duration::from_millis(20), Event::AtEnd(from, answer));
    }

    /// Does what the machine says.
    fn drain(&mut self, side: Side) {
        loop {
            let now = self.now;
            let end = self.end_mut(side);
            match end.peer.poll_output() {
                Output::Wait(until) => {
                    end.wake = until;
                    break;
                }
                Output::State(state) => end.states.push(state),
                Output::Create(negotiation) => {
                    end.engines.push(Engine::new(negotiation, now, side == Side::Broadcaster));
                    end.created += 1;
                    assert!(end.engines.len() <= 2, "{side:?} holds more than two peer connections");
                }
                Output::Close(negotiation) => {
                    let before = end.engines.len();
                    end.engines.retain(|engine| engine.negotiation != negotiation);
                    assert_eq!(end.engines.len() + 1, before, "{side:?} closes {negotiation}, which it does not hold");
                }
                Output::SetLocal(negotiation) => self.task(side, negotiation, Task::SetLocal),
                Output::SetRemote { negotiation, kind, sdp } => self.task(side, negotiation, Task::SetRemote(kind, sdp)),
                Output::AddCandidate(negotiation, candidate) => self.engine(side, negotiation).add_candidate(&candidate),
                Output::RestartIce(negotiation) => {
                    end.restarts += 1;
                    self.engine(side, negotiation).restart_ice();
                }
                Output::Send(negotiation, message) => {
                    assert!(end.link, "{side:?} speaks without a link");
                    end.said.push((now, negotiation, message.clone()));
                    for delay in self.arrivals() {
                        self.event(delay, Event::AtServer(side, negotiation, message.clone()));
                    }
                }
                Output::AskRebuild(negotiation) => {
                    assert!(end.link, "{side:?} asks without a link");
                    end.rebuilds.push(now);
                    for delay in self.arrivals() {
                        self.event(delay, Event::Wish(side, negotiation));
                    }
                }
            }
        }
    }
}
