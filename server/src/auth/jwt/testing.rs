//! Issuers for tests, with key pairs of their own.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair,
    KeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};

use super::Algorithm;
use crate::store::now_ms;

/// Signs tokens.
pub(crate) struct Signer {
    algorithm: Algorithm,
    key: EncodingKey,
    public: Vec<u8>,
}

impl Signer {
    pub(crate) fn rsa() -> Self {
        let pair = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048).expect("a key pair");
        let private: Pkcs8V1Der<'_> = pair.as_der().expect("the private key");
        let key = EncodingKey::from_rsa_pem(pem("PRIVATE KEY", private.as_ref()).as_bytes()).expect("the private key");
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().expect("the public key");
        Self { algorithm: Algorithm::Rs256, key, public: public.as_ref().to_vec() }
    }

    pub(crate) fn p256() -> Self {
        Self::ec(&ECDSA_P256_SHA256_FIXED_SIGNING, Algorithm::Es256)
    }

    pub(crate) fn p384() -> Self {
        Self::ec(&ECDSA_P384_SHA384_FIXED_SIGNING, Algorithm::Es384)
    }

    fn ec(curve: &'static EcdsaSigningAlgorithm, algorithm: Algorithm) -> Self {
        let private = EcdsaKeyPair::generate_pkcs8(curve, &SystemRandom::new()).expect("a key pair");
        let pair = EcdsaKeyPair::from_pkcs8(curve, private.as_ref()).expect("a key pair");
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().expect("the public key");
        Self { algorithm, key: EncodingKey::from_ec_der(private.as_ref()), public: public.as_ref().to_vec() }
    }

    pub(crate) fn ed25519() -> Self {
        let private = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).expect("a key pair");
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(private.as_ref()).expect("a key pair");
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().expect("the public key");
        let key = EncodingKey::from_ed_der(private.as_ref());
        Self { algorithm: Algorithm::EdDsa, key, public: public.as_ref().to_vec() }
    }

    /// The same key with another algorithm.
    pub(crate) fn with(self, algorithm: Algorithm) -> Self {
        Self { algorithm, ..self }
    }

    pub(crate) fn pem(&self) -> String {
        pem("PUBLIC KEY", &self.public)
    }

    pub(crate) fn jwk(&self, id: &str) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.key, self.algorithm.jws()).expect("a JWK");
        jwk.common.key_id = Some(id.to_owned());
        serde_json::to_value(jwk).expect("JSON")
    }

    pub(crate) fn sign(&self, id: Option<&str>, claims: &Value) -> String {
        let mut header = Header::new(self.algorithm.jws());
        header.kid = id.map(str::to_owned);
        jsonwebtoken::encode(&header, claims, &self.key).expect("a token")
    }

    /// A token of this user that is good for a minute.
    pub(crate) fn token(&self, id: Option<&str>, user: &str) -> String {
        self.sign(id, &json!({"sub": user, "exp": now_ms() / 1000 + 60}))
    }
}

pub(crate) fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn pem(label: &str, der: &[u8]) -> String {
    let lines: Vec<_> =
        STANDARD.encode(der).into_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
