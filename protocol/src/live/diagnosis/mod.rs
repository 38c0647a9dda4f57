//! Which leg of the way between a broadcaster and a viewer fails, and what to do about it: from what a page can observe to words.

mod observation;
mod words;

use serde::{Deserialize, Serialize};

pub use observation::{Device, Flow, IceError, Observation, OfPeer, Seen, Viewing};

/// One leg of the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Leg {
    /// The page: whether it may use cameras and peer connections at all.
    Page,
    /// The session with the server.
    Session,
    /// The camera.
    Camera,
    /// The STUN servers, which tell an end its public address.
    Stun,
    /// The TURN servers, which relay.
    Turn,
    /// UDP, which media takes where it can.
    Udp,
    /// A peer connection within the page.
    Peer,
    /// The media of the stream.
    Media,
}

/// What was found of one leg.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which leg.
    pub leg: Leg,
    /// Whether it works. None: it was not looked at, or it cannot be told.
    pub ok: Option<bool>,
    /// For people: what was seen, and what to do.
    pub told: String,
}

/// What was found of all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    /// Whether none of them fails.
    pub ok: bool,
    /// Each leg, from the page on.
    pub legs: Vec<Finding>,
}

/// Takes observations, and says what follows from them.
#[derive(Debug, Default)]
pub struct Diagnosis {
    page: Option<(bool, bool)>,
    session: Option<Box<str>>,
    camera: Option<Device>,
    servers_known: Option<bool>,
    servers: Vec<(Vec<Box<str>>, Seen)>,
    host: Option<Seen>,
    loopback: Option<(bool, Option<Box<str>>)>,
    media: Option<Viewing>,
}

impl Diagnosis {
    /// One that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes an observation. Of two of a kind the later one counts, but for servers.
    pub fn add(&mut self, observation: Observation) {
        match observation {
            Observation::Page { secure, webrtc } => self.page = Some((secure, webrtc)),
            Observation::Session { state } => self.session = Some(state),
            Observation::Camera(device) => self.camera = Some(device),
            Observation::Servers { known } => self.servers_known = Some(known),
            Observation::Server { urls, seen } => self.servers.push((urls, seen)),
            Observation::Host(seen) => self.host = Some(seen),
            Observation::Loopback { connected, error } => self.loopback = Some((connected, error)),
            Observation::Media(viewing) => self.media = Some(viewing),
            Observation::Unknown => {}
        }
    }

    /// What follows.
    #[must_use]
    pub fn findings(&self) -> Findings {
        let legs: Vec<Finding> = [
            (Leg::Page, self.of_page()),
            (Leg::Session, self.of_session()),
            (Leg::Camera, self.of_camera()),
            (Leg::Stun, self.of_stun()),
            (Leg::Turn, self.of_turn()),
            (Leg::Udp, self.of_udp()),
            (Leg::Peer, self.of_peer()),
            (Leg::Media, self.of_media()),
        ]
        .map(|(leg, (ok, told))| Finding { leg, ok, told })
        .into();
        Findings { ok: legs.iter().all(|finding| finding.ok != Some(false)), legs }
    }
}

#[cfg(test)]
mod tests;
