//! The sections about live video: `[live]` and `[live.turn]`.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

use super::auth::{one_or_many, read_secret};
use super::ice_url::{IceUrl, Scheme};
use super::{Config, ConfigError, MIN_SECRET, Secret, human};

/// Live streams, and the servers that help their peers to find each other.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Live {
    /// How long a stream goes on without its broadcaster, and how long a viewer that is away keeps its place. Default `30s`.
    #[serde(with = "human::duration")]
    pub hold: Duration,
    /// How long the broadcaster may be away before the viewers hear that the stream is paused. Default `2s`.
    #[serde(with = "human::duration")]
    pub pause_after: Duration,
    /// Viewers of one stream at once; its broadcaster may ask for fewer. Default 1000.
    pub max_viewers: u32,
    /// Streams that one identity may have live or held at once. Default 16.
    pub max_streams: u32,
    /// Whether media goes through a TURN server only, so that peers do not learn each other's addresses. Default false.
    pub relay_only: bool,
    /// Servers for ICE that everybody is told of. Default none.
    pub ice_servers: Vec<IceServer>,
    /// The TURN server for which credentials are made.
    pub turn: Turn,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            hold: Duration::from_secs(30),
            pause_after: Duration::from_secs(2),
            max_viewers: 1000,
            max_streams: 16,
            relay_only: false,
            ice_servers: Vec::new(),
            turn: Turn::default(),
        }
    }
}

/// A STUN server, or a TURN server whose credentials stay the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IceServer {
    /// Its addresses, as `stun:stun.example.com:3478`.
    pub urls: Vec<String>,
    /// The user of a TURN server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The user's password. Every viewer is told it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<Secret>,
}

/// `"stun:stun.example.com"`, or a table.
impl<'de> Deserialize<'de> for IceServer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "an address, or {urls = [\"turn:…\"], username = \"…\", credential = \"…\"}")]
        enum Written {
            Url(String),
            Table(Table),
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            #[serde(deserialize_with = "one_or_many")]
            urls: Vec<String>,
            username: Option<String>,
            credential: Option<Secret>,
        }
        Ok(match Written::deserialize(deserializer)? {
            Written::Url(url) => Self { urls: vec![url], username: None, credential: None },
            Written::Table(Table { urls, username, credential }) => Self { urls, username, credential },
        })
    }
}

/// A TURN server that shares a secret with this one, as coturn does with `use-auth-secret`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Turn {
    /// Its addresses, as `turn:turn.example.com:3478?transport=udp`; a text or a list. Default none: there is no such server.
    #[serde(deserialize_with = "one_or_many")]
    pub urls: Vec<String>,
    /// The secret that it shares with this server (coturn's `static-auth-secret`), at least 32 bytes. Default none.
    pub secret: Option<Secret>,
    /// A file that holds the secret; a line break at its end is not part of it. Default none.
    pub secret_file: Option<PathBuf>,
    /// How long credentials are good for something new. Default `1h`.
    #[serde(with = "human::duration")]
    pub ttl: Duration,
}

impl Default for Turn {
    fn default() -> Self {
        Self { urls: Vec::new(), secret: None, secret_file: None, ttl: Duration::from_secs(60 * 60) }
    }
}

/// The bounds of `live.hold`, `live.turn.ttl`, `live.max_viewers` and `live.max_streams`.
const LONGEST_HOLD: Duration = Duration::from_secs(60 * 60);
const TTL: std::ops::RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(7 * 24 * 60 * 60);
const MOST: u32 = 1_000_000;

/// Browsers grow slow with more of them, and say so.
const MAX_URLS: usize = 16;

impl Config {
    /// The secret that is shared with the TURN server, from wherever it is set; `None` where none is.
    ///
    /// # Errors
    /// A file that cannot be read, or one that is too short.
    pub fn turn_secret(&self) -> Result<Option<Secret>, ConfigError> {
        match &self.live.turn.secret_file {
            Some(path) => read_secret("live.turn.secret_file", path).map(Some),
            None => Ok(self.live.turn.secret.clone()),
        }
    }

