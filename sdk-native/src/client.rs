//! The client: its construction, its calls, its connection.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use samewire_protocol::session::{CallRequest, Config, Status, TokenReason};
use samewire_protocol::wire::SESSION_PATH;
use samewire_protocol::{Failure, Method, SessionId, StreamId};
use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot, watch};

use crate::bridge::{Shared, Waiting};
use crate::call::{Answer, CallOptions, Parts, Pending, closed, from_raw, to_raw};
use crate::driver::Driver;
use crate::http::HttpClient;
use crate::read::Download;
use crate::send::{Source, StreamOptions, Upload};
use crate::token::{TokenSource, Tokens};

/// A client with one session. Cheap to clone; when the last clone is gone, the session ends.
#[derive(Clone)]
pub struct Client {
    handle: Arc<Handle>,
}

struct Handle {
    shared: Arc<Shared>,
    http: HttpClient,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.abandoned.store(true, Ordering::Release);
        self.shared.wake();
    }
}

/// Builds a [`Client`].
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    url: String,
    token: Option<String>,
    source: Option<TokenSource>,
}

/// Why a client could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The address is not `http://…` or `https://…`.
    #[error("`{0}` is not the address of a server; expected http://HOST:PORT or https://HOST")]
    Url(String),
    /// The system gives no randomness.
    #[error("the system gives no randomness: {0}")]
    Randomness(#[from] getrandom::Error),
}

impl Builder {
    /// Sets the token that says who the client is. Default: none.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Sets where tokens come from. It is asked when the first one is wanted, unless [`Builder::token`] gives that; before one
    /// expires, so that the session goes on with the next; and when the server does not take one. It is asked once at a time,
    /// whoever is waiting; so it must not itself wait for a call of this client. Default: none, and a session whose token expires is over.
    ///
    /// ```no_run
    /// # async fn fetch(_: samewire::TokenReason) -> std::io::Result<String> { Ok(String::new()) }
    /// let client = samewire::Client::builder("https://app.example.com").token_source(fetch).build();
    /// ```
    pub fn token_source<F, T, E>(mut self, source: F) -> Self
    where
        F: Fn(TokenReason) -> T + Send + Sync + 'static,
        T: Future<Output = Result<String, E>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.source = Some(TokenSource::new(source));
        self
    }

    /// Builds the client. It connects on [`Client::connect`], or with the first call or stream. Must be called in a tokio runtime.
    pub fn build(self) -> Result<Client, BuildError> {
        let url = self.url.trim_end_matches('/').to_owned();
        let socket = match url.split_once("://") {
            Some(("http", rest)) => format!("ws://{rest}{SESSION_PATH}"),
            Some(("https", rest)) => format!("wss://{rest}{SESSION_PATH}"),
            _ => return Err(BuildError::Url(self.url)),
        };
        let mut seed = [0; 8];
        getrandom::fill(&mut seed)?;
        let agent = Some(concat!("samewire-rust/", env!("CARGO_PKG_VERSION")).to_owned());
        let config = Config {
            token: self.token.clone(),
            agent,
            seed: u64::from_ne_bytes(seed),
            refreshes: self.source.is_some(),
            ..Config::default()
        };
        let shared = Shared::new(config, Tokens::new(self.token, self.source));
        tokio::spawn(Driver::new(shared.clone(), socket).run());
        let http = HttpClient::new(url, shared.clone());
        Ok(Client { handle: Arc::new(Handle { shared, http }) })
    }
}

impl Client {
    /// Begins a client of the server at this address: `http://HOST:PORT`, or `https://HOST` with the feature `tls`.
    pub fn builder(url: impl Into<String>) -> Builder {
        Builder { url: url.into(), token: None, source: None }
    }

    /// Connects, and waits until the session is live. Fails when the server does not want this client.
    pub async fn connect(&self) -> Result<(), Failure> {
        let mut status = self.shared().status.subscribe();
        self.shared().change(|core, now| core.session.connect(now));
        status.mark_unchanged();
        loop {
            let now = self.status();
            match now {
                Status::Live => return Ok(()),
                Status::Closed { why } => return Err(why),
                _ => {}
            }
            if status.changed().await.is_err() {
                return Err(closed());
            }
        }
    }

    /// Ends the session, here and on the server: every call and stream is given up.
    pub fn close(&self) {
        self.shared().change(|core, now| core.session.close(now));
    }

    /// Where the session stands.
    #[must_use]
    pub fn status(&self) -> Status {
        self.shared().core.lock().session.status()
    }

    /// Watches where the session stands.
    #[must_use]
    pub fn watch_status(&self) -> watch::Receiver<Status> {
        self.shared().status.subscribe()
    }

