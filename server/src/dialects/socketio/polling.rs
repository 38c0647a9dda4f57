//! Long polling: what a client is told comes in the answers to its `GET`s, what it says in `POST`s.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body as RequestBody;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use samewire_protocol::{Code, Failure};
use serde_json::json;

use super::engine::{Body, NOTHING};
use super::gate::Gate;
use super::requests::Told;
use crate::app::App;
use crate::http::body;

/// The largest body of who has not come in: a token fits into it.
pub(super) const LITTLE: usize = 32 * 1024;
/// A client that hears that its WebSocket works waits for the answer to its request before it goes on there: so long, as with
/// Socket.IO's own server.
const GRACE: Duration = Duration::from_millis(100);

/// A refusal, with a code of Engine.IO.
pub(super) struct Refused(pub(super) StatusCode, pub(super) u8, pub(super) String);

impl Refused {
    pub(super) fn unknown() -> Self {
        Self(StatusCode::BAD_REQUEST, 1, "Session ID unknown".to_owned())
    }

    pub(super) fn bad(told: &str) -> Self {
        Self(StatusCode::BAD_REQUEST, 3, told.to_owned())
    }

    fn of(failure: &Failure) -> Self {
        let status = StatusCode::from_u16(failure.code.status()).unwrap_or(StatusCode::BAD_REQUEST);
        Self(status, 3, failure.message.clone())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Self(status, code, message) = self;
        let mut response = (status, axum::Json(json!({"code": code, "message": message}))).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// An answer with packets.
pub(super) fn told(packets: String) -> Response {
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=UTF-8"), (header::CACHE_CONTROL, "no-store")];
    (headers, packets).into_response()
}

/// Answers as soon as there is something to be told.
pub(super) async fn poll(gate: &Arc<Gate>) -> Result<Response, Refused> {
    if gate.has_line() {
        return Err(Refused::bad("this client goes on over its WebSocket"));
    }
    let polling = gate.poll().ok_or_else(|| {
        gate.close();
        Refused::bad("another request of this client waits already")
    })?;
    let since = Instant::now();
    loop {
        let news = polling.news();
        match polling.take() {
            Told::Packets(packets) => return Ok(told(packets)),
            Told::Elsewhere => return Ok(told(NOTHING.to_owned())),
            Told::Nothing { is_expected: false } => news.await,
            Told::Nothing { is_expected: true } => {
                let left = GRACE.saturating_sub(since.elapsed());
                if left.is_zero() || tokio::time::timeout(left, news).await.is_err() {
                    return Ok(told(NOTHING.to_owned()));
                }
            }
        }
    }
}

/// Takes in what a client says: one body after the other, and none while it is not heard.
pub(super) async fn post(app: &App, gate: &Arc<Gate>, body: RequestBody) -> Result<Response, Refused> {
    let posting = gate.post().ok_or_else(|| Refused::bad("another request of this client is under way"))?;
    posting.has_room().await;
    let most = if gate.is_in() { most(app) } else { most(app).min(LITTLE) };
    let advice = if gate.is_in() { "send less at a time" } else { "connect to the namespace first" };
    let time = app.config.limits.hello_timeout;
    let read = tokio::time::timeout(time, body::read(body, most, advice)).await;
    let late = |_| Err(Failure::new(Code::BadRequest, "the request's body did not come in time"));
    let body = read.unwrap_or_else(late).and_then(Body::new).map_err(|failure| {
        gate.close();
        Refused::of(&failure)
    })?;
    if !posting.say(body) {
        return Err(Refused::unknown());
    }
    // As Socket.IO's own server has it: some browsers would offer to save a `text/plain`.
    let headers = [(header::CONTENT_TYPE, "text/html"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, "ok").into_response())
}

/// The largest message of a client.
pub(super) fn most(app: &App) -> usize {
    usize::try_from(app.config.limits.max_text).unwrap_or(usize::MAX)
}
