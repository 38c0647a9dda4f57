//! `HEAD` and `GET`: how far an upload is (section "Offset Retrieval").

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use samewire_protocol::{Code, Failure, StreamId};

use super::answer::{Refusal, limits};
use super::{COMPLETE, LENGTH, LIMIT, NO, OFFSET, YES};
use crate::streams::StreamState;
use crate::uploads::{Caller, Door, FILE_HEADER};

/// How many requests of a client that asks may still be on their way to the server.
const TRIES: usize = 8;

/// Who asks is about to go on: whoever sent before is ended, so that the answer stays right. Only a session that holds the upload is
/// left alone.
pub(super) async fn head(door: &Door, caller: &Caller, id: StreamId) -> Result<Response, Refusal> {
    let mut status = door.look(caller, id).await?;
    if status.state == StreamState::Open && status.session.is_none() {
        end_sender(door, caller, id).await?;
        status = door.look(caller, id).await?;
    }
    let complete = matches!(status.state, StreamState::Committed { .. });
    let mut headers = HeaderMap::new();
    headers.insert(OFFSET, status.offset.into());
    headers.insert(COMPLETE, if complete { YES } else { NO });
    headers.insert(LIMIT, limits(caller.allowance.max_upload, Some(status.expires)));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.extend(status.size.map(|size| (LENGTH, size.into())));
    headers.extend(status.file.and_then(|file| Some((FILE_HEADER, HeaderValue::try_from(file.to_string()).ok()?))));
    Ok((StatusCode::NO_CONTENT, headers).into_response())
}

/// A request that was sent before may be begun after this one: it is ended all the same, as often as it takes.
async fn end_sender(door: &Door, caller: &Caller, id: StreamId) -> Result<(), Failure> {
    for _ in 0..TRIES {
        match door.hold(caller, id).await {
            Err(failure) if failure.code == Code::Superseded => {}
            held => return held.map(drop),
        }
    }
    Err(Failure::new(Code::Superseded, "others go on with the upload all the time; ask when they are done"))
}
