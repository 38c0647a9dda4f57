//! Streams to a client: a file's content, or bytes that a handler made.

use std::fmt;
use std::fs::File;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use samewire_protocol::{Code, Digest, Failure, SessionId, StreamId};

use super::reader::{read_at, unreadable};
use super::refusal::{no_room, too_many};
use super::{MAX_PER_OWNER, Shared, Slot, StreamSpec, Streams, not_found};
use crate::auth::Owner;
use crate::limits::Allowance;
use crate::store::{Appender, BlobId, Buffer, Direction, NewStream, Opened, StoreError, now_ms, random};

/// The most that [`Outgoing::read`] reads at once, in bytes.
pub const MAX_READ: usize = 512 * 1024;

pub(super) struct OutEntry {
    pub(super) owner: Owner,
    pub(super) id: StreamId,
    pub(super) spec: StreamSpec,
    pub(super) blob: BlobId,
    /// Where in the blob it begins.
    pub(super) start: u64,
    pub(super) size: u64,
    pub(super) digest: Digest,
    pub(super) opened_ms: u64,
    pub(super) inner: Mutex<OutInner>,
}

pub(super) struct OutInner {
    pub(super) session: Option<SessionId>,
    /// Counts attachments; those of an older count are fenced off.
    pub(super) epoch: u64,
    pub(super) attached: bool,
    pub(super) active_ms: u64,
    pub(super) file: Option<Arc<File>>,
    pub(super) gone: bool,
}

/// A session's hold on a stream to its client. A newer one to the same stream fences this one off. Dropping it lets go of the
/// stream, which can be continued until it expires.
pub struct Outgoing {
    shared: Arc<Shared>,
    entry: Arc<OutEntry>,
    epoch: u64,
}

impl Streams {
    /// Opens a stream with these bytes, which are kept on the disk until the client has them. Name and media type are those of
    /// `spec`.
    ///
    /// # Errors
    /// `too-many-streams`, `quota-exceeded` and `storage-full`.
    pub async fn open_bytes(
        &self,
        owner: &Owner,
        session: SessionId,
        allowance: Allowance,
        spec: StreamSpec,
        bytes: Bytes,
    ) -> Result<Outgoing, Failure> {
        let id = StreamId::from_random(random().map_err(StoreError::Io)?);
        let (shared, owner) = (Arc::clone(&self.0), owner.clone());
        let task = self.0.runtime.spawn(async move {
            shared.has_place(&owner)?;
            let size = bytes.len() as u64;
            let blob = BlobId::draw().map_err(StoreError::Io)?;
            let spec = StreamSpec { size: Some(size), ..spec };
            let digest = shared.spool(blob, bytes).await?;
            let opened = now_ms();
            let row = NewStream {
                owner: owner.clone(),
                id,
                session: Some(session),
                direction: Direction::Out,
                name: spec.name.clone(),
                media: spec.media.clone(),
                size: Some(size),
                digest: Some(digest),
                blob,
                start: 0,
                held: Some(size),
                opened,
                note: None,
            };
            let recorded = shared.store.records().open_spooled(row, allowance.quota).done().await;
            if let Ok(Opened::New { .. }) = recorded {
                return Ok(shared.enter(OutEntry::new((owner, id), Some(session), spec, blob, (0, size, digest), opened)));
            }
            shared.store.blobs().delete(blob).await;
            match recorded? {
                Opened::NoRoom { left } => Err(no_room(left, allowance)),
                Opened::New { .. } | Opened::Known(_) => Err(StoreError::Closed.into()),
            }
        });
        task.await.map_err(|_| Failure::from(StoreError::Closed))?
    }

    /// Continues a stream to a client that was opened before, and moves it to this session of its owner.
    ///
    /// # Errors
    /// `stream-not-found`, in the same words whatever the reason.
    pub fn outgoing(&self, owner: &Owner, session: SessionId, id: StreamId) -> Result<Outgoing, Failure> {
        let entry = match self.0.owners.lock().get(owner).and_then(|owned| owned.slots.get(&id)) {
            Some(Slot::Out(entry)) => Arc::clone(entry),
            Some(Slot::In(_)) | None => return Err(not_found(id)),
        };
        let (epoch, moved) = {
            let mut inner = entry.inner.lock();
            if inner.gone {
                return Err(not_found(id));
            }
            inner.epoch += 1;
            inner.attached = true;
            inner.active_ms = now_ms();
            (inner.epoch, inner.session.replace(session) != Some(session))
        };
        if moved {
            // Only where a stream came from; nothing waits for it.
            drop(self.0.store.records().move_stream(owner.clone(), id, Some(session)));
        }
        Ok(Outgoing { shared: Arc::clone(&self.0), entry, epoch })
    }
}

impl Shared {
    pub(super) fn has_place(&self, owner: &Owner) -> Result<(), Failure> {
        let count = self.owners.lock().get(owner).map_or(0, |owned| owned.slots.len());
        if count < MAX_PER_OWNER { Ok(()) } else { Err(too_many()) }
    }

