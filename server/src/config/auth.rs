//! The sections about who may come in.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

use super::{Config, ConfigError, MIN_SECRET, human};
use crate::auth::{Algorithm, Jwks, JwtOptions, Keys, PublicKey};

/// How tokens are verified.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Auth {
    /// The secret that tokens are signed with (HS256), at least 32 bytes. Default none; with `dev`, one is made and kept.
    pub secret: Option<Secret>,
    /// A file that holds the secret; a line break at its end is not part of it. Default none.
    pub secret_file: Option<PathBuf>,
    /// Files with the public keys of issuers: one in PEM, a JWK, or a set of them. Default none.
    pub public_keys: Vec<PathBuf>,
    /// The address of a set of public keys (JWKS). Default none.
    pub jwks_url: Option<String>,
    /// The least time between two requests to that address. Default `10s`.
    #[serde(with = "human::duration")]
    pub jwks_refetch: Duration,
    /// The algorithms that are taken, as `["RS256", "EdDSA"]`. Default none listed: all that fit the keys.
    pub algorithms: Vec<Algorithm>,
    /// The `iss` that a token must carry. Default none: it is not looked at.
    pub issuer: Option<String>,
    /// Of these, a token's `aud` must name one; a text or a list. Default none: it is not looked at.
    #[serde(deserialize_with = "one_or_many")]
    pub audience: Vec<String>,
    /// How long after its `exp` a token, and what was let in with it, still passes, for clocks that differ. Default `30s`.
    #[serde(with = "human::duration")]
    pub leeway: Duration,
    /// Whether sessions without a token are allowed. Default false; true with `dev`.
    pub anonymous: bool,
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            secret: None,
            secret_file: None,
            public_keys: Vec::new(),
            jwks_url: None,
            jwks_refetch: Duration::from_secs(10),
            algorithms: Vec::new(),
            issuer: None,
            audience: Vec::new(),
            leeway: Duration::from_secs(30),
            anonymous: false,
        }
    }
}

/// A key with which another server calls this one over HTTP.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApiKey {
    /// Whose it is, for the log.
    pub name: String,
    /// The key, at least 32 bytes.
    pub key: Option<Secret>,
    /// A file that holds the key; a line break at its end is not part of it.
    pub key_file: Option<PathBuf>,
}

/// Who may read the metrics.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Metrics {
    /// Whether `GET /metrics` needs no API key. Default false; true with `dev`.
    pub open: bool,
}

impl Config {
    /// The secret that tokens are signed with, from wherever it is set; `None` where none is.
    ///
    /// # Errors
    /// A file that cannot be read, or one that is too short.
    pub fn secret(&self) -> Result<Option<Secret>, ConfigError> {
        match &self.auth.secret_file {
            Some(path) => read_secret("auth.secret_file", path).map(Some),
            None => Ok(self.auth.secret.clone()),
        }
    }

    /// What tokens are verified with, from wherever it is set.
    ///
    /// # Errors
    /// A file that cannot be read, one that holds no key, an address that cannot be used.
    pub fn keys(&self) -> Result<Keys, ConfigError> {
        let mut keys = Keys::default();
        if let Some(secret) = self.secret()? {
            keys = keys.secret(secret.reveal().as_bytes());
        }
        for path in &self.auth.public_keys {
            let wrong = |why: &dyn fmt::Display| ConfigError(format!("auth.public_keys: {}: {why}", path.display()));
            let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
            keys = keys.public(PublicKey::read(&text).map_err(|error| wrong(&error))?);
        }
        if let Some(url) = &self.auth.jwks_url {
            let jwks = Jwks::new(url, self.auth.jwks_refetch);
            keys = keys.jwks(jwks.map_err(|error| ConfigError(format!("auth.jwks_url: {error}")))?);
        }
        Ok(keys)
    }

    /// What is asked of a token beside its signature.
    #[must_use]
    pub fn jwt_options(&self) -> JwtOptions {
        let auth = &self.auth;
        let algorithms = if auth.algorithms.is_empty() { Algorithm::ALL.to_vec() } else { auth.algorithms.clone() };
        JwtOptions {
            audiences: auth.audience.clone(),
            issuer: auth.issuer.clone(),
            leeway: auth.leeway,
            algorithms,
            allow_anonymous: auth.anonymous || self.dev,
        }
    }

