//! The section about clients of other systems: `[dialects]`. Each is off by default, and on with `dev`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Config;

/// Wire formats of other systems that are spoken besides the server's own. See `docs/dialects.md`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dialects {
    /// Metacom 3 and 2, at `/api`.
    pub metacom: Metacom,
    /// Socket.IO, the namespace `/file-processing`.
    pub socketio: Dialect,
    /// Signalling by plain JSON, at `/ws`.
    pub signalling: Dialect,
    /// Portal views, at `/ws/portal-view/{id}`.
    pub portal_views: PortalViews,
    /// The counts and events of live streams, at `/api/v1/streams/{stream}/ws`.
    pub stream_updates: Dialect,
}

/// Metacom: whether it is spoken, with whom, and how long somebody may take to sign in.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Metacom {
    /// Whether it is spoken. Default false; always with `dev`.
    pub enabled: bool,
    /// Whether its clients may come without a token, as for a [`Dialect`]. Default false.
    pub anonymous: bool,
    /// How long a connection may be open on which nobody is signed in. Default `2m`.
    #[serde(with = "super::human::duration")]
    pub sign_in_timeout: Duration,
}

impl Default for Metacom {
    fn default() -> Self {
        Self { enabled: false, anonymous: false, sign_in_timeout: Duration::from_secs(120) }
    }
}

/// Whether a format is spoken, and with whom.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dialect {
    /// Whether it is spoken. Default false; always with `dev`.
    pub enabled: bool,
    /// Whether clients of this format may come without a token, also where sessions may not (`auth.anonymous`). What they may do is
    /// then what the kinds of rooms give to everybody. Default false.
    pub anonymous: bool,
}

/// Portal views. Nobody comes without a token, for only members of a library see its views.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PortalViews {
    /// Whether they are spoken. Default false; always with `dev`.
    pub enabled: bool,
}

impl Config {
    /// Whether a format is spoken that is `enabled`, or not.
    pub(crate) fn speaks(&self, enabled: bool) -> bool {
        enabled || self.dev
    }
}
