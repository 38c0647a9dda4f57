//! The way through the network: what is done when it does not come about, or breaks.

use super::{ConnectionState, Side};
use crate::failure::Failure;
use crate::time::Instant;
use crate::{Code, live::Negotiation};

use super::exchange::Exchange;

/// One peer connection that counts.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) negotiation: Negotiation,
    pub(super) exchange: Exchange,
    pub(super) path: Path,
    /// Whether the engine says that media can flow.
    pub(super) connected: bool,
    /// Whether it ever did.
    pub(super) ever: bool,
    /// Whether the engine was told to close it.
    pub(super) closed: bool,
}

/// The one before, which stays until the new one has media.
#[derive(Debug)]
pub(super) struct Old {
    pub(super) negotiation: Negotiation,
    pub(super) connected: bool,
    pub(super) until: Instant,
}

/// Where the path of a peer connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Path {
    /// The first offer is awaited, or its answer.
    Waiting { until: Instant },
    /// It is looked for.
    Connecting { until: Instant },
    /// It is there.
    Connected,
    /// It does not answer; it may come back by itself.
    Doubtful { until: Instant },
    /// It is looked for anew, after an ICE restart of one end.
    Healing { until: Instant },
    /// Another peer connection is asked for at this point.
    Broken { at: Instant },
    /// Another peer connection was asked for.
    Asked { until: Instant },
    /// It was given up.
    GivenUp,
}

impl Path {
    /// When something is to be done about it. While descriptions are exchanged, that exchange has its own times.
    pub(super) fn due(self, stable: bool) -> Option<Instant> {
        match self {
            Self::Waiting { until } | Self::Connecting { until } | Self::Doubtful { until } | Self::Healing { until } => {
                stable.then_some(until)
            }
            Self::Broken { at } | Self::Asked { until: at } => Some(at),
            Self::Connected | Self::GivenUp => None,
        }
    }

    /// Both ends have described themselves: a path can be looked for.
    pub(super) fn agreed(self, now: Instant, side: Side) -> Self {
        match self {
            Self::Waiting { .. } => Self::Connecting { until: now + side.connecting() },
            Self::Doubtful { .. } | Self::Healing { .. } | Self::Broken { .. } | Self::Asked { .. } => {
                Self::Healing { until: now + side.healing() }
            }
            Self::Connecting { .. } | Self::Connected | Self::GivenUp => self,
        }
    }

    /// What the engine's word means for it.
    pub(super) fn told(self, now: Instant, side: Side, state: ConnectionState) -> Self {
        match (self, state) {
            (Self::GivenUp, _) => self,
            (_, ConnectionState::Connected) => Self::Connected,
            (Self::Connected | Self::Connecting { .. }, ConnectionState::Disconnected) => {
                Self::Doubtful { until: now + side.grace() }
            }
            (Self::Connected, ConnectionState::Connecting) => Self::Healing { until: now + side.healing() },
            (Self::Broken { .. } | Self::Asked { .. }, _) => self,
            (_, ConnectionState::Failed | ConnectionState::Closed) => Self::Doubtful { until: now },
            _ => self,
        }
    }
}

/// The time without a connection, and what was tried in it.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) since: Instant,
    pub(super) restarts: u32,
    pub(super) rebuilds: u32,
    pub(super) why: Why,
}

impl Trouble {
    pub(super) fn new(since: Instant) -> Self {
        Self { since, restarts: 0, rebuilds: 0, why: Why::Silent }
    }

    /// What to tell people when it is given up.
    pub(super) fn failure(&self) -> Failure {
        let told = match &self.why {
            Why::Silent => {
                "the other end does not answer; it may have closed its page or lost its network. Try again in a while"
                    .to_owned()
            }
            Why::NoPath => "no path to the other end was found, or it broke and did not come back; a firewall may block UDP. \
                Run diagnose(), and make sure that the server hands out a TURN server"
                .to_owned(),
            Why::Engine(told) => {
                format!("the browser could not set up the connection: {told}. Reload the page, or use another browser")
            }
        };
        let code = match self.why {
            Why::Silent => Code::DeadlineExceeded,
            Why::NoPath => Code::ConnectionLost,
            Why::Engine(_) => Code::UnsupportedMedia,
        };
        Failure::new(code, told)
    }
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// The other end says nothing.
    Silent,
    /// There is no way through.
    NoPath,
    /// The engine refused something; its words.
    Engine(String),
}
