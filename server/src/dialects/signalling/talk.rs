//! One peer connection that is signalled for: what one end said, put as the other end knows it.
//!
//! A client of this format makes one connection when it is told of a viewer, or one of each offer, and knows neither which exchange a
//! description belongs to nor that one may be told again. So a description is passed on to it once, and where an SDK would go on with
//! a connection, a new one is asked for. Two clients of this format are left to themselves.

use samewire_protocol::limits::MAX_CANDIDATES;
use samewire_protocol::live::{Candidate, Candidates, PeerMessage, PeerRef};
use serde_json::{Value, json};

use super::names::Name;

/// How far the negotiation of a peer connection is.
#[derive(Debug)]
pub(super) struct Talk {
    pub(super) name: Name,
    /// The newest exchange of offer and answer that the client knows; 0 before the first.
    round: u32,
    /// It was told the answer of this exchange, or its own could not be passed on.
    is_answered: bool,
    is_answer_lost: bool,
    /// Candidates that are passed on together.
    waiting: Vec<Candidate>,
    /// Whether it is still there is being asked.
    pub(super) is_doubtful: bool,
}

/// What to do with something that was heard.
#[derive(Debug, PartialEq)]
pub(super) enum Heard {
    /// It says nothing new.
    Nothing,
    Offer(Box<str>),
    Answer(Box<str>),
    Candidates(Vec<Candidate>),
    /// A new peer connection is to be begun in place of this one.
    Renegotiate,
}

impl Talk {
    pub(super) fn new(name: Name) -> Self {
        Self { name, round: 0, is_answered: false, is_answer_lost: false, waiting: Vec::new(), is_doubtful: false }
    }

    pub(super) fn peer(&self) -> PeerRef {
        self.name.peer
    }

    // What the client says, as a message of `live/signal`.

    pub(super) fn offer(&mut self, sdp: &str) -> Value {
        self.round = self.round.saturating_add(1);
        self.is_answered = false;
        json!({"type": "offer", "round": self.round, "sdp": sdp})
    }

    /// The offer of this exchange could not be passed on.
    pub(super) fn offer_lost(&mut self, round: u32) {
        if self.round == round {
            self.round = round.saturating_sub(1);
        }
    }

    pub(super) fn round(&self) -> u32 {
        self.round
    }

    pub(super) fn answer(&mut self, sdp: &str) -> Value {
        self.is_answer_lost = false;
        json!({"type": "answer", "round": self.round, "sdp": sdp})
    }

    /// It waits for more of them. False when there are enough for a message.
    pub(super) fn candidate(&mut self, candidate: Candidate) -> bool {
        self.waiting.push(candidate);
        self.waiting.len() < MAX_CANDIDATES
    }

    /// The candidates that wait.
    pub(super) fn candidates(&mut self) -> Option<Value> {
        let candidates = std::mem::take(&mut self.waiting);
        let round = Some(self.round).filter(|round| *round > 0);
        let any = !candidates.is_empty();
        any.then(|| json!(PeerMessage::Candidates(Candidates { round, candidates, end: false })))
    }

    /// An answer could not be passed on.
    pub(super) fn answer_lost(&mut self) {
        self.is_answer_lost = true;
    }

    // What it hears.

    /// What the broadcaster says to a viewer.
    pub(super) fn hear_broadcaster(&mut self, message: PeerMessage) -> Heard {
        match message {
            PeerMessage::Offer(offer) if self.round == 0 => {
                self.round = offer.round;
                Heard::Offer(offer.sdp)
            }
            // It was told again, because no answer came: the client's is on its way, or was lost.
            PeerMessage::Offer(offer) if offer.round <= self.round && !self.is_answer_lost => Heard::Nothing,
            PeerMessage::Offer(offer) if self.name.is_shared() => {
                self.round = offer.round;
                Heard::Offer(offer.sdp)
            }
            // The client would make another connection of it.
            PeerMessage::Offer(_) => Heard::Renegotiate,
            PeerMessage::Answer(_) => Heard::Nothing,
            PeerMessage::Candidates(said) => self.hear_candidates(said),
        }
    }

    /// What a viewer says to the broadcaster.
    pub(super) fn hear_viewer(&mut self, message: PeerMessage) -> Heard {
        match message {
            // Viewers of this format make none.
            PeerMessage::Offer(_) => Heard::Renegotiate,
            PeerMessage::Answer(answer) if answer.round != self.round || self.is_answered => Heard::Nothing,
            PeerMessage::Answer(answer) => {
                self.is_answered = true;
                Heard::Answer(answer.sdp)
            }
            PeerMessage::Candidates(said) => self.hear_candidates(said),
        }
    }

