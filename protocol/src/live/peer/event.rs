//! What goes into the machine of a peer connection, and what comes out.

use crate::failure::Failure;
use crate::live::{Candidate, Negotiation, PeerMessage};
use crate::time::Instant;

/// Which end of the peer connection this is. The server fixes it: it decides who gives way when both make an offer at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The one that sends the media. It does not give way ("impolite"), and its rounds are odd.
    Broadcaster,
    /// The one that watches. It gives way ("polite"), and its rounds are even.
    Viewer,
}

/// Something that happened, as the driver tells it.
#[derive(Clone, Debug)]
pub enum Input {
    /// The server gave the number of the peer connection that counts: `viewer_joined`, `watching`, `peer`, or the answer to
    /// `live/watch`, `live/start`, `live/peers` or `live/renegotiate`. One that is not higher than that before is ignored.
    Begin(Negotiation),
    /// The other end said something about this peer connection.
    Heard(Negotiation, PeerMessage),
    /// Something happened to the `RTCPeerConnection` of this number.
    Engine(Negotiation, Engine),
    /// The session has a link again, or has lost it. At first it is taken to have one.
    Link(bool),
    /// The other end is known to be away (`stream_paused`), or is back: nothing is asked of it meanwhile.
    Away(bool),
    /// The server refused what was said about this peer connection, or the wish for a new one.
    Refused(Negotiation, Failure),
    /// The way through the network may have changed (the browser came online, or somebody asked): find another one.
    Restart,
    /// It is over.
    Close,
}

/// What happened to an `RTCPeerConnection`.
#[derive(Clone, Debug)]
pub enum Engine {
    /// `negotiationneeded`.
    NegotiationNeeded,
    /// [`Output::SetLocal`] is done.
    LocalSet {
        /// What it came to: the type of `localDescription`.
        kind: SdpKind,
        /// The `sdp` of `localDescription`.
        sdp: Box<str>,
    },
    /// [`Output::SetRemote`] is done.
    RemoteSet,
    /// The engine refused something.
    Failed {
        /// What it refused.
        what: Refusal,
        /// Its words.
        told: String,
    },
    /// `icecandidate`; none is the end of them (`null`, or an empty one).
    Candidate(Option<Candidate>),
    /// `connectionstatechange`.
    Connection(ConnectionState),
    /// How many pictures were decoded so far. Only at a viewer.
    Frames(u64),
}

/// Which kind a session description is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SdpKind {
    /// An offer.
    Offer,
    /// An answer.
    Answer,
}

/// What an engine refused. A candidate that it refuses is no news: tell the machine nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// [`Output::Create`].
    Create,
    /// [`Output::SetLocal`].
    Local,
    /// [`Output::SetRemote`].
    Remote,
}

/// `RTCPeerConnectionState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectionState {
    /// Nothing has happened yet.
    New,
    /// A path is looked for, or agreed on.
    Connecting,
    /// Media can flow.
    Connected,
    /// The other end does not answer at the moment.
    Disconnected,
    /// There is no path, or no longer one.
    Failed,
    /// It was closed.
    Closed,
}

impl ConnectionState {
    /// The state with this name in the browser.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "new" => Self::New,
            "connecting" => Self::Connecting,
            "connected" => Self::Connected,
            "disconnected" => Self::Disconnected,
            "failed" => Self::Failed,
            "closed" => Self::Closed,
            _ => return None,
        })
    }
}

/// What the driver is to do. There may be two `RTCPeerConnection`s at once, so each output says which one is meant.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Make an `RTCPeerConnection` for this number, the newest. A broadcaster gives it its media, which makes the engine ask for a
    /// negotiation.
    Create(Negotiation),
    /// `setLocalDescription()` without an argument, then [`Engine::LocalSet`].
    SetLocal(Negotiation),
    /// `setRemoteDescription`, then [`Engine::RemoteSet`]. An offer may have to roll back one of this end's own.
    SetRemote {
        /// Which one.
        negotiation: Negotiation,
        /// Which kind.
        kind: SdpKind,
        /// What the other end described.
        sdp: Box<str>,
    },
    /// `addIceCandidate`; none is the end of them. What it says to it does not matter.
    AddCandidate(Negotiation, Option<Candidate>),
    /// `restartIce()`; the engine then asks for a negotiation.
    RestartIce(Negotiation),
    /// Close this one and let go of it.
    Close(Negotiation),
    /// `live/signal`. When it is refused: [`Input::Refused`].
    Send(Negotiation, PeerMessage),
    /// `live/renegotiate`. The answer is an [`Input::Begin`] or an [`Input::Refused`].
    AskRebuild(Negotiation),
    /// The state has changed.
    State(PeerState),
    /// There is nothing else to do until something happens, or until then.
    Wait(Option<Instant>),
}

/// How a peer connection is, over all that take each other's place.
#[derive(Clone, Debug, PartialEq)]
pub enum PeerState {
    /// It was not connected yet.
    Connecting,
    /// Media can flow.
    Connected,
    /// It was connected, and is being healed.
    Reconnecting,
    /// It was given up. The failure says what to do; another [`Input::Begin`] tries once more.
    Failed(Failure),
    /// It is over.
    Closed,
}

impl PeerState {
    /// In one word.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::Reconnecting => "reconnecting",
            Self::Failed(_) => "failed",
            Self::Closed => "closed",
        }
    }
}
