//! Bytes to download, for whoever answers with them.

use std::fs::File;
use std::io;

use samewire_protocol::Digest;
use samewire_protocol::files::FileRecord;

use super::{BlobId, Blobs, Source};

/// The content of a file, or of a part of one.
#[derive(Clone, Debug)]
pub struct Content {
    /// The file that it is of.
    pub file: FileRecord,
    /// The part's name, or that of the file.
    pub name: String,
    /// The media type, where it is known.
    pub media: Option<String>,
    /// The size in bytes.
    pub size: u64,
    /// The digest of all of it.
    pub digest: Digest,
    blob: BlobId,
    blobs: Blobs,
}

impl Content {
    pub(super) fn new(file: FileRecord, source: Source, blobs: Blobs) -> Self {
        let Source { name, media, size, digest, blob } = source;
        Self { file, name, media, size, digest, blob, blobs }
    }

    /// Opens the bytes to read them, on a thread that may block.
    ///
    /// # Errors
    /// What the disk says; `NotFound` when the file was removed since.
    pub fn open(&self) -> io::Result<File> {
        self.blobs.read(self.blob)
    }
}
