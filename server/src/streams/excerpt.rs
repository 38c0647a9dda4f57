//! Streams to a client that carry a file's content, or some of it.

use std::io;
use std::sync::Arc;

use samewire_protocol::files::FileRecord;
use samewire_protocol::{Code, Digest, Digester, Failure, FileId, SessionId, StreamId};

use super::outgoing::{MAX_READ, OutEntry, Unclaimed};
use super::reader::{read_at, unreadable};
use super::refusal::no_file;
use super::{Outgoing, Shared, StreamSpec, Streams};
use crate::auth::Owner;
use crate::store::{BlobId, Blobs, Direction, NewStream, OutOfFile, StoreError, now_ms, random};

/// How many excerpts are read at once for their digests.
pub(super) const AT_ONCE: usize = 2;

/// What of a file a stream carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The file.
    pub file: FileId,
    /// One of the parts that processing made of it; the file's own content by default.
    pub part: Option<String>,
    /// The first byte, counted from 0.
    pub offset: u64,
    /// How many bytes, at most; all to the end by default.
    pub length: Option<u64>,
}

impl From<FileId> for Excerpt {
    fn from(file: FileId) -> Self {
        Self { file, part: None, offset: 0, length: None }
    }
}

impl Streams {
    /// Opens a stream with the content of one of the owner's files, or with an excerpt of it. It can be continued after a restart of
    /// the server, and goes on to its end when the file is removed meanwhile. Its digest is that of the excerpt.
    ///
    /// # Errors
    /// `file-not-found`, also where the file has no such part; `range-not-satisfiable` and `too-many-streams`.
    pub async fn open_file(
        &self,
        owner: &Owner,
        session: SessionId,
        excerpt: impl Into<Excerpt>,
    ) -> Result<(Outgoing, FileRecord), Failure> {
        let Excerpt { file, part, offset, length } = excerpt.into();
        let id = StreamId::from_random(random().map_err(StoreError::Io)?);
        let (shared, owner) = (Arc::clone(&self.0), owner.clone());
        shared.has_place(&owner)?;
        let source = shared.store.records().source(owner.clone(), file, part.clone()).done().await?;
        let (record, source) = source.ok_or_else(|| no_file(file, part.as_deref()))?;
        let size = range(source.size, offset, length)?;
        let digest = if size == source.size { source.digest } else { shared.digest(source.blob, offset, size).await? };
        // In a task of its own, so that a caller that gives up leaves no row without a stream.
        let task = self.0.runtime.spawn(async move {
            let opened = now_ms();
            let spec = StreamSpec { name: Some(source.name), media: source.media, size: Some(size), note: None };
            let row = OutOfFile {
                stream: NewStream {
                    owner: owner.clone(),
                    id,
                    session: Some(session),
                    direction: Direction::Out,
                    name: spec.name.clone(),
                    media: spec.media.clone(),
                    size: spec.size,
                    digest: Some(digest),
                    blob: source.blob,
                    start: offset,
                    held: Some(source.size),
                    opened,
                    note: None,
                },
                file,
                part: part.clone(),
            };
            if !shared.store.records().open_file(row).done().await? {
                return Err(no_file(file, part.as_deref()));
            }
            let content = (offset, size, digest);
            let entry = OutEntry::new((owner, id), Some(session), spec, source.blob, content, opened);
            Ok::<_, Failure>((Unclaimed::new(shared.enter(entry)), record))
        });
        let (unclaimed, record) = task.await.map_err(|_| Failure::from(StoreError::Closed))??;
        Ok((unclaimed.claim()?, record))
    }
}

/// How many bytes an excerpt has of something of this size.
fn range(size: u64, offset: u64, length: Option<u64>) -> Result<u64, Failure> {
    if offset > 0 && offset >= size {
        let told = format!("the content has {size} bytes, and none at {offset}");
        return Err(Failure::new(Code::RangeNotSatisfiable, told));
    }
    let left = size - offset;
    Ok(length.map_or(left, |length| length.min(left)))
}

impl Shared {
    /// The digest of an excerpt of a blob. It is read to its end even where its caller gives up, so it keeps its place until then.
    async fn digest(&self, blob: BlobId, offset: u64, size: u64) -> Result<Digest, Failure> {
        let place = Arc::clone(&self.excerpts).acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let blobs = self.store.blobs().clone();
        let read = move || {
            let digest = digest_of(&blobs, blob, offset, size);
            drop(place);
            digest
        };
        let digest = tokio::task::spawn_blocking(read).await;
        digest.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(unreadable)
    }
}

fn digest_of(blobs: &Blobs, blob: BlobId, offset: u64, size: u64) -> io::Result<Digest> {
    let file = blobs.read(blob)?;
    let mut digester = Digester::default();
    while digester.count() < size {
        let len = usize::try_from(size - digester.count()).unwrap_or(MAX_READ).min(MAX_READ);
        digester.update(&read_at(&file, offset + digester.count(), len)?);
    }
    Ok(digester.digest())
}
