//! JSON Web Tokens signed with a shared secret (HS256, RFC 7519 and RFC 7518).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use samewire_protocol::limits::MAX_TOKEN;
use samewire_protocol::{Code, Failure};
use serde::{Deserialize, Serialize};

use super::{Access, Authenticating, Authenticator, Grants, Identity, UserError, check_user, unauthenticated};
use crate::store::now_ms;

/// What a [`JwtAuthenticator`] asks of a token beside its signature.
#[derive(Clone, Debug)]
pub struct JwtOptions {
    /// The `aud` that a token must carry. Default: none is asked for, and one that is there is not looked at.
    pub audience: Option<String>,
    /// How long after its `exp` a token still passes, for clocks that differ. Default 30 s.
    pub leeway: Duration,
    /// Whether no token at all is an anonymous session. A bad token never is. Default no.
    pub allow_anonymous: bool,
}

impl Default for JwtOptions {
    fn default() -> Self {
        Self { audience: None, leeway: Duration::from_secs(30), allow_anonymous: false }
    }
}

/// Verifies HS256 tokens. The claim `sub` is the user's id and `exp` is required.
pub struct JwtAuthenticator {
    decoding: DecodingKey,
    encoding: EncodingKey,
    validation: Validation,
    options: JwtOptions,
}

/// The longest id of a token, in bytes.
const MAX_TOKEN_ID: usize = 128;

#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: u64,
    #[serde(default)]
    iat: Option<u64>,
    #[serde(default)]
    jti: Option<String>,
    #[serde(default)]
    samewire: Option<serde_json::Value>,
}

#[derive(Serialize)]
struct Minted<'a> {
    sub: &'a str,
    iat: u64,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    samewire: Option<&'a Grants>,
}

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

    /// Sets whom it is for. Default: the audience that the signing authenticator asks for.
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

impl JwtAuthenticator {
    /// An authenticator for tokens that were signed with this secret.
    #[must_use]
    pub fn new(secret: &[u8], options: JwtOptions) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = options.leeway.as_secs();
        validation.validate_nbf = true;
        match &options.audience {
            Some(audience) => {
                validation.set_audience(&[audience]);
                validation.set_required_spec_claims(&["exp", "sub", "aud"]);
            }
            None => {
                validation.validate_aud = false;
                validation.set_required_spec_claims(&["exp", "sub"]);
            }
        }
        Self { decoding: DecodingKey::from_secret(secret), encoding: EncodingKey::from_secret(secret), validation, options }
    }

    /// Signs a token for this user that is good for `ttl` from now, without grants.
    ///
    /// # Errors
    /// As for [`sign`](Self::sign).
    pub fn mint(&self, user: &str, ttl: Duration) -> Result<String, MintError> {
        self.sign(&NewToken::new(user, ttl))
    }

    /// Signs a token.
    ///
    /// # Errors
    /// [`MintError`] when the user's id breaks its grammar, or the token gets too long.
    pub fn sign(&self, token: &NewToken) -> Result<String, MintError> {
        check_user(&token.user)?;
        if token.id.as_ref().is_some_and(|id| id.is_empty() || id.len() > MAX_TOKEN_ID) {
            return Err(MintError::Id);
        }
        let iat = now_ms() / 1000;
        let minted = Minted {
            sub: &token.user,
            iat,
            exp: iat.saturating_add(token.ttl.as_secs()),
            aud: token.audience.as_deref().or(self.options.audience.as_deref()),
            jti: token.id.as_deref(),
            samewire: (!token.grants.is_empty()).then_some(&token.grants),
        };
        let header = Header::new(Algorithm::HS256);
        let text = jsonwebtoken::encode(&header, &minted, &self.encoding).map_err(|_| MintError::Signing)?;
        if text.len() > MAX_TOKEN { Err(MintError::Long) } else { Ok(text) }
    }

    fn check(&self, token: Option<&str>) -> Result<Option<Access>, Failure> {
        let Some(token) = token else {
            return if self.options.allow_anonymous { Ok(None) } else { Err(unauthenticated()) };
        };
        if token.len() > MAX_TOKEN {
            return Err(invalid());
        }
        let claims = jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation)
            .map_err(|error| match error.kind() {
                ErrorKind::ExpiredSignature => {
                    Failure::new(Code::TokenExpired, "the token has expired: sign in again and connect with the new one")
                }
                _ => invalid(),
            })?
            .claims;
        access(claims).map(Some)
    }
}