    /// The API keys with their names, from wherever they are set.
    ///
    /// # Errors
    /// A file that cannot be read, or one that is too short.
    pub fn api_keys(&self) -> Result<Vec<(String, Secret)>, ConfigError> {
        let read = |key: &ApiKey| {
            let secret = match (&key.key, &key.key_file) {
                (_, Some(path)) => read_secret(&format!("api_keys: {}", key.name), path)?,
                (Some(secret), None) => secret.clone(),
                (None, None) => return Err(ConfigError(format!("api_keys: {} has no key", key.name))),
            };
            Ok((key.name.clone(), secret))
        };
        self.api_keys.iter().map(read).collect()
    }

    pub(super) fn check_auth(&self) -> Result<(), ConfigError> {
        let auth = &self.auth;
        let wrong = |told: &str| Err(ConfigError(told.to_owned()));
        if auth.secret.is_some() && auth.secret_file.is_some() {
            return wrong("auth.secret and auth.secret_file are both set; keep one of them");
        }
        let has_secret = auth.secret.is_some() || auth.secret_file.is_some();
        let has_public = !auth.public_keys.is_empty() || auth.jwks_url.is_some();
        if !self.dev && !has_secret && !has_public && !auth.anonymous {
            return wrong(
                "no token can be verified: set auth.secret_file to a file with the secret your tokens are signed with, or \
                 auth.public_keys or auth.jwks_url to the keys of their issuer, set auth.anonymous = true to let everybody in, or \
                 start with --dev to try things out",
            );
        }
        if auth.secret.as_ref().is_some_and(|secret| secret.reveal().len() < MIN_SECRET) {
            return wrong("auth.secret is shorter than 32 bytes; make one with `openssl rand -hex 32`");
        }
        if let Some(url) = &auth.jwks_url {
            Jwks::check(url).map_err(|error| ConfigError(format!("auth.jwks_url: {error}")))?;
        }
        let takes = |public: bool| auth.algorithms.iter().any(|algorithm| algorithm.is_public() == public);
        if takes(false) && !has_secret && !self.dev {
            return wrong("auth.algorithms lists HS256, and there is no auth.secret_file; remove it, or set the secret");
        }
        if takes(true) && !has_public {
            return wrong(
                "auth.algorithms lists algorithms of public keys, and neither auth.public_keys nor auth.jwks_url is set",
            );
        }
        if !auth.algorithms.is_empty() && ((has_secret && !takes(false)) || (has_public && !takes(true))) {
            return wrong("auth.algorithms lists none that fits one of the keys; add it, or remove the key that is of no use");
        }
        if auth.jwks_refetch.is_zero() {
            return wrong("auth.jwks_refetch must be longer than nothing");
        }
        if auth.leeway > Duration::from_secs(600) {
            return wrong("auth.leeway must be at most 10m; clocks that differ by more should be set");
        }
        let mut names = std::collections::HashSet::new();
        for ApiKey { name, key, key_file } in &self.api_keys {
            let wrong = |told: &str| Err(ConfigError(format!("api_keys: {name:?} {told}")));
            if name.is_empty() || !names.insert(name) {
                return wrong("is not a name of its own; give each key one, for the log");
            }
            match key {
                Some(_) if key_file.is_some() => return wrong("has both key and key_file; keep one of them"),
                None if key_file.is_none() => return wrong("has neither key nor key_file"),
                Some(key) if key.reveal().len() < MIN_SECRET => {
                    return wrong("is shorter than 32 bytes; make one with `openssl rand -hex 32`");
                }
                _ => {}
            }
        }
        Ok(())
    }
}

pub(super) fn read_secret(key: &str, path: &Path) -> Result<Secret, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| ConfigError(format!("{key}: cannot read {}: {error}", path.display())))?;
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.len() < MIN_SECRET {
        let told = format!("{key}: {} holds less than 32 bytes; make one with `openssl rand -hex 32`", path.display());
        return Err(ConfigError(told));
    }
    Ok(Secret::new(secret))
}

pub(super) fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a text or a list of them")]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(text) => vec![text],
        OneOrMany::Many(texts) => texts,
    })
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
