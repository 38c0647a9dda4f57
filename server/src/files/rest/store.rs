//! `POST /api/files`: files out of requests' bodies.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use samewire_protocol::files::{FileRecord, Uploaded};
use samewire_protocol::name::is_media;
use samewire_protocol::{Code, Failure};

use super::disposition::given_name;
use super::multipart;
use crate::http::{Problem, body};
use crate::streams::StreamSpec;
use crate::uploads::{Door, FILE_HEADER, Fresh, draft};

/// A form with files, a resumable upload, or a file as it is.
pub(super) async fn store(State(door): State<Door>, request: Request) -> Response {
    let headers = request.headers();
    let is_form = media(headers).is_some_and(|media| media.to_ascii_lowercase().starts_with("multipart/form-data"));
    match (draft::completes(headers), is_form) {
        // That a form be resumable can only be wished for: it is no file, but has some.
        (None | Some(true), true) => multipart::store(&door, request).await,
        (Some(completes), _) => {
            let named = (given_name(headers), media(headers));
            draft::create(&door, request, completes, named).await
        }
        (None, false) => {
            let (head, mut body) = request.into_parts();
            match whole(&door, &head.headers, &mut body).await {
                Ok(file) => stored(file),
                Err(failure) => refuse(failure, &head.headers, body).await,
            }
        }
    }
}

async fn whole(door: &Door, headers: &HeaderMap, body: &mut Body) -> Result<FileRecord, Failure> {
    let caller = door.who(headers).await?;
    let size = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
    let spec = StreamSpec { name: given_name(headers), media: media(headers), size, note: None };
    let mut fresh = Fresh::new(door.create(&caller, None, spec).await?);
    let upload = fresh.upload()?;
    door.write(upload, body, |_| {}).await?;
    let file = door.finish(&caller, upload, None).await?;
    drop(fresh.keep());
    Ok(file)
}

/// The media type that the request gives its body. That of a form of a page says nothing of a file.
fn media(headers: &HeaderMap) -> Option<String> {
    let media = headers.get(header::CONTENT_TYPE)?.to_str().ok()?.trim();
    (is_media(media) && !media.eq_ignore_ascii_case("application/x-www-form-urlencoded")).then(|| media.to_owned())
}

/// The answer for a file that was made of a request's body.
pub(crate) fn stored(file: FileRecord) -> Response {
    let text = |text: String| HeaderValue::try_from(text).ok();
    let place = text(format!("/api/files/{}", file.id)).map(|place| (header::LOCATION, place));
    let id = text(file.id.to_string()).map(|id| (FILE_HEADER, id));
    let mut response = (StatusCode::CREATED, axum::Json(Uploaded::from(file))).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().extend(place.into_iter().chain(id));
    response
}

/// Refuses, so that a client hears it that is still sending.
pub(super) async fn refuse(failure: Failure, headers: &HeaderMap, body: Body) -> Response {
    let kept_back = headers.contains_key(header::EXPECT);
    if !kept_back && !matches!(failure.code, Code::HeartbeatTimeout | Code::Restart) {
        body::refuse(body).await;
    }
    Problem::new(&failure).into_response()
}
