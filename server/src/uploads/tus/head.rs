//! `HEAD`: how far an upload is.

use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use samewire_protocol::StreamId;

use super::answer::Refusal;
use super::append::{complete, standing};
use super::note::Note;
use super::{CONCAT, DEFER_LENGTH, LENGTH, METADATA};
use crate::streams::{StreamState, no_upload};
use crate::uploads::{Caller, Door};

/// Who asks is about to go on: whoever sent before is ended, so that the answer stays right. Only a session that holds the upload is
/// left alone.
pub(super) async fn head(door: &Door, caller: &Caller, id: StreamId) -> Result<Response, Refusal> {
    let status = door.look(caller, id).await?;
    let note = Note::read(status.spec.note.as_deref());
    let (mut offset, mut file) = (status.offset, status.file);
    if let (StreamState::Committed { .. }, Some(file)) = (status.state, file)
        && door.app.streams.store().file(caller.owner(), file).await.map_err(samewire_protocol::Failure::from)?.is_none()
    {
        return Err(Refusal::with(StatusCode::GONE, no_upload(id)));
    }
    let taken_up = match status.state {
        StreamState::Open => status.session.is_none(),
        StreamState::Whole { .. } => !note.is_partial(),
        StreamState::Committed { .. } => false,
    };
    let mut size = status.size;
    if taken_up {
        let mut upload = door.hold(caller, id).await?;
        // The request that sent the last byte may have come to grief before it made a file of them.
        file = complete(door, caller, &mut upload, &note).await?;
        (offset, size) = (upload.received(), upload.size());
    }
    let mut headers = standing(door, caller, id, offset, file).await?.headers();
    match size {
        Some(size) => headers.insert(LENGTH, size.into()),
        None => headers.insert(DEFER_LENGTH, HeaderValue::from_static("1")),
    };
    tell(&mut headers, &note);
    Ok((StatusCode::OK, headers).into_response())
}

fn tell(headers: &mut HeaderMap, note: &Note) {
    for (name, told) in [(METADATA, &note.metadata), (CONCAT, &note.concat)] {
        headers.extend(told.as_deref().and_then(|told| Some((name, HeaderValue::from_str(told).ok()?))));
    }
}
