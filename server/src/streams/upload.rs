//! An upload without a session: what a door over HTTP holds while a request's body comes.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use samewire_protocol::files::FileRecord;
use samewire_protocol::{Code, Digest, Failure, SessionId, StreamId};
use tokio::sync::watch;

use super::accept::{Holder, wait_until_opened};
use super::entry::{Entry, Inner, Phase};
use super::refusal::{no_room, no_upload, superseded, too_big};
use super::{Attachment, Incoming, Notice, Observer, Slot, StreamSpec, StreamState, Streams};
use crate::auth::Owner;
use crate::limits::Allowance;
use crate::store::{Declared, StoreError, random};

/// The hold on an upload. At most one exists: a newer one, or a session that goes on with the stream, ends it at once, and
/// everything that is asked of it from then on fails with `superseded`. Dropped, it lets go of the stream, which keeps what was
/// written and can be continued by any door until it expires.
pub struct Upload {
    pub(super) attachment: Attachment,
    /// Bytes that were taken, durable or not.
    pub(super) received: u64,
    pub(super) told: watch::Receiver<Told>,
}

/// What an upload has heard of its stream.
#[derive(Clone, Default)]
pub(super) struct Told {
    limit: u64,
    pub(super) over: Option<Result<(u64, Digest), Failure>>,
}

impl Streams {
    /// Opens an upload that belongs to all sessions of the owner and to none; each of them may name it in a call. With an id that
    /// the owner has already, it is continued: so a repeated request does no harm. Without, one is drawn.
    ///
    /// # Errors
    /// Those of [`Streams::accept`].
    pub async fn open_upload(
        &self,
        owner: &Owner,
        allowance: Allowance,
        id: Option<StreamId>,
        spec: StreamSpec,
    ) -> Result<Upload, Failure> {
        let id = match id {
            Some(id) => id,
            None => StreamId::from_random(random().map_err(StoreError::Io)?),
        };
        let (observer, told) = listen();
        let holder = Holder { session: None, allowance, observer };
        Ok(Upload::new(self.0.open_or_continue(owner, id, &spec, holder).await?, told))
    }

    /// Continues an upload, whoever of the owner's opened it and wherever. Whoever held it before is ended, and what he had sent is
    /// written first: so [`Upload::received`] is exactly how far it is. One that a file was made of is there too, as long as it
    /// is remembered, and takes no more bytes.
    ///
    /// # Errors
    /// `stream-not-found`, in the same words ([`no_upload`]) whether the upload never was, has expired or belongs to somebody else;
    /// `superseded` when a newer hold came while this one waited.
    pub async fn continue_upload(&self, owner: &Owner, allowance: Allowance, id: StreamId) -> Result<Upload, Failure> {
        let entry = self.upload_entry(owner, id).await?.ok_or_else(|| no_upload(id))?;
        let (observer, told) = listen();
        let holder = Holder { session: None, allowance, observer };
        let attached = self.0.attach(entry, None, holder).await;
        Ok(Upload::new(attached.map_err(|failure| lost(failure, id))?, told))
    }

    pub(super) async fn upload_entry(&self, owner: &Owner, id: StreamId) -> Result<Option<Arc<Entry>>, Failure> {
        loop {
            let slot = self.0.owners.lock().get(owner).and_then(|owned| owned.slots.get(&id).cloned());
            match slot {
                Some(Slot::In(entry)) if matches!(entry.inner.lock().phase, Phase::Opening) => wait_until_opened(&entry).await,
                Some(Slot::In(entry)) => return Ok(Some(entry).filter(|entry| !entry.is_gone())),
                Some(Slot::Out(_)) => return Ok(None),
                None => {
                    let row = self.0.store.records().stream(owner.clone(), id).done().await?;
                    return Ok(row.and_then(|row| self.0.committed(row)));
                }
            }
        }
    }
}

/// Of a stream that ended while it was waited for, nobody but its session need know why.
fn lost(failure: Failure, id: StreamId) -> Failure {
    if failure.code == Code::Superseded { failure } else { no_upload(id) }
}

