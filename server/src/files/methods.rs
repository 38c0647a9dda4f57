//! The built-in methods `files/…`.

use samewire_protocol::files::{
    Cancel, CancelParams, FileList, FileRecord, Get, GetParams, Link, List, ListParams, Open, OpenParams, OpenedFile, Process,
    ProcessParams, Remove, RemoveParams, Removed, Upload, UploadParams, Uploaded,
};
use samewire_protocol::{Failure, StreamId, StreamRef};

use super::Files;
use super::link::link;
use crate::auth::Identity;
use crate::calls::{Methods, State, Stream};
use crate::session::SessionHandle;
use crate::streams::Excerpt;

/// Adds the methods `files/…`.
pub fn methods(methods: &mut Methods) {
    methods.add::<Upload, _, _>(upload);
    methods.add::<Get, _, _>(get);
    methods.add::<List, _, _>(list);
    methods.add::<Open, _, _>(open);
    methods.add::<Remove, _, _>(remove);
    methods.add::<Process, _, _>(process);
    methods.add::<Cancel, _, _>(cancel);
    methods.add::<Link, _, _>(link);
}

/// Answers as soon as the file is recorded, together with its jobs.
async fn upload(Stream(stream): Stream, params: UploadParams<StreamId>) -> Result<Uploaded, Failure> {
    stream.commit(params.name.as_deref()).await.map(Uploaded::from)
}

async fn get(State(files): State<Files>, who: Identity, params: GetParams) -> Result<FileRecord, Failure> {
    files.get(who.owner(), params.id).await
}

async fn list(State(files): State<Files>, who: Identity, params: Option<ListParams>) -> Result<FileList, Failure> {
    let ListParams { after, limit } = params.unwrap_or_default();
    files.list(who.owner(), after, limit).await
}

async fn open(session: SessionHandle, params: OpenParams) -> Result<OpenedFile<StreamRef>, Failure> {
    let OpenParams { id, part, offset, length } = params;
    let (stream, file) = session.open_file(Excerpt { file: id, part, offset: offset.unwrap_or(0), length }).await?;
    Ok(OpenedFile { stream, file })
}

async fn remove(State(files): State<Files>, who: Identity, params: RemoveParams) -> Result<Removed, Failure> {
    Ok(Removed { removed: files.remove(who.owner(), params.id).await? })
}

async fn process(State(files): State<Files>, who: Identity, params: ProcessParams) -> Result<FileRecord, Failure> {
    files.process(who.owner(), params.id, params.kind).await
}

async fn cancel(State(files): State<Files>, who: Identity, params: CancelParams) -> Result<FileRecord, Failure> {
    files.cancel(who.owner(), params.id, params.kind).await
}
