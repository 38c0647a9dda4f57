//! Tokens that this server signs itself: for development, for tests, and for those who share its secret.

use std::time::Duration;

use jsonwebtoken::{EncodingKey, Header};
use samewire_protocol::limits::MAX_TOKEN;
use serde::Serialize;

use super::claims::MAX_TOKEN_ID;
use super::{Algorithm, JwtAuthenticator};
use crate::auth::{Grants, UserError, check_user};
use crate::store::now_ms;

/// A token to be signed.
#[derive(Clone, Debug)]
#[must_use]
pub struct NewToken {
    user: String,
    ttl: Duration,
    grants: Grants,
    audience: Option<String>,
    id: Option<String>,
}

impl NewToken {
    /// A token for this user, good for `ttl` from when it is signed, without grants.
    pub fn new(user: impl Into<String>, ttl: Duration) -> Self {
        Self { user: user.into(), ttl, grants: Grants::default(), audience: None, id: None }
    }

    /// Gives it grants.
    pub fn grants(mut self, grants: Grants) -> Self {
        self.grants = grants;
        self
    }

    /// Sets whom it is for. Default: the first audience that the signing authenticator answers to.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = Some(audience.into());
        self
    }

    /// Gives it an id by which it can be revoked, at most 128 bytes.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }
}

#[derive(Serialize)]
struct Minted<'a> {
    sub: &'a str,
    iat: u64,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    samewire: Option<&'a Grants>,
}

impl JwtAuthenticator {
    /// Signs a token for this user that is good for `ttl` from now, without grants.
    ///
    /// # Errors
    /// As for [`sign`](Self::sign).
    pub fn mint(&self, user: &str, ttl: Duration) -> Result<String, MintError> {
        self.sign(&NewToken::new(user, ttl))
    }

    /// Signs a token with the shared secret.
    ///
    /// # Errors
    /// [`MintError`]: without a secret, when the user's id breaks its grammar, or when the token gets too long.
    pub fn sign(&self, token: &NewToken) -> Result<String, MintError> {
        let secret = self.secret.as_deref().ok_or(MintError::NoSecret)?;
        check_user(&token.user)?;
        if token.id.as_ref().is_some_and(|id| id.is_empty() || id.len() > MAX_TOKEN_ID) {
            return Err(MintError::Id);
        }
        let iat = now_ms() / 1000;
        let minted = Minted {
            sub: &token.user,
            iat,
            exp: iat.saturating_add(token.ttl.as_secs()),
            iss: self.options.issuer.as_deref(),
            aud: token.audience.as_ref().or(self.options.audiences.first()).map(String::as_str),
            jti: token.id.as_deref(),
            samewire: (!token.grants.is_empty()).then_some(&token.grants),
        };
        let header = Header::new(Algorithm::Hs256.jws());
        let text = jsonwebtoken::encode(&header, &minted, &EncodingKey::from_secret(secret)).map_err(|_| MintError::Signing)?;
        if text.len() > MAX_TOKEN { Err(MintError::Long) } else { Ok(text) }
    }
}

/// Why no token was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MintError {
    /// The authenticator only verifies: its keys are public ones.
    #[error("there is no secret to sign with")]
    NoSecret,
    /// The user's id.
    #[error(transparent)]
    User(#[from] UserError),
    /// The token's id is empty, or too long.
    #[error("a token's id has 1 to {MAX_TOKEN_ID} bytes")]
    Id,
    /// Too many grants.
    #[error("the token would have more than {MAX_TOKEN} bytes; give it fewer grants")]
    Long,
    /// The signature could not be made.
    #[error("the token could not be signed")]
    Signing,
}