pub(super) fn listen() -> (Observer, watch::Receiver<Told>) {
    let (teller, told) = watch::channel(Told::default());
    let observer = move |notice| {
        teller.send_modify(|told| match notice {
            Notice::Durable { limit, .. } => told.limit = limit,
            Notice::Finished { size, digest } => told.over = Some(Ok((size, digest))),
            Notice::Aborted(failure) => told.over = Some(Err(failure)),
        });
    };
    (Arc::new(observer), told)
}

impl Upload {
    pub(super) fn new(attachment: Attachment, told: watch::Receiver<Told>) -> Self {
        Self { received: attachment.offset, attachment, told }
    }

    /// The stream.
    #[must_use]
    pub fn id(&self) -> StreamId {
        self.attachment.id()
    }

    /// What was said of it when it was opened, with the size that is known now.
    #[must_use]
    pub fn spec(&self) -> StreamSpec {
        StreamSpec { size: self.size(), ..self.attachment.entry.spec.clone() }
    }

    /// How many bytes there will be, where that is known.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        match self.state() {
            StreamState::Open => self.inner().size,
            StreamState::Whole { size, .. } | StreamState::Committed { size, .. } => Some(size),
        }
    }

    /// How many bytes were taken: where the next one goes. Not all of them are durable before [`Upload::settle`].
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Whether bytes may still come.
    #[must_use]
    pub fn state(&self) -> StreamState {
        self.inner().state()
    }

    /// What a handler sees of it.
    #[must_use]
    pub fn incoming(&self) -> Incoming {
        Incoming::new(&self.attachment.shared, &self.attachment.entry)
    }

    /// Whether it belonged to a session when this hold was taken, or does so again.
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        self.inner().session
    }

    /// Takes the next bytes, as fast as the disk does: waits while there is no credit for them. When it is dropped before it is
    /// done, [`Upload::received`] says how many were taken.
    ///
    /// # Errors
    /// `size-mismatch` for more than the declared size, with nothing of `bytes` taken. `superseded`, and why the stream was given
    /// up: among others `quota-exceeded`, `too-big` and `storage-full`.
    pub async fn write(&mut self, mut bytes: Bytes) -> Result<(), Failure> {
        if let Some(size) = self.size().filter(|size| bytes.len() as u64 > size.saturating_sub(self.received)) {
            let told = format!("the upload has {size} bytes, and more came; send exactly as many as were declared");
            return Err(Failure::new(Code::SizeMismatch, told));
        }
        while !bytes.is_empty() {
            let room = usize::try_from(self.credit().await? - self.received).unwrap_or(usize::MAX);
            let piece = bytes.split_to(room.min(bytes.len()));
            let len = piece.len() as u64;
            self.attachment.push(self.received, piece)?;
            self.received += len;
        }
        Ok(())
    }

    /// Where the sender must stop, once that is further than what was taken.
    async fn credit(&mut self) -> Result<u64, Failure> {
        loop {
            self.told.mark_unchanged();
            self.check()?;
            let limit = self.inner().limit();
            if limit > self.received {
                return Ok(limit);
            }
            self.told.changed().await.map_err(|_| superseded())?;
        }
    }

    /// Waits until all that was taken is durable, and says how much that is. What a part has that is not proven does not count.
    ///
    /// # Errors
    /// Like those of [`Upload::write`].
    pub async fn settle(&mut self) -> Result<u64, Failure> {
        self.ask(None, |_| Ok(())).await?;
        Ok(self.inner().durable)
    }

    /// Says how long a stream of unknown length is going to be, and reserves room for it. To say the same again does no harm.
    ///
    /// # Errors
    /// `size-mismatch` where another size is known, or more bytes than that have come; `too-big`, `quota-exceeded`,
    /// `storage-full`. The upload stays what it was.
    pub async fn declare(&mut self, size: u64) -> Result<(), Failure> {
        self.settle().await?;
        let (entry, shared) = (Arc::clone(&self.attachment.entry), Arc::clone(&self.attachment.shared));
        let allowance = self.inner().allowance;
        match self.size() {
            Some(known) if known == size => return Ok(()),
            Some(known) => {
                let told = format!("the upload has {known} bytes, and not {size}; a size is declared only once");
                return Err(Failure::new(Code::SizeMismatch, told));
            }
            None if size < self.received => {
                let told = format!("{} bytes of the upload are here already, which is more than {size}", self.received);
                return Err(Failure::new(Code::SizeMismatch, told));
            }
            None if size > allowance.max_upload => return Err(too_big(allowance.max_upload)),
            None => {}
        }
        let reserved = match &self.inner().phase {
            Phase::Open(receiving) => receiving.reserved,
            _ => self.received,
        };
        let more = (size - self.received, size.saturating_sub(reserved));
        shared.has_room(&entry.owner, more, allowance).await?;
        match shared.store.records().declare(entry.owner.clone(), entry.id, size, allowance.quota).done().await? {
            Declared::Reserved => {}
            Declared::NoRoom { left } => return Err(no_room(left, allowance)),
            Declared::Gone => return Err(no_upload(entry.id)),
        }
        let mut inner = entry.inner.lock();
        inner.size = Some(size);
        if let Phase::Open(receiving) = &mut inner.phase {
            receiving.reserved = size;
            receiving.exhausted = false;
        }
        entry.publish(&inner);
        Ok(())
    }

    /// All bytes were taken. Waits until they are durable, compared with the digest where the sender gave one, and synced. Of an
    /// upload that is whole already it says the same again.
    ///
    /// # Errors
    /// `size-mismatch` when fewer bytes came than were declared, with the upload as it was, so that the rest can still come;
    /// `digest-mismatch`, after which the upload is gone; and those of [`Upload::write`].
    pub async fn finish(&mut self, digest: Option<Digest>) -> Result<(u64, Digest), Failure> {
        self.check()?;
        if let Some(size) = self.size().filter(|size| *size != self.received) {
            let told = format!("{} of {size} bytes came; send the others first", self.received);
            return Err(Failure::new(Code::SizeMismatch, told));
        }
        if matches!(&self.inner().phase, Phase::Open(receiving) if receiving.part.is_some()) {
            return Err(Failure::new(Code::Conflict, "a part of the upload is begun; end it first"));
        }
        self.attachment.end(self.received, digest);
        let over = self.told.wait_for(|told| told.over.is_some()).await.map_err(|_| superseded())?.over.clone();
        match over.unwrap_or_else(|| Err(superseded()))? {
            // It was whole before, and nothing was compared.
            (_, whole) if digest.is_some_and(|said| said != whole) => {
                Err(Failure::new(Code::DigestMismatch, "the upload is whole already, with another digest"))
            }
            whole => Ok(whole),
        }
    }

    /// Makes a stored file of the upload, which is whole: see [`Incoming::commit`]. Without a name it gets that of the stream.
    ///
    /// # Errors
    /// Those of [`Incoming::commit`].
    pub async fn commit(&self, name: Option<&str>) -> Result<FileRecord, Failure> {
        self.incoming().commit(name).await
    }

    /// Gives the upload up: its bytes are deleted and its quota is free. One that a file was made of stays what it is.
    pub fn abort(self, failure: Failure) {
        self.attachment.abort(failure);
    }

    /// Waits until this hold is lost, and says why: for a door that waits for a client's bytes meanwhile.
    pub async fn lost(&mut self) -> Failure {
        let lost = self.told.wait_for(|told| matches!(told.over, Some(Err(_)))).await;
        match lost.map(|told| told.over.clone()) {
            Ok(Some(Err(failure))) => failure,
            _ => superseded(),
        }
    }

    pub(super) fn check(&self) -> Result<(), Failure> {
        match &self.told.borrow().over {
            Some(Err(failure)) => Err(failure.clone()),
            Some(Ok(_)) | None => Ok(()),
        }
    }

    pub(super) fn inner(&self) -> parking_lot::MutexGuard<'_, Inner> {
        self.attachment.entry.inner.lock()
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload").field("attachment", &self.attachment).field("received", &self.received).finish_non_exhaustive()
    }
}
