//! What a page can observe.

use serde::{Deserialize, Deserializer};

use crate::live::peer::PeerState;

/// One thing that was observed, as the package's JavaScript writes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Observation {
    /// What the page may do.
    Page {
        /// `isSecureContext`.
        #[serde(default)]
        secure: bool,
        /// Whether there is an `RTCPeerConnection`.
        #[serde(default)]
        webrtc: bool,
    },
    /// The session.
    Session {
        /// Its status.
        state: Box<str>,
    },
    /// The camera.
    Camera(Device),
    /// The ICE servers.
    Servers {
        /// Whether the page was told which they are.
        #[serde(default)]
        known: bool,
    },
    /// What came about with one of the ICE servers alone.
    Server {
        /// Its addresses.
        #[serde(deserialize_with = "one_or_many")]
        urls: Vec<Box<str>>,
        /// What was seen.
        #[serde(flatten)]
        seen: Seen,
    },
    /// What came about without any.
    Host(Seen),
    /// Two peer connections within the page.
    Loopback {
        /// Whether they reached each other.
        #[serde(default)]
        connected: bool,
        /// What the browser said.
        #[serde(default)]
        error: Option<Box<str>>,
    },
    /// How the stream that is broadcast or watched is doing.
    Media(Viewing),
    /// Something that this version does not know.
    #[serde(other)]
    Unknown,
}

/// What is known of cameras.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Device {
    /// Whether there is a `navigator.mediaDevices`.
    pub supported: bool,
    /// How many there are, as far as the page is told.
    pub cameras: Option<u32>,
    /// `granted`, `denied` or `prompt`.
    pub permission: Option<Box<str>>,
    /// The name of the error with which `getUserMedia` was refused.
    pub error: Option<Box<str>>,
}

/// What came about when addresses were gathered.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Seen {
    /// The types of the candidates: `host`, `srflx`, `prflx`, `relay`.
    pub candidates: Vec<Box<str>>,
    /// `icecandidateerror`.
    pub errors: Vec<IceError>,
    /// What the browser said when it could not even begin.
    pub error: Option<Box<str>>,
}

/// An `RTCPeerConnectionIceErrorEvent`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct IceError {
    /// The server.
    pub url: Option<Box<str>>,
    /// A STUN error (RFC 8489, RFC 8656), or 701: it did not answer.
    pub code: u32,
    /// The server's, or the browser's, words.
    pub text: Option<Box<str>>,
}

/// How a stream is doing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Viewing {
    /// `broadcaster` or `viewer`.
    pub side: Box<str>,
    /// A viewer's state for people.
    pub state: Option<Box<str>>,
    /// A viewer's statistics.
    pub stats: Option<Flow>,
    /// The states of a broadcaster's viewers.
    pub peers: Vec<OfPeer>,
}

/// What of the statistics counts here.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Flow {
    /// Bits a second.
    pub bitrate: Option<f64>,
    /// Whether it goes over a relay.
    pub relay: Option<bool>,
}

/// One of a broadcaster's viewers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct OfPeer {
    /// The name of its [`PeerState`].
    pub state: Box<str>,
}

impl OfPeer {
    pub(super) fn is_connected(&self) -> bool {
        *self.state == *PeerState::Connected.name()
    }

    pub(super) fn is_connecting(&self) -> bool {
        *self.state == *PeerState::Connecting.name()
    }
}

/// `RTCIceServer.urls` may be one text.
fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Box<str>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Urls {
        One(Box<str>),
        Many(Vec<Box<str>>),
    }
    Ok(match Urls::deserialize(deserializer)? {
        Urls::One(url) => vec![url],
        Urls::Many(urls) => urls,
    })
}