    fn hear_candidates(&self, said: Candidates) -> Heard {
        if said.round.is_some_and(|round| round != self.round) {
            return Heard::Nothing;
        }
        Heard::Candidates(said.candidates)
    }
}

#[cfg(test)]
mod tests {
    use samewire_protocol::live::{Description, Negotiation, ViewerId};

    use super::super::names::Names;
    use super::*;

    fn talk() -> Talk {
        let peer = PeerRef { viewer: ViewerId::from_random(1), negotiation: Negotiation::new(1).expect("a small number") };
        Talk::new(Names::default().name(peer))
    }

    fn description(round: u32) -> Description {
        Description { round, made: None, sdp: format!("v=0 {round}").into() }
    }

    fn candidate(text: &str) -> Candidate {
        Candidate { candidate: text.into(), sdp_mid: Some("0".into()), ..Candidate::default() }
    }

    fn candidates(round: Option<u32>) -> PeerMessage {
        PeerMessage::Candidates(Candidates { round, candidates: vec![candidate("a")], end: true })
    }

    #[test]
    fn a_viewer_is_told_one_offer_and_a_second_one_needs_a_new_connection() {
        let mut talk = talk();
        assert_eq!(talk.hear_broadcaster(PeerMessage::Offer(description(4))), Heard::Offer("v=0 4".into()));
        assert_eq!(talk.hear_broadcaster(PeerMessage::Offer(description(4))), Heard::Nothing);
        assert_eq!(talk.answer("v=0")["round"], 4);
        assert_eq!(talk.hear_broadcaster(candidates(Some(4))), Heard::Candidates(vec![candidate("a")]));
        assert_eq!(talk.hear_broadcaster(PeerMessage::Offer(description(5))), Heard::Renegotiate);
        assert_eq!(
            talk.hear_broadcaster(candidates(Some(5))),
            Heard::Nothing,
            "they belong to the offer that was not passed on"
        );
        talk.answer_lost();
        assert_eq!(talk.hear_broadcaster(PeerMessage::Offer(description(4))), Heard::Renegotiate);
    }

    #[test]
    fn a_viewer_is_told_each_offer_of_a_broadcaster_that_knows_no_better() {
        let names = Names::default();
        let peer = talk().peer();
        let (mut talk, broadcaster) = (Talk::new(names.name(peer)), Talk::new(names.name(peer)));
        for round in 1..3 {
            let offer = PeerMessage::Offer(description(round));
            assert_eq!(talk.hear_broadcaster(offer.clone()), Heard::Offer(format!("v=0 {round}").into()));
            assert_eq!(talk.hear_broadcaster(offer), Heard::Nothing);
            assert_eq!(talk.answer("v=0")["round"], round);
        }
        drop(broadcaster);
        assert_eq!(talk.hear_broadcaster(PeerMessage::Offer(description(3))), Heard::Renegotiate);
    }

    #[test]
    fn a_broadcaster_is_told_one_answer_to_its_newest_offer() {
        let mut talk = talk();
        assert_eq!((&talk.offer("v=0")["round"], &talk.offer("v=0")["round"]), (&json!(1), &json!(2)));
        assert_eq!(talk.hear_viewer(PeerMessage::Answer(description(1))), Heard::Nothing);
        assert_eq!(talk.hear_viewer(PeerMessage::Answer(description(2))), Heard::Answer("v=0 2".into()));
        assert_eq!(talk.hear_viewer(PeerMessage::Answer(description(2))), Heard::Nothing);
        assert_eq!(talk.hear_viewer(PeerMessage::Offer(description(3))), Heard::Renegotiate);
        talk.offer("no description");
        talk.offer_lost(3);
        talk.offer_lost(1);
        assert_eq!(talk.round(), 2, "what was not passed on does not count");
        assert_eq!(talk.hear_viewer(candidates(None)), Heard::Candidates(vec![candidate("a")]));
    }

    #[test]
    fn candidates_go_together() {
        let mut talk = talk();
        talk.offer("v=0");
        assert!(talk.candidate(candidate("0")));
        let told = json!({"type": "candidates", "round": 1, "candidates": [{"candidate": "0", "sdpMid": "0"}]});
        assert_eq!((talk.candidates(), talk.candidates()), (Some(told), None));
        let waits: Vec<_> = (0..MAX_CANDIDATES).map(|number| talk.candidate(candidate(&number.to_string()))).collect();
        assert_eq!(waits.iter().position(|waits| !waits), Some(MAX_CANDIDATES - 1));
        let told = talk.candidates().expect("candidates");
        assert_eq!(told["candidates"].as_array().map(Vec::len), Some(MAX_CANDIDATES));
        assert!(PeerMessage::read(&told.to_string()).is_ok());
    }
}
