//! Opening a stream from a client, or continuing one.

use std::sync::Arc;

use samewire_protocol::name::{check_name, is_media};
use samewire_protocol::{Code, Failure, SessionId, StreamId};

use super::entry::{Entry, Phase, PublishedState, Receiving, Wake};
use super::{Attachment, MAX_PER_OWNER, Notice, Observer, SPARE_DISK, Shared, Slot, StreamSpec, Streams};
use crate::auth::Owner;
use crate::limits::first_reservation;
use crate::store::{BlobId, Direction, NewStream, Opened, RowState, StoreError, StreamRow, now_ms, storage_full};

enum Claim {
    /// The id is new; this entry holds its place.
    New(Arc<Entry>),
    /// Somebody else opens the same id at this moment.
    Opening(Arc<Entry>),
    Known(Arc<Entry>),
}

impl Streams {
    /// Opens a new stream, or continues a stream of the same owner that has this id. Continuing fences off the attachment
    /// before, waits until everything it pushed is written, and moves the stream to this session.
    ///
    /// For a call that names the stream to find it, this future must have been polled once before the call is dispatched.
    ///
    /// # Errors
    /// `bad-name`, `bad-request`, `too-big`, `too-many-streams`, `quota-exceeded` and `storage-full`; `size-mismatch` when the
    /// stream was opened with another size; `superseded` when a newer attachment came while this one waited.
    pub async fn accept(
        &self,
        owner: &Owner,
        session: SessionId,
        id: StreamId,
        spec: StreamSpec,
        observer: Observer,
    ) -> Result<Attachment, Failure> {
        self.0.check(&spec)?;
        loop {
            match self.0.claim(owner, Some(session), id, &spec)? {
                Claim::Known(entry) => return self.0.attach(entry, Some(session), &spec, observer).await,
                Claim::Opening(entry) => wait_until_opened(&entry).await,
                Claim::New(entry) => {
                    // In a task of its own, so that a caller that gives up leaves no half-opened stream.
                    let opening = self.0.runtime.spawn(Arc::clone(&self.0).open(entry));
                    let entry = opening.await.map_err(|_| Failure::from(StoreError::Closed))??;
                    return self.0.attach(entry, Some(session), &spec, observer).await;
                }
            }
        }
    }
}

pub(super) async fn wait_until_opened(entry: &Entry) {
    // The sender lives in the entry, so it cannot be gone.
    drop(entry.published.subscribe().wait_for(|now| !matches!(now.state, PublishedState::Opening)).await);
}

impl Shared {
    fn check(&self, spec: &StreamSpec) -> Result<(), Failure> {
        if let Some(name) = &spec.name {
            check_name(name).map_err(|error| Failure::new(Code::BadName, error.to_string()))?;
        }
        if spec.media.as_deref().is_some_and(|media| !is_media(media)) {
            return Err(Failure::new(Code::BadName, "the media type is not one; write it as in image/png, or leave it out"));
        }
        let max = self.settings.max_upload;
        if spec.size.is_some_and(|size| size > max) {
            return Err(Failure::new(Code::TooBig, format!("this server takes streams of up to {max} bytes")));
        }
        Ok(())
    }

    fn claim(&self, owner: &Owner, session: Option<SessionId>, id: StreamId, spec: &StreamSpec) -> Result<Claim, Failure> {
        let mut owners = self.owners.lock();
        let owned = owners.entry(owner.clone()).or_default();
        match owned.slots.get(&id) {
            Some(Slot::Out(_)) => return Err(taken()),
            Some(Slot::In(entry)) => match entry.inner.lock().phase {
                Phase::Opening => return Ok(Claim::Opening(Arc::clone(entry))),
                Phase::Open(_) | Phase::Whole { .. } => return Ok(Claim::Known(Arc::clone(entry))),
                Phase::Gone(_) => {}
            },
            None if owned.slots.len() >= MAX_PER_OWNER => {
                let told = format!("you have {MAX_PER_OWNER} streams under way; finish or abort one of them first");
                return Err(Failure::new(Code::TooManyStreams, told));
            }
            None => {}
        }
        owned.fallen.retain(|fallen| fallen.id != id);
        let blob = BlobId::draw().map_err(StoreError::Io)?;
        let entry = Entry::new((owner.clone(), id), session, spec.clone(), blob, now_ms(), (Phase::Opening, 0));
        owned.slots.insert(id, Slot::In(Arc::clone(&entry)));
        Ok(Claim::New(entry))
    }

    async fn open(self: Arc<Self>, entry: Arc<Entry>) -> Result<Arc<Entry>, Failure> {
        let outcome = self.record(&entry).await;
        let mut inner = entry.inner.lock();
        match outcome {
            Ok(Recorded::New { reserved }) => {
                inner.phase = Phase::Open(Box::new(Receiving::new(reserved)));
                entry.publish(&inner);
                drop(inner);
                Ok(entry)
            }
            outcome => {
                // Those who waited for the opening look again, and get their own answer.
                let failure = Failure::new(Code::StreamAborted, "the stream could not be opened");
                inner.phase = Phase::Gone(failure);
                entry.publish(&inner);
                drop(inner);
                self.forget(&entry.owner, entry.id, |slot| slot.is(&entry), None);
                match outcome? {
                    Recorded::Committed(entry) => Ok(entry),
                    Recorded::New { .. } => Err(StoreError::Closed.into()),
                }
            }
        }
    }

