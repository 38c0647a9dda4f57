//! One typed configuration: a TOML file, then the environment, then what the command line says.
//!
//! Every key has a default, so an empty file is a good one. A key in the environment is `SAMEWIRE_` and the key's path in
//! capitals with `_` between: `SAMEWIRE_LISTEN`, `SAMEWIRE_AUTH_SECRET`, `SAMEWIRE_STREAMS_IDLE_TTL`. Lists are separated by
//! commas there.

mod human;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use samewire_protocol::Limits;
use samewire_protocol::limits::MAX_CHUNK;
use serde::{Deserialize, Serialize};

use crate::limits::Quota;

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
    /// Sizes, counts and times of sessions.
    pub limits: SessionLimits,
    /// Streams and the files made of them.
    pub streams: Streams,
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
            limits: SessionLimits::default(),
            streams: Streams::default(),
            reconnect: Reconnect::default(),
        }
    }
}

/// How tokens are verified.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Auth {
    /// The secret that tokens are signed with (HS256), at least 32 bytes. Default none; with `dev`, one is made and kept.
    pub secret: Option<Secret>,
    /// A file that holds the secret; a line break at its end is not part of it. Default none.
    pub secret_file: Option<PathBuf>,
    /// The `aud` that a token must carry. Default none: it is not looked at.
    pub audience: Option<String>,
    /// Whether sessions without a token are allowed. Default false; true with `dev`.
    pub anonymous: bool,
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Hides this text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

impl Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("(hidden)")
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
    /// Bytes that a sender may be ahead of what is durable, for each stream. Default `4 MiB`.
    #[serde(with = "human::bytes")]
    pub window: u64,
    /// The largest stream that a client may send, in bytes. Default `64 GiB`.
    #[serde(with = "human::bytes")]
    pub max_upload: u64,
    /// Sessions at once, those included whose connection is lost and may come back. Default 20000.
    pub max_sessions: usize,
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
            window: limits.window,
            max_upload: limits.max_upload,
            max_sessions: 20_000,
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

/// What the server asks of clients whose connection ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reconnect {
    /// The least time to wait before dialling again. Default `250ms`.
    #[serde(with = "human::duration")]
    pub delay: Duration,
    /// Over how much more time clients spread at random. Default `2s`.
    #[serde(with = "human::duration")]
    pub spread: Duration,
}

impl Default for Reconnect {
    fn default() -> Self {
        Self { delay: Duration::from_millis(250), spread: Duration::from_secs(2) }
    }
}

