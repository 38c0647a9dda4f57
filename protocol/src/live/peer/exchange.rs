//! The exchange of descriptions over one peer connection: "perfect negotiation" (W3C WebRTC 1.0, section 10.7), with its flags as
//! states, and a round on every description so that none is taken for another one.

use super::candidates::{Gathered, Remote};
use super::timing::{ANSWER, ENGINE, NO_HURRY, OFFERS, RETELL};
use super::{Output, SdpKind, Side};
use crate::live::{Candidate, Candidates, Description, Negotiation, PeerMessage};
use crate::time::Instant;

/// Rounds of an honest end stay far below this.
const MOST_ROUNDS: u32 = 1_000_000;

/// The exchange of one peer connection.
#[derive(Debug)]
pub(super) struct Exchange {
    negotiation: Negotiation,
    side: Side,
    state: State,
    /// The engine asked for a negotiation while there was another one.
    needed: bool,
    /// An offer of the other end's that is taken as soon as the engine is free.
    next: Option<Description>,
    /// The highest round that this end has offered; 0 before the first.
    made: u32,
    /// The highest round of the other end's offers that was taken, or that counts no longer.
    taken: u32,
    /// What this end described last, to be told again.
    local: Option<(SdpKind, Description)>,
    gathered: Gathered,
    remote: Remote,
    /// When all is to be told again, because the server did not take it.
    retell: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Both descriptions are set, or none.
    Stable,
    /// The engine makes an offer: `makingOffer`.
    Offering { until: Instant },
    /// The offer was told so often; its answer is awaited.
    Offered { round: u32, told: u32, until: Instant },
    /// The engine takes an offer.
    TakingOffer { round: u32, until: Instant },
    /// The engine makes an answer.
    Answering { round: u32, until: Instant },
    /// The engine takes an answer: `isSettingRemoteAnswerPending`.
    TakingAnswer { round: u32, until: Instant },
}

/// What an exchange wants of its surroundings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// Nothing.
    None,
    /// Both ends have described themselves.
    Agreed,
    /// The other end does not answer.
    Silent,
    /// The engine does not come to an end, or did something else than it was told to.
    Stuck,
}

/// What the exchange has to say: to the engine, and to the other end.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) outputs: Vec<Output>,
    pub(super) messages: Vec<PeerMessage>,
}

impl Exchange {
    pub(super) fn new(negotiation: Negotiation, side: Side) -> Self {
        Self {
            negotiation,
            side,
            state: State::Stable,
            needed: false,
            next: None,
            made: 0,
            taken: 0,
            local: None,
            gathered: Gathered::default(),
            remote: Remote::default(),
            retell: None,
        }
    }

    pub(super) fn is_stable(&self) -> bool {
        self.state == State::Stable
    }

    /// Whether the other end has said anything that was taken.
    pub(super) fn has_heard(&self) -> bool {
        self.remote.is_set()
    }

    // What the engine says.

    pub(super) fn negotiation_needed(&mut self, now: Instant, told: &mut Told) {
        match self.state {
            State::Stable => self.offer(now, told),
            _ => self.needed = true,
        }
    }

    pub(super) fn local_set(&mut self, now: Instant, kind: SdpKind, sdp: Box<str>, told: &mut Told) -> News {
        match (self.state, kind) {
            (State::Offering { .. }, SdpKind::Offer) => {
                if let Some(offer) = self.next_offer() {
                    // Only a viewer keeps one at this point, and it gives way before its own offer was told.
                    self.take_offer(now, offer, told);
                    return News::None;
                }
                let round = self.next_round();
                self.made = round;
                self.describe(kind, Description { round, made: None, sdp }, told);
                self.state = State::Offered { round, told: 1, until: now + ANSWER };
                News::None
            }
            (State::Answering { round, .. }, SdpKind::Answer) => {
                let made = (self.made > 0).then_some(self.made);
                self.describe(kind, Description { round, made, sdp }, told);
                self.settle(now, told);
                News::Agreed
            }
            // The engine was late: that was over already.
            (State::Stable | State::Offered { .. } | State::TakingOffer { .. } | State::TakingAnswer { .. }, _) => News::None,
            (State::Offering { .. }, SdpKind::Answer) | (State::Answering { .. }, SdpKind::Offer) => News::Stuck,
        }
    }

