//! What a sender is told who cannot have what he wants.

use samewire_protocol::{Code, Failure, FileId, StreamId};

use super::MAX_PER_OWNER;
use crate::limits::Allowance;

/// Every way of not being there is told in these words where no session asks.
#[must_use]
pub fn no_upload(id: StreamId) -> Failure {
    let told = "it never was, has expired, or belongs to somebody else; begin a new one";
    Failure::new(Code::StreamNotFound, format!("you have no upload {id}: {told}"))
}

/// Every way of not being there is told in these words.
#[must_use]
pub fn not_found(id: StreamId) -> Failure {
    let told = "it never was, has expired, or belongs to another session; open a new stream";
    Failure::new(Code::StreamNotFound, format!("this session has no stream {id}: {told}"))
}

/// The asker has no such file, whatever the reason.
pub(crate) fn no_file(file: FileId, part: Option<&str>) -> Failure {
    let told = match part {
        Some(part) => format!("you have no file {file} with a part {part:?}; its record names the parts that it has"),
        None => format!("you have no file {file}"),
    };
    Failure::new(Code::FileNotFound, told)
}

pub(super) fn too_big(max: u64) -> Failure {
    Failure::new(Code::TooBig, format!("you may send streams of up to {max} bytes"))
}

pub(super) fn superseded() -> Failure {
    Failure::new(Code::Superseded, "the stream was continued by a newer connection")
}

pub(super) fn too_many() -> Failure {
    let told = format!("you have {MAX_PER_OWNER} streams under way; finish or abort one of them first");
    Failure::new(Code::TooManyStreams, told)
}

pub(super) fn no_room(left: u64, allowance: Allowance) -> Failure {
    let quota = allowance.quota;
    let told = format!("your files and streams leave room for {left} of {quota} bytes; remove some first");
    Failure::new(Code::QuotaExceeded, told)
}

pub(super) fn taken() -> Failure {
    Failure::new(Code::BadRequest, "the id of the stream is taken by another stream of yours; draw a new one at random")
}
