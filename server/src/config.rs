//! One typed configuration: a TOML file, then the environment, then what the command line says.
//!
//! Every key has a default, so an empty file is a good one. A key in the environment is `SAMEWIRE_` and the key's path in
//! capitals with `_` between: `SAMEWIRE_LISTEN`, `SAMEWIRE_AUTH_SECRET`, `SAMEWIRE_LIVE_TURN_SECRET`. Lists are separated by
//! commas there.

mod auth;
mod check;
mod dialects;
pub(crate) mod human;
mod ice_url;
mod jobs;
mod live;
mod load;
mod media;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use samewire_protocol::Limits;
use serde::{Deserialize, Serialize};

pub use auth::{ApiKey, Auth, Metrics, Secret};
pub use dialects::{Dialect, Dialects, PortalViews};
pub use jobs::{ExternalKind, Jobs};
pub use live::{IceServer, Live, Turn};
pub use media::{Image, Video};

use crate::limits::Quota;
use crate::rooms::Kinds;

/// What every environment variable of the configuration starts with.
pub const ENV_PREFIX: &str = "SAMEWIRE_";

/// The shortest secret that `check` takes, in bytes: as long as the output of HS256 (RFC 7518, section 3.2).
pub const MIN_SECRET: usize = 32;

/// Everything that can be configured.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where to listen. Default `127.0.0.1:8080`.
    pub listen: SocketAddr,
    /// The folder for records, blobs and keys; made where it is missing. Default `./data`.
    pub data: PathBuf,
    /// Development: anybody may mint a token or come without one, pages of every loopback origin may connect, and the demo
    /// is served. Default false.
    pub dev: bool,
    /// Origins whose pages may connect, as `https://app.example.com`. Default none: only pages of the server's own host.
    pub origins: Vec<String>,
    /// Tokens.
    pub auth: Auth,
    /// Keys with which other servers call this one over HTTP. Default none. Not from the environment.
    pub api_keys: Vec<ApiKey>,
    /// Figures about the running server.
    pub metrics: Metrics,
    /// Sizes, counts and times of sessions.
    pub limits: SessionLimits,
    /// Streams and the files made of them.
    pub streams: Streams,
    /// Uploads over HTTP.
    pub uploads: Uploads,
    /// Stored files.
    pub files: Files,
    /// Work on stored files.
    pub jobs: Jobs,
    /// Rooms.
    pub rooms: Rooms,
    /// Live video.
    pub live: Live,
    /// What is made of videos.
    pub video: Video,
    /// What is made of pictures.
    pub image: Image,
    /// Clients of other systems.
    pub dialects: Dialects,
    /// What clients are told about coming back.
    pub reconnect: Reconnect,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            data: PathBuf::from("data"),
            dev: false,
            origins: Vec::new(),
            auth: Auth::default(),
            api_keys: Vec::new(),
            metrics: Metrics::default(),
            limits: SessionLimits::default(),
            streams: Streams::default(),
            uploads: Uploads::default(),
            files: Files::default(),
            jobs: Jobs::default(),
            rooms: Rooms::default(),
            live: Live::default(),
            video: Video::default(),
            image: Image::default(),
            dialects: Dialects::default(),
            reconnect: Reconnect::default(),
        }
    }
}

/// What one session, and all of them together, may use.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SessionLimits {
    /// The largest text frame, in bytes. Default `1 MiB`.
    #[serde(with = "human::bytes")]
    pub max_text: u64,
    /// The largest payload of a binary frame, in bytes. Default and maximum `64 KiB`.
    #[serde(with = "human::bytes")]
    pub max_chunk: u64,
    /// Calls of one session under way at once. Default 256.
    pub max_calls: usize,
    /// Streams of one session open at once. Default 64.
    pub max_streams: usize,
    /// Rooms that one session may be in at once. Default 256.
    pub max_rooms: usize,
    /// Bytes that a sender may be ahead of what is durable, for each stream. Default `4 MiB`.
    #[serde(with = "human::bytes")]
    pub window: u64,
    /// The largest stream that a client may send, in bytes. Default `64 GiB`.
    #[serde(with = "human::bytes")]
    pub max_upload: u64,
    /// Sessions at once, those included whose connection is lost and may come back. Default 20000.
    pub max_sessions: usize,
    /// Of these, sessions of one user. Default 256.
    pub max_sessions_per_user: usize,
    /// How long a new connection may take to say hello. Default `10s`.
    #[serde(with = "human::duration")]
    pub hello_timeout: Duration,
    /// How long a session is kept after its connection was lost. Default `120s`.
    #[serde(with = "human::duration")]
    pub session_ttl: Duration,
    /// How often the server pings. Default `25s`.
    #[serde(with = "human::duration")]
    pub heartbeat_interval: Duration,
    /// How long after a ping a silent connection counts as lost. Default `10s`.
    #[serde(with = "human::duration")]
    pub heartbeat_timeout: Duration,
}

