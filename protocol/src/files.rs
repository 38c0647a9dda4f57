//! The contracts of the built-in methods `files/…`.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::id::{FileId, StreamId};
use crate::method::{AnyRoute, Method, SessionRoute, StreamRef};

/// A stored file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// The file's id.
    pub id: FileId,
    /// The name that the uploader gave.
    pub name: String,
    /// The size in bytes.
    pub size: u64,
    /// The media type that the uploader gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media: Option<String>,
    /// The digest of the content.
    pub digest: Digest,
    /// When it was stored, in milliseconds since 1970-01-01 UTC.
    pub created: u64,
}

/// `files/upload`: makes a stored file of a stream, once all of it has arrived and is verified.
#[derive(Clone, Copy, Debug)]
pub struct Upload;

/// What `files/upload` takes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UploadParams<S> {
    /// The stream. Also accepted under the name `streamId`.
    #[serde(alias = "streamId")]
    pub stream: S,
    /// The file's name; that of the stream by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Method for Upload {
    const NAME: &'static str = "files/upload";
    const TITLE: &'static str = "Store a stream as a file, once it is whole and verified";
    const IDEMPOTENT: bool = true;
    type Route = SessionRoute;
    type Params = UploadParams<StreamRef>;
    type Args = UploadParams<StreamId>;
    type Output = FileRecord;
    type Reply = FileRecord;
}

/// `files/list`: the caller's files, the newest first.
#[derive(Clone, Copy, Debug)]
pub struct List;

/// What `files/list` takes: nothing.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct ListParams {}

/// What `files/list` answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FileList {
    /// The files, the newest first.
    pub files: Vec<FileRecord>,
}

impl Method for List {
    const NAME: &'static str = "files/list";
    const TITLE: &'static str = "List your stored files, the newest first";
    const IDEMPOTENT: bool = true;
    type Route = AnyRoute;
    type Params = ListParams;
    type Args = Option<ListParams>;
    type Output = FileList;
    type Reply = FileList;
}

/// `files/open`: opens a stream from the server that carries a file's content.
#[derive(Clone, Copy, Debug)]
pub struct Open;

/// What `files/open` takes.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct OpenParams {
    /// The file.
    pub id: FileId,
}

/// What `files/open` answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OpenedFile<S> {
    /// The stream, which belongs to this session.
    pub stream: S,
    /// The file.
    pub file: FileRecord,
}

impl Method for Open {
    const NAME: &'static str = "files/open";
    const TITLE: &'static str = "Open a stream with a file's content";
    const IDEMPOTENT: bool = true;
    type Route = SessionRoute;
    type Params = OpenParams;
    type Args = OpenParams;
    type Output = OpenedFile<StreamRef>;
    type Reply = OpenedFile<StreamId>;
}

/// `files/remove`: removes a file.
#[derive(Clone, Copy, Debug)]
pub struct Remove;

/// What `files/remove` takes.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct RemoveParams {
    /// The file.
    pub id: FileId,
}

/// What `files/remove` answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// Whether there was such a file.
    pub removed: bool,
}

impl Method for Remove {
    const NAME: &'static str = "files/remove";
    const TITLE: &'static str = "Remove one of your files";
    const IDEMPOTENT: bool = true;
    type Route = AnyRoute;
    type Params = RemoveParams;
    type Args = RemoveParams;
    type Output = Removed;
    type Reply = Removed;
}
