//! Calls over HTTP, for methods that name no stream.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use samewire_protocol::method::{AnyRoute, names_stream};
use samewire_protocol::session::TokenReason;
use samewire_protocol::wire::SESSION_HEADER;
use samewire_protocol::{Code, Failure, Method, Ran};
use serde_json::value::RawValue;

use crate::bridge::Shared;
use crate::call::{from_raw, to_raw};

/// Makes calls over HTTP.
///
/// It takes only methods whose contract allows it. A method that names a stream belongs on the session, and the compiler says so:
///
/// ```compile_fail,E0271
/// # async fn run(client: samewire::Client, stream: samewire::StreamRef) {
/// use samewire::files::{Upload, UploadParams};
/// client.http().call::<Upload>(&UploadParams { stream, name: None }).await;
/// # }
/// ```
///
/// The same call over the session compiles:
///
/// ```no_run
/// # async fn run(client: samewire::Client, stream: samewire::StreamRef) {
/// use samewire::files::{Upload, UploadParams};
/// client.call::<Upload>(&UploadParams { stream, name: None }).await;
/// # }
/// ```
pub struct HttpClient {
    url: String,
    shared: Arc<Shared>,
    /// Made with the first call: it costs more than everything else of a client.
    inner: OnceLock<reqwest::Client>,
}

impl HttpClient {
    pub(crate) fn new(url: String, shared: Arc<Shared>) -> Self {
        Self { url, shared, inner: OnceLock::new() }
    }

    /// The server's address, without a slash at its end.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Makes a call. Nothing is made again by itself: what became of a call whose connection is lost cannot be told.
    pub async fn call<M: Method<Route = AnyRoute>>(&self, params: &M::Params) -> Result<M::Reply, Failure> {
        from_raw(&self.call_raw(M::NAME, &to_raw(params)?, None).await?)
    }

    /// Makes a call by its name, with params and result as JSON. Params that name a stream are refused before anything is sent.
    pub async fn call_raw(&self, method: &str, params: &RawValue, timeout: Option<Duration>) -> Result<Box<RawValue>, Failure> {
        if names_stream(params.get()) {
            let message = "this call names a stream, so it belongs on the session: use Client::call or Client::call_raw";
            return Err(Failure::new(Code::Misdirected, message));
        }
        let mut token = self.shared.tokens.present();
        if token.is_none() {
            token = self.shared.token_instead_of(None, TokenReason::First).await;
        }
        match self.send(method, params, timeout, token.as_deref()).await {
            Err(failure) if failure.ran == Ran::No => {
                let Some(reason) = TokenReason::of(&failure.code) else { return Err(failure) };
                match self.shared.token_instead_of(token, reason).await {
                    Some(token) => self.send(method, params, timeout, Some(&token)).await,
                    None => Err(failure),
                }
            }
            answer => answer,
        }
    }

    async fn send(
        &self,
        method: &str,
        params: &RawValue,
        timeout: Option<Duration>,
        token: Option<&str>,
    ) -> Result<Box<RawValue>, Failure> {
        let mut request = self
            .inner
            .get_or_init(reqwest::Client::new)
            .post(format!("{}/rpc/{method}", self.url))
            .body(params.get().to_owned());
        request = request.header("content-type", "application/json");
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(ticket) = self.shared.core.lock().session.ticket() {
            request = request.header(SESSION_HEADER, ticket);
        }
        if let Some(timeout) = timeout {
            request = request.timeout(timeout).header("samewire-timeout", timeout.as_millis().to_string());
        }
        let response = request.send().await.map_err(|error| broken(&error))?;
        let status = response.status();
        let body = response.text().await.map_err(|error| broken(&error))?;
        if status.is_success() {
            return RawValue::from_string(body)
                .map_err(|_| Failure::new(Code::BadRequest, "the server's answer is not JSON").ran(Ran::Yes));
        }
        Err(problem(&body).unwrap_or_else(|| {
            let message = format!("the server answered {status} without a problem document; is there a proxy before it?");
            Failure::new(Code::Unknown("http".into()), message).ran(Ran::Maybe)
        }))
    }
}

impl std::fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpClient").field("url", &self.url).finish_non_exhaustive()
    }
}

/// Reads a problem document (RFC 9457) of a samewire server.
fn problem(body: &str) -> Option<Failure> {
    #[derive(serde::Deserialize)]
    struct Document {
        code: Code,
        #[serde(default)]
        detail: String,
        #[serde(default)]
        retryable: bool,
        #[serde(default)]
        ran: Ran,
        data: Option<Box<RawValue>>,
    }
    let Document { code, detail: message, retryable, ran, data } = serde_json::from_str(body).ok()?;
    Some(Failure { code, message, retryable, ran, data })
}

fn broken(error: &reqwest::Error) -> Failure {
    let (code, ran) = match (error.is_timeout(), error.is_connect()) {
        (_, true) => (Code::ConnectionLost, Ran::No),
        (true, _) => (Code::DeadlineExceeded, Ran::Maybe),
        _ => (Code::ConnectionLost, Ran::Maybe),
    };
    // The library's own text may hold the address; it holds no token.
    Failure::new(code, format!("the request did not come through: {error}")).ran(ran)
}
