//! What nobody came back for.

use std::time::Duration;

use samewire_protocol::{Code, Failure};

use super::end::Memory;
use super::entry::{Entry, Phase};
use super::outgoing::OutEntry;
use super::{Shared, Slot, Streams, not_found};
use crate::auth::Owner;
use crate::store::{StoreError, now_ms};

/// How long a stream may be quiet before its file is closed.
const QUIET: Duration = Duration::from_secs(10);

impl Streams {
    /// Ends what has expired at `now_ms`, and says how many streams that were:
    ///
    /// - streams that nobody has been attached to for the idle time, and whole ones that no call made a file of in that time;
    /// - streams older than the absolute time, whoever is attached.
    ///
    /// Also forgets which streams became files, and removes anonymous files, after the absolute time.
    ///
    /// # Errors
    /// What the database says.
    pub async fn sweep(&self, now_ms: u64) -> Result<usize, StoreError> {
        let shared = &self.0;
        shared.turns.rest();
        let due = shared.due(now_ms);
        let mut ended = 0;
        for slot in due {
            ended += usize::from(match slot {
                Slot::In(entry) => shared.give_up(&entry, not_found(entry.id), Memory::Nothing),
                Slot::Out(entry) => shared.close(&entry),
            });
        }
        let before = now_ms.saturating_sub(millis(shared.settings.absolute_ttl));
        shared.store.records().forget_committed(before).done().await?;
        for blob in shared.store.records().remove_anonymous_files(None, before).done().await? {
            shared.store.blobs().delete(blob).await;
        }
        Ok(ended)
    }

    /// Sweeps for ever, with this pause between. To be spawned once, and dropped when the server ends.
    pub async fn sweep_every(self, pause: Duration) {
        loop {
            tokio::time::sleep(pause).await;
            match self.sweep(now_ms()).await {
                Ok(0) => {}
                Ok(ended) => tracing::info!(ended, "streams have expired"),
                Err(error) => tracing::error!(%error, "cannot remove what has expired"),
            }
        }
    }

    /// An anonymous owner has no session any more, and will have none. What it had, streams and files, nobody can reach any more: it
    /// is removed at once. A user's streams wait for another session until their idle time is over.
    ///
    /// # Errors
    /// What the database says.
    pub async fn owner_gone(&self, owner: &Owner) -> Result<(), StoreError> {
        let shared = &self.0;
        let slots: Vec<Slot> = match shared.owners.lock().get_mut(owner) {
            Some(owned) => {
                owned.fallen.clear();
                owned.slots.values().cloned().collect()
            }
            None => Vec::new(),
        };
        for slot in slots {
            match slot {
                Slot::In(entry) => {
                    let failure = Failure::new(Code::SessionClosed, "the session of the stream is over");
                    shared.give_up(&entry, failure, Memory::Nothing);
                }
                Slot::Out(entry) => drop(shared.close(&entry)),
            }
        }
        shared.remove_anonymous_files(owner).await
    }
}

impl Shared {
    fn due(&self, now_ms: u64) -> Vec<Slot> {
        let idle = now_ms.saturating_sub(millis(self.settings.idle_ttl));
        let absolute = now_ms.saturating_sub(millis(self.settings.absolute_ttl));
        let quiet = now_ms.saturating_sub(millis(QUIET));
        let mut due = Vec::new();
        self.owners.lock().retain(|_, owned| {
            owned.fallen.retain(|fallen| fallen.at_ms > idle);
            for slot in owned.slots.values() {
                match slot {
                    Slot::In(entry) => entry.rest(quiet),
                    Slot::Out(entry) => entry.rest(quiet),
                }
                let expired = match slot {
                    Slot::In(entry) => entry.opened_ms <= absolute || entry.is_idle(idle),
                    Slot::Out(entry) => entry.opened_ms <= absolute || entry.is_idle(idle),
                };
                if expired {
                    due.push(slot.clone());
                }
            }
            !owned.slots.is_empty() || !owned.fallen.is_empty()
        });
        due
    }

    async fn remove_anonymous_files(&self, owner: &Owner) -> Result<(), StoreError> {
        for blob in self.store.records().remove_anonymous_files(Some(owner.clone()), 0).done().await? {
            self.store.blobs().delete(blob).await;
        }
        Ok(())
    }
}

impl Entry {
    /// Closes the file of a sender that pauses: it costs little to open again, and a process has only so many.
    fn rest(&self, since: u64) {
        let mut inner = self.inner.lock();
        let quiet = inner.active_ms <= since;
        if let Phase::Open(receiving) = &mut inner.phase
            && quiet
        {
            receiving.rest();
        }
    }

    /// Somebody who is attached is not away, however long nothing comes; but a whole stream waits for a call.
    fn is_idle(&self, since: u64) -> bool {
        let inner = self.inner.lock();
        let waits = match inner.phase {
            Phase::Open(_) => !inner.attached,
            Phase::Whole { .. } => true,
            Phase::Opening | Phase::Gone(_) => false,
        };
        waits && inner.active_ms <= since
    }
}

impl OutEntry {
    fn rest(&self, since: u64) {
        let mut inner = self.inner.lock();
        if inner.active_ms <= since {
            inner.file = None;
        }
    }

    fn is_idle(&self, since: u64) -> bool {
        let inner = self.inner.lock();
        !inner.attached && inner.active_ms <= since
    }
}

pub(super) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
