//! One peer connection that is signalled for: what one end said, put as the other end knows it.
//!
//! A client of this format makes one connection when it is told of a viewer, or of each offer, and knows neither which exchange a
//! description belongs to nor that one may follow another. So a description is passed on to it once, and where an SDK would go on
//! with a connection, a new one is asked for.

use samewire_protocol::limits::MAX_CANDIDATES;
use samewire_protocol::live::{Candidate, Candidates, Negotiation, PeerMessage};
use samewire_protocol::{Code, Failure};
use serde_json::{Value, json};

use super::names::Name;

/// So many candidates may wait until those before are passed on: more than an honest client has.
const MOST_WAITING: usize = 4 * MAX_CANDIDATES;

/// How far the negotiation of a peer connection is.
#[derive(Debug)]
pub(super) struct Talk {
    pub(super) name: Name,
    pub(super) negotiation: Negotiation,
    /// The newest exchange of offer and answer that the client knows; 0 before the first.
    round: u32,
    /// It was told the answer of this exchange, or its own could not be passed on.
    is_answered: bool,
    is_answer_lost: bool,
    /// Candidates that follow those which are being passed on.
    waiting: Vec<Candidate>,
    is_passing: bool,
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
    pub(super) fn new(name: Name, negotiation: Negotiation) -> Self {
        Self {
            name,
            negotiation,
            round: 0,
            is_answered: false,
            is_answer_lost: false,
            waiting: Vec::new(),
            is_passing: false,
            is_doubtful: false,
        }
    }

    // What the client says, as a message of `live/signal`.

    pub(super) fn offer(&mut self, sdp: &str) -> Value {
        self.round = self.round.saturating_add(1);
        self.is_answered = false;
        json!({"type": "offer", "round": self.round, "sdp": sdp})
    }

    pub(super) fn answer(&mut self, sdp: &str) -> Value {
        self.is_answer_lost = false;
        json!({"type": "answer", "round": self.round, "sdp": sdp})
    }

    /// Those that come while others are passed on go together.
    ///
    /// # Errors
    /// More wait than may.
    pub(super) fn candidate(&mut self, candidate: Candidate) -> Result<Option<Value>, Failure> {
        if self.waiting.len() >= MOST_WAITING {
            let told =
                format!("{MOST_WAITING} candidates wait to be passed on, which is more than a connection has; send fewer");
            return Err(Failure::new(Code::RateLimited, told));
        }
        self.waiting.push(candidate);
        Ok(if self.is_passing { None } else { self.next_candidates() })
    }

    /// Those before were passed on.
    pub(super) fn next_candidates(&mut self) -> Option<Value> {
        let most = self.waiting.len().min(MAX_CANDIDATES);
        let candidates: Vec<_> = self.waiting.drain(..most).collect();
        self.is_passing = !candidates.is_empty();
        let round = Some(self.round).filter(|round| *round > 0);
        let said = Candidates { round, candidates, end: false };
        self.is_passing.then(|| json!(PeerMessage::Candidates(said)))
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
    use samewire_protocol::live::{Description, ViewerId};

    use super::super::names::Names;
    use super::*;

    fn talk() -> Talk {
        Talk::new(Names::default().name(ViewerId::from_random(1)), Negotiation::new(1).expect("a small number"))
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
    fn a_broadcaster_is_told_one_answer_to_its_newest_offer() {
        let mut talk = talk();
        assert_eq!((&talk.offer("v=0")["round"], &talk.offer("v=0")["round"]), (&json!(1), &json!(2)));
        assert_eq!(talk.hear_viewer(PeerMessage::Answer(description(1))), Heard::Nothing);
        assert_eq!(talk.hear_viewer(PeerMessage::Answer(description(2))), Heard::Answer("v=0 2".into()));
        assert_eq!(talk.hear_viewer(PeerMessage::Answer(description(2))), Heard::Nothing);
        assert_eq!(talk.hear_viewer(PeerMessage::Offer(description(3))), Heard::Renegotiate);
        assert_eq!(talk.hear_viewer(candidates(None)), Heard::Candidates(vec![candidate("a")]));
    }

    #[test]
    fn candidates_go_together_while_others_are_passed_on() {
        let mut talk = talk();
        talk.offer("v=0");
        let first = talk.candidate(candidate("0")).expect("there is room").expect("nothing is under way");
        assert_eq!(first, json!({"type": "candidates", "round": 1, "candidates": [{"candidate": "0", "sdpMid": "0"}]}));
        for number in 1..=MOST_WAITING {
            assert_eq!(talk.candidate(candidate(&number.to_string())), Ok(None));
        }
        assert_eq!(talk.candidate(candidate("x")).expect_err("no room").code, Code::RateLimited);
        let passed: Vec<_> = std::iter::from_fn(|| talk.next_candidates()).collect();
        let sizes: Vec<_> = passed.iter().map(|said| said["candidates"].as_array().map_or(0, Vec::len)).collect();
        assert_eq!(sizes, [MAX_CANDIDATES; 4]);
        assert_eq!(passed[3]["candidates"][31]["candidate"], MOST_WAITING.to_string());
        assert!(talk.candidate(candidate("again")).expect("there is room").is_some());
    }
}
