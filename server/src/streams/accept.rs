//! Opening a stream from a client, or continuing one.

use std::sync::Arc;

use samewire_protocol::name::{check_name, is_media};
use samewire_protocol::{Code, Failure, SessionId, StreamId};

use super::entry::{Entry, Phase, PublishedState, Receiving, Wake};
use super::refusal::{no_room, superseded, taken, too_big, too_many};
use super::{Attachment, MAX_NOTE, MAX_PER_OWNER, Notice, Observer, SPARE_DISK, Shared, Slot, StreamSpec, Streams};
use crate::auth::Owner;
use crate::limits::{Allowance, first_reservation, next_reservation};
use crate::store::{BlobId, Direction, NewStream, Opened, Reserved, RowState, StoreError, StreamRow, now_ms, storage_full};

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
        allowance: Allowance,
        id: StreamId,
        spec: StreamSpec,
        observer: Observer,
    ) -> Result<Attachment, Failure> {
        let holder = Holder { session: Some(session), allowance, observer };
        self.0.open_or_continue(owner, id, &spec, holder).await
    }
}

/// Who takes hold of a stream.
pub(super) struct Holder {
    /// None over HTTP.
    pub(super) session: Option<SessionId>,
    pub(super) allowance: Allowance,
    pub(super) observer: Observer,
}

impl Shared {
    pub(super) async fn open_or_continue(
        self: &Arc<Self>,
        owner: &Owner,
        id: StreamId,
        spec: &StreamSpec,
        holder: Holder,
    ) -> Result<Attachment, Failure> {
        check(spec, holder.allowance)?;
        loop {
            match self.claim(owner, id, spec, &holder)? {
                Claim::Known(entry) => return self.attach(entry, Some(spec.size), holder).await,
                Claim::Opening(entry) => wait_until_opened(&entry).await,
                Claim::New(entry) => {
                    // In a task of its own, so that a caller that gives up leaves no half-opened stream.
                    let opening = self.runtime.spawn(Arc::clone(self).open(entry));
                    let entry = opening.await.map_err(|_| Failure::from(StoreError::Closed))??;
                    return self.attach(entry, Some(spec.size), holder).await;
                }
            }
        }
    }
}

/// Whether a stream may be opened that is said to be so.
pub(super) fn check(spec: &StreamSpec, allowance: Allowance) -> Result<(), Failure> {
    if let Some(name) = &spec.name {
        check_name(name).map_err(|error| Failure::new(Code::BadName, error.to_string()))?;
    }
    if spec.media.as_deref().is_some_and(|media| !is_media(media)) {
        return Err(Failure::new(Code::BadName, "the media type is not one; write it as in image/png, or leave it out"));
    }
    if spec.note.as_ref().is_some_and(|note| note.len() > MAX_NOTE) {
        return Err(Failure::new(
            Code::TooBig,
            format!("what is said of the upload is longer than {MAX_NOTE} bytes; say less"),
        ));
    }
    match spec.size {
        Some(size) if size > allowance.max_upload => Err(too_big(allowance.max_upload)),
        _ => Ok(()),
    }
}

pub(super) async fn wait_until_opened(entry: &Entry) {
    // The sender lives in the entry, so it cannot be gone.
    drop(entry.published.subscribe().wait_for(|now| !matches!(now.state, PublishedState::Opening)).await);
}

