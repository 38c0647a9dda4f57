//! `POST`: a new upload, with its first bytes where they come along, or one made of others.

use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use samewire_protocol::{Code, Failure, FileId, StreamId};

use super::answer::Refusal;
use super::append::{check_type, complete, standing, take};
use super::checksum::Checked;
use super::metadata::Metadata;
use super::note::{Note, PARTIAL};
use super::{CONCAT, DEFER_LENGTH, LENGTH, METADATA, bad, number};
use crate::streams::{StreamSpec, StreamState};
use crate::uploads::{Caller, Door, Fresh};

/// What stands before the addresses of the parts.
const FINAL: &str = "final;";

/// `base` is what leads from the request's address to those of uploads.
pub(super) async fn create(
    door: &Door,
    caller: &Caller,
    base: &str,
    headers: &HeaderMap,
    body: &mut Body,
) -> Result<Response, Refusal> {
    let Metadata { told: metadata, name, media } = Metadata::parse(headers.get(METADATA))?;
    let concat = match headers.get(CONCAT).map(|value| value.to_str()) {
        None => None,
        Some(Ok(concat)) => Some(concat.trim().to_owned()),
        Some(Err(_)) => return Err(concat_form()),
    };
    let length = number(headers, &LENGTH)?;
    let deferred = match headers.get(DEFER_LENGTH).map(HeaderValue::as_bytes) {
        None => false,
        Some(b"1") => true,
        Some(_) => return Err(bad("the header Upload-Defer-Length can only be 1")),
    };
    let note = Note { metadata, concat: concat.clone() };
    let spec = StreamSpec { name, media, size: length, note: note.write() };
    match concat.as_deref() {
        None | Some(PARTIAL) => {}
        Some(concat) => {
            let parts = concat.strip_prefix(FINAL).ok_or_else(concat_form)?;
            if length.is_some() || deferred {
                return Err(bad("an upload that is made of others has their length; leave Upload-Length out"));
            }
            return join(door, caller, base, parts, spec).await;
        }
    }
    if length.is_some() == deferred {
        return Err(bad(
            "say how long the upload is with Upload-Length, or with Upload-Defer-Length: 1 that you will say it later",
        ));
    }
    let carries = !body.is_end_stream();
    if carries {
        check_type(headers)?;
    }
    let checked = Checked::of(headers)?;
    let mut fresh = Fresh::new(door.create(caller, None, spec).await?);
    let upload = fresh.upload()?;
    if carries {
        take(door, upload, body, checked).await?;
    }
    let file = complete(door, caller, upload, &note).await?;
    let offset = upload.settle().await?;
    let id = upload.id();
    // Let go of before it is told of, so that whoever goes on finds nobody to end.
    drop(fresh.keep());
    created(door, caller, (base, id), offset, file).await
}

/// One upload made of others, which are given up. Asked for again, because the answer was lost, it is the same upload.
async fn join(door: &Door, caller: &Caller, base: &str, parts: &str, spec: StreamSpec) -> Result<Response, Refusal> {
    let ids: Option<Vec<StreamId>> =
        parts.split_ascii_whitespace().map(|address| address.rsplit('/').next()?.parse().ok()).collect();
    let ids = ids.filter(|ids| !ids.is_empty()).ok_or_else(concat_form)?;
    let id = joined(&ids);
    let mut upload = match door.look(caller, id).await {
        Ok(status) => match (status.state, status.file) {
            (StreamState::Committed { .. }, file) => return created(door, caller, (base, id), status.offset, file).await,
            _ => door.hold(caller, id).await?,
        },
        Err(_) => {
            for part in &ids {
                check_part(door, caller, *part).await?;
            }
            door.join(caller, id, &ids, spec).await?
        }
    };
    let file = door.finish(caller, &mut upload, None).await?.id;
    let offset = upload.received();
    drop(upload);
    created(door, caller, (base, id), offset, Some(file)).await
}

/// The id of the upload that is made of these. It is as hard to guess as theirs.
fn joined(parts: &[StreamId]) -> StreamId {
    let mut hasher = blake3::Hasher::new_derive_key("samewire: an upload made of others, version 1");
    for part in parts {
        hasher.update(&part.bits());
    }
    let mut bits = [0; 16];
    hasher.finalize_xof().fill(&mut bits);
    StreamId::from_random(bits)
}

async fn check_part(door: &Door, caller: &Caller, id: StreamId) -> Result<(), Refusal> {
    let status = door.look(caller, id).await?;
    if !Note::read(status.spec.note.as_deref()).is_partial() {
        return Err(bad(format!("the upload {id} was not begun with Upload-Concat: partial, and becomes no part of another")));
    }
    if status.state == StreamState::Open {
        let told = format!("the upload {id} is not whole yet; send the rest of it first");
        return Err(Refusal::with(StatusCode::BAD_REQUEST, Failure::new(Code::Conflict, told)));
    }
    Ok(())
}

async fn created(
    door: &Door,
    caller: &Caller,
    (base, id): (&str, StreamId),
    offset: u64,
    file: Option<FileId>,
) -> Result<Response, Refusal> {
    let mut headers = standing(door, caller, id, offset, file).await?.headers();
    let location = HeaderValue::from_str(&format!("{base}{id}")).map_err(|_| bad("the address cannot be told"))?;
    headers.insert(header::LOCATION, location);
    Ok((StatusCode::CREATED, headers).into_response())
}

fn concat_form() -> Refusal {
    bad("the header Upload-Concat is neither `partial` nor `final;` and the addresses of uploads")
}
