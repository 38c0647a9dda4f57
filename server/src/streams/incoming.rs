//! A handler's view of a stream that the client of its session sends.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use samewire_protocol::files::FileRecord;
use samewire_protocol::name::check_name;
use samewire_protocol::{Code, Digest, Failure, FileId, JobId, SessionId, StreamId};
use tokio::sync::watch;

use super::accept::wait_until_opened;
use super::entry::{Entry, Phase, Published, PublishedState};
use super::reader::unreadable;
use super::{Candidate, HEAD, Plan, Reader, Shared, Slot, StreamState, Streams, not_found};
use crate::auth::Owner;
use crate::store::{BlobId, Committed, NewFile, NewJob, StoreError, now_ms, random};

/// How far a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that are durable on the server.
    pub durable: u64,
    /// How many there will be, where that is known.
    pub size: Option<u64>,
}

/// A stream that the client of a session sends, as a handler's argument.
pub struct Incoming {
    shared: Arc<Shared>,
    entry: Arc<Entry>,
}

impl Streams {
    /// The stream that this session names in a call.
    ///
    /// # Errors
    /// `stream-not-found`, in the same words whether the stream never was, has expired, or belongs to somebody else or to
    /// another session. Where it failed in this session, the reason it failed.
    pub async fn incoming(&self, owner: &Owner, session: SessionId, id: StreamId) -> Result<Incoming, Failure> {
        loop {
            let Some(entry) = self.0.in_memory(owner, session, id)? else {
                let row = self.0.store.records().stream(owner.clone(), id).done().await?;
                let row = row.filter(|row| row.session.is_none_or(|its| its == session));
                let entry = row.and_then(|row| self.0.committed(row)).ok_or_else(|| not_found(id))?;
                return Ok(Incoming { shared: Arc::clone(&self.0), entry });
            };
            let opening = {
                let mut inner = entry.inner.lock();
                inner.active_ms = now_ms();
                matches!(inner.phase, Phase::Opening)
            };
            if !opening {
                return Ok(Incoming { shared: Arc::clone(&self.0), entry });
            }
            wait_until_opened(&entry).await;
        }
    }
}

impl Shared {
    fn in_memory(&self, owner: &Owner, session: SessionId, id: StreamId) -> Result<Option<Arc<Entry>>, Failure> {
        let owners = self.owners.lock();
        let Some(owned) = owners.get(owner) else {
            return Ok(None);
        };
        if let Some(fallen) =
            owned.fallen.iter().rfind(|fallen| fallen.id == id && fallen.session.is_none_or(|its| its == session))
        {
            return Err(fallen.failure.clone());
        }
        match owned.slots.get(&id) {
            Some(Slot::In(entry)) => {
                let inner = entry.inner.lock();
                let here = inner.session.is_none_or(|its| its == session) && !matches!(inner.phase, Phase::Gone(_));
                if here { Ok(Some(Arc::clone(entry))) } else { Err(not_found(id)) }
            }
            Some(Slot::Out(_)) => Err(not_found(id)),
            None => Ok(None),
        }
    }
}

impl Incoming {
    pub(super) fn new(shared: &Arc<Shared>, entry: &Arc<Entry>) -> Self {
        Self { shared: Arc::clone(shared), entry: Arc::clone(entry) }
    }

    /// The stream's id.
    #[must_use]
    pub fn id(&self) -> StreamId {
        self.entry.id
    }

