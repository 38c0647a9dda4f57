//! What a verified token says, and the access that follows from it.

use std::sync::Arc;

use samewire_protocol::{Code, Failure};
use serde::{Deserialize, Deserializer};

use crate::auth::{Access, Grants, Identity};

/// The longest id of a token, in bytes.
pub(crate) const MAX_TOKEN_ID: usize = 128;

/// The claims that are looked at here. The others that count are checked with the signature.
#[derive(Deserialize)]
pub(super) struct Claims {
    sub: String,
    exp: NumericDate,
    #[serde(default)]
    iat: Option<NumericDate>,
    #[serde(default)]
    jti: Option<String>,
    #[serde(default)]
    samewire: Option<serde_json::Value>,
}

impl Claims {
    pub(super) fn access(self) -> Result<Access, Failure> {
        let invalid = |told: String| Failure::new(Code::TokenInvalid, format!("{told}; its issuer must mend that"));
        let identity =
            Identity::user(&self.sub).map_err(|error| invalid(format!("the token's `sub` cannot be used: {error}")))?;
        let mut access = Access::new(identity);
        if let Some(claim) = &self.samewire {
            let grants = Grants::from_claim(claim);
            access.grants = Arc::new(grants.map_err(|error| invalid(format!("the token's claim cannot be used: {error}")))?);
        }
        let token_id = self.jti.filter(|id| !id.is_empty());
        if token_id.as_ref().is_some_and(|id| id.len() > MAX_TOKEN_ID) {
            return Err(invalid(format!("the token's `jti` has more than {MAX_TOKEN_ID} bytes")));
        }
        access.expires = Some(self.exp.0);
        access.issued = self.iat.map(|issued| issued.0);
        access.token_id = token_id.map(Into::into);
        Ok(access)
    }
}

/// A point in time, in milliseconds. On the wire it is in seconds, maybe with a fraction (RFC 7519, section 2).
struct NumericDate(u64);

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        // Out of range, the conversion takes the nearest number that there is.
        Ok(Self((seconds * 1000.0) as u64))
    }
}
