//! `PATCH`: the next bytes (section "Upload Append"), and what all requests with bytes have in common.

use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use samewire_protocol::{Code, Failure, StreamId};
use tokio::io::AsyncReadExt;

use super::answer::{Refusal, complete, incomplete, limits};
use super::digests::{CONTENT_DIGEST, Computed, Expected, Hasher};
use super::note::Note;
use super::told::Told;
use super::{COMPLETE, LENGTH, OFFSET, fields};
use crate::streams::{StreamState, Upload, UploadStatus, no_file, no_upload};
use crate::uploads::{Caller, Door};

/// The type of a body with the next bytes of an upload.
pub(super) const PARTIAL: &str = "application/partial-upload";

/// How much of an upload is read at a time for its digest.
const PIECE: usize = 256 * 1024;

pub(super) async fn append(
    door: &Door,
    caller: &Caller,
    id: StreamId,
    headers: &HeaderMap,
    told: Told,
    body: &mut Body,
) -> Result<Response, Refusal> {
    let status = door.look(caller, id).await?;
    let (offset, completes) = said(headers)?;
    if let StreamState::Committed { .. } = status.state {
        let asks = completes && body.is_end_stream();
        return replay(door, caller, id, status, (offset, asks)).await;
    }
    // What cannot be right whatever is still on its way is refused before anybody is ended for it.
    if offset < status.offset {
        return Err(Refusal::offset(status.offset, offset));
    }
    let length = length(headers, completes, offset)?;
    let mut upload = door.hold(caller, id).await?;
    if upload.received() != offset {
        return Err(Refusal::offset(upload.received(), offset));
    }
    if let Some(length) = length {
        let declared = upload.declare(length).await;
        declared.map_err(|failure| Refusal::from(failure).limited(|| limits(caller.allowance.max_upload, None)))?;
    }
    let note = Note::read(status.spec.note.as_deref());
    match take(door, &mut upload, headers, told, body).await {
        Ok(()) if completes => finish(door, caller, &mut upload, &note).await,
        Ok(()) => {
            let offset = upload.settle().await?;
            drop(upload);
            let expires = door.look(caller, id).await?.expires;
            Ok(incomplete(StatusCode::NO_CONTENT, offset, limits(caller.allowance.max_upload, Some(expires))))
        }
        Err(refusal) => Err(give_up_if_wrong(upload, refusal).limited(|| limits(caller.allowance.max_upload, None))),
    }
}

/// Where the bytes begin, and whether they are the last ones.
fn said(headers: &HeaderMap) -> Result<(u64, bool), Refusal> {
    let bad = |told: &str| Refusal::from(Failure::new(Code::BadRequest, told));
    let media = headers.get(header::CONTENT_TYPE).and_then(|media| media.to_str().ok()).unwrap_or_default();
    if !media.split(';').next().is_some_and(|media| media.trim().eq_ignore_ascii_case(PARTIAL)) {
        let told = format!("bytes of an upload are sent with the header Content-Type: {PARTIAL}");
        return Err(Failure::new(Code::UnsupportedMedia, told).into());
    }
    let offset = fields::integer(headers, &OFFSET);
    let offset = offset.ok_or_else(|| bad("the header Upload-Offset says where the bytes begin, as a whole number"))?;
    let completes = fields::boolean(headers, &COMPLETE);
    let completes =
        completes.ok_or_else(|| bad("the header Upload-Complete says with ?1 or ?0 whether these are the last bytes"))?;
    Ok((offset, completes))
}

/// How long the upload is, as far as the request says so: all that it says must be the same (section "Length").
pub(super) fn length(headers: &HeaderMap, completes: bool, offset: u64) -> Result<Option<u64>, Refusal> {
    let length = fields::integer(headers, &LENGTH);
    let content =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()).and_then(|text| text.parse::<u64>().ok());
    let end = content.map(|content| offset.saturating_add(content));
    match (length, end) {
        (Some(length), Some(end)) if completes && end != length => {
            let told = format!("the request ends the upload at {end} bytes, and Upload-Length says {length}");
            Err(Refusal::length(told))
        }
        (Some(length), Some(end)) if end > length => {
            Err(Refusal::length(format!("the request goes on to byte {end} of an upload of {length}")))
        }
        (None, end) => Ok(end.filter(|_| completes)),
        (length, _) => Ok(length),
    }
}

