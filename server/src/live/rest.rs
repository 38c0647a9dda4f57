//! Live streams over HTTP: `GET /api/live`, `GET /api/live/{stream}` and `POST /api/live/{stream}/end`, for who has a token or the
//! credential of a session, and for other servers with an API key, which see and may end all of them.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequestParts, Path, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use samewire_protocol::live::StreamName;
use samewire_protocol::live::methods::{End, Get, List, ListParams, StreamParams};
use samewire_protocol::rooms::{Pattern, Role};
use samewire_protocol::{Code, Failure, Method, SessionId};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::app::App;
use crate::auth::{Access, Grants};
use crate::calls;
use crate::http::{Problem, bearer};
use crate::session::random;
use crate::uploads::Door;

/// The routes below `/api/live`.
pub(crate) fn router(app: &Arc<App>) -> Router {
    Router::new()
        .route("/api/live", get(list))
        .route("/api/live/{stream}", get(read))
        .route("/api/live/{stream}/end", post(end))
        .method_not_allowed_fallback(async || Problem::wrong_method())
        .with_state(app.clone())
}

async fn list(
    State(app): State<Arc<App>>,
    Asker(access): Asker,
    params: Result<Query<ListParams>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(params) = params.map_err(|error| Failure::new(Code::BadParams, error.body_text()))?;
    Ok(json(call::<List>(&app, access, &params).await?))
}

async fn read(State(app): State<Arc<App>>, Asker(access): Asker, at: At) -> Result<Response, Problem> {
    Ok(json(call::<Get>(&app, access, &StreamParams { stream: stream(at)? }).await?))
}

async fn end(State(app): State<Arc<App>>, Asker(access): Asker, at: At) -> Result<Response, Problem> {
    call::<End>(&app, access, &StreamParams { stream: stream(at)? }).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Who asks.
struct Asker(Arc<Access>);

impl FromRequestParts<Arc<App>> for Asker {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        if let Ok(Some(key)) = bearer(&parts.headers)
            && let Ok(name) = app.api_keys.verify(Some(key))
        {
            tracing::debug!(by = %name, path = parts.uri.path(), "a request with an API key");
            return Ok(Self(Arc::new(operator()?)));
        }
        let caller = Door::new(app).who(&parts.headers).await?;
        Ok(Self(caller.access().clone()))
    }
}

/// What the holder of an API key may do: all that may be done with live streams. It is nobody in particular.
fn operator() -> Result<Access, Failure> {
    let everywhere = "*".parse::<Pattern>().ok().zip("broadcaster".parse::<Role>().ok());
    let mut access = Access::anonymous(SessionId::from_random(random()?));
    access.grants =
        Arc::new(everywhere.into_iter().fold(Grants::default(), |grants, (streams, role)| grants.live(streams, role)));
    Ok(access)
}

type At = Result<Path<String>, PathRejection>;

/// The stream that an address names, in one part of it: a slash is written `%2F`. What cannot name one is like the name of one that is
/// not there.
fn stream(at: At) -> Result<StreamName, Failure> {
    let name = at.ok().and_then(|Path(name)| name.parse().ok());
    name.ok_or_else(|| Failure::new(Code::LiveNotFound, "this is not the address of a live stream that you may see"))
}

async fn call<M: Method>(app: &App, access: Arc<Access>, params: &impl Serialize) -> Result<Box<RawValue>, Failure> {
    let params = to_raw_value(params).map_err(|_| Failure::new(Code::BadParams, "the params cannot be written as JSON"))?;
    let result = calls::run_over_http(app, M::NAME, params, access, None, None).await;
    app.metrics.answered_over_http(&result);
    result
}

/// It may be another at any moment, so nobody keeps it.
fn json(text: Box<RawValue>) -> Response {
    let json = HeaderValue::from_static("application/json");
    let headers = [(header::CONTENT_TYPE, json), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (headers, String::from(Box::<str>::from(text))).into_response()
}
