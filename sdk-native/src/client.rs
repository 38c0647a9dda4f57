//! The client: its construction, its calls, its connection.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use samewire_protocol::session::{CallRequest, Config, Status};
use samewire_protocol::wire::SESSION_PATH;
use samewire_protocol::{CallId, Code, Failure, Method, SessionId, StreamId};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot, watch};

use crate::bridge::{Shared, Waiting};
use crate::driver::Driver;
use crate::http::HttpClient;
use crate::read::Download;
use crate::send::{Source, StreamOptions, Upload};

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

/// How a call is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallOptions {
    /// How long to wait for the answer; the server is told, and stops the handler then. Default: without end.
    pub timeout: Option<Duration>,
    /// Whether the call may run twice without harm. Known for typed calls; default false.
    pub idempotent: bool,
}

impl Builder {
    /// Sets the token that says who the client is. Default: none.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
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
        let config = Config { token: self.token.clone(), agent, seed: u64::from_ne_bytes(seed), ..Config::default() };
        let shared = Shared::new(config);
        tokio::spawn(Driver::new(shared.clone(), socket).run());
        let http = HttpClient::new(url, self.token, shared.clone());
        Ok(Client { handle: Arc::new(Handle { shared, http }) })
    }
}

impl Client {
    /// Begins a client of the server at this address: `http://HOST:PORT`, or `https://HOST` with the feature `tls`.
    pub fn builder(url: impl Into<String>) -> Builder {
        Builder { url: url.into(), token: None }
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

    /// Sets the token of the next connection.
    pub fn set_token(&self, token: Option<String>) {
        self.shared().change(|core, now| core.session.set_token(now, token.clone()));
        self.handle.http.set_token(token);
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
        let (mut pending, answer) = self.begin(method, params, options, None);
        let result = answer.await.unwrap_or_else(|_| Err(closed()));
        pending.done = true;
        result
    }

    /// Makes a call whose result comes in parts.
    pub fn call_parts<M: Method>(&self, params: &M::Params, timeout: Option<Duration>) -> Result<Parts, Failure> {
        let payload = to_raw(params)?;
        let (sender, parts) = mpsc::unbounded_channel();
        let options = CallOptions { timeout, idempotent: M::IDEMPOTENT };
        let (pending, answer) = self.begin(M::NAME, Some(payload), options, Some(sender));
        Ok(Parts { pending, parts, answer })
    }

    fn begin(
        &self,
        method: &str,
        payload: Option<Box<RawValue>>,
        options: CallOptions,
        parts: Option<mpsc::UnboundedSender<Box<RawValue>>>,
    ) -> (Pending, oneshot::Receiver<Result<Box<RawValue>, Failure>>) {
        let (answer, receiver) = oneshot::channel();
        let CallOptions { timeout, idempotent } = options;
        let id = self.shared().change(|core, now| {
            let request = CallRequest { method: method.to_owned(), payload, attachment: None, timeout, idempotent };
            let id = core.session.call(now, request);
            core.calls.insert(id, Waiting { answer, parts });
            id
        });
        (Pending { shared: self.shared().clone(), id, done: false }, receiver)
    }

    /// Sends a stream. It begins as soon as the session is live, and may be named in calls at once.
    #[must_use]
    pub fn upload(&self, source: Source, options: StreamOptions) -> Upload {
        Upload::begin(self.shared(), source, options)
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

/// A call whose result comes in parts. Dropping it cancels the call.
#[derive(Debug)]
pub struct Parts {
    pending: Pending,
    parts: mpsc::UnboundedReceiver<Box<RawValue>>,
    answer: oneshot::Receiver<Result<Box<RawValue>, Failure>>,
}

impl Parts {
    /// The next part; `None` after the last.
    pub async fn next<T: DeserializeOwned>(&mut self) -> Option<Result<T, Failure>> {
        self.parts.recv().await.map(|part| from_raw(&part))
    }

    /// The result itself, which comes after the parts.
    pub async fn result<T: DeserializeOwned>(mut self) -> Result<T, Failure> {
        let answer = (&mut self.answer).await.unwrap_or_else(|_| Err(closed()));
        self.pending.done = true;
        from_raw(&answer?)
    }
}

/// A call that is under way; cancelled when dropped before it is done.
struct Pending {
    shared: Arc<Shared>,
    id: CallId,
    done: bool,
}

impl std::fmt::Debug for Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Pending").field(&self.id).finish()
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.done {
            self.shared.change(|core, now| core.session.cancel(now, self.id));
        }
    }
}

pub(crate) fn to_raw<T: serde::Serialize>(params: &T) -> Result<Box<RawValue>, Failure> {
    serde_json::value::to_raw_value(params)
        .map_err(|error| Failure::new(Code::BadParams, format!("the params cannot be written as JSON: {error}")))
}

pub(crate) fn from_raw<T: DeserializeOwned>(result: &RawValue) -> Result<T, Failure> {
    serde_json::from_str(result.get()).map_err(|error| {
        let message = format!("the server's answer is not of the form that this client expects: {error}");
        Failure::new(Code::BadRequest, message).ran(samewire_protocol::Ran::Yes)
    })
}

pub(crate) fn closed() -> Failure {
    Failure::new(Code::SessionClosed, "the client is gone").ran(samewire_protocol::Ran::Maybe)
}
