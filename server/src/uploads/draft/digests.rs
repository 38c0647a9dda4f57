//! Digests of what a request carries and of all that was uploaded (RFC 9530).

use aws_lc_rs::digest::{Algorithm, Context, SHA256, SHA512};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use samewire_protocol::{Code, Failure};
use serde::{Deserialize, Serialize};

use super::fields;

pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");
pub(super) const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");
pub(super) const WANT_REPR_DIGEST: HeaderName = HeaderName::from_static("want-repr-digest");

/// An algorithm that is computed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Kind {
    #[serde(rename = "sha-512")]
    Sha512,
    #[serde(rename = "sha-256")]
    Sha256,
}

impl Kind {
    /// The better one first: where a request has both, it is the one that is compared.
    const ALL: [Self; 2] = [Self::Sha512, Self::Sha256];

    fn name(self) -> &'static str {
        match self {
            Self::Sha512 => "sha-512",
            Self::Sha256 => "sha-256",
        }
    }

    fn algorithm(self) -> &'static Algorithm {
        match self {
            Self::Sha512 => &SHA512,
            Self::Sha256 => &SHA256,
        }
    }

    /// The one that the header asks for first and that there is.
    pub(super) fn wanted(headers: &HeaderMap) -> Option<Self> {
        let names = fields::preferred(headers, &WANT_REPR_DIGEST);
        names.iter().find_map(|name| Self::ALL.into_iter().find(|kind| kind.name() == name))
    }
}

/// A digest that somebody says something has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Expected {
    pub(super) kind: Kind,
    /// In base64.
    digest: String,
}

impl Expected {
    /// What the header says, where it names an algorithm that is computed here.
    pub(super) fn read(headers: &HeaderMap, name: &HeaderName) -> Option<Self> {
        Kind::ALL.into_iter().find_map(|kind| {
            let digest = STANDARD.encode(fields::bytes(headers, name, kind.name())?);
            Some(Self { kind, digest })
        })
    }

    /// Whether this is the digest.
    pub(super) fn verify(&self, digest: &Computed) -> Result<(), Failure> {
        if *self == digest.0 {
            return Ok(());
        }
        let told = "the bytes that came are not those that the digest was made of; send them again";
        Err(Failure::new(Code::DigestMismatch, told))
    }
}

/// The digest of what came.
pub(super) struct Computed(Expected);

impl Computed {
    /// As the header `Repr-Digest`.
    pub(super) fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        let value = HeaderValue::try_from(format!("{}=:{}:", self.0.kind.name(), self.0.digest));
        Some((REPR_DIGEST, value.ok()?))
    }
}

/// Computes a digest.
pub(super) struct Hasher(Kind, Context);

impl Hasher {
    pub(super) fn new(kind: Kind) -> Self {
        Self(kind, Context::new(kind.algorithm()))
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.1.update(bytes);
    }

    pub(super) fn finish(self) -> Computed {
        Computed(Expected { kind: self.0, digest: STANDARD.encode(self.1.finish()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digests_of_the_specification() {
        let mut headers = HeaderMap::new();
        let digest = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";
        headers.insert(CONTENT_DIGEST, format!("md5=:AAAA:, {digest}").parse().expect("a value"));
        let expected = Expected::read(&headers, &CONTENT_DIGEST).expect("a digest");
        let mut hasher = Hasher::new(expected.kind);
        hasher.update(b"{\"hello\": ");
        hasher.update(b"\"world\"}\n");
        let computed = hasher.finish();
        expected.verify(&computed).expect("the same");
        assert_eq!(computed.header().expect("a header").1, digest);
        assert_eq!(expected.verify(&Hasher::new(Kind::Sha256).finish()).expect_err("another").code, Code::DigestMismatch);
        assert_eq!(expected.verify(&Hasher::new(Kind::Sha512).finish()).expect_err("another kind").code, Code::DigestMismatch);
        headers.insert(WANT_REPR_DIGEST, "md5=9, sha-256=1, sha-512=3".parse().expect("a value"));
        assert_eq!(Kind::wanted(&headers), Some(Kind::Sha512));
        assert_eq!(Expected::read(&headers, &REPR_DIGEST), None);
    }
}
