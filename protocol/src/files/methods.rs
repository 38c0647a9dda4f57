//! The contracts of the built-in methods `files/…`.

use serde::{Deserialize, Serialize};

use super::FileRecord;
use crate::id::{FileId, StreamId};
use crate::method::{AnyRoute, Method, SessionRoute, StreamRef};

/// `files/upload`: makes a stored file of a stream, once all of it has arrived and is verified. Its processing follows.
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
    type Output = Uploaded;
    type Reply = Uploaded;
}

/// What `files/upload` answers: the record, and what it comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Uploaded {
    /// The file; on the wire, its fields stand beside the others.
    #[serde(flatten)]
    pub file: FileRecord,
    /// The file's id.
    pub file_id: FileId,
    /// The same, for a video.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video_id: Option<FileId>,
    /// Whether nothing is left to be done: there was nothing to process, or all of it is done.
    pub is_processed: bool,
}

impl From<FileRecord> for Uploaded {
    fn from(file: FileRecord) -> Self {
        let is_video = file.media.as_deref().is_some_and(|media| media.starts_with("video/"));
        Self { file_id: file.id, video_id: is_video.then_some(file.id), is_processed: file.state.is_processed(), file }
    }
}

/// `files/get`: one of the caller's files.
#[derive(Clone, Copy, Debug)]
pub struct Get;

/// What `files/get` takes.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct GetParams {
    /// The file.
    pub id: FileId,
}

impl Method for Get {
    const NAME: &'static str = "files/get";
    const TITLE: &'static str = "Look at one of your files";
    const IDEMPOTENT: bool = true;
    type Route = AnyRoute;
    type Params = GetParams;
    type Args = GetParams;
    type Output = FileRecord;
    type Reply = FileRecord;
}

/// `files/list`: the caller's files, the newest first.
#[derive(Clone, Copy, Debug)]
pub struct List;

/// The most files on one page of a list.
pub const MAX_LISTED: u32 = 1_000;

/// What `files/list` takes.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct ListParams {
    /// The last file of the page before. Default: the list begins with the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<FileId>,
    /// How many files. Default and most [`MAX_LISTED`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// What `files/list` answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FileList {
    /// The files, the newest first.
    pub files: Vec<FileRecord>,
    /// Whether there are more behind them.
    #[serde(default)]
    pub more: bool,
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

/// `files/open`: opens a stream from the server that carries a file's content, or that of a part, or a range of either.
#[derive(Clone, Copy, Debug)]
pub struct Open;

/// What `files/open` takes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OpenParams {
    /// The file.
    pub id: FileId,
    /// One of the file's parts. Default: the file itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// The first byte. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// How many bytes. Default: up to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
}

impl OpenParams {
    /// All of a file.
    #[must_use]
    pub fn file(id: FileId) -> Self {
        Self { id, part: None, offset: None, length: None }
    }
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

/// `files/process`: does again what came to nothing or was given up; the answer is the file as it is then.
#[derive(Clone, Copy, Debug)]
pub struct Process;

/// What `files/process` takes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProcessParams {
    /// The file.
    pub id: FileId,
    /// What to do. Default: everything that came to nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

impl Method for Process {
    const NAME: &'static str = "files/process";
    const TITLE: &'static str = "Process one of your files again, after it failed or was given up";
    const IDEMPOTENT: bool = false;
    type Route = AnyRoute;
    type Params = ProcessParams;
    type Args = ProcessParams;
    type Output = FileRecord;
    type Reply = FileRecord;
}

/// `files/cancel`: gives up the processing of a file, and leaves the file; the answer is the file as it is then.
#[derive(Clone, Copy, Debug)]
pub struct Cancel;

/// What `files/cancel` takes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CancelParams {
    /// The file.
    pub id: FileId,
    /// What to give up. Default: everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

impl Method for Cancel {
    const NAME: &'static str = "files/cancel";
    const TITLE: &'static str = "Give up the processing of one of your files";
    const IDEMPOTENT: bool = true;
    type Route = AnyRoute;
    type Params = CancelParams;
    type Args = CancelParams;
    type Output = FileRecord;
    type Reply = FileRecord;
}

/// `files/link`: an address at which a file's content is read over HTTP by whoever has it, for a while: for a page's `<video>`,
/// which cannot send a token.
#[derive(Clone, Copy, Debug)]
pub struct Link;

/// What `files/link` takes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LinkParams {
    /// The file.
    pub id: FileId,
    /// One of the file's parts. Default: the file itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// For how long, in milliseconds. Default and most: the server's choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u64>,
}

/// What `files/link` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileLink {
    /// The address, without the server's origin.
    pub url: String,
    /// Until when it is good, in milliseconds since 1970-01-01 UTC.
    pub expires: u64,
}

impl Method for Link {
    const NAME: &'static str = "files/link";
    const TITLE: &'static str = "Make an address at which one of your files can be read for a while";
    const IDEMPOTENT: bool = true;
    type Route = AnyRoute;
    type Params = LinkParams;
    type Args = LinkParams;
    type Output = FileLink;
    type Reply = FileLink;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::files::FileState;

    #[test]
    fn an_uploaded_video_says_so_beside_its_record() {
        let id = FileId::from_random([1; 16]);
        let file = FileRecord {
            id,
            name: "clip.mp4".into(),
            size: 3,
            media: Some("video/mp4".into()),
            digest: Digest::of(b"abc"),
            created: 1,
            state: FileState::Processing,
            processing: Vec::new(),
            parts: Vec::new(),
        };
        let uploaded = Uploaded::from(file);
        let json = serde_json::to_value(&uploaded).unwrap();
        assert_eq!((&json["videoId"], &json["fileId"], &json["id"]), (&json["id"], &json["id"], &id.to_string().into()));
        assert_eq!((&json["isProcessed"], &json["name"]), (&false.into(), &"clip.mp4".into()));
        let text = json.to_string();
        assert_eq!(serde_json::from_str::<Uploaded>(&text).unwrap(), uploaded);
        assert_eq!(serde_json::from_str::<FileRecord>(&text).unwrap(), uploaded.file);
    }
}
