//! What the server tells single members of a live stream's room, as signals of the room.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::message::{Candidates, Description};
use super::{Negotiation, PeerMessage, ViewerId};
use crate::code::Code;

/// A signal in the room of a live stream, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LiveSignal {
    /// `viewer_joined`, to the broadcaster: begin a peer connection to this viewer.
    ViewerJoined(ViewerJoined),
    /// `viewer_left`, to the broadcaster: close the viewer's peer connection; one whose session was lost, when it breaks.
    ViewerLeft(ViewerLeft),
    /// `peers_changed`, to the broadcaster: more has changed than can be told; ask `live/peers`.
    PeersChanged,
    /// `superseded`, to the broadcaster: another session broadcasts in this one's place.
    Superseded(Superseded),
    /// `watching`, to a viewer that waited: it is let in.
    Watching(PeerRef),
    /// `refused`, to a viewer: it waited and is not let in, or may not watch any more.
    Refused(Refused),
    /// `peer`, to both ends: begin this peer connection in place of the one before.
    Peer(PeerRef),
    /// `offer`, `answer` or `candidates`, from the other end of a peer connection.
    Message(PeerRef, PeerMessage),
}

/// A peer connection: between the broadcaster and this viewer, with this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerRef {
    /// The viewer.
    pub viewer: ViewerId,
    /// The number.
    pub negotiation: Negotiation,
}

/// `viewer_joined`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewerJoined {
    /// The viewer.
    pub viewer: ViewerId,
    /// The number of the peer connection to begin.
    pub negotiation: Negotiation,
    /// The viewer's user; none for an anonymous one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Box<str>>,
}

/// `viewer_left`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewerLeft {
    /// The viewer.
    pub viewer: ViewerId,
    /// Why.
    pub reason: LeaveReason,
}

/// Why a viewer is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum LeaveReason {
    /// It left.
    Left,
    /// Its link was lost, and it did not come back in time.
    Lost,
    /// Its grant has ended, or it was removed.
    GrantEnded,
    /// A reason that this version does not know.
    #[serde(other)]
    Unknown,
}

/// `superseded`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Superseded {
    /// The user that broadcasts now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Box<str>>,
}

/// `refused`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The code.
    pub code: Code,
    /// What to do about it.
    #[serde(default)]
    pub message: String,
}

/// The payload of a signal without a word of its own.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Nothing {}

/// The payload of `offer`, `answer` and `candidates`.
#[derive(Serialize, Deserialize)]
struct Routed<T> {
    #[serde(flatten)]
    peer: PeerRef,
    #[serde(flatten)]
    message: T,
}