/// What is wrong with a configuration, in words that name the key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl Config {
    /// Reads the file, where one is given, and lays the process's environment over it.
    ///
    /// # Errors
    /// A file that cannot be read, an unknown key, a value of the wrong kind. The result is not [checked](Config::check) yet,
    /// because the command line may still change it.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let text = match file {
            Some(path) => std::fs::read_to_string(path)
                .map_err(|error| ConfigError(format!("cannot read the configuration {}: {error}", path.display())))?,
            None => String::new(),
        };
        let env = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self::parse(&text, env).map_err(|ConfigError(told)| match file {
            Some(path) => ConfigError(format!("{}: {told}", path.display())),
            None => ConfigError(told),
        })
    }

    /// Reads a TOML text and lays these environment variables over it. Variables without the prefix, and those that name no
    /// key, are left alone: container platforms make some of their own (`SAMEWIRE_PORT` for a service called samewire).
    ///
    /// # Errors
    /// As for [`Config::load`].
    pub fn parse(text: &str, env: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let mut table: toml::Table = text.parse().map_err(|error: toml::de::Error| ConfigError(error.to_string()))?;
        let keys = keys();
        for (name, value) in env {
            let Some((section, key, kind)) = name.strip_prefix(ENV_PREFIX).and_then(|name| {
                let path = name.to_ascii_lowercase();
                keys.iter().find(|(section, key, _)| path == joined(section, key))
            }) else {
                continue;
            };
            let value = kind.read(&name, value)?;
            let place = if section.is_empty() {
                &mut table
            } else {
                let place = table.entry(section).or_insert_with(|| toml::Table::new().into());
                place.as_table_mut().ok_or_else(|| ConfigError(format!("`{section}` must be a table")))?
            };
            place.insert(key.clone(), value);
        }
        // Printed and read once more, because an error in a text tells the line and the key.
        let text = if table.is_empty() { String::new() } else { toml::to_string(&table).unwrap_or_default() };
        toml::from_str(&text).map_err(|error| ConfigError(error.to_string()))
    }

    /// Says what is wrong and what to do about it.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), ConfigError> {
        let limits = &self.limits;
        let streams = &self.streams;
        let wrong = |told: &str| Err(ConfigError(told.to_owned()));
        if self.auth.secret.is_some() && self.auth.secret_file.is_some() {
            return wrong("auth.secret and auth.secret_file are both set; keep one of them");
        }
        if !self.dev && self.auth.secret.is_none() && self.auth.secret_file.is_none() && !self.auth.anonymous {
            return wrong(
                "no token can be verified: set auth.secret_file to a file with the secret your tokens are signed with, \
                 set auth.anonymous = true to let everybody in, or start with --dev to try things out",
            );
        }
        if let Some(secret) = &self.auth.secret
            && secret.reveal().len() < MIN_SECRET
        {
            return wrong("auth.secret is shorter than 32 bytes; make one with `openssl rand -hex 32`");
        }
        if let Some(origin) = self.origins.iter().find(|origin| !is_origin(origin)) {
            return wrong(&format!(
                "origins: `{origin}` is not an origin; write it as https://app.example.com, without a path"
            ));
        }
        if self.dev && !self.listen.ip().is_loopback() {
            tracing::warn!(listen = %self.listen, "dev mode lets everybody in, and this address is not only for this machine");
        }
        if limits.max_chunk == 0 || limits.max_chunk > MAX_CHUNK as u64 {
            return wrong("limits.max_chunk must be from 1 to 64 KiB");
        }
        if limits.window < limits.max_chunk {
            return wrong("limits.window must be at least limits.max_chunk, or no frame would fit in it");
        }
        if limits.max_text < 16 * 1024 {
            return wrong("limits.max_text must be at least 16 KiB, so that a hello with its token fits");
        }
        for (name, value) in [
            ("limits.max_calls", limits.max_calls),
            ("limits.max_streams", limits.max_streams),
            ("limits.max_sessions", limits.max_sessions),
        ] {
            if value == 0 {
                return wrong(&format!("{name} must be at least 1"));
            }
        }
        for (name, value) in [
            ("limits.hello_timeout", limits.hello_timeout),
            ("limits.heartbeat_interval", limits.heartbeat_interval),
            ("limits.heartbeat_timeout", limits.heartbeat_timeout),
            ("streams.idle_ttl", streams.idle_ttl),
            ("streams.absolute_ttl", streams.absolute_ttl),
            ("streams.sweep_every", streams.sweep_every),
        ] {
            if value.is_zero() {
                return wrong(&format!("{name} must be longer than nothing"));
            }
        }
        if streams.idle_ttl < limits.session_ttl {
            return wrong(
                "streams.idle_ttl must be at least limits.session_ttl, or a session would come back without its streams",
            );
        }
        Ok(())
    }

    /// The secret that tokens are signed with, from wherever it is set; `None` where none is.
    ///
    /// # Errors
    /// A file that cannot be read, or one that is too short.
    pub fn secret(&self) -> Result<Option<Secret>, ConfigError> {
        let Some(path) = &self.auth.secret_file else {
            return Ok(self.auth.secret.clone());
        };
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError(format!("auth.secret_file: cannot read {}: {error}", path.display())))?;
        let secret = text.trim_end_matches(['\r', '\n']);
        if secret.len() < MIN_SECRET {
            let told =
                format!("auth.secret_file: {} holds less than 32 bytes; make one with `openssl rand -hex 32`", path.display());
            return Err(ConfigError(told));
        }
        Ok(Some(Secret::new(secret)))
    }
}

fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ', '*']))
}

/// What a value in the environment is read as.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Number,
    Flag,
    List,
}

impl Kind {
    fn read(self, name: &str, value: String) -> Result<toml::Value, ConfigError> {
        let wrong = |expected: &str| ConfigError(format!("{name}: expected {expected}"));
        Ok(match self {
            Self::Text => value.into(),
            Self::Number => value.parse::<i64>().map_err(|_| wrong("a number"))?.into(),
            Self::Flag => value.parse::<bool>().map_err(|_| wrong("true or false"))?.into(),
            Self::List => {
                value.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>().into()
            }
        })
    }
}

/// Every key, as its section, name and kind, read off the default configuration so that there is no second list to keep.
fn keys() -> Vec<(String, String, Kind)> {
    let mut config = Config::default();
    // What is absent by default would not be printed.
    config.auth.secret = Some(Secret::new(""));
    config.auth.secret_file = Some(PathBuf::new());
    config.auth.audience = Some(String::new());
    let kind = |value: &toml::Value| match value {
        toml::Value::Integer(_) => Kind::Number,
        toml::Value::Boolean(_) => Kind::Flag,
        toml::Value::Array(_) => Kind::List,
        _ => Kind::Text,
    };
    let table = toml::Table::try_from(config).unwrap_or_default();
    let mut keys = Vec::new();
    for (name, value) in table {
        match value {
            toml::Value::Table(section) => {
                keys.extend(section.into_iter().map(|(key, value)| (name.clone(), key, kind(&value))));
            }
            value => keys.push((String::new(), name, kind(&value))),
        }
    }
    keys
}

fn joined(section: &str, key: &str) -> String {
    if section.is_empty() { key.to_owned() } else { format!("{section}_{key}") }
}

#[cfg(test)]
mod tests;
