//! What outlives the process: records in SQLite and blobs in a local folder.
//!
//! ```text
//! DATA/lock         held by the running server, so that no second one works on the same data
//! DATA/samewire.db  records: stored files, and streams under way
//! DATA/blobs/ab/cd/ bytes, under random names; a blob is a file's, or a stream's, by a row in the records
//! ```
//!
//! A blob that no row names is deleted at the next start, so whatever is to last gets its row only after its bytes, and
//! whatever is removed loses its row first.

mod appender;
mod blobs;
mod content;
mod failure;
mod files;
mod jobs;
mod made;
mod records;
mod revocations;
mod rows;
mod wholes;

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::FlockOperation;
use samewire_protocol::FileId;
use samewire_protocol::files::FileRecord;

use crate::auth::Owner;

pub(crate) use appender::{Appender, Buffer};
pub(crate) use blobs::random;
pub use blobs::{BlobId, Blobs};
pub use content::Content;
pub use failure::StoreError;
pub(crate) use failure::storage_full;
pub(crate) use files::{Source, int, parsed, unsigned};
pub(crate) use jobs::{CANCELED, ClaimedJob, JobCompleted, JobCount, Leasing, NewJob, PartRow, Standing, Touched};
pub(crate) use records::Pending;
pub use records::Records;
pub(crate) use revocations::RevocationRow;
pub(crate) use rows::{Declared, Direction, NewStream, Opened, OutOfFile, Reserved, RowState, StreamRow};
pub(crate) use wholes::{Committed, Joined, NewFile};

/// Records and blobs together. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    records: Records,
    blobs: Blobs,
    _lock: File,
}

impl Store {
    /// Opens the data in this folder, or makes it; brings the records up to date and deletes blobs that nothing names.
    ///
    /// # Errors
    /// What the disk or the database says, and [`StoreError::InUse`] while another server works on the folder.
    pub fn open(data: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(data)?;
        let lock = lock(data)?;
        let blobs = Blobs::open(data.join("blobs"))?;
        let records = Records::open(&data.join("samewire.db"), |connection| {
            let orphans = blobs.sweep(|blob| Ok(files::is_named(connection, &blob.to_string())?))?;
            if orphans > 0 {
                tracing::info!(orphans, "deleted blobs that nothing names");
            }
            Ok(())
        })?;
        Ok(Self(Arc::new(Inner { records, blobs, _lock: lock })))
    }

    /// The records.
    #[must_use]
    pub fn records(&self) -> &Records {
        &self.0.records
    }

    /// The blobs.
    #[must_use]
    pub fn blobs(&self) -> &Blobs {
        &self.0.blobs
    }

    /// The owner's files, the newest first, at most `limit`.
    ///
    /// # Errors
    /// What the database says.
    pub async fn files(&self, owner: &Owner, limit: u32) -> Result<Vec<FileRecord>, StoreError> {
        Ok(self.records().files(owner.clone(), None, limit).done().await?.unwrap_or_default())
    }

    /// One of the owner's files.
    ///
    /// # Errors
    /// What the database says.
    pub async fn file(&self, owner: &Owner, id: FileId) -> Result<Option<FileRecord>, StoreError> {
        self.records().file(owner.clone(), id).done().await
    }

    /// Removes one of the owner's files, with what processing made of it, and says whether there was one. Downloads of it that are under way go on to their end,
    /// and until then its bytes count for the owner's quota.
    ///
    /// # Errors
    /// What the database says.
    pub async fn remove_file(&self, owner: &Owner, id: FileId) -> Result<bool, StoreError> {
        let removed = self.records().remove_file(owner.clone(), id);
        let blobs = self.0.blobs.clone();
        // In a task of its own: a caller that gives up must not keep the bytes from being deleted.
        let task = tokio::spawn(async move {
            let removed = removed.done().await?;
            for blob in removed.unnamed {
                blobs.delete(blob).await;
            }
            Ok(removed.existed)
        });
        task.await.map_err(|_| StoreError::Closed)?
    }

    /// The bytes of one of the owner's files, or of a part that processing made of it. They stay readable while they are open, even
    /// when the file is removed.
    ///
    /// # Errors
    /// What the database says.
    pub async fn content(&self, owner: &Owner, id: FileId, part: Option<&str>) -> Result<Option<Content>, StoreError> {
        let found = self.records().source(owner.clone(), id, part.map(str::to_owned)).done().await?;
        Ok(found.map(|(file, source)| Content::new(file, source, self.blobs().clone())))
    }

    /// The bytes that count for the owner's quota: files with their parts, and what is reserved for streams.
    ///
    /// # Errors
    /// What the database says.
    pub async fn used(&self, owner: &Owner) -> Result<u64, StoreError> {
        self.records().used(owner.clone()).done().await
    }
}

fn lock(data: &Path) -> Result<File, StoreError> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(data.join("lock"))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(StoreError::InUse(data.to_owned())),
        Err(error) => Err(std::io::Error::from(error).into()),
    }
}

/// The time of day, in milliseconds since 1970-01-01 UTC.
#[must_use]
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
