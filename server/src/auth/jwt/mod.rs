//! JSON Web Tokens (RFC 7519): signed with a shared secret, or by an issuer whose public keys are known.

mod algorithm;
mod claims;
mod jwks;
mod mint;
mod public;
#[cfg(test)]
pub(crate) mod testing;

use std::fmt;
use std::time::Duration;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{DecodingKey, Validation};
use samewire_protocol::limits::MAX_TOKEN;
use samewire_protocol::{Code, Failure};

pub use algorithm::Algorithm;
pub use jwks::{Jwks, JwksError};
pub use mint::{MintError, NewToken};
pub use public::{KeyError, PublicKey};

use super::{Access, Authenticating, Authenticator, load_or_make, unauthenticated};
use crate::config::{Config, ConfigError};
use claims::Claims;
pub(crate) use claims::MAX_TOKEN_ID;

/// How many keys are tried for a token that names none.
const MOST_TRIED: usize = 4;

/// What a [`JwtAuthenticator`] asks of a token beside its signature.
#[derive(Clone, Debug)]
pub struct JwtOptions {
    /// Of these, a token's `aud` must name one. Default: none is asked for, and one that is there is not looked at.
    pub audiences: Vec<String>,
    /// The `iss` that a token must carry. Default: none is asked for.
    pub issuer: Option<String>,
    /// How long after its `exp`, and before its `nbf`, a token passes, for clocks that differ. Default 30 s.
    pub leeway: Duration,
    /// The algorithms that are taken. Default: all that fit the keys.
    pub algorithms: Vec<Algorithm>,
    /// Whether no token at all is an anonymous session. A bad token never is. Default no.
    pub allow_anonymous: bool,
}

impl Default for JwtOptions {
    fn default() -> Self {
        Self {
            audiences: Vec::new(),
            issuer: None,
            leeway: Duration::from_secs(30),
            algorithms: Algorithm::ALL.to_vec(),
            allow_anonymous: false,
        }
    }
}

/// What tokens are verified with: a shared secret, public keys, an address with more of them, or several of these.
#[derive(Default)]
pub struct Keys {
    secret: Option<Vec<u8>>,
    public: Vec<PublicKey>,
    jwks: Option<Jwks>,
}

impl Keys {
    /// Takes tokens that were signed with this secret (HS256).
    #[must_use]
    pub fn secret(mut self, secret: &[u8]) -> Self {
        self.secret = Some(secret.to_vec());
        self
    }

    /// Takes tokens that were signed with the private half of one of these keys.
    #[must_use]
    pub fn public(mut self, keys: impl IntoIterator<Item = PublicKey>) -> Self {
        self.public.extend(keys);
        self
    }

    /// Takes tokens that were signed with a key of the set at this address.
    #[must_use]
    pub fn jwks(mut self, jwks: Jwks) -> Self {
        self.jwks = Some(jwks);
        self
    }
}

impl From<&[u8]> for Keys {
    fn from(secret: &[u8]) -> Self {
        Self::default().secret(secret)
    }
}

/// Verifies tokens. The claim `sub` is the user's id and `exp` is required; what else a token allows is in the claim
/// `samewire`, see [`Grants`](super::Grants).
///
/// A token's header chooses among the keys that are known, and never how one of them is used: a public key verifies only the
/// algorithms of its type, and the secret only HS256.
pub struct JwtAuthenticator {
    secret: Option<Vec<u8>>,
    hmac: Option<DecodingKey>,
    public: Vec<PublicKey>,
    jwks: Option<Jwks>,
    /// What is asked of a token beside its signature, for each algorithm that is taken.
    validations: Vec<(Algorithm, Validation)>,
    options: JwtOptions,
}

impl JwtAuthenticator {
    /// An authenticator with these keys, or with this secret.
    #[must_use]
    pub fn new(keys: impl Into<Keys>, options: JwtOptions) -> Self {
        let Keys { secret, public, jwks } = keys.into();
        let hmac = secret.as_deref().map(DecodingKey::from_secret);
        let validations = options.algorithms.iter().map(|algorithm| (*algorithm, validation(*algorithm, &options))).collect();
        Self { secret, hmac, public, jwks, validations, options }
    }

