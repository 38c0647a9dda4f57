//! Resumable Uploads for HTTP: draft-ietf-httpbis-resumable-upload-12, interop version 8. `POST /api/files` creates uploads, and
//! `/api/uploads/{id}` is the upload resource.
//!
//! Whoever asks how far an upload is, or appends to it, ends the request before that still holds it (section "Concurrency").

mod answer;
mod append;
mod create;
mod digests;
mod fields;
mod head;
mod note;
mod told;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use samewire_protocol::{Code, Failure, StreamId};

use super::{Caller, Discovery, Door};
use crate::http::body;
use crate::streams::{StreamState, no_upload};
use answer::Refusal;
use told::Told;

pub(crate) use create::create;

pub(crate) const COMPLETE: HeaderName = HeaderName::from_static("upload-complete");
pub(crate) const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
pub(crate) const LENGTH: HeaderName = HeaderName::from_static("upload-length");
pub(crate) const LIMIT: HeaderName = HeaderName::from_static("upload-limit");
pub(crate) const INTEROP: HeaderName = HeaderName::from_static("upload-draft-interop-version");
/// Headers of requests and responses, of which pages may use all.
pub(crate) const HEADERS: [HeaderName; 8] =
    [COMPLETE, OFFSET, LENGTH, LIMIT, INTEROP, digests::CONTENT_DIGEST, digests::REPR_DIGEST, digests::WANT_REPR_DIGEST];

const INTEROP_VERSION: u64 = 8;
const YES: HeaderValue = HeaderValue::from_static("?1");
const NO: HeaderValue = HeaderValue::from_static("?0");

/// Where uploads are.
const PLACE: &str = "/api/uploads/";

/// Whether a request wants its upload to be resumable, and carries all of it.
pub(crate) fn completes(headers: &HeaderMap) -> Option<bool> {
    fields::boolean(headers, &COMPLETE)
}

/// What there is of the protocol at an address where uploads are created.
pub(crate) fn options(door: &Door) -> Response {
    let limits = answer::limits(door.app.config.limits.max_upload, None);
    (StatusCode::NO_CONTENT, [(LIMIT, limits)]).into_response()
}

/// Everything that is asked of an upload resource.
pub(crate) async fn serve(State(door): State<Door>, id: Result<Path<String>, PathRejection>, request: Request) -> Response {
    if request.extensions().get::<Discovery>().is_some() {
        return answer::allowed(StatusCode::NO_CONTENT);
    }
    let told = Told::of(&request);
    let (head, mut body) = request.into_parts();
    let id = id.ok().and_then(|Path(id)| id.parse::<StreamId>().ok());
    let answer = answer(&door, id, &head.method, &head.headers, told, &mut body).await;
    reply(answer, &head.headers, body).await
}

/// A refusal is heard only by a client that is not still sending when its connection is closed.
pub(super) async fn reply(answer: Result<Response, Refusal>, headers: &HeaderMap, body: Body) -> Response {
    let refusal = match answer {
        Ok(response) => return response,
        Err(refusal) => refusal,
    };
    let kept_back = headers.contains_key(axum::http::header::EXPECT);
    if !kept_back && refusal.lets_sender_end() {
        body::refuse(body).await;
    }
    refusal.into()
}

async fn answer(
    door: &Door,
    id: Option<StreamId>,
    method: &Method,
    headers: &HeaderMap,
    told: Told,
    body: &mut Body,
) -> Result<Response, Refusal> {
    let caller = door.who(headers).await?;
    let nowhere =
        || Failure::new(Code::StreamNotFound, "this is not the address of an upload; begin one with POST to /api/files");
    match *method {
        Method::HEAD | Method::GET => head::head(door, &caller, id.ok_or_else(nowhere)?).await,
        Method::PATCH => append::append(door, &caller, id.ok_or_else(nowhere)?, headers, told, body).await,
        Method::DELETE => cancel(door, &caller, id.ok_or_else(nowhere)?).await,
        _ => Ok(answer::wrong_method()),
    }
}

/// What has become a file is removed as a file.
async fn cancel(door: &Door, caller: &Caller, id: StreamId) -> Result<Response, Refusal> {
    let status = door.look(caller, id).await?;
    if let StreamState::Committed { .. } = status.state {
        let file = status.file.ok_or_else(|| no_upload(id))?;
        let failure =
            format!("the upload is complete and became the file {file}; to remove that, send DELETE to /api/files/{file}");
        return Err(Failure::new(Code::Conflict, failure).into());
    }
    door.cancel(caller, id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
