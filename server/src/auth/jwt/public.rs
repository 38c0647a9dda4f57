//! Public keys that others sign tokens with: read from PEM, from a JWK or from a set of them (RFC 7517).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde_json::Value;

use super::Algorithm;

/// The most keys of one set that are looked at.
const MAX_KEYS: usize = 128;

/// What an RSA key is used for, and how long its modulus may be, in bytes (at least 2048 bits: RFC 7518, section 3.3).
const RSA: [Algorithm; 3] = [Algorithm::Rs256, Algorithm::Rs512, Algorithm::Ps256];
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;

/// A public key, with the algorithms that fit it. A key never verifies a token of another algorithm.
#[derive(Clone, Debug)]
pub struct PublicKey {
    id: Option<Box<str>>,
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

/// Why a key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Neither PEM nor JSON of the right form.
    #[error("it is neither a public key in PEM (`BEGIN PUBLIC KEY`) nor a JWK or a set of them")]
    Form,
    /// More than one PEM block.
    #[error("it holds several PEM blocks; give each key a file of its own")]
    Several,
    /// A secret that has no place here.
    #[error("it holds a private key, which only the issuer should have; give the public one")]
    Private,
    /// A shared secret.
    #[error("it holds a shared secret; set that as auth.secret_file")]
    Symmetric,
    /// A certificate.
    #[error("it holds a certificate; take the public key out of it with `openssl x509 -pubkey -noout`")]
    Certificate,
    /// A key of a type, size or curve that no algorithm of ours fits, or one that is not for signatures.
    #[error("it is no key for signatures that is supported: RSA of 2048 to 8192 bits, EC on P-256 or P-384, or Ed25519")]
    Unsupported,
    /// A set without a usable key.
    #[error("none of its keys can be used")]
    Empty,
}

impl PublicKey {
    /// The keys in a text: one in PEM, a JWK, or a set of JWKs, of which those are left out that are not for signatures of ours.
    ///
    /// # Errors
    /// [`KeyError`], when there is none.
    pub fn read(text: &str) -> Result<Vec<Self>, KeyError> {
        if !text.trim_start().starts_with('{') {
            return Self::from_pem(text).map(|key| vec![key]);
        }
        let value: Value = serde_json::from_str(text).map_err(|_| KeyError::Form)?;
        if value.get("keys").is_none() {
            return Self::from_jwk(&value).map(|key| vec![key]);
        }
        let keys = Self::from_set(&value).ok_or(KeyError::Form)?;
        if keys.is_empty() { Err(KeyError::Empty) } else { Ok(keys) }
    }

    /// The usable keys of a set; `None` when it is not one.
    pub(super) fn from_set(set: &Value) -> Option<Vec<Self>> {
        let keys = set.get("keys")?.as_array()?;
        Some(keys.iter().take(MAX_KEYS).filter_map(|jwk| Self::from_jwk(jwk).ok()).collect())
    }

    fn from_pem(text: &str) -> Result<Self, KeyError> {
        match text.matches("-----BEGIN ").count() {
            0 => return Err(KeyError::Form),
            1 => {}
            _ => return Err(KeyError::Several),
        }
        if text.contains("PRIVATE KEY-----") {
            return Err(KeyError::Private);
        }
        if text.contains("CERTIFICATE-----") {
            return Err(KeyError::Certificate);
        }
        let pem = text.as_bytes();
        let curves = [(65, Algorithm::Es256), (97, Algorithm::Es384)];
        let (key, algorithms) = if let Ok(key) = DecodingKey::from_ec_pem(pem) {
            // An uncompressed point; its length tells the curve.
            let length = key.try_get_as_bytes().map_or(0, <[u8]>::len);
            let algorithm = curves.into_iter().find(|(point, _)| *point == length).ok_or(KeyError::Unsupported)?.1;
            (key, vec![algorithm])
        } else if let Ok(key) = DecodingKey::from_ed_pem(pem) {
            (key, vec![Algorithm::EdDsa])
        } else {
            let key = DecodingKey::from_rsa_pem(pem).map_err(|_| KeyError::Form)?;
            // The content of the key: two numbers, of which the exponent is short.
            let length = key.try_get_as_bytes().map_or(0, <[u8]>::len);
            if !(RSA_BYTES.start() + 8..=RSA_BYTES.end() + 32).contains(&length) {
                return Err(KeyError::Unsupported);
            }
            (key, RSA.to_vec())
        };
        Ok(Self { id: None, algorithms, key })
    }

