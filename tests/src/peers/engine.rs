//! A model of an `RTCPeerConnection` (W3C WebRTC 1.0): descriptions with their rules, ICE generations, and nothing of media.

use std::collections::VecDeque;
use std::time::Duration;

use samewire_protocol::Instant;
use samewire_protocol::live::peer::{ConnectionState, Engine as Happening, Refusal, SdpKind};
use samewire_protocol::live::{Candidate, Negotiation};

/// What a description says in this model. It is written as text, as a real one is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sdp {
    /// Which one: no other has this number.
    pub id: u64,
    /// The peer connection that it was made by.
    pub negotiation: u64,
    /// The ICE generation that it names.
    pub ufrag: u64,
    /// Of an answer, the offer that it answers; else 0.
    pub answers: u64,
}

impl Sdp {
    fn text(&self) -> Box<str> {
        format!("v=0 {} {} {} {}", self.id, self.negotiation, self.ufrag, self.answers).into()
    }

    fn read(text: &str) -> Self {
        let mut numbers = text.split(' ').skip(1).map(|number| number.parse().unwrap_or(0));
        let mut next = || numbers.next().unwrap_or(0);
        Self { id: next(), negotiation: next(), ufrag: next(), answers: next() }
    }
}

/// What an engine is told to do, one after the other.
#[derive(Clone, Debug)]
pub enum Task {
    /// `setLocalDescription()`.
    SetLocal,
    /// `setRemoteDescription`.
    SetRemote(SdpKind, Box<str>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Signaling {
    Stable,
    HaveLocalOffer(Sdp),
    HaveRemoteOffer(Sdp),
}

/// An `RTCPeerConnection`.
#[derive(Debug)]
pub struct Engine {
    /// Which one.
    pub negotiation: Negotiation,
    signaling: Signaling,
    /// What it is told to do and has not done.
    pub tasks: VecDeque<Task>,
    needed: bool,
    restart: bool,
    /// The ICE generation of this end that is agreed on, and that of the other end.
    pub agreed: Option<(u64, u64)>,
    gathering: Option<u64>,
    remote_candidates: Vec<u64>,
    /// `connectionState`.
    pub state: ConnectionState,
    /// Since when the state is as it is, but for the path.
    pub since: Instant,
    /// Offers of its own that it rolled back.
    pub rolled_back: Vec<u64>,
    /// Rules that were broken: there must be none.
    pub violations: Vec<String>,
}

impl Engine {
    /// A fresh one. With `media`, it asks for a negotiation.
    #[must_use]
    pub fn new(negotiation: Negotiation, now: Instant, media: bool) -> Self {
        Self {
            negotiation,
            signaling: Signaling::Stable,
            tasks: VecDeque::new(),
            needed: media,
            restart: false,
            agreed: None,
            gathering: None,
            remote_candidates: Vec::new(),
            state: ConnectionState::New,
            since: now,
            rolled_back: Vec::new(),
            violations: Vec::new(),
        }
    }

    /// `restartIce()`.
    pub fn restart_ice(&mut self) {
        (self.restart, self.needed) = (true, true);
    }

    /// Whether `negotiationneeded` fires now.
    pub fn asks(&mut self) -> bool {
        let asks = self.needed && self.signaling == Signaling::Stable && self.tasks.is_empty();
        self.needed &= !asks;
        asks
    }

    /// `addIceCandidate`. One of another generation than any description's is refused, which does no harm.
    pub fn add_candidate(&mut self, candidate: &Option<Candidate>) {
        if self.agreed.is_none() && !matches!(self.signaling, Signaling::HaveRemoteOffer(_)) {
            self.violations.push("a candidate before any remote description".into());
        }
        let ufrag: Option<u64> = candidate.as_ref().and_then(|candidate| candidate.username_fragment.as_ref()?.parse().ok());
        self.remote_candidates.extend(ufrag);
    }

    /// Whether it has what it takes to check paths to an end with this generation.
    #[must_use]
    pub fn can_check(&self) -> bool {
        self.agreed.is_some_and(|(_, remote)| self.remote_candidates.contains(&remote))
    }

    /// Does the first of its tasks. `fresh` gives numbers that nobody has. Returns what happened, and whether candidates are gathered.
    pub fn work(&mut self, mut fresh: impl FnMut() -> u64) -> Vec<Happening> {
        match self.tasks.pop_front() {
            Some(Task::SetLocal) => self.set_local(&mut fresh),
            Some(Task::SetRemote(kind, text)) => self.set_remote(kind, &text),
            None => Vec::new(),
        }
    }

    fn set_local(&mut self, fresh: &mut impl FnMut() -> u64) -> Vec<Happening> {
        let before = self.agreed;
        let number = self.negotiation.number();
        match &self.signaling {
            Signaling::Stable | Signaling::HaveLocalOffer(_) => {
                let ufrag = match before {
                    Some((own, _)) if !self.restart => own,
                    _ => fresh(),
                };
                let sdp = Sdp { id: fresh(), negotiation: number, ufrag, answers: 0 };
                self.signaling = Signaling::HaveLocalOffer(sdp.clone());
                self.gather(ufrag, before);
                vec![Happening::LocalSet { kind: SdpKind::Offer, sdp: sdp.text() }]
            }
            Signaling::HaveRemoteOffer(offer) => {
                let offer = offer.clone();
                let ufrag = match before {
                    Some((own, remote)) if remote == offer.ufrag => own,
                    _ => fresh(),
                };
                let sdp = Sdp { id: fresh(), negotiation: number, ufrag, answers: offer.id };
                self.agree(ufrag, offer.ufrag);
                self.gather(ufrag, before);
                vec![Happening::LocalSet { kind: SdpKind::Answer, sdp: sdp.text() }]
            }
        }
    }

    fn set_remote(&mut self, kind: SdpKind, text: &str) -> Vec<Happening> {
        let sdp = Sdp::read(text);
        if sdp.negotiation != self.negotiation.number() {
            self.violations.push(format!("a description of {} for {}", sdp.negotiation, self.negotiation));
        }
        match (&self.signaling, kind) {
            (Signaling::HaveLocalOffer(offer), SdpKind::Answer) => {
                if sdp.answers != offer.id {
                    self.violations.push(format!("the answer to {} is taken for that to {}", sdp.answers, offer.id));
                }
                let own = offer.ufrag;
                self.agree(own, sdp.ufrag);
                vec![Happening::RemoteSet]
            }
            (Signaling::Stable | Signaling::HaveRemoteOffer(_), SdpKind::Answer) => {
                self.violations.push("an answer in the wrong state: stable".into());
                vec![Happening::Failed { what: Refusal::Remote, told: "wrong state: stable".into() }]
            }
            (signaling, SdpKind::Offer) => {
                if let Signaling::HaveLocalOffer(own) = signaling {
                    self.rolled_back.push(own.id);
                    self.needed |= self.restart;
                }
                self.signaling = Signaling::HaveRemoteOffer(sdp);
                vec![Happening::RemoteSet]
            }
        }
    }

    fn agree(&mut self, own: u64, remote: u64) {
        if self.agreed.is_some_and(|(before, _)| before != own) {
            self.needed &= !self.restart;
            self.restart = false;
        }
        self.agreed = Some((own, remote));
        self.signaling = Signaling::Stable;
    }

    fn gather(&mut self, ufrag: u64, before: Option<(u64, u64)>) {
        if before.is_none_or(|(own, _)| own != ufrag) {
            self.gathering = Some(ufrag);
        }
    }

    /// The generation that candidates are to be gathered for, once.
    pub fn gathers(&mut self) -> Option<u64> {
        self.gathering.take()
    }

    /// Moves the state along. `path`: whether the two ends reach each other.
    pub fn look(&mut self, now: Instant, path: bool) -> Option<ConnectionState> {
        use ConnectionState::{Connected, Connecting, Disconnected, Failed, New};
        let waited = now.since(self.since);
        let next = match self.state {
            New if self.agreed.is_some() => Connecting,
            Connecting | Disconnected | Failed if path => Connected,
            Connecting if waited > Duration::from_secs(15) => Failed,
            Connected if !path && waited > Duration::from_millis(800) => Disconnected,
            Disconnected if waited > Duration::from_secs(15) => Failed,
            // The time in which a path is missed counts from when it was there last.
            Connected if path => {
                self.since = now;
                return None;
            }
            _ => return None,
        };
        (self.state, self.since) = (next, now);
        Some(next)
    }
}