fn access(claims: Claims) -> Result<Access, Failure> {
    let grants = match &claims.samewire {
        None => Arc::default(),
        Some(claim) => Arc::new(Grants::from_claim(claim).map_err(|error| {
            Failure::new(Code::TokenInvalid, format!("the token's claim cannot be used, its issuer must mend it: {error}"))
        })?),
    };
    let token_id = claims.jti.filter(|id| !id.is_empty());
    if token_id.as_ref().is_some_and(|id| id.len() > MAX_TOKEN_ID) {
        let told = format!("the token's `jti` has more than {MAX_TOKEN_ID} bytes, its issuer must shorten it");
        return Err(Failure::new(Code::TokenInvalid, told));
    }
    Ok(Access {
        identity: Identity::user(&claims.sub).map_err(|_| invalid())?,
        grants,
        expires: Some(claims.exp.saturating_mul(1000)),
        issued: claims.iat.map(|issued| issued.saturating_mul(1000)),
        token_id: token_id.map(Into::into),
    })
}

fn invalid() -> Failure {
    Failure::new(Code::TokenInvalid, "the token is not valid for this server: sign in again and connect with the new one")
}

impl Authenticator for JwtAuthenticator {
    fn authenticate<'a>(&'a self, token: Option<&'a str>) -> Authenticating<'a> {
        Box::pin(std::future::ready(self.check(token)))
    }
}

impl fmt::Debug for JwtAuthenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtAuthenticator").field("options", &self.options).finish_non_exhaustive()
    }
}