    fn from_jwk(jwk: &Value) -> Result<Self, KeyError> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let kind = text("kty").ok_or(KeyError::Form)?;
        if kind == "oct" {
            return Err(KeyError::Symmetric);
        }
        if jwk.get("d").is_some() {
            return Err(KeyError::Private);
        }
        let for_others = text("use").is_some_and(|purpose| purpose != "sig")
            || jwk.get("key_ops").and_then(Value::as_array).is_some_and(|ops| !ops.iter().any(|op| op == "verify"));
        if for_others {
            return Err(KeyError::Unsupported);
        }
        let number = |name: &str| {
            let text = text(name).ok_or(KeyError::Form)?;
            URL_SAFE_NO_PAD.decode(text).map(|bytes| (text, bytes.len())).map_err(|_| KeyError::Form)
        };
        let (key, fitting) = match (kind, text("crv")) {
            ("RSA", _) => {
                let ((n, bytes), (e, _)) = (number("n")?, number("e")?);
                if !RSA_BYTES.contains(&bytes) {
                    return Err(KeyError::Unsupported);
                }
                (DecodingKey::from_rsa_components(n, e), &RSA[..])
            }
            ("EC", Some(curve)) => {
                let (size, algorithm): (_, &[_]) = match curve {
                    "P-256" => (32, &[Algorithm::Es256]),
                    "P-384" => (48, &[Algorithm::Es384]),
                    _ => return Err(KeyError::Unsupported),
                };
                let ((x, x_bytes), (y, y_bytes)) = (number("x")?, number("y")?);
                if (x_bytes, y_bytes) != (size, size) {
                    return Err(KeyError::Form);
                }
                (DecodingKey::from_ec_components(x, y), algorithm)
            }
            ("OKP", Some("Ed25519")) => {
                let (x, bytes) = number("x")?;
                if bytes != 32 {
                    return Err(KeyError::Form);
                }
                (DecodingKey::from_ed_components(x), &[Algorithm::EdDsa][..])
            }
            _ => return Err(KeyError::Unsupported),
        };
        // A key that names its algorithm is for that one alone.
        let own = jwk.get("alg");
        let is_own =
            |algorithm: &Algorithm| own.is_none_or(|own| serde_json::to_value(algorithm).is_ok_and(|name| name == *own));
        let algorithms: Vec<_> = fitting.iter().copied().filter(is_own).collect();
        if algorithms.is_empty() {
            return Err(KeyError::Unsupported);
        }
        Ok(Self { id: text("kid").map(Into::into), algorithms, key: key.map_err(|_| KeyError::Form)? })
    }

    pub(super) fn decoding(&self) -> &DecodingKey {
        &self.key
    }
}

