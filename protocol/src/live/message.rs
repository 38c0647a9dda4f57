//! What the two ends of a peer connection tell each other through the server: offers, answers and candidates. A server reads them
//! only to check their shape and size.

use serde::{Deserialize, Serialize};

use crate::code::Code;
use crate::failure::Failure;
use crate::limits::{MAX_CANDIDATE, MAX_CANDIDATES, MAX_SDP};

/// One message from one end of a peer connection to the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum PeerMessage {
    /// An offer (RFC 8829).
    Offer(Description),
    /// The answer to the offer of the same round.
    Answer(Description),
    /// Addresses at which the sender may be reached (RFC 8838).
    Candidates(Candidates),
}

/// A session description.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// Which exchange of this peer connection it belongs to: an offer's round is higher than those of all offers that its sender has
    /// made or applied, an answer's is that of its offer.
    pub round: u32,
    /// In an answer: the highest round that its sender has offered itself, so that an offer that it took back is known to be stale
    /// when it comes late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<u32>,
    /// The description (RFC 8866), 1 byte to 64 KiB, beginning with `v=0`.
    pub sdp: Box<str>,
}

/// Some candidates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidates {
    /// The round of the sender's own description that they belong to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round: Option<u32>,
    /// The candidates, at most 32.
    #[serde(default)]
    pub candidates: Vec<Candidate>,
    /// Whether these are the last ones.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub end: bool,
}

/// An ICE candidate, as `RTCIceCandidateInit` has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// The candidate (RFC 8839, section 5.1), at most 1 KiB.
    pub candidate: Box<str>,
    /// The part of the description that it belongs to, by its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sdp_mid: Option<Box<str>>,
    /// The same, by its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sdp_m_line_index: Option<u16>,
    /// The ICE user name that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username_fragment: Option<Box<str>>,
}

/// The longest name of a part of a description, or of an ICE user name, in bytes (RFC 8839, section 5.4: 256).
const MAX_TAG: usize = 256;

impl PeerMessage {
    /// Reads a message that came from outside. Fields that this version does not know are left out.
    ///
    /// # Errors
    /// `bad-params` for another shape, `too-big` for one that is beyond a limit.
    pub fn read(json: &str) -> Result<Self, Failure> {
        let message: Self = serde_json::from_str(json).map_err(|error| {
            let told = format!("the message is no offer, answer or list of candidates: {error}");
            Failure::new(Code::BadParams, told)
        })?;
        message.check().map(|()| message)
    }

    fn check(&self) -> Result<(), Failure> {
        match self {
            Self::Offer(description) | Self::Answer(description) => description.check(),
            Self::Candidates(candidates) => candidates.check(),
        }
    }

    /// What it is called as a signal: `offer`, `answer` or `candidates`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Offer(_) => "offer",
            Self::Answer(_) => "answer",
            Self::Candidates(_) => "candidates",
        }
    }
}

impl Description {
    fn check(&self) -> Result<(), Failure> {
        if self.sdp.len() > MAX_SDP {
            let told = format!("the description is {} bytes long; at most {MAX_SDP} are passed on", self.sdp.len());
            return Err(Failure::new(Code::TooBig, told));
        }
        if !self.sdp.starts_with("v=0") {
            return Err(Failure::new(
                Code::BadParams,
                "the description does not begin with `v=0`; pass on the browser's `sdp`",
            ));
        }
        if holds_control(&self.sdp) {
            let told = "the description holds control characters; pass on the browser's `sdp` as it is";
            return Err(Failure::new(Code::BadParams, told));
        }
        Ok(())
    }
}

impl Candidates {
    fn check(&self) -> Result<(), Failure> {
        if self.candidates.len() > MAX_CANDIDATES {
            let told = format!("{} candidates in one message; send at most {MAX_CANDIDATES}", self.candidates.len());
            return Err(Failure::new(Code::TooBig, told));
        }
        let tags = |candidate: &Candidate| [candidate.sdp_mid.clone(), candidate.username_fragment.clone()];
        let too_long = |candidate: &Candidate| {
            candidate.candidate.len() > MAX_CANDIDATE || tags(candidate).iter().flatten().any(|tag| tag.len() > MAX_TAG)
        };
        if self.candidates.iter().any(too_long) {
            let told = format!("a candidate is longer than {MAX_CANDIDATE} bytes, or one of its names than {MAX_TAG}");
            return Err(Failure::new(Code::TooBig, told));
        }
        let odd = |candidate: &Candidate| {
            holds_control(&candidate.candidate) || tags(candidate).iter().flatten().any(|tag| holds_control(tag))
        };
        if self.candidates.iter().any(odd) {
            let told = "a candidate holds control characters; pass on the browser's as it is";
            return Err(Failure::new(Code::BadParams, told));
        }
        Ok(())
    }
}

