//! Whatever sessions do, and whatever becomes of their links: counts and peak are exact, everything that is said reaches exactly the
//! one that it is for, and in the end everybody knows what is so.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use samewire_protocol::live::methods::{RenegotiateParams, StartParams};
use samewire_protocol::live::{LiveEvent, LiveSignal, LiveState, Negotiation, PeerRef, ViewerId};
use samewire_protocol::{Code, Failure};

use super::model::Model;
use super::stage::{Stage, Who};

const SESSIONS: Who = 7;
/// Two of the sessions are of one user.
const USERS: [&str; SESSIONS] = ["maria", "maria", "olga", "eve", "ida", "pia", "ada"];
const ROLES: [&str; 3] = ["broadcaster", "viewer", "audience"];

#[derive(Clone, Debug)]
enum Op {
    Join(Who, usize),
    Cut(Who),
    Go(Who, bool),
    PutOut(Who),
    Role(Who, usize),
    /// Takes over, and has none of its peer connections any more.
    Start(Who, bool, bool),
    Stop(Who),
    /// Waits, and has no peer connection any more.
    Watch(Who, bool, bool),
    Leave(Who),
    /// Somebody says something of one of the peer connections that were, naming the viewer, none, or one that never was.
    Say(Who, usize, u8),
    Renew(Who, usize),
    Jam(Who),
    Pass(u64),
}

fn op() -> impl Strategy<Value = Op> {
    let who = 0..SESSIONS;
    prop_oneof![
        4 => (who.clone(), prop_oneof![Just(0_usize), Just(0), Just(1), Just(1), Just(2)]).prop_map(|(who, role)| Op::Join(who, role)),
        3 => who.clone().prop_map(Op::Cut),
        1 => (who.clone(), any::<bool>()).prop_map(|(who, anew)| Op::Go(who, anew)),
        1 => who.clone().prop_map(Op::PutOut),
        1 => (who.clone(), 0..ROLES.len()).prop_map(|(who, role)| Op::Role(who, role)),
        4 => (who.clone(), any::<bool>(), any::<bool>()).prop_map(|(who, takeover, anew)| Op::Start(who, takeover, anew)),
        1 => who.clone().prop_map(Op::Stop),
        6 => (who.clone(), any::<bool>(), any::<bool>()).prop_map(|(who, wait, anew)| Op::Watch(who, wait, anew)),
        1 => who.clone().prop_map(Op::Leave),
        6 => (who.clone(), any::<usize>(), 0..4_u8).prop_map(|(who, of, how)| Op::Say(who, of, how)),
        2 => (who.clone(), any::<usize>()).prop_map(|(who, of)| Op::Renew(who, of)),
        1 => who.prop_map(Op::Jam),
        4 => prop_oneof![0..50_u64, 0..3_000_u64, 0..12_000_u64, 0..35_000_u64].prop_map(Op::Pass),
    ]
}

/// The stream, the model, and what the sessions have gathered from what they were told.
struct Play {
    stage: Stage,
    model: Model,
    /// Every peer connection that ever was.
    peers: Vec<PeerRef>,
    drawn: BTreeSet<ViewerId>,
    /// Whose each viewer's id is.
    given: BTreeMap<ViewerId, Who>,
    /// What each broadcaster believes of its viewers, and each viewer of its peer connection.
    believes: BTreeMap<Who, BTreeMap<ViewerId, Negotiation>>,
    own: BTreeMap<Who, PeerRef>,
    /// The newest number when each asked for its viewers.
    since: BTreeMap<Who, u64>,
    /// Sessions that were told to ask for their peers.
    asks: BTreeSet<Who>,
    /// Who believes that it broadcasts, and who that it waits.
    casts: BTreeSet<Who>,
    waits: BTreeSet<Who>,
}

fn code<T: std::fmt::Debug>(result: Result<T, Failure>) -> Result<T, Code> {
    result.map_err(|failure| failure.code)
}

impl Play {
    fn new() -> Self {
        Self {
            stage: Stage::new(),
            model: Model::default(),
            peers: Vec::new(),
            drawn: BTreeSet::new(),
            given: BTreeMap::new(),
            believes: BTreeMap::new(),
            own: BTreeMap::new(),
            since: BTreeMap::new(),
            asks: BTreeSet::new(),
            casts: BTreeSet::new(),
            waits: BTreeSet::new(),
        }
    }

    fn met(&mut self, peer: PeerRef) {
        if self.peers.last().is_none_or(|last| last.negotiation < peer.negotiation) {
            self.peers.push(peer);
        }
    }

