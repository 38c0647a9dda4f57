//! `/api/files` and `/api/files/{id}`: what the methods `files/…` answer, at addresses of their own.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use samewire_protocol::files::{Get, GetParams, List, ListParams, Remove, RemoveParams, Removed};
use samewire_protocol::{Code, Failure, Method};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::At;
use crate::calls;
use crate::http::Problem;
use crate::streams::no_file;
use crate::uploads::{Door, draft};

pub(super) async fn list(
    State(door): State<Door>,
    params: Result<Query<ListParams>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Query(params) = params.map_err(|error| Failure::new(Code::BadParams, error.body_text()))?;
    Ok(json(call::<List>(&door, &headers, &params).await?))
}

/// What there is for uploads. A page's question about what it may send does not come here.
pub(super) async fn options(State(door): State<Door>) -> Response {
    draft::options(&door)
}

pub(super) async fn read(State(door): State<Door>, at: At, headers: HeaderMap) -> Result<Response, Problem> {
    Ok(json(call::<Get>(&door, &headers, &GetParams { id: at.file()? }).await?))
}

pub(super) async fn remove(State(door): State<Door>, at: At, headers: HeaderMap) -> Result<Response, Problem> {
    let id = at.file()?;
    let removed = call::<Remove>(&door, &headers, &RemoveParams { id }).await?;
    match serde_json::from_str(removed.get()) {
        Ok(Removed { removed: true }) => Ok(StatusCode::NO_CONTENT.into_response()),
        _ => Err(no_file(id, None).into()),
    }
}

async fn call<M: Method>(door: &Door, headers: &HeaderMap, params: &impl Serialize) -> Result<Box<RawValue>, Failure> {
    let caller = door.who(headers).await?;
    let params = to_raw_value(params).map_err(|_| Failure::new(Code::BadParams, "the params cannot be written as JSON"))?;
    let result = calls::run_over_http(&door.app, M::NAME, params, caller.access().clone(), None, None).await;
    door.app.metrics.answered_over_http(&result);
    result
}

fn json(text: Box<RawValue>) -> Response {
    let json = HeaderValue::from_static("application/json");
    let headers = [(header::CONTENT_TYPE, json), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (headers, String::from(Box::<str>::from(text))).into_response()
}