impl Shared {
    fn claim(&self, owner: &Owner, id: StreamId, spec: &StreamSpec, holder: &Holder) -> Result<Claim, Failure> {
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
                return Err(too_many());
            }
            None => {}
        }
        owned.fallen.retain(|fallen| fallen.id != id);
        let blob = BlobId::draw().map_err(StoreError::Io)?;
        let name = (owner.clone(), id);
        let entry = Entry::new(name, holder.session, spec.clone(), blob, now_ms(), holder.allowance, (Phase::Opening, 0));
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
        let (session, allowance) = {
            let inner = entry.inner.lock();
            (inner.session, inner.allowance)
        };
        let want = first_reservation(entry.spec.size, self.settings.window, allowance.max_upload);
        self.has_room(&entry.owner, (want, want), allowance).await?;
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
            start: 0,
            held: None,
            opened: entry.opened_ms,
            note: entry.spec.note.clone(),
        };
        match self.store.records().open_stream(row, want, allowance.quota).done().await? {
            Opened::New { reserved } => {
                let (blobs, blob) = (self.store.blobs().clone(), entry.blob);
                let created = tokio::task::spawn_blocking(move || blobs.create(blob)).await;
                if let Err(error) = created.unwrap_or_else(|error| Err(std::io::Error::other(error))) {
                    self.delete_when_removed(self.store.records().remove_stream(entry.owner.clone(), entry.id, entry.blob));
                    return Err(StoreError::Io(error).into());
                }
                Ok(Recorded::New { reserved })
            }
            Opened::NoRoom { left } => Err(no_room(left, allowance)),
            Opened::Known(row) => self.committed(*row).map(Recorded::Committed).ok_or_else(taken),
        }
    }

    /// Whether the disk has room for this much more. What the quota does not allow either, of which it takes `charge`, is refused for
    /// that: it does not help to try again later.
    pub(super) async fn has_room(
        &self,
        owner: &Owner,
        (want, charge): (u64, u64),
        allowance: Allowance,
    ) -> Result<(), Failure> {
        let free = self.store.blobs().free().map_err(StoreError::Io)?;
        if want.saturating_add(SPARE_DISK) <= free {
            return Ok(());
        }
        let left = allowance.quota.saturating_sub(self.store.used(owner).await?);
        Err(if charge > left { no_room(left, allowance) } else { storage_full() })
    }

    /// Takes hold of a stream. `size` is what its sender says of it, unless he says nothing.
    pub(super) async fn attach(
        self: &Arc<Self>,
        entry: Arc<Entry>,
        size: Option<Option<u64>>,
        holder: Holder,
    ) -> Result<Attachment, Failure> {
        let Holder { session, allowance, observer } = holder;
        let (mut attachment, wake, moved, before) = {
            let mut inner = entry.inner.lock();
            if let Phase::Gone(failure) = &inner.phase {
                return Err(failure.clone());
            }
            if size.is_some_and(|size| !inner.fits(&entry.spec, size)) {
                let told = "the stream was opened with another size; open a new one for other bytes";
                return Err(Failure::new(Code::SizeMismatch, told));
            }
            inner.epoch += 1;
            inner.attached = true;
            inner.allowance = allowance;
            let moved = inner.session != session;
            // A session that comes back over a new connection knows by itself; whoever else had the stream would wait for ever.
            let before = inner.observer.take().filter(|_| moved || inner.session.is_none());
            inner.session = session;
            let (durable, size) = (inner.durable, inner.size);
            let wake = match &mut inner.phase {
                Phase::Open(receiving) => {
                    receiving.share = Some(self.shares.take());
                    receiving.granted = 0;
                    receiving.drop_part();
                    receiving.flush = !receiving.queue.is_empty();
                    receiving.schedule(durable, size)
                }
                _ => Wake::Nothing,
            };
            entry.publish(&inner);
            // Made before anything is waited for: dropped with this future, it detaches.
            (Attachment::new(Arc::clone(self), Arc::clone(&entry), inner.epoch), wake, moved, before)
        };
        self.wake(&entry, wake);
        if let Some(before) = before {
            before(Notice::Aborted(superseded()));
        }
        if moved {
            self.store.records().move_stream(entry.owner.clone(), entry.id, session).done().await?;
        }
        drop(entry.published.subscribe().wait_for(|now| !now.busy).await);
        self.top_up(&entry).await?;

        let mut inner = entry.inner.lock();
        if let Phase::Gone(failure) = &inner.phase {
            return Err(failure.clone());
        }
        if !attachment.is_current(&inner) {
            return Err(superseded());
        }
        inner.observer = Some(observer);
        attachment.offset = inner.durable;
        attachment.limit = inner.grant(self.window());
        attachment.state = inner.state();
        drop(inner);
        Ok(attachment)
    }

    /// A stream of unknown length that used up what was reserved for it needs more before its sender can go on: nothing that he
    /// sends would ask for it.
    async fn top_up(&self, entry: &Entry) -> Result<(), Failure> {
        let (want, quota) = {
            let inner = entry.inner.lock();
            match &inner.phase {
                Phase::Open(receiving) if inner.size.is_none() && receiving.reserved == inner.durable => {
                    let Allowance { quota, max_upload } = inner.allowance;
                    (next_reservation(inner.durable, receiving.reserved, self.settings.window, max_upload), quota)
                }
                _ => return Ok(()),
            }
        };
        let reserved = match want {
            Some(want) => match self.store.records().reserve(entry.owner.clone(), entry.id, want, quota).done().await? {
                Reserved::Up(reserved) => Some(reserved),
                Reserved::Gone => None,
            },
            None => None,
        };
        self.give_credit(entry, reserved);
        Ok(())
    }
}

enum Recorded {
    New { reserved: u64 },
    Committed(Arc<Entry>),
}

impl Shared {
    /// A stream that became a file: known from its row alone, and not kept in memory.
    pub(super) fn committed(&self, row: StreamRow) -> Option<Arc<Entry>> {
        let (RowState::Committed, Direction::In, Some(digest), Some(size)) = (row.state, row.direction, row.digest, row.size)
        else {
            return None;
        };
        // The file may have been removed since; then this is the name of nothing.
        let blob = row.blob.or_else(|| BlobId::draw().ok())?;
        let spec = StreamSpec { name: row.name, media: row.media, size: Some(size), note: row.note };
        let allowance = self.settings.allowance_of(&row.owner);
        let phase = Phase::Whole { digest, committed: true };
        Some(Entry::new((row.owner, row.id), row.session, spec, blob, row.opened, allowance, (phase, size)))
    }
}
