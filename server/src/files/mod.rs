//! An app on the primitives: stored files. It uses only what an embedding program can use too.

mod link;
pub(crate) mod rest;

use samewire_protocol::files::{
    FileList, Link, List, ListParams, MAX_LISTED, Open, OpenParams, OpenedFile, Remove, RemoveParams, Removed, Upload,
    UploadParams, Uploaded,
};
use samewire_protocol::{Failure, StreamId, StreamRef};

use crate::auth::Identity;
use crate::calls::{Methods, State, Stream};
use crate::session::SessionHandle;
use crate::store::Store;

pub(crate) use link::FileLinks;

/// Adds `files/upload`, `files/list`, `files/open`, `files/remove` and `files/link`.
pub fn methods(methods: &mut Methods) {
    methods.add::<Upload, _, _>(upload);
    methods.add::<List, _, _>(list);
    methods.add::<Open, _, _>(open);
    methods.add::<Remove, _, _>(remove);
    methods.add::<Link, _, _>(link::link);
}

async fn upload(Stream(stream): Stream, params: UploadParams<StreamId>) -> Result<Uploaded, Failure> {
    stream.commit(params.name.as_deref()).await.map(Uploaded::from)
}

async fn list(State(store): State<Store>, who: Identity, _: Option<ListParams>) -> Result<FileList, Failure> {
    Ok(FileList { files: store.files(who.owner(), MAX_LISTED).await?, more: false })
}

async fn open(session: SessionHandle, params: OpenParams) -> Result<OpenedFile<StreamRef>, Failure> {
    let (stream, file) = session.open_file(params.id).await?;
    Ok(OpenedFile { stream, file })
}

async fn remove(State(store): State<Store>, who: Identity, params: RemoveParams) -> Result<Removed, Failure> {
    Ok(Removed { removed: store.remove_file(who.owner(), params.id).await? })
}