    fn run(&mut self, op: &Op) {
        let now = self.stage.now;
        match *op {
            Op::Join(who, role) => {
                self.stage.join(who, USERS[who], ROLES[role]);
                self.model.join(who, USERS[who], ROLES[role]);
            }
            Op::Cut(who) => {
                if self.model.body(who).away.is_none() {
                    self.stage.cut(who);
                    self.model.cut(now, who);
                }
            }
            Op::Go(who, anew) => {
                // A session of which the room has no member is known by nothing but its time.
                if self.model.body(who).is_member {
                    self.stage.go(who, anew);
                    self.model.go(now, who);
                    self.knows_that_it_is_out(who);
                }
            }
            Op::PutOut(who) => {
                if self.model.body(who).is_member {
                    self.knows_that_it_is_out(who);
                    self.stage.put_out(who, Failure::new(Code::Forbidden, "out"));
                    self.model.put_out(who);
                }
            }
            Op::Role(who, role) => {
                self.stage.change_role(who, ROLES[role]);
                self.model.role(who, ROLES[role]);
            }
            Op::Start(who, takeover, anew) => self.start(who, takeover, anew),
            Op::Stop(who) => {
                let key = self.stage.key(who);
                let stopped = self.stage.core.stop(now, key);
                self.stage.settle();
                if stopped.is_ok() {
                    assert_eq!(self.model.broadcaster, Some(who));
                    self.model.end(samewire_protocol::live::EndReason::Stopped);
                } else {
                    assert!(self.model.broadcaster != Some(who) || !self.model.body(who).is_member);
                }
            }
            Op::Watch(who, wait, anew) => self.watch(who, wait, anew),
            Op::Leave(who) => {
                self.stage.leave(who);
                self.model.leave(who);
                self.own.remove(&who);
                self.waits.remove(&who);
            }
            Op::Say(who, of, how) => self.say(who, of, how),
            Op::Renew(who, of) => self.renew(who, of),
            Op::Jam(who) => match self.stage.jammed.iter().position(|jammed| *jammed == who) {
                Some(at) => drop(self.stage.jammed.remove(at)),
                None => self.stage.jammed.push(who),
            },
            Op::Pass(span) => self.pass(span),
        }
        self.check();
    }

    fn watch(&mut self, who: Who, wait: bool, anew: bool) {
        let before = self.model.body(who).watches;
        let watching = code(self.stage.watch_as(who, wait, anew));
        if watching == Err(Code::RateLimited) {
            assert!(anew && before.is_some(), "who has a place keeps it");
            return;
        }
        let expected = self.model.watch(who, wait);
        assert_eq!(watching.as_ref().map(|watching| watching.peer.is_some()), expected.as_ref().copied());
        if !matches!(watching, Err(Code::NotJoined | Code::Forbidden)) {
            // Who broadcasts could not watch, and only who is told so waits.
            self.casts.remove(&who);
            self.waits.remove(&who);
        }
        if watching.as_ref().is_ok_and(|watching| watching.peer.is_none()) {
            self.waits.insert(who);
        }
        let Ok(Some(peer)) = watching.map(|watching| watching.peer) else { return };
        match before {
            Some(before) if anew => assert!(before.viewer == peer.viewer && before.negotiation < peer.negotiation, "anew"),
            Some(before) => assert_eq!(before, peer, "the same viewer"),
            None => assert!(self.drawn.insert(peer.viewer), "no id is used twice"),
        }
        self.met(peer);
        self.model.is_viewer(who, peer);
        self.given.insert(peer.viewer, who);
        self.own.insert(who, peer);
    }

    fn start(&mut self, who: Who, takeover: bool, anew: bool) {
        let before = self.model.broadcaster;
        let jammed = self.stage.jammed.clone();
        let started = code(self.stage.start_as(who, &StartParams { takeover, anew, ..StartParams::new(super::stage::name()) }));
        if started == Err(Code::RateLimited) {
            assert!(anew || before != Some(who), "who goes on with its own is not held up");
            if before != Some(who) {
                self.model.replaced.retain(|other, is_unaware| *other != who || !*is_unaware);
            }
            return;
        }
        let expected = self.model.start(who, takeover, &jammed);
        if started.is_ok() {
            self.casts.insert(who);
            self.waits.remove(&who);
        } else if started == Err(Code::LiveTaken) {
            self.casts.remove(&who);
        }
        assert_eq!(started.as_ref().map(|started| started.resumed), expected.as_ref().copied());
        let Ok(started) = started else { return };
        if !started.resumed {
            for (let_in, peer) in self.model.let_in(who).into_iter().zip(&started.peers) {
                assert!(self.drawn.insert(peer.viewer));
                self.model.is_viewer(let_in, PeerRef { viewer: peer.viewer, negotiation: peer.negotiation });
                self.given.insert(peer.viewer, let_in);
            }
        }
        for peer in &started.peers {
            let there = PeerRef { viewer: peer.viewer, negotiation: peer.negotiation };
            let body = self.model.bodies.values_mut().find(|body| body.watches.is_some_and(|own| own.viewer == peer.viewer));
            let own = body.expect("only viewers are told of").watches.as_mut().expect("it watches");
            assert!(own.negotiation <= peer.negotiation);
            let is_same = before == Some(who) && !anew;
            assert!(
                !started.resumed || is_same == (own.negotiation == peer.negotiation),
                "media is left alone, or connected anew"
            );
            *own = there;
            self.met(there);
        }
        self.believes.insert(who, started.peers.iter().map(|peer| (peer.viewer, peer.negotiation)).collect());
        self.since.insert(who, self.stage.core.newest());
        self.asks.remove(&who);
        if before != Some(who) {
            // What was said to the one before is of no account.
            self.own.remove(&who);
        }
    }

