//! The engines of both ends: what they work at, what they tell, and whether they reach each other.

use std::time::Duration;

use samewire_protocol::live::peer::{ConnectionState, Engine as Happening, Input, SdpKind, Side};
use samewire_protocol::live::{Candidate, Negotiation};

use super::engine::{Engine, Task};
use super::{Event, Peers, Step, other};

impl Peers {
    pub(super) fn engine_step(&mut self, side: Side, life: u64, negotiation: Negotiation, step: Step) {
        let mut count = self.count;
        let end = self.end_mut(side);
        let Some(engine) = end.engines.iter_mut().find(|engine| engine.negotiation == negotiation).filter(|_| end.life == life)
        else {
            return;
        };
        let told = match step {
            Step::Tell(happening) => vec![happening],
            Step::Work => engine.work(|| {
                count += 1;
                count
            }),
        };
        let gathers = engine.gathers();
        self.count = count;
        for happening in told {
            self.input(side, Input::Engine(negotiation, happening));
        }
        if let Some(ufrag) = gathers {
            for (at, last) in [(1, false), (8, false), (60, false), (90, true)] {
                let candidate = (!last).then(|| Candidate {
                    candidate: format!("candidate:{at}").into(),
                    username_fragment: Some(ufrag.to_string().into()),
                    ..Candidate::default()
                });
                let step = Step::Tell(Happening::Candidate(candidate));
                self.event(Duration::from_millis(at), Event::Engine(side, life, negotiation, step));
            }
        }
        self.look(side);
    }

    pub(super) fn engine(&mut self, side: Side, negotiation: Negotiation) -> &mut Engine {
        let held = self.end_mut(side).engines.iter_mut().find(|engine| engine.negotiation == negotiation);
        held.expect("the machine speaks to an engine that it holds")
    }

    pub(super) fn task(&mut self, side: Side, negotiation: Negotiation, task: Task) {
        if let Task::SetRemote(SdpKind::Offer, sdp) = &task {
            let id = sdp.split(' ').nth(1).and_then(|id| id.parse().ok()).unwrap_or(0);
            let stale = self.end(other(side)).engines.iter().any(|engine| engine.rolled_back.contains(&id));
            assert!(!stale, "{side:?} takes an offer that was taken back");
        }
        let life = self.end(side).life;
        self.engine(side, negotiation).tasks.push_back(task);
        let delay = Duration::from_millis(self.rng.below(20));
        // One after the other: each piece of work does the first task that is left.
        self.event(delay, Event::Engine(side, life, negotiation, Step::Work));
    }

    /// Lets the engines of one end see how things are.
    pub(super) fn look(&mut self, side: Side) {
        let now = self.now;
        for at in 0..self.end(side).engines.len() {
            let path = self.path(side, at);
            let life = self.end(side).life;
            let engine = &mut self.end_mut(side).engines[at];
            assert_eq!(engine.violations, Vec::<String>::new(), "{side:?}");
            let negotiation = engine.negotiation;
            let asks = engine.asks().then_some(Happening::NegotiationNeeded);
            let state = engine.look(now, path).map(Happening::Connection);
            let shows = side == Side::Viewer && matches!(state, Some(Happening::Connection(ConnectionState::Connected)));
            for happening in asks.into_iter().chain(state) {
                self.event(Duration::ZERO, Event::Engine(side, life, negotiation, Step::Tell(happening)));
            }
            if shows {
                let frames = Step::Tell(Happening::Frames(1));
                self.event(Duration::from_millis(300), Event::Engine(side, life, negotiation, frames));
            }
        }
    }

    /// Whether one of the engines reaches its counterpart.
    fn path(&mut self, side: Side, at: usize) -> bool {
        let engine = &self.end(side).engines[at];
        let counterpart = |engine: &&Engine| engine.negotiation == self.end(side).engines[at].negotiation;
        let Some(there) = self.end(other(side)).engines.iter().find(counterpart) else { return false };
        let (Some((own, remote)), Some((their_own, their_remote))) = (engine.agreed, there.agreed) else { return false };
        if !self.open || own != their_remote || remote != their_own || !(engine.can_check() || there.can_check()) {
            return false;
        }
        let way = self.way;
        *self.ways.entry((own.min(remote), own.max(remote))).or_insert(way) == way
    }
}
