use futures_util::FutureExt;
use jsonwebtoken::{Algorithm as Jws, EncodingKey, Header};
use serde_json::{Value, json};

use super::testing::{Signer, b64};
use super::*;
use crate::auth::{Grants, Identity, UserError};
use crate::store::now_ms;

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

fn strict(audience: Option<&str>) -> JwtAuthenticator {
    let audiences = audience.map(str::to_owned).into_iter().collect();
    JwtAuthenticator::new(SECRET, JwtOptions { audiences, leeway: Duration::ZERO, ..JwtOptions::default() })
}

fn signed(secret: &[u8], header: &Header, claims: &Value) -> String {
    jsonwebtoken::encode(header, claims, &EncodingKey::from_secret(secret)).expect("a token")
}

/// Without an address to fetch keys from, nothing is waited for.
fn check(authenticator: &JwtAuthenticator, token: Option<&str>) -> Result<Option<Access>, Failure> {
    authenticator.check(token).now_or_never().expect("at once")
}

fn code(authenticator: &JwtAuthenticator, token: Option<&str>) -> Code {
    let failure = check(authenticator, token).expect_err("must be refused");
    assert!(token.is_none_or(|token| token.is_empty() || !failure.message.contains(token)), "the token is echoed");
    failure.code
}

fn later() -> u64 {
    now_ms() / 1000 + 60
}

#[test]
fn a_minted_token_names_its_user() {
    let authenticator = strict(Some("samewire"));
    let token = authenticator.mint("maria", Duration::from_secs(60)).expect("a token");
    let access = check(&authenticator, Some(&token)).expect("a good token").expect("an access");
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
    let access = check(&authenticator, Some(&token)).expect("a good token").expect("an access");
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
    let claims = json!({"sub": "maria", "exp": later(), "samewire": {"rooms": [{"name": "a:*"}]}});
    let token = signed(SECRET, &Header::new(Jws::HS256), &claims);
    let failure = check(&strict(None), Some(&token)).expect_err("must be refused");
    assert_eq!(failure.code, Code::TokenInvalid);
    assert!(failure.message.contains("`samewire.rooms[0].role`"), "{}", failure.message);
}

#[test]
fn missing_expired_and_forged_each_have_their_code() {
    let authenticator = strict(None);
    let hs256 = Header::new(Jws::HS256);
    let good = |header: &Header| signed(SECRET, header, &json!({"sub": "maria", "exp": later()}));
    assert_eq!(code(&authenticator, None), Code::Unauthenticated);
    let expired = signed(SECRET, &hs256, &json!({"sub": "maria", "exp": 1_000_000_000}));
    assert_eq!(code(&authenticator, Some(&expired)), Code::TokenExpired);

    let forged = signed(b"another secret of the same length", &hs256, &json!({"sub": "maria", "exp": later()}));
    let other_algorithm = good(&Header::new(Jws::HS512));
    let no_expiry = signed(SECRET, &hs256, &json!({"sub": "maria"}));
    let odd_expiry = signed(SECRET, &hs256, &json!({"sub": "maria", "exp": "tomorrow"}));
    let no_user = signed(SECRET, &hs256, &json!({"exp": later()}));
    let reserved = signed(SECRET, &hs256, &json!({"sub": "anon:se_0", "exp": later()}));
    let critical = good(&Header { crit: Some(vec!["exp".into()]), ..hs256.clone() });
    let long_id = signed(SECRET, &hs256, &json!({"sub": "maria", "exp": later(), "jti": "x".repeat(129)}));
    let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJtYXJpYSIsImV4cCI6OTk5OTk5OTk5OX0.";
    let long = "x".repeat(MAX_TOKEN + 1);
    for token in [
        &forged,
        &other_algorithm,
        &no_expiry,
        &odd_expiry,
        &no_user,
        &reserved,
        &critical,
        &long_id,
        unsigned,
        "",
        "a.b.c",
        &long,
    ] {
        assert_eq!(code(&authenticator, Some(token)), Code::TokenInvalid, "{token}");
    }
}

#[test]
fn dates_may_have_fractions_and_clocks_may_differ() {
    let token = |claims| signed(SECRET, &Header::new(Jws::HS256), &claims);
    let fraction = token(json!({"sub": "maria", "exp": later() as f64 + 0.5, "iat": 1.25}));
    let access = check(&strict(None), Some(&fraction)).expect("a good token").expect("an access");
    assert_eq!((access.expires.map(|expires| expires % 1000), access.issued), (Some(500), Some(1250)));
    let [ago, soon] = [later() - 70, later() - 50];
    let lenient = JwtAuthenticator::new(SECRET, JwtOptions::default());
    for claims in [json!({"sub": "maria", "exp": ago}), json!({"sub": "maria", "exp": later(), "nbf": soon})] {
        assert!(check(&lenient, Some(&token(claims.clone()))).is_ok(), "{claims}");
        assert!(check(&strict(None), Some(&token(claims.clone()))).is_err(), "{claims}");
    }
}

