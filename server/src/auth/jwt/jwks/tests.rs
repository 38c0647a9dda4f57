//! Against a server of the test's own, on this machine.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::{HeaderMap as Headers, StatusCode as Status};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::*;
use crate::auth::jwt::testing::Signer;
use crate::auth::jwt::{JwtAuthenticator, JwtOptions, Keys};

/// An address with keys, which answers what the test says.
#[derive(Clone)]
struct Issuer(Arc<Shared>);

struct Shared {
    answer: Mutex<Answer>,
    asked: AtomicUsize,
    not_modified: AtomicUsize,
    port: u16,
}

#[derive(Clone)]
enum Answer {
    Set { keys: Vec<Value>, control: &'static str, tag: Option<&'static str> },
    Text(String),
    Status(u16),
    Redirect,
    Endless,
    Never,
}

impl Issuer {
    async fn start(answer: Answer) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (answer, asked) = (Mutex::new(answer), AtomicUsize::new(0));
        let issuer = Self(Arc::new(Shared { answer, asked, not_modified: AtomicUsize::new(0), port }));
        let at = issuer.clone();
        let router = Router::new().route("/jwks", get(async move |headers: Headers| at.answer(&headers).await));
        tokio::spawn(async move { axum::serve(listener, router).await });
        issuer
    }

    async fn answer(&self, headers: &Headers) -> Response {
        self.0.asked.fetch_add(1, Ordering::SeqCst);
        let answer = self.0.answer.lock().clone();
        match answer {
            Answer::Set { tag: Some(tag), .. } if headers.get("if-none-match").is_some_and(|known| known == tag) => {
                self.0.not_modified.fetch_add(1, Ordering::SeqCst);
                (Status::NOT_MODIFIED, [("etag", tag)]).into_response()
            }
            Answer::Set { keys, control, tag } => {
                let headers = [("cache-control", control), ("etag", tag.unwrap_or("\"none\""))];
                (headers, json!({ "keys": keys }).to_string()).into_response()
            }
            Answer::Text(text) => text.into_response(),
            Answer::Status(status) => Status::from_u16(status).expect("a status").into_response(),
            Answer::Redirect => (Status::FOUND, [("location", "/elsewhere")]).into_response(),
            Answer::Endless => {
                let pieces = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b' '; 64 * 1024]));
                axum::body::Body::from_stream(pieces).into_response()
            }
            Answer::Never => std::future::pending().await,
        }
    }

    fn set(&self, answer: Answer) {
        *self.0.answer.lock() = answer;
    }

    fn asked(&self) -> usize {
        self.0.asked.load(Ordering::SeqCst)
    }

    fn authenticator(&self, every: Duration) -> JwtAuthenticator {
        let jwks = Jwks::new(&format!("http://127.0.0.1:{}/jwks", self.0.port), every).expect("an address");
        JwtAuthenticator::new(Keys::default().jwks(jwks), JwtOptions::default())
    }
}

fn set(keys: &[(&Signer, &str)], control: &'static str) -> Answer {
    Answer::Set { keys: keys.iter().map(|(signer, id)| signer.jwk(id)).collect(), control, tag: None }
}

async fn code(authenticator: &JwtAuthenticator, token: &str) -> Option<Code> {
    authenticator.check(Some(token)).await.err().map(|failure| failure.code)
}

const HOUR: &str = "max-age=3600";
const BRIEF: Duration = Duration::from_millis(20);