    pub(super) fn remote_set(&mut self, now: Instant, told: &mut Told) -> News {
        match self.state {
            State::TakingOffer { round, .. } => {
                self.described(round, told);
                self.state = State::Answering { round, until: now + ENGINE };
                told.outputs.push(Output::SetLocal(self.negotiation));
                News::None
            }
            State::TakingAnswer { round, .. } => {
                self.described(round, told);
                self.settle(now, told);
                News::Agreed
            }
            _ => News::None,
        }
    }

    /// Timers of a page that is not seen are late, so what is due goes with the next candidate, too.
    pub(super) fn candidate(&mut self, now: Instant, candidate: Option<Candidate>, told: &mut Told) {
        self.gathered.add(now, candidate);
        self.tell_due(now, told);
    }

    // What the other end says.

    pub(super) fn heard(&mut self, now: Instant, message: PeerMessage, told: &mut Told) {
        match message {
            PeerMessage::Offer(offer) => self.heard_offer(now, offer, told),
            PeerMessage::Answer(answer) => self.heard_answer(now, answer, told),
            PeerMessage::Candidates(candidates) => self.heard_candidates(candidates, told),
        }
    }

    fn heard_offer(&mut self, now: Instant, offer: Description, told: &mut Told) {
        if !self.is_others(offer.round) {
            return;
        }
        if offer.round <= self.taken {
            let answered = |(kind, local): &(SdpKind, Description)| *kind == SdpKind::Answer && local.round == offer.round;
            if self.is_stable() && self.local.as_ref().is_some_and(answered) {
                self.tell_again(told);
            }
            return;
        }
        match (self.state, self.side) {
            (State::Stable, _) | (State::Offered { .. }, Side::Viewer) => self.take_offer(now, offer, told),
            (State::Offering { .. } | State::Offered { .. }, Side::Broadcaster) => {
                self.taken = offer.round;
                self.remote.ignore(offer.round);
            }
            _ => {
                if self.next.as_ref().is_none_or(|next| next.round < offer.round) {
                    self.next = Some(offer);
                }
            }
        }
    }

    fn heard_answer(&mut self, now: Instant, answer: Description, told: &mut Told) {
        let State::Offered { round, .. } = self.state else { return };
        if answer.round != round {
            return;
        }
        if let Some(made) = answer.made.filter(|made| self.is_others(*made)) {
            self.taken = self.taken.max(made);
        }
        self.state = State::TakingAnswer { round, until: now + ENGINE };
        told.outputs.push(Output::SetRemote { negotiation: self.negotiation, kind: SdpKind::Answer, sdp: answer.sdp });
    }

    fn heard_candidates(&mut self, candidates: Candidates, told: &mut Told) {
        let due = self.remote.heard(candidates);
        told.outputs.extend(due.into_iter().map(|candidate| Output::AddCandidate(self.negotiation, candidate)));
    }

    // Time.

    /// When something is to be done whatever else is. `waits`: the other end cannot answer at the moment, and nothing is asked of it.
    pub(super) fn due(&self, waits: bool) -> Option<Instant> {
        let gathered = self.gathered.due().filter(|_| self.may_tell());
        let until = match self.state {
            _ if waits => None,
            State::Stable => None,
            State::Offering { until }
            | State::Offered { until, .. }
            | State::TakingOffer { until, .. }
            | State::Answering { until, .. }
            | State::TakingAnswer { until, .. } => Some(until),
        };
        [gathered, until, self.retell].into_iter().flatten().min()
    }

    /// `flows`: media can flow as things are, so there is no hurry.
    pub(super) fn timeout(&mut self, now: Instant, waits: bool, flows: bool, told: &mut Told) -> News {
        self.tell_due(now, told);
        if self.retell.is_some_and(|at| at <= now) {
            self.retell = None;
            self.tell_again(told);
        }
        match self.state {
            _ if waits => News::None,
            State::Offered { round, told: times, until } if until <= now => {
                if times >= OFFERS && !flows {
                    return News::Silent;
                }
                let wait = if times >= OFFERS { NO_HURRY } else { ANSWER };
                self.state = State::Offered { round, told: times.saturating_add(1), until: now + wait };
                self.tell_again(told);
                News::None
            }
            State::Offering { until }
            | State::TakingOffer { until, .. }
            | State::Answering { until, .. }
            | State::TakingAnswer { until, .. }
                if until <= now =>
            {
                News::Stuck
            }
            _ => News::None,
        }
    }

