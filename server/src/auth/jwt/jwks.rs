//! Public keys at an address: fetched when they are needed, and kept for as long as the answer says.
//!
//! A set is asked for again when it is no longer fresh, or when a token names a key that is not in it, though never more often than
//! the configured interval. While the address does not answer, or answers nonsense, the last good set goes on being used.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use reqwest::header::{AGE, CACHE_CONTROL, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH};
use reqwest::{Client, StatusCode, Url, redirect};
use samewire_protocol::{Code, Failure};

use super::Algorithm;
use super::public::{PublicKey, fitting};

/// The largest set, in bytes.
const MAX_SET: usize = 256 * 1024;
/// How long the address may take for its whole answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a set is fresh that does not say so itself, and how long at most.
const USUAL_AGE: Duration = Duration::from_secs(5 * 60);
const MAX_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// Keys at an address (RFC 7517, section 5). Cheap to clone; clones share what was fetched.
#[derive(Clone, Debug)]
pub struct Jwks(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    url: Url,
    client: Client,
    /// The least time between two requests.
    every: Duration,
    known: RwLock<Arc<Known>>,
    /// Held while a request is under way: whoever else wants the set waits for that one.
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Clone, Debug)]
struct Known {
    keys: Arc<[PublicKey]>,
    /// What the set is called, for asking whether there is a newer one.
    tag: Option<HeaderValue>,
    /// How long it is fresh, as the answer said.
    lasts: Duration,
    fresh_until: Instant,
    /// When it was last asked for.
    asked_at: Option<Instant>,
    /// Whether the last request brought nothing.
    failed: bool,
}

/// Why an address cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JwksError {
    /// Not `https://`, or `http://` of this machine.
    #[error("it must be an address with https://; http:// is for this machine only")]
    Address,
    /// No client could be made.
    #[error("no HTTPS client could be made: {0}")]
    Client(reqwest::Error),
}

impl Jwks {
    /// The keys at this address, which is asked at most once in `every`.
    ///
    /// # Errors
    /// [`JwksError`].
    pub fn new(url: &str, every: Duration) -> Result<Self, JwksError> {
        let url = parse(url)?;
        let mut client = Client::builder()
            .timeout(PATIENCE)
            // Whoever answers for the address answers for the keys, and nobody else.
            .redirect(redirect::Policy::none())
            .user_agent(concat!("samewire/", env!("CARGO_PKG_VERSION")));
        if is_loopback(&url) {
            client = client.no_proxy();
        }
        let client = client.build().map_err(JwksError::Client)?;
        let known =
            Known { keys: [].into(), tag: None, lasts: USUAL_AGE, fresh_until: Instant::now(), asked_at: None, failed: false };
        let fetching = tokio::sync::Mutex::default();
        Ok(Self(Arc::new(Inner { url, client, every, known: RwLock::new(Arc::new(known)), fetching })))
    }

    /// Whether an address can be used.
    pub(crate) fn check(url: &str) -> Result<(), JwksError> {
        parse(url).map(drop)
    }

    pub(super) async fn warm_up(&self) {
        drop(self.keys(None, Algorithm::Rs256).await);
    }

    /// The keys, asked for anew where that may help for a token that names this key.
    pub(super) async fn keys(&self, id: Option<&str>, algorithm: Algorithm) -> Result<Arc<[PublicKey]>, Failure> {
        let has = |known: &Known| fitting(&known.keys, id, algorithm).next().is_some();
        let mut known = self.0.known();
        let is_enough = |known: &Known| Instant::now() < known.fresh_until && (has(known) || id.is_none());
        if !is_enough(&known) && self.0.may_ask(&known) {
            let inner = self.0.clone();
            // A task of its own: a client that gives up must not keep the keys from being fetched.
            let asked = tokio::spawn(async move {
                let _turn = inner.fetching.lock().await;
                if inner.may_ask(&inner.known()) {
                    inner.fetch().await;
                }
            });
            drop(asked.await);
            known = self.0.known();
        }
        if known.failed && !has(&known) {
            let told = "the keys that this token is verified with cannot be fetched at present; try again later";
            return Err(Failure::new(Code::Overloaded, told));
        }
        Ok(known.keys.clone())
    }
}