    fn knows_that_it_is_out(&mut self, who: Who) {
        self.believes.remove(&who);
        self.own.remove(&who);
        self.casts.remove(&who);
        self.waits.remove(&who);
    }

    fn say(&mut self, who: Who, of: usize, how: u8) {
        let Some(peer) = self.peers.get(of % self.peers.len().max(1)).copied() else { return };
        let named = match how {
            0 => None,
            1 => Some(PeerRef { viewer: ViewerId::from_random(of as u64), ..peer }),
            _ => Some(peer),
        };
        let expected = self.model.say(who, named, peer);
        let said = code(self.stage.say(who, named.map(|named| named.viewer), peer.negotiation));
        if self.model.broadcaster != Some(who) && matches!(said, Ok(_) | Err(Code::Overloaded)) {
            // Who names the right number has been let in.
            self.waits.remove(&who);
            self.own.insert(who, peer);
        }
        match said {
            Ok((reached, signal)) => {
                assert_eq!((reached, Ok(reached.expect("somebody"))), (reached, expected));
                assert!(matches!(signal, LiveSignal::Message(to, _) if to.negotiation == peer.negotiation));
            }
            Err(Code::RateLimited) => {}
            Err(code) => assert_eq!(Err(code), expected),
        }
    }

    fn renew(&mut self, who: Who, of: usize) {
        let Some(peer) = self.peers.get(of % self.peers.len().max(1)).copied() else { return };
        let key = self.stage.key(who);
        let params =
            RenegotiateParams { stream: super::stage::name(), viewer: Some(peer.viewer), negotiation: peer.negotiation };
        let renewed = code(self.stage.core.renegotiate(self.stage.now, key, &params));
        match (self.model.say(who, Some(peer), peer), renewed) {
            // Also while the other end is cut off.
            (Ok(_) | Err(Code::Overloaded), Ok(negotiation)) => {
                assert!(negotiation > peer.negotiation);
                let renewed = PeerRef { negotiation, ..peer };
                for body in self.model.bodies.values_mut() {
                    if body.watches.is_some_and(|own| own.viewer == peer.viewer) {
                        body.watches = Some(renewed);
                    }
                }
                self.met(renewed);
            }
            (Ok(_) | Err(Code::Overloaded), Err(code)) => assert_eq!(code, Code::RateLimited),
            (Err(Code::StaleNegotiation), Ok(present)) => assert!(present > peer.negotiation),
            (expected, renewed) => assert_eq!(renewed.err(), expected.err()),
        }
        self.stage.settle();
    }

    fn pass(&mut self, span: u64) {
        let until = self.stage.now + span;
        while self.stage.now < until {
            self.stage.step(until);
            self.model.tick(self.stage.now);
            // Whoever was away for so long asks again when it is back.
            let bodies = &self.model.bodies;
            self.waits.retain(|who| bodies[who].is_member || bodies[who].away.is_some());
            self.check();
        }
    }

    /// What was said, and what is so.
    fn check(&mut self) {
        for (who, signal) in std::mem::take(&mut self.stage.said) {
            self.heard(who, signal);
        }
        self.model.unsure = self.waits.clone();
        let record = self.stage.core.record(self.stage.now);
        let expected = (self.model.count(), self.model.peak);
        assert_eq!((record.viewer_count, record.peak_viewers), expected, "counts");
        let state = match (self.model.is_on, self.model.is_paused) {
            (true, false) => LiveState::Live,
            (true, true) => LiveState::Paused,
            (false, _) if self.model.ended.is_some() => LiveState::Ended,
            (false, _) => LiveState::Offline,
        };
        assert_eq!((record.state, record.end_reason), (state, self.model.ended));
        // Of so few, counts are told at once, and so is all else.
        for name in ["viewer_count", "peak_viewers", "state"] {
            assert_eq!(self.stage.state[name], serde_json::to_value(&record).expect("JSON")[name], "{name}");
        }
        for event in self.stage.events.drain(..) {
            if let LiveEvent::Ended(_) = event {
                self.casts.clear();
            }
            if let LiveEvent::ViewerCount(changed) = event {
                assert!(changed.viewer_count <= changed.peak_viewers && changed.viewer_count <= super::stage::MOST);
            }
        }
    }