impl LiveSignal {
    /// The signal's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::ViewerJoined(_) => "viewer_joined",
            Self::ViewerLeft(_) => "viewer_left",
            Self::PeersChanged => "peers_changed",
            Self::Superseded(_) => "superseded",
            Self::Watching(_) => "watching",
            Self::Refused(_) => "refused",
            Self::Peer(_) => "peer",
            Self::Message(_, message) => message.name(),
        }
    }

    /// The payload as JSON.
    ///
    /// # Errors
    /// What the JSON library says; none is known.
    pub fn payload(&self) -> serde_json::Result<Box<RawValue>> {
        use serde_json::value::to_raw_value;
        match self {
            Self::ViewerJoined(payload) => to_raw_value(payload),
            Self::ViewerLeft(payload) => to_raw_value(payload),
            Self::PeersChanged => to_raw_value(&Nothing {}),
            Self::Superseded(payload) => to_raw_value(payload),
            Self::Watching(payload) | Self::Peer(payload) => to_raw_value(payload),
            Self::Refused(payload) => to_raw_value(payload),
            Self::Message(peer, PeerMessage::Offer(message) | PeerMessage::Answer(message)) => {
                to_raw_value(&Routed { peer: *peer, message })
            }
            Self::Message(peer, PeerMessage::Candidates(message)) => to_raw_value(&Routed { peer: *peer, message }),
        }
    }

    /// Reads a signal of a live stream's room; `None` for one that this version does not know.
    ///
    /// # Errors
    /// What in the payload is not as it should be.
    pub fn read(name: &str, payload: &str) -> serde_json::Result<Option<Self>> {
        use serde_json::from_str;
        Ok(Some(match name {
            "viewer_joined" => Self::ViewerJoined(from_str(payload)?),
            "viewer_left" => Self::ViewerLeft(from_str(payload)?),
            "peers_changed" => Self::PeersChanged,
            "superseded" => Self::Superseded(from_str(payload)?),
            "watching" => Self::Watching(from_str(payload)?),
            "refused" => Self::Refused(from_str(payload)?),
            "peer" => Self::Peer(from_str(payload)?),
            "offer" => {
                let Routed { peer, message } = from_str::<Routed<Description>>(payload)?;
                Self::Message(peer, PeerMessage::Offer(message))
            }
            "answer" => {
                let Routed { peer, message } = from_str::<Routed<Description>>(payload)?;
                Self::Message(peer, PeerMessage::Answer(message))
            }
            "candidates" => {
                let Routed { peer, message } = from_str::<Routed<Candidates>>(payload)?;
                Self::Message(peer, PeerMessage::Candidates(message))
            }
            _ => return Ok(None),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::message::Candidate;

    #[test]
    fn a_signal_survives_its_text_form() {
        let viewer = ViewerId::from_random(7);
        let negotiation = Negotiation::new(3).unwrap();
        let peer = PeerRef { viewer, negotiation };
        let description = Description { round: 1, made: None, sdp: "v=0\r\n".into() };
        let candidate = Candidate { candidate: "candidate:1".into(), sdp_mid: Some("0".into()), ..Candidate::default() };
        for (signal, told) in [
            (
                LiveSignal::ViewerJoined(ViewerJoined { viewer, negotiation, user: Some("eve".into()) }),
                r#"{"viewer":"v_0000000000000007","negotiation":3,"user":"eve"}"#,
            ),
            (
                LiveSignal::ViewerLeft(ViewerLeft { viewer, reason: LeaveReason::Lost }),
                r#"{"viewer":"v_0000000000000007","reason":"lost"}"#,
            ),
            (LiveSignal::PeersChanged, "{}"),
            (LiveSignal::Superseded(Superseded { by: None }), "{}"),
            (LiveSignal::Watching(peer), r#"{"viewer":"v_0000000000000007","negotiation":3}"#),
            (
                LiveSignal::Refused(Refused { code: Code::LiveFull, message: "try later".into() }),
                r#"{"code":"live-full","message":"try later"}"#,
            ),
            (LiveSignal::Peer(peer), r#"{"viewer":"v_0000000000000007","negotiation":3}"#),
            (
                LiveSignal::Message(peer, PeerMessage::Offer(description.clone())),
                r#"{"viewer":"v_0000000000000007","negotiation":3,"round":1,"sdp":"v=0\r\n"}"#,
            ),
            (
                LiveSignal::Message(peer, PeerMessage::Answer(description)),
                r#"{"viewer":"v_0000000000000007","negotiation":3,"round":1,"sdp":"v=0\r\n"}"#,
            ),
            (
                LiveSignal::Message(
                    peer,
                    PeerMessage::Candidates(Candidates { round: Some(1), candidates: vec![candidate], end: true }),
                ),
                r#"{"viewer":"v_0000000000000007","negotiation":3,"round":1,"candidates":[{"candidate":"candidate:1","sdpMid":"0"}],"end":true}"#,
            ),
        ] {
            assert_eq!(signal.payload().unwrap().get(), told);
            assert_eq!(LiveSignal::read(signal.name(), told).unwrap(), Some(signal));
        }
        assert_eq!(LiveSignal::read("from_the_future", "{}").unwrap(), None);
        assert!(LiveSignal::read("peer", "{}").is_err());
    }
}