    /// The session's id, once it was live.
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        self.shared().core.lock().id
    }

    /// Sets the token. A live session goes on with it at once; so do calls over HTTP.
    pub fn set_token(&self, token: Option<String>) {
        self.shared().set_token(token);
    }

    /// The same server over HTTP, for calls that name no stream.
    #[must_use]
    pub fn http(&self) -> &HttpClient {
        &self.handle.http
    }

    /// Makes a call over the session. Dropping the future cancels the call.
    pub async fn call<M: Method>(&self, params: &M::Params) -> Result<M::Reply, Failure> {
        self.call_with::<M>(params, None).await
    }

    /// Makes a call over the session with a deadline.
    pub async fn call_with<M: Method>(&self, params: &M::Params, timeout: Option<Duration>) -> Result<M::Reply, Failure> {
        let payload = to_raw(params)?;
        let options = CallOptions { timeout, idempotent: M::IDEMPOTENT };
        from_raw(&self.call_raw(M::NAME, Some(payload), options).await?)
    }

    /// Makes a call over the session by its name, with params and result as JSON.
    pub async fn call_raw(
        &self,
        method: &str,
        params: Option<Box<RawValue>>,
        options: CallOptions,
    ) -> Result<Box<RawValue>, Failure> {
        self.call_attached(method, params, None, options).await.map(|answer| answer.result)
    }

    /// Makes a call over the session by its name, with bytes beside the params and beside the result.
    pub async fn call_attached(
        &self,
        method: &str,
        params: Option<Box<RawValue>>,
        attachment: Option<Bytes>,
        options: CallOptions,
    ) -> Result<Answer, Failure> {
        self.begin((method, params, attachment), options, None).answer().await
    }

    /// Makes a call whose answer nobody waits for.
    pub(crate) fn tell<M: Method>(&self, params: &M::Params) {
        let Ok(payload) = to_raw(params) else { return };
        let payload = Some(payload);
        let request =
            CallRequest { method: M::NAME.to_owned(), payload, attachment: None, timeout: None, idempotent: M::IDEMPOTENT };
        self.shared().change(|core, now| core.session.call(now, request));
    }

    /// Makes a call whose result comes in parts.
    pub fn call_parts<M: Method>(&self, params: &M::Params, timeout: Option<Duration>) -> Result<Parts, Failure> {
        let payload = to_raw(params)?;
        let (sender, parts) = mpsc::unbounded_channel();
        let options = CallOptions { timeout, idempotent: M::IDEMPOTENT };
        Ok(Parts { pending: self.begin((M::NAME, Some(payload), None), options, Some(sender)), parts })
    }

    fn begin(
        &self,
        (method, payload, attachment): (&str, Option<Box<RawValue>>, Option<Bytes>),
        options: CallOptions,
        parts: Option<mpsc::UnboundedSender<Box<RawValue>>>,
    ) -> Pending {
        let (answer, receiver) = oneshot::channel();
        let CallOptions { timeout, idempotent } = options;
        let id = self.shared().change(|core, now| {
            let request = CallRequest { method: method.to_owned(), payload, attachment, timeout, idempotent };
            let id = core.session.call(now, request);
            core.calls.insert(id, Waiting { answer, parts });
            id
        });
        Pending { shared: self.shared().clone(), id, answer: receiver, done: false }
    }

    /// Sends a stream. It begins as soon as the session is live, and may be named in calls at once.
    #[must_use]
    pub fn upload(&self, source: Source, options: StreamOptions) -> Upload {
        Upload::begin(self.shared(), None, source, options)
    }

    /// Goes on with a stream of the same user that this client did not begin: another session did, or an upload over HTTP, or this
    /// program before it was restarted. What the server has of it is read from the source, for the digest of the whole, and is not
    /// sent again. A source with other content ends in `digest-mismatch`, and the server then drops what it has; one of another
    /// size in `size-mismatch`. A stream that the server does not have any more begins anew. The session that had it is told
    /// `superseded`.
    ///
    /// ```no_run
    /// # async fn run(client: samewire::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use samewire::{Source, StreamOptions};
    ///
    /// let id = std::fs::read_to_string("holiday.mov.upload")?.trim().parse()?;
    /// let upload = client.upload_with_id(id, Source::file("holiday.mov").await?, StreamOptions::named("holiday.mov"));
    /// upload.finished().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn upload_with_id(&self, id: StreamId, source: Source, options: StreamOptions) -> Upload {
        Upload::begin(self.shared(), Some(id), source, options)
    }

    /// A stream from the server that a call's result names. Waits up to ten seconds for the server to begin it.
    pub async fn stream(&self, id: StreamId) -> Result<Download, Failure> {
        Download::take(self.shared(), id).await
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.handle.shared
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("status", &self.status()).finish_non_exhaustive()
    }
}
