//! Calls over HTTP: `POST /rpc/{method}`, the params as the body.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use samewire_protocol::wire::SESSION_HEADER;
use samewire_protocol::{Code, Failure, SessionId, name};
use serde_json::value::RawValue;

use super::gate::bearer;
use super::{Problem, body, origin};
use crate::app::App;
use crate::auth::Access;
use crate::calls;
use crate::session::{Admitted, SessionHandle, admit, random};

/// How many milliseconds the caller will wait.
pub(crate) const TIMEOUT_HEADER: &str = "samewire-timeout";

pub(crate) async fn call(
    State(app): State<Arc<App>>,
    method: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    // What cannot be read as text is no method's name either.
    let method = method.map(|Path(method)| method).unwrap_or_default();
    answer(&app, &method, &headers, body).await.map_err(|failure| Problem::new(&failure))
}

async fn answer(app: &Arc<App>, method: &str, headers: &HeaderMap, body: Body) -> Result<Response, Failure> {
    // A page elsewhere could send a simple request without asking; the browser would only hide the answer from it.
    origin::allowed(&app.config, headers)?;
    if !name::is_method(method) {
        return Err(Failure::new(Code::MethodNotFound, "this is not a method's name: expected parts with `/` between them"));
    }
    let (access, session) = caller(app, headers).await.inspect_err(|failure| app.metrics.refused(failure))?;
    let payload = params(&body::read(body, app.config.limits.wire().max_text, "send bulk as a stream").await?)?;
    let result = calls::run_over_http(app, method, payload, access, session, timeout(headers)?).await;
    app.metrics.answered_over_http(&result);
    let result = result?;
    let json = HeaderValue::from_static("application/json");
    let stored = HeaderValue::from_static("no-store");
    Ok(([(header::CONTENT_TYPE, json), (header::CACHE_CONTROL, stored)], String::from(Box::<str>::from(result)))
        .into_response())
}

/// Who calls, and the session whose credential the request carries.
async fn caller(app: &Arc<App>, headers: &HeaderMap) -> Result<(Arc<Access>, Option<SessionHandle>), Failure> {
    let token = bearer(headers)?;
    let ticket = headers.get(SESSION_HEADER).and_then(|value| value.to_str().ok());
    let Admitted { access, ticket } = admit(app, token, ticket).await?;
    let session = ticket.and_then(|ticket| app.sessions.find(ticket.session));
    let access = match (access, &session) {
        (Some(access), _) => access,
        (None, Some(session)) => session.access(),
        // Nobody else is this identity, so it sees nothing of anybody's.
        (None, None) => Arc::new(Access::anonymous(SessionId::from_random(random()?))),
    };
    Ok((access, session.map(|session| SessionHandle::new(&session))))
}

fn params(body: &[u8]) -> Result<Box<RawValue>, Failure> {
    if body.is_empty() {
        return Ok(RawValue::NULL.to_owned());
    }
    serde_json::from_slice(body).map_err(|error| Failure::new(Code::BadParams, format!("the body is not JSON: {error}")))
}

fn timeout(headers: &HeaderMap) -> Result<Option<Duration>, Failure> {
    let Some(value) = headers.get(TIMEOUT_HEADER) else { return Ok(None) };
    let millis = value.to_str().ok().and_then(|value| value.parse().ok());
    millis
        .map(|millis| Some(Duration::from_millis(millis)))
        .ok_or_else(|| Failure::new(Code::BadRequest, "the header Samewire-Timeout is not a number of milliseconds"))
}