    pub(super) fn check_live(&self) -> Result<(), ConfigError> {
        let live = &self.live;
        let wrong = |told: String| Err(ConfigError(told));
        if live.hold.is_zero() || live.hold > LONGEST_HOLD {
            return wrong("live.hold must be longer than nothing and at most 1h".to_owned());
        }
        if live.pause_after >= live.hold {
            return wrong("live.pause_after must be shorter than live.hold, or a stream would end without a pause".to_owned());
        }
        for (name, value) in [("live.max_viewers", live.max_viewers), ("live.max_streams", live.max_streams)] {
            if !(1..=MOST).contains(&value) {
                return wrong(format!("{name} must be from 1 to {MOST}"));
            }
        }
        for server in &live.ice_servers {
            check_server(server)?;
        }
        live.turn.check()?;
        let urls = live.ice_servers.iter().map(|server| server.urls.len()).sum::<usize>() + live.turn.urls.len();
        if urls > MAX_URLS {
            return wrong(format!(
                "live.ice_servers and live.turn.urls have {urls} addresses together; {MAX_URLS} are the most, and two or three \
                 enough, because each slows the search for a path"
            ));
        }
        let relays = live.ice_servers.iter().flat_map(|server| &server.urls).chain(&live.turn.urls);
        if live.relay_only && !relays.flat_map(|url| url.parse::<IceUrl>()).any(|url| url.scheme.is_turn()) {
            return wrong("live.relay_only needs a TURN server: set live.turn.urls and live.turn.secret".to_owned());
        }
        Ok(())
    }
}

fn check_server(server: &IceServer) -> Result<(), ConfigError> {
    let wrong = |told: String| Err(ConfigError(format!("live.ice_servers: {told}")));
    if server.urls.is_empty() {
        return wrong("a server has no urls".to_owned());
    }
    for text in &server.urls {
        let url: IceUrl = text.parse().map_err(|error| ConfigError(format!("live.ice_servers: `{text}` {error}")))?;
        let credentials = [server.username.as_deref(), server.credential.as_ref().map(Secret::reveal)];
        if url.scheme.is_turn() && credentials.iter().any(|part| part.is_none_or(str::is_empty)) {
            return wrong(format!(
                "`{text}` is a TURN server and needs a username and a credential; one with a shared secret belongs in [live.turn]"
            ));
        }
    }
    Ok(())
}

impl Turn {
    fn check(&self) -> Result<(), ConfigError> {
        let wrong = |told: &str| Err(ConfigError(told.to_owned()));
        for text in &self.urls {
            let url: IceUrl = text.parse().map_err(|error| ConfigError(format!("live.turn.urls: `{text}` {error}")))?;
            if matches!(url.scheme, Scheme::Stun | Scheme::Stuns) {
                return wrong(&format!(
                    "live.turn.urls: `{text}` is a STUN server, which needs no secret; move it to live.ice_servers"
                ));
            }
        }
        if self.secret.is_some() && self.secret_file.is_some() {
            return wrong("live.turn.secret and live.turn.secret_file are both set; keep one of them");
        }
        let has_secret = self.secret.is_some() || self.secret_file.is_some();
        if has_secret == self.urls.is_empty() {
            return wrong("live.turn needs both urls and a secret (or secret_file), or neither");
        }
        if self.secret.as_ref().is_some_and(|secret| secret.reveal().len() < MIN_SECRET) {
            return wrong(
                "live.turn.secret is shorter than 32 bytes, so who has one credential could guess it and use the TURN server at \
                 will; make one with `openssl rand -hex 32`",
            );
        }
        if !TTL.contains(&self.ttl) {
            return wrong("live.turn.ttl must be from 1m to 7d");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