    /// The authenticator that a configuration asks for. In development, where no secret is set, there is a key for one in the data
    /// folder; the folder must be there.
    ///
    /// # Errors
    /// A key that cannot be read or used.
    pub fn configured(config: &Config) -> Result<Self, ConfigError> {
        let mut keys = config.keys()?;
        if config.dev && keys.secret.is_none() {
            let path = config.data.join("dev.key");
            let key = load_or_make(&path).map_err(|error| ConfigError::new(format!("{}: {error}", path.display())))?;
            keys = keys.secret(&key);
        }
        Ok(Self::new(keys, config.jwt_options()))
    }

    /// Fetches the keys from their address, if there is one, so that the first token need not wait for them.
    pub async fn warm_up(&self) {
        if let Some(jwks) = &self.jwks {
            jwks.warm_up().await;
        }
    }

    async fn check(&self, token: Option<&str>) -> Result<Option<Access>, Failure> {
        let Some(token) = token else {
            return if self.options.allow_anonymous { Ok(None) } else { Err(unauthenticated()) };
        };
        if token.len() > MAX_TOKEN {
            return Err(invalid());
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| invalid())?;
        // An extension that must be understood (RFC 7515, section 4.1.11); none is.
        if header.crit.is_some() {
            return Err(invalid());
        }
        let algorithm = Algorithm::of(header.alg).ok_or_else(invalid)?;
        let (_, validation) = self.validations.iter().find(|(taken, _)| *taken == algorithm).ok_or_else(invalid)?;
        let verified = if algorithm.is_public() {
            let id = header.kid.as_deref();
            let own = public::fitting(&self.public, id, algorithm);
            match (verify_with(own, token, validation), &self.jwks) {
                (None, Some(jwks)) => {
                    let fetched = jwks.keys(id, algorithm).await?;
                    verify_with(public::fitting(&fetched, id, algorithm), token, validation)
                }
                (verified, _) => verified,
            }
        } else {
            self.hmac.as_ref().and_then(|key| verify(token, key, validation))
        };
        verified.unwrap_or_else(|| Err(invalid())).map(Some)
    }
}

fn verify_with<'a>(
    keys: impl Iterator<Item = &'a PublicKey>,
    token: &str,
    validation: &Validation,
) -> Option<Result<Access, Failure>> {
    keys.take(MOST_TRIED).find_map(|key| verify(token, key.decoding(), validation))
}

fn validation(algorithm: Algorithm, options: &JwtOptions) -> Validation {
    let mut validation = Validation::new(algorithm.jws());
    validation.leeway = options.leeway.as_secs();
    validation.validate_nbf = true;
    let mut required = vec!["exp", "sub"];
    if options.audiences.is_empty() {
        validation.validate_aud = false;
    } else {
        validation.set_audience(&options.audiences);
        required.push("aud");
    }
    if let Some(issuer) = &options.issuer {
        validation.set_issuer(&[issuer]);
        required.push("iss");
    }
    validation.set_required_spec_claims(&required);
    validation
}

/// `None` when this is not the key that signed the token. The signature is looked at first: what is told of the claims is told to
/// somebody who has a token of the issuer's.
fn verify(token: &str, key: &DecodingKey, validation: &Validation) -> Option<Result<Access, Failure>> {
    let refused = |told: &str| Failure::new(Code::TokenInvalid, told);
    let failure = match jsonwebtoken::decode::<Claims>(token, key, validation) {
        Ok(decoded) => return Some(decoded.claims.access()),
        Err(error) => match error.kind() {
            ErrorKind::ExpiredSignature => {
                Failure::new(Code::TokenExpired, "the token has expired: sign in again and connect with the new one")
            }
            ErrorKind::ImmatureSignature => refused("the token is not valid yet: its `nbf` is in the future"),
            ErrorKind::InvalidAudience => refused("the token is not for this server: its `aud` names others"),
            ErrorKind::InvalidIssuer => refused("the token is not of the issuer that this server trusts: see its `iss`"),
            ErrorKind::MissingRequiredClaim(claim) => refused(&format!("the token lacks the claim `{claim}`")),
            _ => return None,
        },
    };
    Some(Err(failure))
}

fn invalid() -> Failure {
    Failure::new(Code::TokenInvalid, "the token is not valid for this server: sign in again and connect with the new one")
}

impl Authenticator for JwtAuthenticator {
    fn authenticate<'a>(&'a self, token: Option<&'a str>) -> Authenticating<'a> {
        Box::pin(self.check(token))
    }
}

impl fmt::Debug for JwtAuthenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtAuthenticator").field("options", &self.options).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