/// Whether there are characters that no description has, and that take six times their room in JSON.
fn holds_control(text: &str) -> bool {
    text.bytes().any(|byte| byte < b' ' && !matches!(byte, b'\r' | b'\n' | b'\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(json: &str) -> Option<Code> {
        PeerMessage::read(json).err().map(|failure| failure.code)
    }

    #[test]
    fn a_message_survives_its_text_form() {
        let description = Description { round: 3, made: Some(2), sdp: "v=0\r\n".into() };
        let candidate = Candidate {
            candidate: "candidate:1 1 udp 2122260223 192.0.2.1 61665 typ host".into(),
            sdp_mid: Some("0".into()),
            sdp_m_line_index: Some(0),
            username_fragment: Some("abcd".into()),
        };
        let candidates = Candidates { round: Some(3), candidates: vec![candidate], end: true };
        for (message, name) in [
            (PeerMessage::Offer(description.clone()), "offer"),
            (PeerMessage::Answer(description), "answer"),
            (PeerMessage::Candidates(candidates), "candidates"),
        ] {
            let json = serde_json::to_string(&message).unwrap();
            assert!(json.starts_with(&format!(r#"{{"type":"{name}","#)), "{json}");
            assert_eq!((PeerMessage::read(&json).unwrap(), name), (message.clone(), message.name()));
        }
    }

    #[test]
    fn a_candidate_is_as_browsers_write_it() {
        let json =
            r#"{"type":"candidates","candidates":[{"candidate":"","sdpMid":"0","sdpMLineIndex":0,"usernameFragment":"u"}]}"#;
        let message = PeerMessage::read(json).unwrap();
        assert_eq!(serde_json::to_string(&message).unwrap(), json);
        let nulls =
            r#"{"type":"candidates","candidates":[{"candidate":"","sdpMid":null,"sdpMLineIndex":null}],"end":true,"x":1}"#;
        assert_eq!(code(nulls), None);
    }

    #[test]
    fn what_is_too_long_or_of_another_shape_is_refused() {
        let offer = |length: usize| format!(r#"{{"type":"offer","round":1,"sdp":"v=0{}"}}"#, "x".repeat(length - 3));
        assert_eq!(code(&offer(MAX_SDP)), None);
        assert_eq!(code(&offer(MAX_SDP + 1)), Some(Code::TooBig));
        assert_eq!(code(&offer(1_000_000)), Some(Code::TooBig));
        let one = |length: usize| format!(r#"{{"candidate":"{}"}}"#, "x".repeat(length));
        let some =
            |one: String, times: usize| format!(r#"{{"type":"candidates","candidates":[{}]}}"#, vec![one; times].join(","));
        assert_eq!(code(&some(one(MAX_CANDIDATE), MAX_CANDIDATES)), None);
        assert_eq!(code(&some(one(MAX_CANDIDATE + 1), 1)), Some(Code::TooBig));
        assert_eq!(code(&some(one(1), MAX_CANDIDATES + 1)), Some(Code::TooBig));
        let named = format!(r#"{{"candidate":"","sdpMid":"{}"}}"#, "x".repeat(MAX_TAG + 1));
        assert_eq!(code(&some(named, 1)), Some(Code::TooBig));
        for json in [
            "{}",
            "null",
            r#"{"type":"offer"}"#,
            r#"{"type":"offer","round":1,"sdp":""}"#,
            r#"{"type":"offer","round":1,"sdp":"hello"}"#,
            r#"{"type":"offer","round":1,"sdp":7}"#,
            r#"{"type":"offer","round":-1,"sdp":"v=0"}"#,
            r#"{"type":"offer","sdp":"v=0"}"#,
            r#"{"type":"offer","round":1,"sdp":"v=0\u0000"}"#,
            r#"{"type":"candidates","candidates":[{"candidate":"\u001f"}]}"#,
            r#"{"type":"candidates","candidates":[{"candidate":"","sdpMid":"\u0001"}]}"#,
            r#"{"type":"bye"}"#,
            r#"{"type":"candidates","candidates":["a"]}"#,
            r#"{"type":"candidates","candidates":[{"sdpMid":"0"}]}"#,
            r#"{"type":"candidates","candidates":[{"candidate":"","sdpMLineIndex":70000}]}"#,
        ] {
            assert_eq!(code(json), Some(Code::BadParams), "{json}");
        }
    }
}