    async fn record(self: &Arc<Self>, entry: &Arc<Entry>) -> Result<Recorded, Failure> {
        let Settled { want, quota } = self.room(entry)?;
        let session = entry.inner.lock().session;
        let row = NewStream {
            owner: entry.owner.clone(),
            id: entry.id,
            session,
            direction: Direction::In,
            name: entry.spec.name.clone(),
            media: entry.spec.media.clone(),
            size: entry.spec.size,
            digest: None,
            blob: entry.blob,
            opened: entry.opened_ms,
        };
        match self.store.records().open_stream(row, want, quota).done().await? {
            Opened::New { reserved } => {
                let (blobs, blob) = (self.store.blobs().clone(), entry.blob);
                let created = tokio::task::spawn_blocking(move || blobs.create(blob)).await;
                if let Err(error) = created.unwrap_or_else(|error| Err(std::io::Error::other(error))) {
                    self.delete_when_removed(self.store.records().remove_stream(entry.owner.clone(), entry.id, entry.blob));
                    return Err(StoreError::Io(error).into());
                }
                Ok(Recorded::New { reserved })
            }
            Opened::NoRoom { left } => {
                let told = format!("your files and streams leave room for {left} of {quota} bytes; remove some first");
                Err(Failure::new(Code::QuotaExceeded, told))
            }
            Opened::Known(row) => committed(*row).map(Recorded::Committed).ok_or_else(taken),
        }
    }

    fn room(&self, entry: &Entry) -> Result<Settled, Failure> {
        let want = first_reservation(entry.spec.size, self.settings.window, self.settings.max_upload);
        let free = self.store.blobs().free().map_err(StoreError::Io)?;
        if want.saturating_add(SPARE_DISK) > free {
            return Err(storage_full());
        }
        Ok(Settled { want, quota: self.settings.quota.of(&entry.owner) })
    }

    async fn attach(
        self: &Arc<Self>,
        entry: Arc<Entry>,
        session: Option<SessionId>,
        spec: &StreamSpec,
        observer: Observer,
    ) -> Result<Attachment, Failure> {
        let (mut attachment, wake, moved, before) = {
            let mut inner = entry.inner.lock();
            if let Phase::Gone(failure) = &inner.phase {
                return Err(failure.clone());
            }
            if !inner.fits(&entry.spec, spec.size) {
                let told = "the stream was opened with another size; open a new one for other bytes";
                return Err(Failure::new(Code::SizeMismatch, told));
            }
            inner.epoch += 1;
            inner.attached = true;
            let before = inner.observer.take();
            let moved = std::mem::replace(&mut inner.session, session) != session;
            let durable = inner.durable;
            let wake = match &mut inner.phase {
                Phase::Open(receiving) => {
                    receiving.flush = !receiving.queue.is_empty();
                    receiving.schedule(durable, entry.spec.size)
                }
                _ => Wake::Nothing,
            };
            entry.publish(&inner);
            // Made before anything is waited for: dropped with this future, it detaches.
            (Attachment::new(Arc::clone(self), Arc::clone(&entry), inner.epoch), wake, moved, before)
        };
        self.wake(&entry, wake);
        if moved {
            // A session that comes back over a new connection knows by itself; another one would wait for ever.
            if let Some(before) = before {
                before(Notice::Aborted(Failure::new(Code::Superseded, "another session of yours goes on with the stream")));
            }
            self.store.records().move_stream(entry.owner.clone(), entry.id, session).done().await?;
        }
        drop(entry.published.subscribe().wait_for(|now| !now.busy).await);

        let mut inner = entry.inner.lock();
        if let Phase::Gone(failure) = &inner.phase {
            return Err(failure.clone());
        }
        if !attachment.is_current(&inner) {
            return Err(Failure::new(Code::Superseded, "the stream was continued by a newer connection"));
        }
        inner.observer = Some(observer);
        attachment.offset = inner.durable;
        attachment.limit = entry.limit(&inner, &self.settings);
        attachment.state = inner.state();
        drop(inner);
        Ok(attachment)
    }
}

struct Settled {
    want: u64,
    quota: u64,
}

enum Recorded {
    New { reserved: u64 },
    Committed(Arc<Entry>),
}

/// A stream that became a file: known from its row alone, and not kept in memory.
pub(super) fn committed(row: StreamRow) -> Option<Arc<Entry>> {
    let (RowState::Committed, Direction::In, Some(digest), Some(size)) = (row.state, row.direction, row.digest, row.size)
    else {
        return None;
    };
    // The file may have been removed since; then this is the name of nothing.
    let blob = row.blob.or_else(|| BlobId::draw().ok())?;
    let spec = StreamSpec { name: row.name, media: row.media, size: Some(size) };
    let phase = Phase::Whole { digest, committed: true };
    Some(Entry::new((row.owner, row.id), row.session, spec, blob, row.opened, (phase, size)))
}

fn taken() -> Failure {
    Failure::new(Code::BadRequest, "the id of the stream is taken by another stream of yours; draw a new one at random")
}
