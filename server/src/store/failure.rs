//! What can go wrong with records and blobs, and what of it a client is told.

use std::io;
use std::path::PathBuf;

use rusqlite::ErrorCode;
use samewire_protocol::{Code, Failure};

/// Why something could not be stored or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file system.
    #[error("the disk: {0}")]
    Io(#[from] io::Error),
    /// The database.
    #[error("the database: {0}")]
    Sql(#[from] rusqlite::Error),
    /// The database was written by a newer version of the server.
    #[error("the database has version {found}, and this server knows {known} at most; start a newer server")]
    Newer {
        /// The version of the database.
        found: i64,
        /// The newest version that this server knows.
        known: i64,
    },
    /// Another server holds the folder.
    #[error("{0} is in use by another samewire server; stop it or choose another data folder")]
    InUse(PathBuf),
    /// The thread of the database is gone.
    #[error("the database is closed")]
    Closed,
}

impl StoreError {
    /// Whether there is no room left on the disk.
    #[must_use]
    pub fn is_full(&self) -> bool {
        match self {
            Self::Io(error) => is_full(error),
            Self::Sql(error) => error.sqlite_error_code() == Some(ErrorCode::DiskFull),
            _ => false,
        }
    }
}

/// No space, or no space for this user of the disk.
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// The client learns that the disk is full, because it can do something about that; everything else is the server's own fault,
/// whose detail goes to the log.
impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        if error.is_full() {
            tracing::error!(%error, "the disk is full");
            return storage_full();
        }
        tracing::error!(%error, "storage failed");
        Self::new(Code::Internal, "the server could not store or read something; try again, or tell its operator")
    }
}

/// The failure for a full disk.
pub(crate) fn storage_full() -> Failure {
    Failure::new(Code::StorageFull, "the server's disk is full; try again later, or tell its operator")
}