/// Those of the keys that a token of this algorithm, with this key id, can be signed with.
pub(super) fn fitting<'a>(
    keys: &'a [PublicKey],
    id: Option<&'a str>,
    algorithm: Algorithm,
) -> impl Iterator<Item = &'a PublicKey> {
    // A key without an id, from a PEM file, may be the one that is meant by any.
    let is_meant = move |key: &&PublicKey| match (id, &key.id) {
        (Some(wanted), Some(known)) => wanted == &**known,
        _ => true,
    };
    keys.iter().filter(move |key| key.algorithms.contains(&algorithm)).filter(is_meant)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::auth::jwt::testing::{Signer, b64};

    fn algorithms(text: &str) -> Result<Vec<Algorithm>, KeyError> {
        PublicKey::read(text).map(|keys| keys.into_iter().flat_map(|key| key.algorithms).collect())
    }

    #[test]
    fn each_key_fits_the_algorithms_of_its_type() {
        for (signer, fits) in [
            (Signer::rsa(), &RSA[..]),
            (Signer::p256(), &[Algorithm::Es256]),
            (Signer::p384(), &[Algorithm::Es384]),
            (Signer::ed25519(), &[Algorithm::EdDsa]),
        ] {
            assert_eq!(algorithms(&signer.pem()).as_deref(), Ok(fits));
            let mut jwk = signer.jwk("k");
            jwk.as_object_mut().expect("an object").remove("alg");
            assert_eq!(algorithms(&jwk.to_string()).as_deref(), Ok(fits), "{jwk}");
            let set = json!({"keys": [jwk, {"kty": "oct", "k": "AAAA"}, {"kty": "future"}, 7]});
            assert_eq!(algorithms(&set.to_string()).as_deref(), Ok(fits));
        }
    }

    #[test]
    fn a_key_that_names_its_algorithm_is_for_that_one_alone() {
        let mut jwk = Signer::rsa().jwk("k");
        jwk["alg"] = json!("PS256");
        assert_eq!(algorithms(&jwk.to_string()), Ok(vec![Algorithm::Ps256]));
        for alg in [json!("HS256"), json!("none"), json!("RSA-OAEP"), json!(7)] {
            jwk["alg"] = alg;
            assert_eq!(algorithms(&jwk.to_string()), Err(KeyError::Unsupported), "{jwk}");
        }
    }

    #[test]
    fn what_is_no_public_key_for_signatures_is_refused() {
        let jwk = Signer::rsa().jwk("k");
        let with = |name: &str, value: Value| {
            let mut jwk = jwk.clone();
            jwk[name] = value;
            jwk.to_string()
        };
        let pem = Signer::ed25519().pem();
        for (text, error) in [
            (String::new(), KeyError::Form),
            ("{}".into(), KeyError::Form),
            ("{".into(), KeyError::Form),
            (json!({"keys": 1}).to_string(), KeyError::Form),
            (json!({"keys": []}).to_string(), KeyError::Empty),
            (json!({"kty": "oct", "k": "AAAA"}).to_string(), KeyError::Symmetric),
            (with("d", json!("AAAA")), KeyError::Private),
            (with("use", json!("enc")), KeyError::Unsupported),
            (with("key_ops", json!(["encrypt"])), KeyError::Unsupported),
            (with("n", json!(b64(&[0xff; 128]))), KeyError::Unsupported),
            (with("n", json!("not base64!")), KeyError::Form),
            (format!("{pem}{pem}"), KeyError::Several),
            (pem.replace("PUBLIC", "PRIVATE"), KeyError::Private),
            (pem.replace("PUBLIC KEY", "CERTIFICATE"), KeyError::Certificate),
            ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n".into(), KeyError::Form),
        ] {
            assert_eq!(algorithms(&text).map_err(|found| found.to_string()), Err(error.to_string()), "{text}");
        }
        let mut odd = Signer::p256().jwk("k");
        odd["crv"] = json!("P-384");
        odd.as_object_mut().expect("an object").remove("alg");
        assert_eq!(algorithms(&odd.to_string()), Err(KeyError::Form));
    }

    #[test]
    fn a_key_is_found_by_its_id() {
        let set = json!({"keys": [Signer::p256().jwk("a"), Signer::p256().jwk("b"), Signer::ed25519().jwk("c")]});
        let mut keys = PublicKey::from_set(&set).expect("a set");
        let count = |keys: &[PublicKey], id, algorithm| fitting(keys, id, algorithm).count();
        assert_eq!(count(&keys, Some("a"), Algorithm::Es256), 1);
        assert_eq!(count(&keys, Some("a"), Algorithm::EdDsa), 0);
        assert_eq!(count(&keys, Some("d"), Algorithm::Es256), 0);
        assert_eq!(count(&keys, None, Algorithm::Es256), 2);
        keys.extend(PublicKey::read(&Signer::p256().pem()).expect("a key"));
        assert_eq!(count(&keys, Some("d"), Algorithm::Es256), 1);
    }
}
