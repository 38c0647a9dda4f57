//! Calls over HTTP: `POST /rpc/{method}`, the params as the body.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use samewire_protocol::wire::SESSION_HEADER;
use samewire_protocol::{Code, Failure, SessionId, name};
use serde_json::value::RawValue;

use super::{Problem, origin};
use crate::app::App;
use crate::auth::Access;
use crate::calls;
use crate::session::{Admitted, SessionHandle, admit, random};

/// How many milliseconds the caller will wait.
pub(crate) const TIMEOUT_HEADER: &str = "samewire-timeout";

/// How much of a body that is too big is taken in, and for how long, so that its sender hears why it is refused.
const REFUSED: usize = 32 * 1024 * 1024;
const REFUSING: Duration = Duration::from_secs(10);

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
    let (access, session) = caller(app, headers).await?;
    let payload = params(&read(body, app.config.limits.wire().max_text).await?)?;
    let result = calls::run_over_http(app, method, payload, access, session, timeout(headers)?).await?;
    let json = HeaderValue::from_static("application/json");
    let stored = HeaderValue::from_static("no-store");
    Ok(([(header::CONTENT_TYPE, json), (header::CACHE_CONTROL, stored)], String::from(Box::<str>::from(result)))
        .into_response())
}

/// Who calls, and the session whose credential the request carries.
async fn caller(app: &Arc<App>, headers: &HeaderMap) -> Result<(Arc<Access>, Option<SessionHandle>), Failure> {
    let token = match headers.get(header::AUTHORIZATION) {
        None => None,
        Some(value) => {
            let scheme = value.to_str().ok().and_then(|value| value.split_once(' '));
            let bearer = scheme.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
            Some(bearer.ok_or_else(|| Failure::new(Code::TokenInvalid, "the header Authorization is not `Bearer TOKEN`"))?)
        }
    };
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

async fn read(body: Body, most: usize) -> Result<Bytes, Failure> {
    let mut body = body;
    match Limited::new(&mut body, most).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            // A client that is still sending when its connection is closed would see that and not the answer.
            drop(tokio::time::timeout(REFUSING, swallow(Limited::new(body, REFUSED))).await);
            let told = format!("the params of a call may take at most {most} bytes; send bulk as a stream");
            Err(Failure::new(Code::TooBig, told))
        }
        Err(_) => Err(Failure::new(Code::BadRequest, "the request's body broke off")),
    }
}

async fn swallow(mut body: Limited<Body>) {
    while let Some(Ok(_)) = body.frame().await {}
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
