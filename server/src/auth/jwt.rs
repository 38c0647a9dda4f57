//! JSON Web Tokens signed with a shared secret (HS256, RFC 7519 and RFC 7518).

use std::fmt;
use std::time::Duration;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use samewire_protocol::limits::MAX_TOKEN;
use samewire_protocol::{Code, Failure};
use serde::{Deserialize, Serialize};

use super::{Authenticating, Authenticator, Identity, UserError, check_user, unauthenticated};
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

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: String,
    exp: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    iat: Option<u64>,
}

#[derive(Serialize)]
struct Minted<'a> {
    #[serde(flatten)]
    claims: Claims,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
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

    /// Signs a token for this user that is good for `ttl` from now.
    ///
    /// # Errors
    /// [`MintError`] when the id breaks the grammar of user ids.
    pub fn mint(&self, sub: &str, ttl: Duration) -> Result<String, MintError> {
        check_user(sub)?;
        let iat = now_ms() / 1000;
        let claims = Claims { sub: sub.to_owned(), exp: iat.saturating_add(ttl.as_secs()), iat: Some(iat) };
        let minted = Minted { claims, aud: self.options.audience.as_deref() };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &minted, &self.encoding).map_err(|_| MintError::Signing)
    }

    fn check(&self, token: Option<&str>) -> Result<Option<Identity>, Failure> {
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
        Identity::user(&claims.sub).map(Some).map_err(|_| invalid())
    }
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
        assert_eq!(authenticator.check(Some(&token)).expect("a good token"), Identity::user("maria").ok());
        assert_eq!(authenticator.mint("anon:x", Duration::from_secs(60)), Err(MintError::User(UserError::Reserved)));
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