/// Why no token was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MintError {
    /// The user's id.
    #[error(transparent)]
    User(#[from] UserError),
    /// The token's id is empty, or too long.
    #[error("a token's id has 1 to {MAX_TOKEN_ID} bytes")]
    Id,
    /// Too many grants.
    #[error("the token would have more than {MAX_TOKEN} bytes, give it fewer grants")]
    Long,
    /// The signature could not be made.
    #[error("the token could not be signed")]
    Signing,
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

    fn strict(audience: Option<&str>) -> JwtAuthenticator {
        let audience = audience.map(str::to_owned);
        JwtAuthenticator::new(SECRET, JwtOptions { audience, leeway: Duration::ZERO, allow_anonymous: false })
    }

    fn signed(secret: &[u8], header: &Header, claims: &serde_json::Value) -> String {
        jsonwebtoken::encode(header, claims, &EncodingKey::from_secret(secret)).expect("a token")
    }

    fn code(authenticator: &JwtAuthenticator, token: Option<&str>) -> Code {
        let failure = authenticator.check(token).expect_err("must be refused");
        assert!(token.is_none_or(|token| token.is_empty() || !failure.message.contains(token)), "the token is echoed");
        failure.code
    }

    #[test]
    fn a_minted_token_names_its_user() {
        let authenticator = strict(Some("samewire"));
        let token = authenticator.mint("maria", Duration::from_secs(60)).expect("a token");
        let access = authenticator.check(Some(&token)).expect("a good token").expect("an access");
        assert_eq!(Some(access.identity), Identity::user("maria").ok());
        assert!(access.grants.is_empty() && access.token_id.is_none());
        assert_eq!(authenticator.mint("anon:x", Duration::from_secs(60)), Err(MintError::User(UserError::Reserved)));
    }

    #[test]
    fn grants_and_ids_travel_in_the_token() {
        let authenticator = strict(None);
        let grants = Grants::default()
            .room("portal:*".parse().expect("a pattern"), "viewer".parse().expect("a role"))
            .method("files/*".parse().expect("a pattern"));
        let new = NewToken::new("maria", Duration::from_secs(60)).grants(grants.clone()).id("t-1");
        let token = authenticator.sign(&new).expect("a token");
        let access = authenticator.check(Some(&token)).expect("a good token").expect("an access");
        assert_eq!(*access.grants, grants);
        assert_eq!(access.token_id.as_deref(), Some("t-1"));
        assert_eq!(access.expires, access.issued.map(|issued| issued + 60_000));
        assert_eq!(authenticator.sign(&new.clone().id("")), Err(MintError::Id));
        let pattern = |no| format!("method/{no}/{}", "x".repeat(100)).parse().expect("a pattern");
        let many = (0..100).fold(Grants::default(), |grants, no| grants.method(pattern(no)));
        assert_eq!(authenticator.sign(&new.grants(many)), Err(MintError::Long));
    }

    #[test]
    fn grants_that_cannot_be_read_are_no_grants_at_all() {
        let claims = serde_json::json!({"sub": "maria", "exp": now_ms() / 1000 + 60, "samewire": {"rooms": [{"name": "a:*"}]}});
        let token = signed(SECRET, &Header::new(Algorithm::HS256), &claims);
        let failure = strict(None).check(Some(&token)).expect_err("must be refused");
        assert_eq!(failure.code, Code::TokenInvalid);
        assert!(failure.message.contains("`samewire.rooms[0].role`"), "{}", failure.message);
    }

    #[test]
    fn missing_expired_and_forged_each_have_their_code() {
        let authenticator = strict(None);
        let hs256 = Header::new(Algorithm::HS256);
        let later = now_ms() / 1000 + 60;
        assert_eq!(code(&authenticator, None), Code::Unauthenticated);
        let expired = signed(SECRET, &hs256, &serde_json::json!({"sub": "maria", "exp": 1_000_000_000}));
        assert_eq!(code(&authenticator, Some(&expired)), Code::TokenExpired);

        let forged = signed(b"another secret of the same length", &hs256, &serde_json::json!({"sub": "maria", "exp": later}));
        let other_algorithm =
            signed(SECRET, &Header::new(Algorithm::HS512), &serde_json::json!({"sub": "maria", "exp": later}));
        let no_expiry = signed(SECRET, &hs256, &serde_json::json!({"sub": "maria"}));
        let no_user = signed(SECRET, &hs256, &serde_json::json!({"exp": later}));
        let reserved = signed(SECRET, &hs256, &serde_json::json!({"sub": "anon:se_0", "exp": later}));
        let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJtYXJpYSIsImV4cCI6OTk5OTk5OTk5OX0.";
        let long = "x".repeat(MAX_TOKEN + 1);
        for token in [&forged, &other_algorithm, &no_expiry, &no_user, &reserved, unsigned, "", "a.b.c", &long] {
            assert_eq!(code(&authenticator, Some(token)), Code::TokenInvalid, "{token}");
        }
    }

    #[test]
    fn an_audience_is_checked_where_one_is_set() {
        let token = strict(Some("elsewhere")).mint("maria", Duration::from_secs(60)).expect("a token");
        assert_eq!(code(&strict(Some("samewire")), Some(&token)), Code::TokenInvalid);
        assert!(strict(None).check(Some(&token)).is_ok());
        let bare = strict(None).mint("maria", Duration::from_secs(60)).expect("a token");
        assert_eq!(code(&strict(Some("samewire")), Some(&bare)), Code::TokenInvalid);
    }

    #[test]
    fn anonymous_is_for_no_token_only() {
        let options = JwtOptions { allow_anonymous: true, ..JwtOptions::default() };
        let authenticator = JwtAuthenticator::new(SECRET, options);
        assert_eq!(authenticator.check(None).expect("anonymous"), None);
        assert_eq!(code(&authenticator, Some("nonsense")), Code::TokenInvalid);
    }
}