    fn heard(&mut self, who: Who, signal: LiveSignal) {
        let believes = self.believes.entry(who).or_default();
        match signal {
            // Held since before it asked for its viewers, without having joined on its new link.
            LiveSignal::ViewerJoined(joined)
                if self.since.get(&who).is_some_and(|since| joined.negotiation.number() <= *since) => {}
            LiveSignal::ViewerJoined(joined) => {
                let known = believes.entry(joined.viewer).or_insert(joined.negotiation);
                *known = joined.negotiation.max(*known);
            }
            LiveSignal::ViewerLeft(left) => drop(believes.remove(&left.viewer)),
            LiveSignal::PeersChanged => drop(self.asks.insert(who)),
            LiveSignal::Watching(peer) => {
                self.waits.remove(&who);
                let known = self.own.get(&who).filter(|own| own.negotiation > peer.negotiation);
                self.own.insert(who, known.copied().unwrap_or(peer));
            }
            LiveSignal::Peer(peer) => match believes.get_mut(&peer.viewer) {
                Some(known) => *known = peer.negotiation.max(*known),
                None => {
                    if let Some(own) = self.own.get_mut(&who) {
                        assert_eq!(self.given.get(&peer.viewer), Some(&who), "nobody hears of somebody else's");
                        // What was held may be of a place that it has left since.
                        if own.viewer == peer.viewer {
                            own.negotiation = peer.negotiation.max(own.negotiation);
                        }
                    }
                }
            },
            LiveSignal::Refused(refused) => {
                self.own.remove(&who);
                self.waits.remove(&who);
                assert!(matches!(refused.code, Code::LiveFull | Code::Forbidden));
            }
            // Held from before it asked for the stream itself, without having joined on its new link.
            LiveSignal::Superseded(_) if self.model.broadcaster == Some(who) => {}
            LiveSignal::Superseded(_) => {
                self.believes.remove(&who);
                self.casts.remove(&who);
            }
            other => panic!("{who} heard {other:?}"),
        }
    }

    /// Nobody with a link waits or broadcasts in vain.
    fn check_who_is_what(&self) {
        let record = serde_json::to_value(self.stage.core.record(self.stage.now)).expect("JSON");
        assert_eq!(self.stage.state["broadcaster"], record["broadcaster"]);
        let hears = |who: &&Who| self.model.bodies[who].is_member && self.model.bodies[who].away.is_none();
        for who in self.waits.iter().filter(hears) {
            assert!(self.model.bodies[who].waits.is_some(), "{who} waits in vain");
        }
        for who in self.casts.iter().filter(hears) {
            assert_eq!(self.model.broadcaster, Some(*who), "{who} believes that it broadcasts");
        }
    }

    /// When everybody is back and has heard what there is to hear, everybody knows what is so.
    fn check_at_the_end(&mut self) {
        self.stage.jammed.clear();
        let away: Vec<_> = self.model.bodies.iter().filter(|(_, body)| body.away.is_some()).map(|(who, _)| *who).collect();
        for who in away {
            let role = ROLES.iter().position(|role| *role == self.model.body(who).role).expect("one of them");
            self.run(&Op::Join(who, role));
        }
        self.pass(3_000);
        self.check_who_is_what();
        let Some(broadcaster) = self.model.broadcaster.filter(|who| self.model.bodies[who].is_member) else { return };
        if self.asks.remove(&broadcaster) {
            let key = self.stage.key(broadcaster);
            let peers = self.stage.core.peers_for(key).expect("it broadcasts");
            self.believes.insert(broadcaster, peers.into_iter().map(|peer| (peer.viewer, peer.negotiation)).collect());
        }
        let viewers = self.model.bodies.values().filter_map(|body| body.watches);
        let expected: BTreeMap<_, _> = viewers.map(|peer| (peer.viewer, peer.negotiation)).collect();
        assert_eq!(self.believes.remove(&broadcaster).unwrap_or_default(), expected, "what the broadcaster knows");
        for (who, body) in self.model.bodies.iter().filter(|(_, body)| body.is_member) {
            if let Some(peer) = body.watches {
                assert_eq!(self.own.get(who), Some(&peer), "what viewer {who} knows");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn counts_are_exact_and_nothing_goes_astray(ops in prop::collection::vec(op(), 1..120)) {
        let mut play = Play::new();
        for op in &ops {
            play.run(op);
        }
        play.check_at_the_end();
    }
}