    pub(super) fn enter(self: &Arc<Self>, entry: OutEntry) -> Outgoing {
        let entry = Arc::new(entry);
        let epoch = {
            let mut inner = entry.inner.lock();
            inner.attached = true;
            inner.epoch
        };
        self.owners.lock().entry(entry.owner.clone()).or_default().slots.insert(entry.id, Slot::Out(Arc::clone(&entry)));
        Outgoing { shared: Arc::clone(self), entry, epoch }
    }

    async fn spool(&self, blob: BlobId, bytes: Bytes) -> Result<Digest, Failure> {
        let blobs = self.store.blobs().clone();
        let write = move || {
            blobs.create(blob)?;
            let append = |mut file: Appender| file.append(std::slice::from_ref(&bytes), &mut Buffer::default(), |_| {});
            let written = blobs.append(blob).and_then(append);
            if written.is_err() {
                blobs.delete_blocking(blob);
            }
            written.map(|()| Digest::of(&bytes))
        };
        let spooled = tokio::task::spawn_blocking(write).await;
        spooled.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(unreadable)
    }

    /// Ends a stream to a client. A blob of its own is deleted, and so is that of a file removed meanwhile.
    pub(super) fn close(&self, entry: &Arc<OutEntry>) -> bool {
        let removal = {
            let mut inner = entry.inner.lock();
            if std::mem::replace(&mut inner.gone, true) {
                return false;
            }
            inner.file = None;
            self.store.records().remove_stream(entry.owner.clone(), entry.id, entry.blob)
        };
        self.forget(&entry.owner, entry.id, |slot| matches!(slot, Slot::Out(other) if Arc::ptr_eq(other, entry)), None);
        self.delete_when_removed(removal);
        true
    }
}

impl OutEntry {
    pub(super) fn new(
        (owner, id): (Owner, StreamId),
        session: Option<SessionId>,
        spec: StreamSpec,
        blob: BlobId,
        (start, size, digest): (u64, u64, Digest),
        opened_ms: u64,
    ) -> Self {
        let inner = OutInner { session, epoch: 0, attached: false, active_ms: now_ms(), file: None, gone: false };
        Self { owner, id, spec, blob, start, size, digest, opened_ms, inner: Mutex::new(inner) }
    }
}

impl Outgoing {
    /// The stream's id.
    #[must_use]
    pub fn id(&self) -> StreamId {
        self.entry.id
    }

    /// Name, media type and size.
    #[must_use]
    pub fn spec(&self) -> &StreamSpec {
        &self.entry.spec
    }

    /// How many bytes it has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.entry.size
    }

    /// The digest of all its bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.entry.digest
    }

    /// Reads up to `max` bytes at `offset`, at most [`MAX_READ`]; none at the end.
    ///
    /// # Errors
    /// `stream-not-found` when the stream is over, `superseded` when a newer hold fenced this one off, and what the disk says.
    pub async fn read(&self, offset: u64, max: usize) -> Result<Bytes, Failure> {
        let len = usize::try_from(self.entry.size.saturating_sub(offset)).unwrap_or(usize::MAX).min(max).min(MAX_READ);
        let file = {
            let mut inner = self.entry.inner.lock();
            if inner.gone {
                return Err(not_found(self.entry.id));
            }
            if inner.epoch != self.epoch {
                return Err(Failure::new(Code::Superseded, "the stream was continued by a newer connection"));
            }
            inner.active_ms = now_ms();
            inner.file.clone()
        };
        if len == 0 {
            return Ok(Bytes::new());
        }
        let (blobs, blob, start) = (self.shared.store.blobs().clone(), self.entry.blob, self.entry.start);
        let read = move || {
            let file = match file {
                Some(file) => file,
                None => Arc::new(blobs.read(blob)?),
            };
            let bytes = read_at(&file, start + offset, len)?;
            Ok((file, bytes))
        };
        let read = tokio::task::spawn_blocking(read).await;
        let (file, bytes) = read.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(unreadable)?;
        let mut inner = self.entry.inner.lock();
        if inner.epoch == self.epoch && !inner.gone {
            inner.file.get_or_insert(file);
        }
        Ok(bytes)
    }

    /// The client has all bytes: the stream is over.
    pub fn finished(&self) {
        self.end();
    }

    /// Gives the stream up.
    pub fn abort(&self) {
        self.end();
    }

    fn end(&self) {
        if self.entry.inner.lock().epoch == self.epoch {
            self.shared.close(&self.entry);
        }
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        let mut inner = self.entry.inner.lock();
        if inner.epoch == self.epoch {
            inner.attached = false;
            inner.active_ms = now_ms();
            inner.file = None;
        }
    }
}

/// A stream that was opened for a caller who may be gone by now. Then nobody will ever name it, and it is over.
pub(super) struct Unclaimed(Option<Outgoing>);

impl Unclaimed {
    pub(super) fn new(outgoing: Outgoing) -> Self {
        Self(Some(outgoing))
    }

    pub(super) fn claim(mut self) -> Result<Outgoing, StoreError> {
        self.0.take().ok_or(StoreError::Closed)
    }
}

impl Drop for Unclaimed {
    fn drop(&mut self) {
        if let Some(outgoing) = self.0.take() {
            outgoing.abort();
        }
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing").field("id", &self.entry.id).field("size", &self.entry.size).finish_non_exhaustive()
    }
}
