//! Where a session stands.
//!
//! ```text
//! Idle ──connect──▶ Dialing ──opened──▶ Greeting ──welcome──▶ Live
//!                      ▲  │                 │                  │
//!                      │  └────── lost ─────┴─────── lost ─────┤
//!                      └──────── Waiting ◀─────────────────────┘
//! Dialing ──a token is wanted first──▶ Tokenless ──token──▶ Dialing; Live ──the token has expired──▶ Tokenless
//! Any ──close, or a goodbye that says "do not come back"──▶ Closed ──connect──▶ Dialing
//! ```

use crate::failure::Failure;
use crate::time::Instant;

#[derive(Debug)]
pub(crate) enum State {
    /// Nothing was asked for yet.
    Idle,
    /// The next hello needs a token, which the app is asked for. `why`: what the server said of the one before.
    Tokenless { why: Option<Failure>, give_up_at: Instant },
    /// A socket is being opened.
    Dialing { give_up_at: Instant },
    /// The socket is open; the hello is sent.
    Greeting { give_up_at: Instant },
    /// Calls and streams flow.
    Live(Live),
    /// The link is lost; the next attempt is set.
    Waiting { retry_at: Instant },
    /// It is over.
    Closed { why: Failure },
}

/// What exists only while a session is live.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) since: Instant,
    pub(crate) heard_at: Instant,
    /// A call was answered, or bytes arrived on either side.
    pub(crate) fruitful: bool,
    /// A probe that waits for any sign of life.
    pub(crate) probe: Option<Instant>,
}

/// Where a session stands, for people and programs.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Status {
    /// Not connected, and not asked to.
    Idle,
    /// A connection is being made, or waits for a token from the app.
    Connecting,
    /// Connected: calls and streams flow.
    Live,
    /// The connection is lost; the next attempt is at this point.
    Waiting {
        /// When the next attempt begins.
        retry_at: Instant,
    },
    /// Over, for this reason. Only `connect` begins anew.
    Closed {
        /// Why.
        why: Failure,
    },
}

impl State {
    pub(crate) fn status(&self) -> Status {
        match self {
            Self::Idle => Status::Idle,
            Self::Tokenless { .. } | Self::Dialing { .. } | Self::Greeting { .. } => Status::Connecting,
            Self::Live(_) => Status::Live,
            Self::Waiting { retry_at } => Status::Waiting { retry_at: *retry_at },
            Self::Closed { why } => Status::Closed { why: why.clone() },
        }
    }
}
