//! Forms with files: `multipart/form-data` (RFC 7578). All files of a form are stored, or none.

use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::TryStreamExt;
use samewire_protocol::files::{FileRecord, Uploaded};
use samewire_protocol::name::is_media;
use samewire_protocol::{Code, Failure};

use super::form::Form;
use super::store::{refuse, stored};
use crate::streams::StreamSpec;
use crate::uploads::{Caller, Door, Fresh};

/// The most files of one form.
const MOST_FILES: usize = 64;
/// The most that a form's other fields have together, in bytes. They are of no use here.
const MOST_FIELDS: usize = 64 * 1024;

pub(super) async fn store(door: &Door, request: Request) -> Response {
    let headers = request.headers().clone();
    let (head, body) = request.into_parts();
    let form = Form::new(body);
    let files = async {
        let caller = door.who(&headers).await?;
        let parts = Multipart::from_request(Request::from_parts(head, form.watched()), &()).await;
        let parts = parts.map_err(|rejection| Failure::new(Code::BadRequest, rejection.body_text()))?;
        take(door, &caller, parts, &form).await
    };
    let files = files.await;
    match files {
        Ok(files) => answer(files),
        Err(failure) => refuse(failure, &headers, form.rest()).await,
    }
}

async fn take(door: &Door, caller: &Caller, mut parts: Multipart, form: &Form) -> Result<Vec<FileRecord>, Failure> {
    let mut whole = Vec::new();
    let mut fields = 0;
    while let Some(mut field) = timed(door, parts.next_field()).await? {
        form.found();
        let name = field.file_name().map(str::to_owned);
        // A page sends a file without a name and without a byte when nothing was chosen.
        let Some(name) = name.filter(|name| !name.is_empty()) else {
            let is_file = field.file_name().is_some();
            while let Some(bytes) = timed(door, field.try_next()).await? {
                form.found();
                fields += bytes.len();
                if is_file && !bytes.is_empty() {
                    return Err(Failure::new(Code::BadName, "a file of the form has no name; give it one"));
                }
                if fields > MOST_FIELDS {
                    let told = format!("the fields of a form that are no files may have {MOST_FIELDS} bytes");
                    return Err(Failure::new(Code::TooBig, told));
                }
            }
            continue;
        };
        if whole.len() == MOST_FILES {
            return Err(Failure::new(
                Code::TooBig,
                format!("a form may have {MOST_FILES} files; send the others in another one"),
            ));
        }
        whole.push(one(door, caller, name, field, form).await?);
    }
    if whole.is_empty() {
        return Err(Failure::new(
            Code::BadRequest,
            "the form has no file; a file's part says `filename` in its Content-Disposition",
        ));
    }
    let mut files = Vec::with_capacity(whole.len());
    for mut fresh in whole {
        files.push(door.finish(caller, fresh.upload()?, None).await?);
        drop(fresh.keep());
    }
    Ok(files)
}

/// One file, all of whose bytes are there when this is done.
async fn one(door: &Door, caller: &Caller, name: String, mut field: Field<'_>, form: &Form) -> Result<Fresh, Failure> {
    let media = field.content_type().filter(|media| is_media(media)).map(str::to_owned);
    // Some clients leave the folders before it.
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
    let spec = StreamSpec { name: Some(name), media, size: None, note: None };
    let mut fresh = Fresh::new(door.create(caller, None, spec).await?);
    let upload = fresh.upload()?;
    while let Some(bytes) = timed(door, field.try_next()).await? {
        form.found();
        upload.write(bytes).await?;
    }
    upload.finish(None).await?;
    Ok(fresh)
}

/// The next of a form, as long as something of it still comes.
async fn timed<T>(door: &Door, next: impl Future<Output = Result<T, MultipartError>>) -> Result<T, Failure> {
    let stall = door.app.config.uploads.stall;
    let next = tokio::time::timeout(stall, next).await;
    let next = next.map_err(|_| Failure::new(Code::HeartbeatTimeout, format!("nothing of the form came for {stall:?}")))?;
    next.map_err(|error| {
        let told = format!("the form cannot be read, and nothing of it was stored: {}", error.body_text());
        Failure::new(Code::BadRequest, told)
    })
}

/// One file is told of like any other upload; several in their order.
fn answer(mut files: Vec<FileRecord>) -> Response {
    if files.len() == 1
        && let Some(file) = files.pop()
    {
        return stored(file);
    }
    let files: Vec<Uploaded> = files.into_iter().map(Uploaded::from).collect();
    let kept = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (StatusCode::CREATED, kept, axum::Json(serde_json::json!({"files": files}))).into_response()
}
