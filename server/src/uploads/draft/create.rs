//! `POST` to where files are: a new upload (section "Upload Creation").

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use samewire_protocol::{Code, Failure};

use super::answer::{Refusal, incomplete, limits, location};
use super::append::{finish, length, take};
use super::digests::{Expected, Kind, REPR_DIGEST};
use super::note::Note;
use super::reply;
use super::told::Told;
use crate::streams::StreamSpec;
use crate::uploads::{Caller, Door, Fresh};

/// `completes` is what the header `Upload-Complete` says. The name and the type are those of what is uploaded.
pub(crate) async fn create(
    door: &Door,
    request: Request,
    completes: bool,
    (name, media): (Option<String>, Option<String>),
) -> Response {
    let told = Told::of(&request);
    let (head, mut body) = request.into_parts();
    let headers = &head.headers;
    let answer = async {
        let caller = door.who(headers).await?;
        let size = length(headers, completes, 0)?;
        let note = Note { expected: Expected::read(headers, &REPR_DIGEST), wanted: Kind::wanted(headers) };
        let spec = StreamSpec { name, media, size, note: note.write() };
        let created = created(door, &caller, (spec, &note), headers, completes, told, &mut body).await;
        created.map_err(|refusal| refusal.limited(|| limits(caller.allowance.max_upload, None)))
    };
    let answer = answer.await;
    reply(answer, headers, body).await
}

async fn created(
    door: &Door,
    caller: &Caller,
    (spec, note): (StreamSpec, &Note),
    headers: &HeaderMap,
    completes: bool,
    told: Told,
    body: &mut Body,
) -> Result<Response, Refusal> {
    if headers.get(header::CONTENT_ENCODING).is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        let told = "files are kept as they come and have no codings: send it without Content-Encoding";
        return Err(Failure::new(Code::UnsupportedMedia, told).into());
    }
    let mut fresh = Fresh::new(door.create(caller, None, spec).await?);
    let id = fresh.upload()?.id();
    let place = location(id)?;
    let expires = door.look(caller, id).await?.expires;
    let limits = |expires| limits(caller.allowance.max_upload, expires);
    let known = told.place(&place, limits(Some(expires)));
    // The library sends what is announced when this task rests.
    tokio::task::yield_now().await;
    let answer = async {
        let upload = fresh.upload()?;
        take(door, upload, headers, told, body).await?;
        if completes {
            return finish(door, caller, upload, note).await;
        }
        let mut response = incomplete(StatusCode::CREATED, upload.settle().await?, limits(Some(expires)));
        response.headers_mut().insert(header::LOCATION, place);
        Ok(response)
    };
    let answer = answer.await;
    // Whoever has been told where it is may go on with it, unless it went beyond its length.
    let goes_on = answer.as_ref().map_or_else(|refusal| known && *refusal.code() != Code::SizeMismatch, |_| true);
    if goes_on {
        drop(fresh.keep());
    }
    answer
}
