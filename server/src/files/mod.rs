//! An app on the primitives: stored files. It uses only what an embedding program can use too.

use samewire_protocol::files::{
    FileList, FileRecord, List, ListParams, Open, OpenParams, OpenedFile, Remove, RemoveParams, Removed, Upload, UploadParams,
};
use samewire_protocol::{Failure, StreamId, StreamRef};

use crate::auth::Identity;
use crate::calls::{Methods, State, Stream};
use crate::session::SessionHandle;
use crate::store::Store;

/// Adds `files/upload`, `files/list`, `files/open` and `files/remove`.
pub fn methods(methods: &mut Methods) {
    methods.add::<Upload, _, _>(upload);
    methods.add::<List, _, _>(list);
    methods.add::<Open, _, _>(open);
    methods.add::<Remove, _, _>(remove);
}

/// How many files a list shows at most.
const MOST_LISTED: u32 = 1_000;

async fn upload(Stream(stream): Stream, params: UploadParams<StreamId>) -> Result<FileRecord, Failure> {
    stream.commit(params.name.as_deref()).await
}

async fn list(State(store): State<Store>, who: Identity, _: Option<ListParams>) -> Result<FileList, Failure> {
    Ok(FileList { files: store.files(who.owner(), MOST_LISTED).await? })
}

async fn open(session: SessionHandle, params: OpenParams) -> Result<OpenedFile<StreamRef>, Failure> {
    let (stream, file) = session.open_file(params.id).await?;
    Ok(OpenedFile { stream, file })
}

async fn remove(State(store): State<Store>, who: Identity, params: RemoveParams) -> Result<Removed, Failure> {
    Ok(Removed { removed: store.remove_file(who.owner(), params.id).await? })
}
