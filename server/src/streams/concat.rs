//! One stream made of several.

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::Arc;

use bytes::BytesMut;
use samewire_protocol::{Code, Digest, Digester, Failure, StreamId};

use super::accept::{Holder, check};
use super::end::Memory;
use super::entry::{Entry, Phase};
use super::refusal::{no_room, no_upload, taken, too_big};
use super::upload::listen;
use super::{MAX_PER_OWNER, Shared, Slot, StreamSpec, StreamState, Streams, Upload};
use crate::auth::Owner;
use crate::limits::Allowance;
use crate::store::{BlobId, Blobs, Buffer, Direction, Joined, NewStream, StoreError, now_ms, random};

/// How much is copied at a time.
const PIECE: usize = 1024 * 1024;

/// How many uploads are copied together at once, whoever they are for. The others wait.
pub(super) const AT_ONCE: usize = 2;

impl Streams {
    /// Makes one whole upload of several whole ones, in this order. They are given up in the same breath as the new one is there, so
    /// that the bytes count once for the quota; when something fails, they stay what they were. Without an id, one is drawn.
    ///
    /// # Errors
    /// `stream-not-found` for a part that the owner does not have; `conflict` for one that is not whole yet, or that became
    /// something else meanwhile; `bad-request` for no parts, too many, or an id that is taken; `too-big`, `quota-exceeded` and `storage-full`;
    /// `size-mismatch` when another size was declared.
    pub async fn concat(
        &self,
        owner: &Owner,
        allowance: Allowance,
        id: Option<StreamId>,
        parts: &[StreamId],
        spec: StreamSpec,
    ) -> Result<Upload, Failure> {
        if parts.is_empty() || parts.len() > MAX_PER_OWNER {
            let told = format!("an upload is made of 1 to {MAX_PER_OWNER} others, and {} are named", parts.len());
            return Err(Failure::new(Code::BadRequest, told));
        }
        let mut sources = Vec::with_capacity(parts.len());
        for part in parts {
            let entry = self.upload_entry(owner, *part).await?.ok_or_else(|| no_upload(*part))?;
            let size = size_of_whole(&entry)?;
            sources.push(Source { entry, size });
        }
        let size = sources.iter().fold(0_u64, |sum, part| sum.saturating_add(part.size));
        if let Some(declared) = spec.size.filter(|declared| *declared != size) {
            let told = format!("the parts have {size} bytes, and {declared} were declared");
            return Err(Failure::new(Code::SizeMismatch, told));
        }
        if size > allowance.max_upload {
            return Err(too_big(allowance.max_upload));
        }
        let spec = StreamSpec { size: Some(size), ..spec };
        check(&spec, allowance)?;
        let id = match id {
            Some(id) => id,
            None => StreamId::from_random(random().map_err(StoreError::Io)?),
        };
        let (shared, owner) = (Arc::clone(&self.0), owner.clone());
        // In a task of its own, so that a caller that gives up leaves no blob that nothing names.
        let task = self.0.runtime.spawn(async move { shared.join((owner, id), sources, spec, allowance).await });
        let entry = task.await.map_err(|_| Failure::from(StoreError::Closed))??;
        let (observer, told) = listen();
        let holder = Holder { session: None, allowance, observer };
        Ok(Upload::new(self.0.attach(entry, None, holder).await?, told))
    }
}

struct Source {
    entry: Arc<Entry>,
    size: u64,
}

fn size_of_whole(entry: &Entry) -> Result<u64, Failure> {
    let told = match entry.inner.lock().state() {
        StreamState::Whole { size, .. } => return Ok(size),
        StreamState::Open => "is not whole yet; send the rest of it first",
        StreamState::Committed { .. } => "is a file already",
    };
    Err(Failure::new(Code::Conflict, format!("the upload {} {told}", entry.id)))
}

