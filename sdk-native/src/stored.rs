//! Stored files: what is made of streams, how their processing goes, what comes back.

use std::fmt;

use samewire_protocol::files::{
    Cancel, CancelParams, FileEvent, FileLink, FileList, FileRecord, Get, GetParams, LinkParams, List, ListParams, Open,
    OpenParams, Process, ProcessParams, ROOM_KIND, Remove, RemoveParams, Upload as Store, UploadParams, Uploaded,
};
use samewire_protocol::{Code, Failure, FileId, StreamRef, files};

use crate::client::Client;
use crate::read::Download;
use crate::rooms::{JoinOptions, Room, RoomEvent, RoomStatus};

/// The caller's stored files.
///
/// ```no_run
/// # async fn run(client: samewire::Client) -> Result<(), Box<dyn std::error::Error>> {
/// use samewire::{Excerpt, Source, StreamOptions};
///
/// let files = client.files();
/// let upload = client.upload(Source::file("holiday.mov").await?, StreamOptions::named("holiday.mov"));
/// let stored = files.store(upload.stream(), None).await?;
///
/// // What the server makes of it is told as it goes on.
/// let mut watch = files.watch(stored.file_id).await?;
/// while let Some(event) = watch.next().await? {
///     println!("{}: {event:?}", watch.record()?.name);
/// }
///
/// let (record, mut first) = files.open(stored.file_id, Excerpt::range(0, 1024).of("video")).await?;
/// # let _ = (record, first.next().await);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Files {
    client: Client,
}

/// Which bytes of a file are wanted. Default: all of the file itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Excerpt {
    part: Option<String>,
    offset: Option<u64>,
    length: Option<u64>,
}

impl Excerpt {
    /// All of the file.
    pub fn whole() -> Self {
        Self::default()
    }

    /// So many bytes from an offset on.
    pub fn range(offset: u64, length: u64) -> Self {
        Self { part: None, offset: Some(offset), length: Some(length) }
    }

    /// Everything from an offset on.
    pub fn from(offset: u64) -> Self {
        Self { part: None, offset: Some(offset), length: None }
    }

    /// The same of one of the file's parts: of what processing made of it.
    pub fn of(self, part: impl Into<String>) -> Self {
        Self { part: Some(part.into()), ..self }
    }
}

impl Client {
    /// The caller's stored files.
    #[must_use]
    pub fn files(&self) -> Files {
        Files { client: self.clone() }
    }
}

impl Files {
    /// Makes a file of a stream, once all of it has arrived and is verified. Its processing follows. Without a name it has that of
    /// the stream.
    pub async fn store(&self, stream: StreamRef, name: Option<String>) -> Result<Uploaded, Failure> {
        self.client.call::<Store>(&UploadParams { stream, name }).await
    }

    /// One of the files.
    pub async fn get(&self, id: FileId) -> Result<FileRecord, Failure> {
        self.client.call::<Get>(&GetParams { id }).await
    }

    /// The files, the newest first, 1,000 at most on a page; `after` is the last one of the page before.
    pub async fn list(&self, after: Option<FileId>) -> Result<FileList, Failure> {
        self.client.call::<List>(&ListParams { after, limit: None }).await
    }

    /// Removes a file. Tells whether there was such a file.
    pub async fn remove(&self, id: FileId) -> Result<bool, Failure> {
        Ok(self.client.call::<Remove>(&RemoveParams { id }).await?.removed)
    }

    /// Opens a file's content for reading. The digest that [`Download::digest`] gives at the end is that of the excerpt.
    pub async fn open(&self, id: FileId, excerpt: Excerpt) -> Result<(FileRecord, Download), Failure> {
        let Excerpt { part, offset, length } = excerpt;
        let opened = self.client.call::<Open>(&OpenParams { id, part, offset, length }).await?;
        Ok((opened.file, self.client.stream(opened.stream).await?))
    }

    /// An address at which whoever has it can read a file, or one of its parts, over HTTP, for so many milliseconds or as long as
    /// the server thinks fit.
    pub async fn link(&self, id: FileId, part: Option<String>, ttl: Option<u64>) -> Result<FileLink, Failure> {
        let link = self.client.call::<files::Link>(&LinkParams { id, part, ttl }).await?;
        let url = if link.url.starts_with('/') { format!("{}{}", self.client.http().url(), link.url) } else { link.url };
        Ok(FileLink { url, ..link })
    }

    /// Does again what came to nothing or was given up: one kind of processing, or all of it.
    pub async fn process(&self, id: FileId, kind: Option<String>) -> Result<FileRecord, Failure> {
        self.client.call::<Process>(&ProcessParams { id, kind }).await
    }

    /// Gives up the processing of a file: one kind of it, or all.
    pub async fn cancel(&self, id: FileId, kind: Option<String>) -> Result<FileRecord, Failure> {
        self.client.call::<Cancel>(&CancelParams { id, kind }).await
    }

    /// Follows a file: how its processing goes, until the file is removed or the watch is dropped.
    pub async fn watch(&self, id: FileId) -> Result<FileWatch, Failure> {
        let room = self.client.join(&format!("{ROOM_KIND}:{id}"), JoinOptions::new().presence(false)).await?;
        Ok(FileWatch { room })
    }
}

/// A file as it is, and what happens to it.
pub struct FileWatch {
    room: Room,
}

impl FileWatch {
    /// The file as it is now, whatever was heard of it.
    pub fn record(&self) -> Result<FileRecord, Failure> {
        self.room.state_as().map_err(|error| unreadable(&error))
    }

    /// The next thing that happens to it; `None` when this program has left its room. Fails when the file is gone, or may no longer
    /// be seen. What was missed, on a lost connection that was away for long, is not told later: [`FileWatch::record`] is right all
    /// the same.
    pub async fn next(&mut self) -> Result<Option<FileEvent>, Failure> {
        loop {
            match self.room.next().await {
                Some(RoomEvent::Message(message)) => {
                    let payload = message.json().map_or("null", |json| json.get());
                    let event = FileEvent::read(message.name.as_str(), payload).map_err(|error| unreadable(&error))?;
                    if event.is_some() {
                        return Ok(event);
                    }
                }
                Some(_) => {}
                None => {
                    return match self.room.status() {
                        RoomStatus::Left { why: Some(why) } => Err(why),
                        _ => Ok(None),
                    };
                }
            }
        }
    }

    /// Waits until nothing of its processing goes on any more, and gives the file as it is then: `ready`, `failed`, or `stored` where
    /// there is nothing to process.
    pub async fn settled(&mut self) -> Result<FileRecord, Failure> {
        let mut state = self.room.watch_state();
        let mut status = self.room.watch_status();
        loop {
            state.mark_unchanged();
            let record = self.record()?;
            if record.state != files::FileState::Processing {
                return Ok(record);
            }
            if let RoomStatus::Left { why } = status.borrow_and_update().clone() {
                return Err(why.unwrap_or_else(|| Failure::new(Code::NotJoined, "this client has left the file's room")));
            }
            tokio::select! {
                _ = state.changed() => {}
                _ = status.changed() => {}
            }
        }
    }

    /// The file's room.
    #[must_use]
    pub fn room(&self) -> &Room {
        &self.room
    }
}

impl fmt::Debug for FileWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FileWatch").field(self.room.name()).finish()
    }
}

fn unreadable(error: &serde_json::Error) -> Failure {
    Failure::new(
        Code::BadRequest,
        format!("what the server says of the file is not of the form that this client expects: {error}"),
    )
}
