//! What nobody came back for.

use std::sync::Arc;
use std::time::Duration;

use samewire_protocol::{Code, Failure, SessionId};

use super::end::Memory;
use super::entry::{Entry, Phase};
use super::outgoing::OutEntry;
use super::{Shared, Slot, Streams, not_found};
use crate::auth::{Identity, Owner};
use crate::limits::next_reservation;
use crate::store::{Reserved, StoreError, now_ms};

/// How long a sender that used up all that can be reserved may take to say that this was the end.
const STARVED: Duration = Duration::from_secs(3);

/// How long a stream may be quiet before its file is closed.
const QUIET: Duration = Duration::from_secs(10);

impl Streams {
    /// Ends what has expired at `now_ms`, and says how many streams that were:
    ///
    /// - streams that nobody has been attached to for the idle time, and whole ones that no call made a file of in that time;
    /// - streams older than the absolute time, whoever is attached;
    /// - streams of unknown length whose owner has no room left for them.
    ///
    /// Also forgets which streams became files, and removes anonymous files, after the absolute time.
    ///
    /// # Errors
    /// What the database says.
    pub async fn sweep(&self, now_ms: u64) -> Result<usize, StoreError> {
        let shared = &self.0;
        let due = shared.due(now_ms);
        let mut ended = 0;
        for slot in due.expired {
            ended += usize::from(match slot {
                Slot::In(entry) => shared.give_up(&entry, not_found(entry.id), Memory::Nothing),
                Slot::Out(entry) => shared.close(&entry),
            });
        }
        for entry in due.starved {
            ended += usize::from(shared.feed_or_end(&entry).await?);
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

    /// The session will not come back. What an anonymous session had, streams and files, nobody can reach any more: it is removed
    /// at once. A user's streams wait for another session until their idle time is over.
    ///
    /// # Errors
    /// What the database says.
    pub async fn session_ended(&self, session: SessionId) -> Result<(), StoreError> {
        let shared = &self.0;
        let identity = Identity::anonymous(session);
        let owner = identity.owner();
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

#[derive(Default)]
struct Due {
    expired: Vec<Slot>,
    starved: Vec<Arc<Entry>>,
}

impl Shared {
    fn due(&self, now_ms: u64) -> Due {
        let idle = now_ms.saturating_sub(millis(self.settings.idle_ttl));
        let absolute = now_ms.saturating_sub(millis(self.settings.absolute_ttl));
        let starved = now_ms.saturating_sub(millis(STARVED));
        let quiet = now_ms.saturating_sub(millis(QUIET));
        let mut due = Due::default();
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
                    due.expired.push(slot.clone());
                } else if let Slot::In(entry) = slot
                    && entry.is_starved(starved)
                {
                    due.starved.push(Arc::clone(entry));
                }
            }
            !owned.slots.is_empty() || !owned.fallen.is_empty()
        });
        due
    }

    /// Looks once more whether there is room for a stream of unknown length, and ends it when there is none.
    async fn feed_or_end(&self, entry: &Arc<Entry>) -> Result<bool, StoreError> {
        let Some((durable, reserved)) = entry.reserved() else {
            return Ok(false);
        };
        let max = self.settings.max_upload;
        let Some(want) = next_reservation(durable, reserved, self.settings.window, max) else {
            let told = format!("this server takes streams of up to {max} bytes, and this one goes on");
            return Ok(self.give_up(entry, Failure::new(Code::TooBig, told), Memory::Reason));
        };
        let quota = self.settings.quota.of(&entry.owner);
        match self.store.records().reserve(entry.owner.clone(), entry.id, want, quota).done().await? {
            Reserved::Up(more) if more > reserved => self.give_credit(entry, Some(more)),
            Reserved::Up(_) => {
                let told = format!("your files and streams fill your {quota} bytes, and this one goes on; remove some first");
                return Ok(self.give_up(entry, Failure::new(Code::QuotaExceeded, told), Memory::Reason));
            }
            Reserved::Gone => {}
        }
        Ok(false)
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

    fn is_starved(&self, since: u64) -> bool {
        match &self.inner.lock().phase {
            Phase::Open(receiving) => receiving.end.is_none() && receiving.starved_ms.is_some_and(|at| at <= since),
            _ => false,
        }
    }

    fn reserved(&self) -> Option<(u64, u64)> {
        let inner = self.inner.lock();
        match &inner.phase {
            Phase::Open(receiving) => Some((inner.durable, receiving.reserved)),
            _ => None,
        }
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

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
