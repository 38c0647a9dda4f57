//! Live streams over HTTP: `GET /api/live`, `GET /api/live/{stream}` and `POST /api/live/{stream}/end`, for who has a token or the
//! credential of a session, and for other servers with an API key, which see and may end all of them.

use std::sync::Arc;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequestParts, Path, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use samewire_protocol::live::StreamName;
use samewire_protocol::live::methods::{End, Get, List, ListParams};
use samewire_protocol::rooms::{Pattern, Role};
use samewire_protocol::{Code, Failure, Method, SessionId};
use serde::Serialize;

use super::methods;
use crate::app::App;
use crate::auth::{Access, Grants};
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
    asker: Asker,
    params: Result<Query<ListParams>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(params) = params.map_err(|error| Failure::new(Code::BadParams, error.body_text()))?;
    let access = asker.may::<List>()?;
    Ok(json(&methods::list_for(&app.live, access, params).await?))
}

async fn read(State(app): State<Arc<App>>, asker: Asker, at: At) -> Result<Response, Problem> {
    let stream = stream(at)?;
    Ok(json(&methods::get_for(&app.live, asker.may::<Get>()?, &stream).await?))
}

async fn end(State(app): State<Arc<App>>, asker: Asker, at: At) -> Result<Response, Problem> {
    let stream = stream(at)?;
    app.live.may_end(asker.may::<End>()?, &stream).await?;
    app.live.end_now(&stream)?;
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

impl Asker {
    /// What the asker may do, where that includes to call this method.
    fn may<M: Method>(&self) -> Result<&Access, Failure> {
        self.0.grants.check_method(M::NAME)?;
        Ok(&self.0)
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

/// It may be another at any moment, so nobody keeps it.
fn json(body: &impl Serialize) -> Response {
    ([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(body)).into_response()
}