#[test]
fn audiences_and_issuers_are_checked_where_they_are_set() {
    let token = strict(Some("elsewhere")).mint("maria", Duration::from_secs(60)).expect("a token");
    assert_eq!(code(&strict(Some("samewire")), Some(&token)), Code::TokenInvalid);
    assert!(check(&strict(None), Some(&token)).is_ok());
    let bare = strict(None).mint("maria", Duration::from_secs(60)).expect("a token");
    assert_eq!(code(&strict(Some("samewire")), Some(&bare)), Code::TokenInvalid);

    let audiences = ["samewire", "elsewhere"].map(str::to_owned).into();
    let several = JwtAuthenticator::new(SECRET, JwtOptions { audiences, ..JwtOptions::default() });
    assert!(check(&several, Some(&token)).is_ok());
    let many = json!({"sub": "maria", "exp": later(), "aud": ["other", "samewire"]});
    assert!(check(&several, Some(&signed(SECRET, &Header::new(Jws::HS256), &many))).is_ok());

    let issuer = Some("https://issuer.example".to_owned());
    let trusting = JwtAuthenticator::new(SECRET, JwtOptions { issuer, ..JwtOptions::default() });
    assert_eq!(code(&trusting, Some(&bare)), Code::TokenInvalid);
    let own = trusting.mint("maria", Duration::from_secs(60)).expect("a token");
    assert!(check(&trusting, Some(&own)).is_ok());
}

#[test]
fn anonymous_is_for_no_token_only() {
    let options = JwtOptions { allow_anonymous: true, ..JwtOptions::default() };
    let authenticator = JwtAuthenticator::new(SECRET, options);
    assert_eq!(check(&authenticator, None).expect("anonymous"), None);
    assert_eq!(code(&authenticator, Some("nonsense")), Code::TokenInvalid);
}

fn with_keys(signers: &[&Signer]) -> JwtAuthenticator {
    let keys = signers.iter().flat_map(|signer| PublicKey::read(&signer.pem()).expect("a key"));
    JwtAuthenticator::new(Keys::default().public(keys), JwtOptions::default())
}

#[test]
fn tokens_of_every_algorithm_pass_with_their_keys_and_with_no_others() {
    let signers = [
        Signer::rsa(),
        Signer::rsa().with(Algorithm::Rs512),
        Signer::rsa().with(Algorithm::Ps256),
        Signer::p256(),
        Signer::p384(),
        Signer::ed25519(),
    ];
    for (own, signer) in signers.iter().enumerate() {
        let token = signer.token(None, "maria");
        for (other, key) in signers.iter().enumerate() {
            assert_eq!(check(&with_keys(&[key]), Some(&token)).is_ok(), own == other, "{own} {other}");
        }
        // A key from a PEM file has no id, and is the one that is meant by any.
        assert!(check(&with_keys(&[signer]), Some(&signer.token(Some("any"), "maria"))).is_ok());
        assert!(check(&with_keys(&[&signers[3], signer]), Some(&token)).is_ok());
    }
    assert_eq!(with_keys(&[&signers[0]]).mint("maria", Duration::from_secs(1)), Err(MintError::NoSecret));
}

#[test]
fn a_public_key_is_never_a_secret() {
    let signer = Signer::rsa();
    let authenticator = with_keys(&[&signer]);
    let both = PublicKey::read(&signer.pem()).expect("a key");
    let both = JwtAuthenticator::new(Keys::default().public(both).secret(SECRET), JwtOptions::default());
    let der = signer.pem().lines().filter(|line| !line.starts_with('-')).collect::<String>();
    let modulus = signer.jwk("k")["n"].as_str().expect("a number").to_owned();
    for secret in [signer.pem().as_bytes(), der.as_bytes(), modulus.as_bytes(), b""] {
        for algorithm in [Jws::HS256, Jws::HS384, Jws::HS512] {
            let token = signed(secret, &Header::new(algorithm), &json!({"sub": "mallory", "exp": later()}));
            assert_eq!(code(&authenticator, Some(&token)), Code::TokenInvalid);
            assert_eq!(code(&both, Some(&token)), Code::TokenInvalid);
        }
    }
    assert!(check(&both, Some(&signer.token(None, "maria"))).is_ok());
    assert!(check(&both, Some(&strict(None).mint("maria", Duration::from_secs(60)).expect("a token"))).is_ok());
}

#[test]
fn what_a_header_says_of_keys_is_not_believed() {
    let (known, forger) = (Signer::rsa(), Signer::rsa());
    let authenticator = with_keys(&[&known]);
    let claims = b64(json!({"sub": "mallory", "exp": later()}).to_string().as_bytes());
    let token = forger.token(None, "mallory");
    let (_, signature) = token.rsplit_once('.').expect("three parts");
    for header in [
        json!({"alg": "RS256", "jwk": forger.jwk("k")}),
        json!({"alg": "RS256", "jku": "http://127.0.0.1:1/"}),
        json!({"alg": "none"}),
        json!({"alg": "None"}),
        json!({"alg": ""}),
        json!({"alg": null}),
        json!({}),
    ] {
        let header = b64(header.to_string().as_bytes());
        for signature in [signature, ""] {
            assert_eq!(code(&authenticator, Some(&format!("{header}.{claims}.{signature}"))), Code::TokenInvalid);
        }
    }
}

#[test]
fn only_the_algorithms_pass_that_are_taken() {
    let signer = Signer::rsa();
    let keys = || Keys::default().public(PublicKey::read(&signer.pem()).expect("a key")).secret(SECRET);
    let taking = |algorithms: &[Algorithm]| {
        JwtAuthenticator::new(keys(), JwtOptions { algorithms: algorithms.to_vec(), ..JwtOptions::default() })
    };
    let public = signer.token(None, "maria");
    let shared = strict(None).mint("maria", Duration::from_secs(60)).expect("a token");
    for (algorithms, passes) in [
        (&[Algorithm::Rs256][..], (true, false)),
        (&[Algorithm::Hs256], (false, true)),
        (&[Algorithm::Ps256, Algorithm::Rs512], (false, false)),
        (&Algorithm::ALL, (true, true)),
    ] {
        let authenticator = taking(algorithms);
        let found = (check(&authenticator, Some(&public)).is_ok(), check(&authenticator, Some(&shared)).is_ok());
        assert_eq!(found, passes, "{algorithms:?}");
    }
}