#[tokio::test]
async fn a_set_is_fetched_once_and_kept_while_it_is_fresh() {
    let signer = Signer::p256();
    let issuer = Issuer::start(set(&[(&signer, "a")], HOUR)).await;
    let authenticator = issuer.authenticator(BRIEF);
    for _ in 0..5 {
        assert_eq!(code(&authenticator, &signer.token(Some("a"), "maria")).await, None);
        tokio::time::sleep(BRIEF).await;
    }
    // A token that names no key is tried with those that fit.
    assert_eq!(code(&authenticator, &signer.token(None, "maria")).await, None);
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn many_who_come_at_once_wait_for_one_request() {
    let signer = Signer::p256();
    let issuer = Issuer::start(set(&[(&signer, "a")], HOUR)).await;
    let authenticator = issuer.authenticator(BRIEF);
    let token = signer.token(Some("a"), "maria");
    let codes = futures_util::future::join_all((0..50).map(|_| code(&authenticator, &token))).await;
    assert!(codes.iter().all(Option::is_none), "{codes:?}");
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn a_new_key_is_found_by_its_id_and_a_withdrawn_one_is_refused_when_the_set_is_old() {
    let (old, new) = (Signer::p256(), Signer::ed25519());
    let issuer = Issuer::start(set(&[(&old, "old")], HOUR)).await;
    let authenticator = issuer.authenticator(BRIEF);
    assert_eq!(code(&authenticator, &old.token(Some("old"), "maria")).await, None);
    issuer.set(set(&[(&old, "old"), (&new, "new")], "max-age=0"));
    tokio::time::sleep(BRIEF).await;
    assert_eq!(code(&authenticator, &new.token(Some("new"), "maria")).await, None);
    assert_eq!(code(&authenticator, &old.token(Some("old"), "maria")).await, None);
    assert_eq!(issuer.asked(), 2);
    issuer.set(set(&[(&new, "new")], "no-store"));
    tokio::time::sleep(BRIEF).await;
    assert_eq!(code(&authenticator, &old.token(Some("old"), "maria")).await, Some(Code::TokenInvalid));
    assert_eq!(code(&authenticator, &new.token(Some("new"), "maria")).await, None);
}

#[tokio::test]
async fn tokens_that_name_unknown_keys_do_not_make_requests_at_will() {
    let signer = Signer::p256();
    let issuer = Issuer::start(set(&[(&signer, "a")], HOUR)).await;
    let authenticator = issuer.authenticator(Duration::from_secs(60));
    for id in 0..100 {
        let token = signer.token(Some(&format!("k-{id}")), "mallory");
        assert_eq!(code(&authenticator, &token).await, Some(Code::TokenInvalid));
    }
    assert_eq!(code(&authenticator, &signer.token(Some("a"), "maria")).await, None);
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn an_unchanged_set_is_not_sent_again() {
    let signer = Signer::p256();
    let keys = vec![signer.jwk("a")];
    let issuer = Issuer::start(Answer::Set { keys, control: "max-age=0", tag: Some("\"v1\"") }).await;
    let authenticator = issuer.authenticator(BRIEF);
    for _ in 0..3 {
        assert_eq!(code(&authenticator, &signer.token(Some("a"), "maria")).await, None);
        tokio::time::sleep(BRIEF).await;
    }
    assert_eq!((issuer.asked(), issuer.0.not_modified.load(Ordering::SeqCst)), (3, 2));
}

#[tokio::test]
async fn the_last_good_set_is_used_while_the_address_answers_nonsense() {
    let (known, unknown) = (Signer::p256(), Signer::p256());
    let good = set(&[(&known, "a")], "max-age=0");
    let issuer = Issuer::start(good.clone()).await;
    let authenticator = issuer.authenticator(BRIEF);
    assert_eq!(code(&authenticator, &known.token(Some("a"), "maria")).await, None);
    let huge = json!({"keys": [known.jwk("b")], "more": "x".repeat(MAX_SET)}).to_string();
    for answer in [
        Answer::Status(500),
        Answer::Status(404),
        Answer::Redirect,
        Answer::Text(String::new()),
        Answer::Text("<html>".into()),
        Answer::Text("{\"keys\":7}".into()),
        Answer::Text(huge),
        Answer::Endless,
    ] {
        issuer.set(answer);
        tokio::time::sleep(BRIEF).await;
        let asked = issuer.asked();
        assert_eq!(code(&authenticator, &known.token(Some("a"), "maria")).await, None);
        assert_eq!(issuer.asked(), asked + 1);
        // Whether a key is good that is not in the old set, nobody can tell now: its holder may come back.
        assert_eq!(code(&authenticator, &unknown.token(Some("b"), "maria")).await, Some(Code::Overloaded));
    }
    issuer.set(good);
    tokio::time::sleep(BRIEF).await;
    assert_eq!(code(&authenticator, &unknown.token(Some("b"), "maria")).await, Some(Code::TokenInvalid));
}

#[tokio::test]
async fn an_address_that_never_answers_holds_nobody_up_for_long() {
    let signer = Signer::p256();
    let issuer = Issuer::start(Answer::Never).await;
    let authenticator = issuer.authenticator(Duration::from_secs(60));
    let started = Instant::now();
    for _ in 0..3 {
        assert_eq!(code(&authenticator, &signer.token(Some("a"), "maria")).await, Some(Code::Overloaded));
    }
    assert!(started.elapsed() < PATIENCE * 2, "{:?}", started.elapsed());
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn whoever_gives_up_does_not_keep_the_keys_from_coming() {
    let signer = Signer::p256();
    let issuer = Issuer::start(set(&[(&signer, "a")], HOUR)).await;
    let authenticator = issuer.authenticator(Duration::from_secs(60));
    let token = signer.token(Some("a"), "maria");
    {
        let mut check = std::pin::pin!(authenticator.check(Some(&token)));
        assert!(futures_util::poll!(check.as_mut()).is_pending());
    }
    let fetched = async {
        while code(&authenticator, &token).await.is_some() {
            tokio::time::sleep(BRIEF).await;
        }
    };
    tokio::time::timeout(PATIENCE, fetched).await.expect("the keys come");
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn a_key_of_the_set_is_used_as_what_it_is() {
    let signer = Signer::rsa();
    let secret = json!({"kty": "oct", "kid": "s", "alg": "HS256", "k": super::super::testing::b64(&[7; 32])});
    let issuer = Issuer::start(Answer::Set { keys: vec![signer.jwk("a"), secret], control: HOUR, tag: None }).await;
    let authenticator = issuer.authenticator(BRIEF);
    assert_eq!(code(&authenticator, &signer.token(Some("a"), "maria")).await, None);
    let claims = json!({"sub": "mallory", "exp": crate::store::now_ms() / 1000 + 60});
    // A public key that is taken for a secret, and a secret that everybody can fetch.
    for (id, key) in [("a", signer.pem().into_bytes()), ("s", vec![7; 32])] {
        let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
        header.kid = Some(id.to_owned());
        let key = jsonwebtoken::EncodingKey::from_secret(&key);
        let token = jsonwebtoken::encode(&header, &claims, &key).expect("a token");
        assert_eq!(code(&authenticator, &token).await, Some(Code::TokenInvalid), "{id}");
    }
}

#[test]
fn how_long_an_answer_is_fresh() {
    let headers = |control: &'static str, spent: &'static str| {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(control));
        headers.insert(AGE, HeaderValue::from_static(spent));
        age(&headers).map(|age| age.as_secs())
    };
    assert_eq!(headers("public, Max-Age=600, must-revalidate", "60"), Some(540));
    assert_eq!(headers("max-age=60", "600"), Some(0));
    assert_eq!(headers("max-age=600, no-store", "0"), Some(0));
    assert_eq!(headers("public", "0"), None);
    assert_eq!(headers("max-age=-1", "0"), None);
}

#[test]
fn only_addresses_that_nobody_can_listen_in_on() {
    for url in ["https://issuer.example/jwks", "http://localhost:1/", "http://127.0.0.1/", "http://[::1]:8/"] {
        assert!(Jwks::check(url).is_ok(), "{url}");
    }
    for url in ["http://issuer.example/jwks", "ftp://localhost/", "issuer.example", "", "file:///etc/passwd"] {
        assert!(Jwks::check(url).is_err(), "{url}");
    }
}
