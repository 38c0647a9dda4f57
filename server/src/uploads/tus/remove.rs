//! `DELETE`: an upload is given up, or the file that it became is removed.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use samewire_protocol::StreamId;

use super::answer::Refusal;
use crate::uploads::{Caller, Door};

pub(super) async fn remove(door: &Door, caller: &Caller, id: StreamId) -> Result<Response, Refusal> {
    door.cancel(caller, id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