/// Takes the body into the upload: as it comes, or as a whole when it has a digest.
pub(super) async fn take(
    door: &Door,
    upload: &mut Upload,
    headers: &HeaderMap,
    mut told: Told,
    body: &mut Body,
) -> Result<(), Refusal> {
    let left = upload.size().map(|size| size.saturating_sub(upload.received()));
    if left.is_some_and(|left| body.size_hint().lower() > left) {
        return Err(Refusal::length("the request carries more than is left of the upload"));
    }
    if upload.state() != StreamState::Open {
        // All bytes are there; nothing can be added, and the end is said once more.
        return Ok(());
    }
    let incoming = upload.incoming();
    let Some(expected) = Expected::read(headers, &CONTENT_DIGEST) else {
        door.write(upload, body, |_| told.progress(&incoming)).await?;
        return Ok(());
    };
    let mut hasher = Hasher::new(expected.kind);
    upload.begin_part().await?;
    door.write(upload, body, |bytes| hasher.update(bytes)).await?;
    if let Err(failure) = expected.verify(&hasher.finish()) {
        upload.discard_part().await?;
        return Err(failure.into());
    }
    upload.commit_part().await?;
    Ok(())
}

/// Makes a file of an upload whose bytes are all there.
pub(super) async fn finish(door: &Door, caller: &Caller, upload: &mut Upload, note: &Note) -> Result<Response, Refusal> {
    if upload.size().is_none() {
        upload.declare(upload.received()).await?;
    }
    let mut digest = None;
    if let Some(kind) = note.expected.as_ref().map(|expected| expected.kind).or(note.wanted) {
        upload.finish(None).await?;
        let computed = hash(upload, kind).await?;
        if let Some(expected) = &note.expected
            && let Err(failure) = expected.verify(&computed)
        {
            let id = upload.id();
            door.app.streams.give_up(caller.owner(), id, failure.clone());
            return Err(failure.into());
        }
        digest = Some(computed);
    }
    let file = door.finish(caller, upload, None).await?;
    Ok(complete(file, digest))
}

async fn hash(upload: &Upload, kind: super::digests::Kind) -> Result<Computed, Failure> {
    let mut reader = upload.incoming().reader();
    let mut hasher = Hasher::new(kind);
    let mut piece = vec![0; PIECE];
    loop {
        let count = reader.read(&mut piece).await;
        let count = count.map_err(|_| Failure::new(Code::Internal, "the upload cannot be read back for its digest"))?;
        if count == 0 {
            return Ok(hasher.finish());
        }
        hasher.update(piece.get(..count).unwrap_or_default());
    }
}

/// An upload that went beyond its length takes no more part in anything (section "Upload Append").
fn give_up_if_wrong(upload: Upload, refusal: Refusal) -> Refusal {
    if *refusal.code() == Code::SizeMismatch {
        upload.abort(Failure::new(Code::SizeMismatch, "more came than the upload's length; begin a new one"));
    }
    refusal
}

/// The answer once more, for a client that did not hear it.
async fn replay(
    door: &Door,
    caller: &Caller,
    id: StreamId,
    status: UploadStatus,
    (offset, asks): (u64, bool),
) -> Result<Response, Refusal> {
    if offset != status.offset {
        return Err(Refusal::offset(status.offset, offset));
    }
    if !asks {
        let told = "the upload is complete, and nothing can be added to it; begin a new one for other bytes";
        return Err(Failure::new(Code::Conflict, told).into());
    }
    let id = status.file.ok_or_else(|| no_upload(id))?;
    let file = door.app.streams.store().file(caller.owner(), id).await.map_err(Failure::from)?;
    Ok(complete(file.ok_or_else(|| no_file(id, None))?, None))
}
