//! The signatures that a token may have.

use jsonwebtoken::Algorithm as Jws;
use serde::{Deserialize, Serialize};

/// A signature algorithm (RFC 7518, section 3.1; RFC 8037, section 3.1). Others, and `none`, are never taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Algorithm {
    /// HMAC with SHA-256, under a shared secret.
    Hs256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 7] = [Self::Hs256, Self::Rs256, Self::Rs512, Self::Ps256, Self::Es256, Self::Es384, Self::EdDsa];

    /// Whether the verifier needs no secret.
    #[must_use]
    pub fn is_public(self) -> bool {
        self != Self::Hs256
    }

    pub(super) fn of(algorithm: Jws) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.jws() == algorithm)
    }

    pub(super) fn jws(self) -> Jws {
        match self {
            Self::Hs256 => Jws::HS256,
            Self::Rs256 => Jws::RS256,
            Self::Rs512 => Jws::RS512,
            Self::Ps256 => Jws::PS256,
            Self::Es256 => Jws::ES256,
            Self::Es384 => Jws::ES384,
            Self::EdDsa => Jws::EdDSA,
        }
    }
}