impl Default for SessionLimits {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            max_text: limits.max_text as u64,
            max_chunk: limits.max_chunk as u64,
            max_calls: limits.max_calls,
            max_streams: limits.max_streams,
            max_rooms: limits.max_rooms,
            window: limits.window,
            max_upload: limits.max_upload,
            max_sessions: 20_000,
            max_sessions_per_user: 256,
            hello_timeout: Duration::from_secs(10),
            session_ttl: Duration::from_secs(120),
            heartbeat_interval: Duration::from_secs(25),
            heartbeat_timeout: Duration::from_secs(10),
        }
    }
}

impl SessionLimits {
    /// The part that the welcome tells to clients.
    #[must_use]
    pub fn wire(&self) -> Limits {
        let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        Limits {
            max_text: size(self.max_text),
            max_chunk: size(self.max_chunk),
            max_calls: self.max_calls,
            max_streams: self.max_streams,
            max_rooms: self.max_rooms,
            window: self.window,
            max_upload: self.max_upload,
        }
    }
}

/// How long streams are kept, and how much their owners may store.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Streams {
    /// How long a stream that nobody is connected to is kept. Default `1h`.
    #[serde(with = "human::duration")]
    pub idle_ttl: Duration,
    /// How long any stream is kept after it was opened. Default `24h`.
    #[serde(with = "human::duration")]
    pub absolute_ttl: Duration,
    /// How often expired streams are looked for. Default `5s`.
    #[serde(with = "human::duration")]
    pub sweep_every: Duration,
    /// Bytes that all streams together may have on their way to the disk, in equal shares of at least 256 KiB and at most
    /// `limits.window`. Default `32 MiB`.
    #[serde(with = "human::bytes")]
    pub memory: u64,
    /// Bytes that one user may have in files and streams. Default `16 GiB`.
    #[serde(with = "human::bytes")]
    pub quota: u64,
    /// Bytes that one anonymous session may have in files and streams. Default `1 GiB`.
    #[serde(with = "human::bytes")]
    pub anonymous_quota: u64,
}

impl Default for Streams {
    fn default() -> Self {
        let quota = Quota::default();
        Self {
            idle_ttl: Duration::from_secs(60 * 60),
            absolute_ttl: Duration::from_secs(24 * 60 * 60),
            sweep_every: Duration::from_secs(5),
            memory: 32 * 1024 * 1024,
            quota: quota.user,
            anonymous_quota: quota.anonymous,
        }
    }
}

impl Streams {
    /// The quotas for users and for anonymous sessions.
    #[must_use]
    pub fn quota(&self) -> Quota {
        Quota { user: self.quota, anonymous: self.anonymous_quota }
    }
}

/// The doors for uploads over HTTP.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Uploads {
    /// Whether uploads are taken by the tus protocol at `/tus/`. Default true.
    pub tus: bool,
    /// How long a request may send nothing of its body before it is ended; what it sent stays. Default `60s`.
    #[serde(with = "human::duration")]
    pub stall: Duration,
}

impl Default for Uploads {
    fn default() -> Self {
        Self { tus: true, stall: Duration::from_secs(60) }
    }
}

/// How files are stored.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Files {
    /// Whether files of one owner with the same content share their bytes, on the disk and in the quota. Default false.
    pub dedupe: bool,
}

/// What rooms there are.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rooms {
    /// How many bytes of history and state all rooms may keep together. When they keep more, those are let go that nobody is in, the
    /// longest abandoned first. Default `256 MiB`.
    #[serde(with = "human::bytes")]
    pub kept: u64,
    /// The kinds of rooms besides the built-in ones, and what is different in those: `[rooms.kinds.NAME]`.
    pub kinds: Kinds,
}

impl Default for Rooms {
    fn default() -> Self {
        Self { kept: 256 * 1024 * 1024, kinds: Kinds::default() }
    }
}

/// What the server asks of clients whose connection ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reconnect {
    /// The least time to wait before dialling again. Default `50ms`.
    #[serde(with = "human::duration")]
    pub delay: Duration,
    /// Over how much more time clients spread at random, at least; it grows with the number of sessions. Default `250ms`.
    #[serde(with = "human::duration")]
    pub spread: Duration,
}

impl Default for Reconnect {
    fn default() -> Self {
        Self { delay: Duration::from_millis(50), spread: Duration::from_millis(250) }
    }
}

/// Reads a time as the configuration has them: `250ms`, `90s`, `15m`, `24h`, `7d`.
///
/// # Errors
/// What is not of this form.
pub fn parse_duration(text: &str) -> Result<Duration, ConfigError> {
    human::duration::parse(text).map_err(ConfigError)
}

/// What is wrong with a configuration, in words that name the key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl ConfigError {
    pub(crate) fn new(told: String) -> Self {
        Self(told)
    }
}

#[cfg(test)]
mod tests;