impl Inner {
    fn known(&self) -> Arc<Known> {
        self.known.read().clone()
    }

    fn may_ask(&self, known: &Known) -> bool {
        known.asked_at.is_none_or(|asked| asked.elapsed() >= self.every)
    }

    async fn fetch(&self) {
        let before = self.known();
        let asked_at = Some(Instant::now());
        let known = match self.request(&before).await {
            Ok(fetched) => Known { asked_at, ..fetched },
            Err(why) => {
                tracing::warn!(host = self.url.host_str(), %why, "the keys that tokens are verified with cannot be fetched");
                Known { asked_at, failed: true, ..Known::clone(&before) }
            }
        };
        *self.known.write() = Arc::new(known);
    }

    async fn request(&self, before: &Known) -> Result<Known, String> {
        let mut request = self.client.get(self.url.clone());
        if let Some(tag) = &before.tag {
            request = request.header(IF_NONE_MATCH, tag);
        }
        let mut response = request.send().await.map_err(told)?;
        let told_age = age(response.headers());
        let fresh = |lasts: Duration| Instant::now() + lasts.clamp(self.every.min(MAX_AGE), MAX_AGE);
        let tag = response.headers().get(ETAG).cloned();
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_MODIFIED if before.tag.is_some() => {
                // What the answer does not say again still holds (RFC 9111, section 4.3.4).
                let lasts = told_age.unwrap_or(before.lasts);
                return Ok(Known { lasts, fresh_until: fresh(lasts), failed: false, ..before.clone() });
            }
            status => return Err(format!("the answer has the status {status}")),
        }
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(told)? {
            if body.len() + piece.len() > MAX_SET {
                return Err(format!("the answer is larger than {MAX_SET} bytes"));
            }
            body.extend_from_slice(&piece);
        }
        let set = serde_json::from_slice(&body).map_err(|_| "the answer is not JSON")?;
        let keys = PublicKey::from_set(&set).ok_or("the answer is not a set of keys")?;
        if keys.is_empty() {
            tracing::warn!(host = self.url.host_str(), "the set of keys holds none that can be used");
        }
        let lasts = told_age.unwrap_or(USUAL_AGE);
        Ok(Known { keys: keys.into(), tag, lasts, fresh_until: fresh(lasts), asked_at: None, failed: false })
    }
}

/// The error with its causes, and without the address, which may hold a secret in its query.
fn told(error: reqwest::Error) -> String {
    let error = error.without_url();
    let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// How long an answer is fresh (RFC 9111, section 4.2).
fn age(headers: &HeaderMap) -> Option<Duration> {
    let control = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let mut most = None;
    for directive in control.flat_map(|value| value.split(',')).map(str::trim) {
        if directive.eq_ignore_ascii_case("no-store") || directive.eq_ignore_ascii_case("no-cache") {
            return Some(Duration::ZERO);
        }
        if let Some((name, seconds)) = directive.split_once('=')
            && name.eq_ignore_ascii_case("max-age")
        {
            most = seconds.trim_matches('"').parse().ok();
        }
    }
    let spent = headers.get(AGE).and_then(|age| age.to_str().ok()?.parse().ok()).unwrap_or(0);
    most.map(|most: u64| Duration::from_secs(most.saturating_sub(spent)))
}

fn parse(url: &str) -> Result<Url, JwksError> {
    let url: Url = url.parse().map_err(|_| JwksError::Address)?;
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        _ => Err(JwksError::Address),
    }
}

fn is_loopback(url: &Url) -> bool {
    matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

#[cfg(test)]
mod tests;
