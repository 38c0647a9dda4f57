//! What two ends tell each other, as objects of JavaScript: the page reads and writes the JSON, which costs it nothing.

use js_sys::Array;
use samewire_protocol::live::peer::SdpKind;
use samewire_protocol::live::{Candidate, Candidates, Description, Negotiation, PeerMessage};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;

use super::web::{get, number, object, text};

/// The kind of a description, as the browser names it.
pub(crate) fn kind(kind: SdpKind) -> &'static str {
    match kind {
        SdpKind::Offer => "offer",
        SdpKind::Answer => "answer",
    }
}

pub(crate) fn read_kind(name: &str) -> Option<SdpKind> {
    match name {
        "offer" => Some(SdpKind::Offer),
        "answer" => Some(SdpKind::Answer),
        _ => None,
    }
}

/// What a signal of this name says, and about which connection. `None` for one that is not as it should be, which no server passes on.
pub(crate) fn read(name: &str, payload: &JsValue) -> Option<(Negotiation, PeerMessage)> {
    let negotiation = Negotiation::new(number(payload, "negotiation")? as u64)?;
    let round_of = |name| number(payload, name).map(|round| round as u32);
    let round = round_of("round");
    let description = || Some(Description { round: round?, made: round_of("made"), sdp: text(payload, "sdp")?.into() });
    let message = match name {
        "offer" => PeerMessage::Offer(description()?),
        "answer" => PeerMessage::Answer(description()?),
        "candidates" => {
            let candidates = get(payload, "candidates").dyn_into::<Array>().ok()?;
            let candidates = candidates.iter().map(|candidate| read_candidate(&candidate)).collect();
            PeerMessage::Candidates(Candidates { round, candidates, end: get(payload, "end").is_truthy() })
        }
        _ => return None,
    };
    Some((negotiation, message))
}

/// The `message` of `live/signal`.
pub(crate) fn shown(message: &PeerMessage) -> JsValue {
    let kind = ("type", message.name().into());
    match message {
        PeerMessage::Offer(told) | PeerMessage::Answer(told) => {
            object(&[kind, ("round", told.round.into()), ("made", told.made.into()), ("sdp", JsValue::from(&*told.sdp))])
        }
        PeerMessage::Candidates(told) => object(&[
            kind,
            ("round", told.round.into()),
            ("candidates", told.candidates.iter().map(candidate).collect::<Array>().into()),
            ("end", told.end.into()),
        ]),
    }
}

/// Reads an `RTCIceCandidate`, or what another end made of one.
pub(crate) fn read_candidate(candidate: &JsValue) -> Candidate {
    let tag = |name| text(candidate, name).map(Into::into);
    Candidate {
        candidate: tag("candidate").unwrap_or_default(),
        sdp_mid: tag("sdpMid"),
        sdp_m_line_index: number(candidate, "sdpMLineIndex").map(|index| index as u16),
        username_fragment: tag("usernameFragment"),
    }
}

/// An `RTCIceCandidateInit`.
pub(crate) fn candidate(candidate: &Candidate) -> JsValue {
    let tag = |value: &Option<Box<str>>| value.as_deref().map_or(JsValue::UNDEFINED, JsValue::from);
    object(&[
        ("candidate", JsValue::from(&*candidate.candidate)),
        ("sdpMid", tag(&candidate.sdp_mid)),
        ("sdpMLineIndex", candidate.sdp_m_line_index.into()),
        ("usernameFragment", tag(&candidate.username_fragment)),
    ])
}
