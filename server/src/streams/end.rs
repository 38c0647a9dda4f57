//! The ends of a stream before its time: its bytes are deleted, its quota is free, whoever waits for it is told.

use std::sync::Arc;

use samewire_protocol::{Failure, SessionId, StreamId};

use super::accept::wait_until_opened;
use super::entry::{Entry, Inner, Phase};
use super::{Fallen, Notice, Observer, Shared, Slot, Streams};
use crate::auth::Owner;
use crate::store::{BlobId, Pending, now_ms};

/// What to remember of a stream that is given up.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Memory {
    /// The reason, for calls of its session.
    Reason,
    /// Nothing: it is as if it had never been.
    Nothing,
}

/// What is left to do for a stream that was given up.
pub(super) struct GivenUp {
    observer: Option<Observer>,
    session: Option<SessionId>,
    removal: Pending<Option<BlobId>>,
    /// Whether no file can have been made of it: it was not whole yet.
    unfinished: bool,
}

impl Streams {
    /// Remembers why a stream could not be opened, for calls of its session that name it all the same.
    pub(crate) fn refused(&self, owner: &Owner, session: SessionId, id: StreamId, failure: &Failure) {
        let mut owners = self.0.owners.lock();
        let owned = owners.entry(owner.clone()).or_default();
        if !owned.slots.contains_key(&id) {
            owned.remember(Fallen { id, session: Some(session), failure: failure.clone(), at_ms: now_ms() });
        }
    }

    /// Ends a stream of this owner, of either direction, without a hold on it; one that is being opened, as soon as it is.
    /// Nothing happens when there is none, or when a file was made of it.
    pub fn give_up(&self, owner: &Owner, id: StreamId, failure: Failure) {
        let slot = self.0.owners.lock().get(owner).and_then(|owned| owned.slots.get(&id).cloned());
        match slot {
            Some(Slot::In(entry)) if matches!(entry.inner.lock().phase, Phase::Opening) => {
                let shared = Arc::clone(&self.0);
                self.0.runtime.spawn(async move {
                    wait_until_opened(&entry).await;
                    shared.give_up(&entry, failure, Memory::Reason);
                });
            }
            Some(Slot::In(entry)) => drop(self.0.give_up(&entry, failure, Memory::Reason)),
            Some(Slot::Out(entry)) => drop(self.0.close(&entry)),
            None => {}
        }
    }
}

impl Shared {
    /// Ends a stream that is not a file yet: its bytes are deleted, its quota is free, whoever is attached is told. Says whether
    /// there was something to end.
    pub(super) fn give_up(&self, entry: &Arc<Entry>, failure: Failure, memory: Memory) -> bool {
        let given_up = self.take_down(entry, &mut entry.inner.lock(), &failure);
        let ended = given_up.is_some();
        if let Some(given_up) = given_up {
            self.clean_up(entry, given_up, failure, memory);
        }
        ended
    }

    /// The part of giving up that happens under the stream's lock.
    pub(super) fn take_down(&self, entry: &Entry, inner: &mut Inner, failure: &Failure) -> Option<GivenUp> {
        let unfinished = match inner.phase {
            Phase::Open(_) => true,
            Phase::Whole { committed, .. } if !committed => false,
            Phase::Opening | Phase::Whole { .. } | Phase::Gone(_) => return None,
        };
        inner.phase = Phase::Gone(failure.clone());
        inner.epoch += 1;
        entry.publish(inner);
        // Handed in under the lock: whoever sees that the stream is gone can already use the room it took.
        let removal = self.store.records().remove_stream(entry.owner.clone(), entry.id, entry.blob);
        Some(GivenUp { observer: inner.observer.take(), session: inner.session, removal, unfinished })
    }

    /// The part of giving up that happens after it.
    pub(super) fn clean_up(&self, entry: &Arc<Entry>, given_up: GivenUp, failure: Failure, memory: Memory) {
        let fallen = (memory == Memory::Reason).then(|| Fallen {
            id: entry.id,
            session: given_up.session,
            failure: failure.clone(),
            at_ms: now_ms(),
        });
        self.forget(&entry.owner, entry.id, |slot| slot.is(entry), fallen);
        if given_up.unfinished {
            self.delete_in_any_case(entry, given_up.removal);
        } else {
            self.delete_when_removed(given_up.removal);
        }
        if let Some(observer) = given_up.observer {
            observer(Notice::Aborted(failure));
        }
    }

    /// Deletes a blob once no row names it.
    pub(super) fn delete_when_removed(&self, removal: Pending<Option<BlobId>>) {
        let blobs = self.store.blobs().clone();
        self.runtime.spawn(async move {
            match removal.done().await {
                Ok(Some(blob)) => blobs.delete(blob).await,
                Ok(None) => {}
                Err(error) => tracing::error!(%error, "cannot remove a stream from the records"),
            }
        });
    }

    /// The same for a blob that cannot be a file's. On a full disk the records may have no room to remove the row before the blob
    /// makes some.
    fn delete_in_any_case(&self, entry: &Entry, removal: Pending<Option<BlobId>>) {
        let (store, owner, id, blob) = (self.store.clone(), entry.owner.clone(), entry.id, entry.blob);
        self.runtime.spawn(async move {
            let removed = removal.done().await;
            store.blobs().delete(blob).await;
            if removed.is_err()
                && let Err(error) = store.records().remove_stream(owner, id, blob).done().await
            {
                tracing::error!(%error, "cannot remove a stream from the records");
            }
        });
    }

    /// Takes a stream out of memory, and remembers why when its session may still ask.
    pub(super) fn forget(&self, owner: &Owner, id: StreamId, same: impl Fn(&Slot) -> bool, fallen: Option<Fallen>) {
        let mut owners = self.owners.lock();
        let Some(owned) = owners.get_mut(owner) else {
            return;
        };
        if owned.slots.get(&id).is_some_and(same) {
            owned.slots.remove(&id);
            if let Some(fallen) = fallen {
                owned.remember(fallen);
            }
        }
        if owned.slots.is_empty() && owned.fallen.is_empty() {
            owners.remove(owner);
        }
    }
}