    /// The name that the client gave it.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.entry.spec.name.as_deref()
    }

    /// The media type that the client gave it.
    #[must_use]
    pub fn media(&self) -> Option<&str> {
        self.entry.spec.media.as_deref()
    }

    /// The size that the client declared, in bytes.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        self.entry.inner.lock().size
    }

    /// How far it is now.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.entry.progress()
    }

    /// Waits until it is further than `seen` bytes, or over, and says how far it is then.
    ///
    /// # Errors
    /// Why the stream was given up.
    pub async fn progressed(&self, seen: u64) -> Result<Progress, Failure> {
        let further =
            |now: &Published| now.durable > seen || !matches!(now.state, PublishedState::Open | PublishedState::Opening);
        let now = until(&self.entry, further).await?;
        match now.state {
            PublishedState::Gone(failure) => Err(failure),
            _ => Ok(progress(&self.entry, &now)),
        }
    }

    /// Waits until all bytes are there and verified. Dropping the future changes nothing.
    ///
    /// # Errors
    /// Why the stream was given up.
    pub async fn finished(&self) -> Result<(u64, Digest), Failure> {
        let over = |now: &Published| matches!(now.state, PublishedState::Whole(_) | PublishedState::Gone(_));
        let now = until(&self.entry, over).await?;
        match now.state {
            PublishedState::Whole(digest) => Ok((now.durable, digest)),
            PublishedState::Gone(failure) => Err(failure),
            PublishedState::Opening | PublishedState::Open => Err(StoreError::Closed.into()),
        }
    }

    /// Reads the bytes from the first on, as they arrive, up to the end. What it reads is not verified before
    /// [`finished`](Incoming::finished) says so.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader::new(self.shared.store.blobs().clone(), Arc::clone(&self.entry))
    }

    /// Makes a stored file of the stream, once it is whole; under its own name, or this one. The file and the end of the stream
    /// are recorded at once or not at all, and a repeated commit answers with the same file.
    ///
    /// Dropping the future while it waits for the stream changes nothing; after that, the file is made all the same.
    ///
    /// # Errors
    /// `bad-name`; why the stream was given up; `file-not-found` when the file was made before and has been removed.
    pub async fn commit(&self, name: Option<&str>) -> Result<FileRecord, Failure> {
        let Some(name) = name.or(self.name()) else {
            return Err(Failure::new(Code::BadName, "neither the stream nor the call gives the file a name; give it one"));
        };
        check_name(name).map_err(|error| Failure::new(Code::BadName, error.to_string()))?;
        self.finished().await?;
        let name = name.to_owned();
        let (shared, entry) = (Arc::clone(&self.shared), Arc::clone(&self.entry));
        let task = self.shared.runtime.spawn(async move { shared.commit(&entry, name).await });
        task.await.map_err(|_| Failure::from(StoreError::Closed))?
    }
}

impl Shared {
    async fn commit(self: &Arc<Self>, entry: &Arc<Entry>, name: String) -> Result<FileRecord, Failure> {
        let plan = self.plan(entry, &name).await?;
        let mut jobs = Vec::with_capacity(plan.jobs.len());
        for kind in plan.jobs {
            jobs.push(NewJob { id: JobId::from_random(random().map_err(StoreError::Io)?), kind });
        }
        let id = FileId::from_random(random().map_err(StoreError::Io)?);
        let quota = entry.inner.lock().allowance.quota;
        let quota = (quota != self.settings.quota.of(&entry.owner)).then_some(quota);
        let dedupe = self.settings.dedupe;
        let file = NewFile { id, name, media: plan.media, jobs, quota, dedupe, created: now_ms() };
        match self.store.records().commit(entry.owner.clone(), entry.id, file).done().await? {
            Committed::New(record, lent) => {
                self.became_file(entry, lent.map(|lent| lent.blob));
                if let Some(unnamed) = lent.and_then(|lent| lent.unnamed) {
                    self.store.blobs().delete(unnamed).await;
                }
                self.intake.stored(&entry.owner, &record);
                Ok(record)
            }
            Committed::Known(record) => {
                self.became_file(entry, None);
                Ok(record)
            }
            Committed::Removed => {
                Err(Failure::new(Code::FileNotFound, "the file that was made of this stream has been removed since"))
            }
            Committed::NotFound => Err(not_found(entry.id)),
        }
    }