    /// The other end can answer again: it has all of its time anew.
    pub(super) fn rearm(&mut self, now: Instant) {
        if let State::Offered { round, .. } = self.state {
            self.state = State::Offered { round, told: 1, until: now + ANSWER };
        }
    }

    /// The server did not take what was told, for the moment.
    pub(super) fn refused(&mut self, now: Instant) {
        self.retell.get_or_insert(now + RETELL);
    }

    /// It came to nothing: the engine is asked nothing more.
    pub(super) fn abandon(&mut self) {
        (self.state, self.next, self.needed, self.retell) = (State::Stable, None, false, None);
    }

    // Steps.

    fn offer(&mut self, now: Instant, told: &mut Told) {
        self.needed = false;
        self.state = State::Offering { until: now + ENGINE };
        told.outputs.push(Output::SetLocal(self.negotiation));
    }

    fn take_offer(&mut self, now: Instant, offer: Description, told: &mut Told) {
        if !self.is_stable() {
            // The engine rolls this end's own offer back: its candidates are of no use.
            self.gathered.forget();
            self.local = None;
        }
        self.taken = offer.round;
        self.state = State::TakingOffer { round: offer.round, until: now + ENGINE };
        told.outputs.push(Output::SetRemote { negotiation: self.negotiation, kind: SdpKind::Offer, sdp: offer.sdp });
    }

    /// Nothing is under way any more: what had to wait has its turn.
    fn settle(&mut self, now: Instant, told: &mut Told) {
        self.state = State::Stable;
        if let Some(offer) = self.next_offer() {
            self.take_offer(now, offer, told);
        } else if self.needed {
            self.offer(now, told);
        }
    }

    fn next_offer(&mut self) -> Option<Description> {
        self.next.take().filter(|offer| offer.round > self.taken)
    }

    fn described(&mut self, round: u32, told: &mut Told) {
        let due = self.remote.described(round);
        told.outputs.extend(due.into_iter().map(|candidate| Output::AddCandidate(self.negotiation, candidate)));
    }

    fn describe(&mut self, kind: SdpKind, description: Description, told: &mut Told) {
        self.gathered.described();
        self.retell = None;
        told.messages.push(message(kind, description.clone()));
        self.local = Some((kind, description));
    }

    fn tell_due(&mut self, now: Instant, told: &mut Told) {
        let is_due = self.gathered.due().is_some_and(|due| due <= now) && self.may_tell();
        if let Some((_, local)) = self.local.as_ref().filter(|_| is_due) {
            self.gathered.tell(local.round, &mut told.messages);
        }
    }

    fn tell_again(&mut self, told: &mut Told) {
        if let Some((kind, local)) = &self.local {
            told.messages.push(message(*kind, local.clone()));
            self.gathered.retell(local.round, &mut told.messages);
        }
    }

    /// Whether the description that candidates belong to was told.
    fn may_tell(&self) -> bool {
        let busy = matches!(self.state, State::Offering { .. } | State::Answering { .. } | State::TakingOffer { .. });
        self.local.is_some() && !busy
    }

    /// Rounds of a broadcaster are odd, those of a viewer even.
    fn next_round(&self) -> u32 {
        let least = self.made.max(self.taken) + 1;
        if least % 2 == self.parity() { least } else { least + 1 }
    }

    fn parity(&self) -> u32 {
        u32::from(self.side == Side::Broadcaster)
    }

    fn is_others(&self, round: u32) -> bool {
        (1..=MOST_ROUNDS).contains(&round) && round % 2 != self.parity()
    }
}

fn message(kind: SdpKind, description: Description) -> PeerMessage {
    match kind {
        SdpKind::Offer => PeerMessage::Offer(description),
        SdpKind::Answer => PeerMessage::Answer(description),
    }
}
