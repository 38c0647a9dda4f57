//! `PATCH`: the next bytes of an upload.

use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use samewire_protocol::{Code, Failure, FileId, StreamId};

use super::answer::{Refusal, Standing};
use super::checksum::Checked;
use super::note::Note;
use super::{BYTES, LENGTH, OFFSET, bad, number};
use crate::streams::{StreamState, Upload, UploadStatus};
use crate::uploads::{Caller, Door};

pub(super) async fn append(
    door: &Door,
    caller: &Caller,
    id: StreamId,
    headers: &HeaderMap,
    body: &mut Body,
) -> Result<Response, Refusal> {
    check_type(headers)?;
    let offset =
        number(headers, &OFFSET)?.ok_or_else(|| bad("the header Upload-Offset is missing; it says where the bytes begin"))?;
    let length = number(headers, &LENGTH)?;
    let checked = Checked::of(headers)?;
    let status = door.look(caller, id).await?;
    let note = Note::read(status.spec.note.as_deref());
    if note.is_final() {
        let told = "an upload that was made of others takes no bytes";
        return Err(Refusal::with(StatusCode::FORBIDDEN, Failure::new(Code::Forbidden, told)));
    }
    check_offset(&status, offset)?;
    let mut upload = door.hold(caller, id).await?;
    if upload.received() != offset {
        return Err(wrong_offset(upload.received(), offset));
    }
    if let Some(length) = length {
        // The status of a size that does not fit is another one when it is only said.
        upload.declare(length).await.map_err(|failure| match failure.code {
            Code::SizeMismatch => Refusal::with(StatusCode::BAD_REQUEST, failure),
            _ => failure.into(),
        })?;
    }
    take(door, &mut upload, body, checked).await?;
    let file = complete(door, caller, &mut upload, &note).await?;
    let offset = upload.settle().await?;
    drop(upload);
    let standing = standing(door, caller, id, offset, file).await?;
    Ok((StatusCode::NO_CONTENT, standing.headers()).into_response())
}

/// Whether the body says that it holds bytes of an upload.
pub(super) fn check_type(headers: &HeaderMap) -> Result<(), Refusal> {
    if headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().eq_ignore_ascii_case(BYTES.as_bytes())) {
        return Ok(());
    }
    let told = format!("bytes of an upload are sent with the header Content-Type: {BYTES}");
    Err(Refusal::with(StatusCode::UNSUPPORTED_MEDIA_TYPE, Failure::new(Code::UnsupportedMedia, told)))
}

/// Refuses what cannot be right whatever is still on its way, before anybody is ended for it.
fn check_offset(status: &UploadStatus, offset: u64) -> Result<(), Refusal> {
    let open = status.state == StreamState::Open;
    if offset < status.offset || (!open && offset != status.offset) {
        return Err(wrong_offset(status.offset, offset));
    }
    Ok(())
}

fn wrong_offset(received: u64, offset: u64) -> Refusal {
    let told =
        format!("the next byte of the upload is number {received}, and those from {offset} came; ask with HEAD how far it is");
    Failure::new(Code::BadOffset, told).into()
}

/// Takes the body into the upload: as it comes, or as a whole when it has a checksum.
pub(super) async fn take(door: &Door, upload: &mut Upload, body: &mut Body, checked: Option<Checked>) -> Result<(), Refusal> {
    // What is going to be too much is refused before any of it is taken.
    let left = upload.size().map(|size| size.saturating_sub(upload.received()));
    if let Some(left) = left.filter(|left| body.size_hint().lower() > *left) {
        let told = format!("the upload takes {left} bytes more, and the request has more than that");
        return Err(Failure::new(Code::SizeMismatch, told).into());
    }
    // To a finished one nothing can be added, so there is nothing to be compared.
    let Some(mut checked) = checked.filter(|_| upload.state() == StreamState::Open) else {
        door.write(upload, body, |_| {}).await?;
        return Ok(());
    };
    upload.begin_part().await?;
    let trailers = door.write(upload, body, |bytes| checked.update(bytes)).await?;
    if let Err(refusal) = checked.verify(trailers.as_ref()) {
        upload.discard_part().await?;
        return Err(refusal);
    }
    upload.commit_part().await?;
    Ok(())
}

/// Ends an upload all of whose bytes are there. One that is to become a part of another is no file.
pub(super) async fn complete(
    door: &Door,
    caller: &Caller,
    upload: &mut Upload,
    note: &Note,
) -> Result<Option<FileId>, Refusal> {
    if upload.size() != Some(upload.received()) {
        return Ok(None);
    }
    if note.is_partial() {
        upload.finish(None).await?;
        return Ok(None);
    }
    Ok(Some(door.finish(caller, upload, None).await?.id))
}

/// How far an upload is that nobody holds any more.
pub(super) async fn standing(
    door: &Door,
    caller: &Caller,
    id: StreamId,
    offset: u64,
    file: Option<FileId>,
) -> Result<Standing, Refusal> {
    let expires = match file {
        Some(_) => None,
        None => Some(door.look(caller, id).await?.expires),
    };
    Ok(Standing { offset, expires, file })
}