    fn became_file(&self, entry: &Arc<Entry>, lent: Option<BlobId>) {
        {
            let mut inner = entry.inner.lock();
            // Before its own blob is deleted: a reader that misses that finds this one.
            inner.lent = lent.or(inner.lent);
            if let Phase::Whole { committed, .. } = &mut inner.phase {
                *committed = true;
            }
        }
        self.forget(&entry.owner, entry.id, |slot| slot.is(entry), None);
    }

    /// Lets the intake look at a whole stream. One that is a file already was looked at before.
    async fn plan(self: &Arc<Self>, entry: &Arc<Entry>, name: &str) -> Result<Plan, Failure> {
        let (size, digest) = match entry.inner.lock().state() {
            StreamState::Whole { size, digest } => (size, digest),
            StreamState::Open | StreamState::Committed { .. } => return Ok(Plan::default()),
        };
        let (shared, whole, entry, name) = (Arc::clone(self), entry, Arc::clone(entry), name.to_owned());
        let look = move || {
            let mut head = Vec::new();
            entry.read(shared.store.blobs())?.take(HEAD as u64).read_to_end(&mut head)?;
            let media = entry.spec.media.as_deref();
            Ok(shared.intake.plan(&Candidate { owner: &entry.owner, name: &name, media, size, digest, head: &head }))
        };
        let looked = tokio::task::spawn_blocking(look).await.unwrap_or_else(|error| Err(io::Error::other(error)));
        match looked {
            // A file was made of it meanwhile, and its bytes are elsewhere: the records know.
            Err(error) if error.kind() == io::ErrorKind::NotFound && whole.is_committed() => Ok(Plan::default()),
            looked => looked.map_err(unreadable),
        }
    }
}

impl Entry {
    fn progress(&self) -> Progress {
        // A copy, let go of at once: whoever publishes has the lock that is taken here, and waits until nobody looks.
        let now = self.published.borrow().clone();
        progress(self, &now)
    }
}

fn progress(entry: &Entry, now: &Published) -> Progress {
    let whole = matches!(now.state, PublishedState::Whole(_));
    Progress { durable: now.durable, size: if whole { Some(now.durable) } else { entry.inner.lock().size } }
}

/// Waits for a state of the stream. The sender lives in the entry, so the error cannot come up.
pub(super) async fn until(entry: &Entry, reached: impl FnMut(&Published) -> bool) -> Result<Published, StoreError> {
    let mut published: watch::Receiver<Published> = entry.published.subscribe();
    let now = published.wait_for(reached).await.map_err(|_| StoreError::Closed)?;
    Ok(now.clone())
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").field("id", &self.entry.id).field("progress", &self.progress()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::super::StreamSpec;
    use super::super::entry::Receiving;
    use super::*;
    use crate::auth::Identity;
    use crate::limits::Allowance;

    #[test]
    fn how_far_a_stream_is_can_be_asked_while_it_goes_on() {
        let name = (Identity::user("maria").expect("a user").owner().clone(), StreamId::from_random([7; 16]));
        let (blob, allowance) = (BlobId::draw().expect("an id"), Allowance { quota: 0, max_upload: 0 });
        let phase = Phase::Open(Box::new(Receiving::new(0)));
        let entry = Entry::new(name, None, StreamSpec::default(), blob, 0, allowance, (phase, 0));
        let (tell, told) = mpsc::channel();
        let asks: fn(&Entry) = |entry| _ = entry.progress();
        let goes_on: fn(&Entry) = |entry| entry.publish(&entry.inner.lock());
        for act in [asks, goes_on] {
            let (tell, entry) = (tell.clone(), Arc::clone(&entry));
            std::thread::spawn(move || {
                (0..100_000).for_each(|_| act(&entry));
                tell.send(())
            });
        }
        let done = [(); 2].map(|()| told.recv_timeout(std::time::Duration::from_secs(60)));
        assert_eq!(done, [Ok(()); 2], "one holds up the other for ever");
    }
}