impl Shared {
    async fn join(
        self: Arc<Self>,
        (owner, id): (Owner, StreamId),
        sources: Vec<Source>,
        spec: StreamSpec,
        allowance: Allowance,
    ) -> Result<Arc<Entry>, Failure> {
        let size = spec.size.unwrap_or_default();
        let _turn = self.joins.acquire().await.map_err(|_| StoreError::Closed)?;
        self.may_copy(&owner, &sources, size, allowance).await?;
        let blob = BlobId::draw().map_err(StoreError::Io)?;
        let (blobs, from) = (self.store.blobs().clone(), sources.iter().map(|part| (part.entry.blob, part.size)).collect());
        let copied = tokio::task::spawn_blocking(move || copy(&blobs, from, blob)).await;
        let digest = copied.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(StoreError::Io)?;
        let opened = now_ms();
        let row = NewStream {
            owner: owner.clone(),
            id,
            session: None,
            direction: Direction::In,
            name: spec.name.clone(),
            media: spec.media.clone(),
            size: Some(size),
            digest: Some(digest),
            blob,
            start: 0,
            held: None,
            opened,
            note: spec.note.clone(),
        };
        let parts = sources.iter().map(|part| (part.entry.id, part.entry.blob)).collect();
        let joined = self.store.records().join(row, parts, allowance.quota).done().await;
        let unnamed = match joined {
            Ok(Joined::Whole { unnamed }) => unnamed,
            refused => {
                self.store.blobs().delete(blob).await;
                return Err(match refused? {
                    Joined::NoRoom { left } => no_room(left, allowance),
                    Joined::Taken => taken(),
                    _ => Failure::new(Code::Conflict, "a part became something else meanwhile; look at each of them again"),
                });
            }
        };
        let phase = Phase::Whole { digest, committed: false };
        let entry = Entry::new((owner.clone(), id), None, spec, blob, opened, allowance, (phase, size));
        self.owners.lock().entry(owner).or_default().slots.insert(id, Slot::In(Arc::clone(&entry)));
        for part in sources {
            self.give_up(&part.entry, Failure::new(Code::StreamAborted, format!("it became a part of {id}")), Memory::Reason);
        }
        for blob in unnamed {
            self.store.blobs().delete(blob).await;
        }
        Ok(entry)
    }
}

impl Shared {
    /// Refuses before anything is copied what would be refused after it.
    async fn may_copy(&self, owner: &Owner, sources: &[Source], size: u64, allowance: Allowance) -> Result<(), Failure> {
        let mut freed = HashMap::new();
        for part in sources {
            freed.insert(part.entry.id, size_of_whole(&part.entry)?);
        }
        let others = self.store.used(owner).await?.saturating_sub(freed.values().sum());
        let left = allowance.quota.saturating_sub(others);
        if size > left {
            return Err(no_room(left, allowance));
        }
        // The quota has room.
        self.has_room(owner, (size, 0), allowance).await
    }
}

/// Copies blobs of these lengths into a new one, one behind the other, and syncs it.
fn copy(blobs: &Blobs, from: Vec<(BlobId, u64)>, to: BlobId) -> io::Result<Digest> {
    blobs.create(to)?;
    let copied = append_all(blobs, from, to);
    if copied.is_err() {
        blobs.delete_blocking(to);
    }
    copied
}

fn append_all(blobs: &Blobs, from: Vec<(BlobId, u64)>, to: BlobId) -> io::Result<Digest> {
    let mut digester = Digester::default();
    let (mut out, mut buffer) = (blobs.append(to)?, Buffer::default());
    for (blob, size) in from {
        let mut part = blobs.read(blob)?;
        let mut left = size;
        while left > 0 {
            let len = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
            let mut piece = BytesMut::zeroed(len);
            part.read_exact(&mut piece)?;
            out.append(&[piece.freeze()], &mut buffer, |bytes| digester.update(bytes))?;
            left -= len as u64;
        }
    }
    blobs.sync(to)?;
    Ok(digester.digest())
}
