//! An app on the primitives: stored files, their processing, and a room for each of them in which everybody who watches hears how it
//! is coming along. It uses only what an embedding program can use too.

mod link;
mod methods;
pub(crate) mod rest;
mod room;
mod telling;

use samewire_protocol::files::{FileList, FileRecord, MAX_LISTED};
use samewire_protocol::rooms::RoomName;
use samewire_protocol::{Code, Failure, FileId};

pub(crate) use link::FileLinks;
pub use methods::methods;
pub(crate) use room::FileRooms;
pub(crate) use telling::Telling;

use crate::auth::Owner;
use crate::jobs::Jobs;
use crate::rooms::Rooms;
use crate::store::Store;
use crate::streams::no_file;

/// The stored files of a server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Files {
    store: Store,
    jobs: Jobs,
    rooms: Rooms,
}

impl Files {
    /// Works on these records, and tells these rooms, whose kind `file` must be [`FileRooms`].
    pub(crate) fn new(store: Store, jobs: Jobs, rooms: Rooms) -> Self {
        Self { store, jobs, rooms }
    }

    /// The owner's files, the newest first: those after one of them, at most so many.
    ///
    /// # Errors
    /// `file-not-found` when the owner has no such file to begin after.
    pub async fn list(&self, owner: &Owner, after: Option<FileId>, limit: Option<u32>) -> Result<FileList, Failure> {
        let limit = limit.unwrap_or(MAX_LISTED).clamp(1, MAX_LISTED);
        // One more than is shown, to see whether there is more.
        let files = self.store.records().files(owner.clone(), after, limit + 1).done().await?;
        let mut files = match (files, after) {
            (Some(files), _) => files,
            (None, Some(after)) => return Err(no_file(after, None)),
            (None, None) => Vec::new(),
        };
        let more = files.len() > limit as usize;
        files.truncate(limit as usize);
        Ok(FileList { files, more })
    }

    /// One of the owner's files.
    ///
    /// # Errors
    /// `file-not-found`, in the same words whether it never was or is somebody else's.
    pub async fn get(&self, owner: &Owner, id: FileId) -> Result<FileRecord, Failure> {
        self.store.file(owner, id).await?.ok_or_else(|| no_file(id, None))
    }

    /// Removes one of the owner's files with its parts, and ends its processing and its room. Says whether there was one.
    ///
    /// # Errors
    /// What the database says.
    pub async fn remove(&self, owner: &Owner, id: FileId) -> Result<bool, Failure> {
        let removed = self.store.remove_file(owner, id).await?;
        if removed {
            self.jobs.removed(id);
            if let Some(room) = room_of(id) {
                self.rooms.close(&room, &gone(id));
            }
        }
        Ok(removed)
    }

    /// Does again what came to nothing with one of the owner's files, or was given up: all of it, or one kind.
    ///
    /// # Errors
    /// `file-not-found`; `unsupported-media` for a kind that is not for such files.
    pub async fn process(&self, owner: &Owner, id: FileId, kind: Option<String>) -> Result<FileRecord, Failure> {
        let file = self.get(owner, id).await?;
        self.jobs.again(owner, &file, kind).await?;
        self.get(owner, id).await
    }

    /// Gives up the processing of one of the owner's files: all of it, or one kind. What it has made already stays.
    ///
    /// # Errors
    /// `file-not-found`.
    pub async fn cancel(&self, owner: &Owner, id: FileId, kind: Option<String>) -> Result<FileRecord, Failure> {
        self.get(owner, id).await?;
        self.jobs.cancel(owner, id, kind).await?;
        self.get(owner, id).await
    }
}

/// The room of a file.
fn room_of(id: FileId) -> Option<RoomName> {
    format!("{}:{id}", samewire_protocol::files::ROOM_KIND).parse().ok()
}

fn gone(id: FileId) -> Failure {
    Failure::new(Code::FileNotFound, format!("the file {id} has been removed"))
}
