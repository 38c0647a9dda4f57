//! Work on stored files, in the background: a queue in the records, workers in this process, and workers outside of it.
//!
//! A program brings a [`Processor`]; what it makes of a file becomes the file's parts. A job is recorded together with its file, and
//! its end together with its parts, so whatever ends the server in between: each job is done or has failed once, and none is lost.
//!
//! Whoever works on a job holds its *lease*, a word that is drawn anew for each attempt. What is said of a job counts from the
//! holder of its lease alone.

mod attempt;
mod dispatch;
mod external;
mod job;
mod kinds;
mod metrics;
mod part;
mod processor;
mod rest;
mod scratch;
mod settle;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use samewire_protocol::files::{Failed, FileEvent, FileRecord, Queued};
use samewire_protocol::{Code, Failure, FileId, JobId};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

pub use job::{Job, JobLimits, Reporter};
pub(crate) use part::is_kind;
pub use part::{MAX_EXTRA, MAX_PARTS, NewPart};
pub use processor::{JobPolicy, Processing, Processor};
pub(crate) use rest::router;

use crate::auth::Owner;
use crate::config;
use crate::limits::Quota;
use crate::media::sniff;
use crate::store::{BlobId, CANCELED, JobCount, NewJob, Store, StoreError, Touched, now_ms, random};
use crate::streams::{Candidate, HEAD, Intake, Plan};
use external::Leased;
use kinds::Kinds;
use metrics::Metrics;
use scratch::Scratch;

/// How long a server that stops waits until the workers have let go.
const FAREWELL: Duration = Duration::from_secs(3);

/// Hears what becomes of jobs, each job's events in their order; the next one comes when this one was taken.
pub(crate) trait Hearing: Send + Sync {
    fn hear<'a>(&'a self, owner: &'a Owner, event: FileEvent) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + 'a>>;
}

/// The jobs of a server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Jobs(Arc<Shared>);

struct Shared {
    store: Store,
    kinds: Kinds,
    settings: Settings,
    scratch: Scratch,
    hearing: OnceLock<Arc<dyn Hearing>>,
    /// What is worked on in this process.
    running: Mutex<HashMap<JobId, Running>>,
    /// What is worked on outside.
    leased: Mutex<HashMap<JobId, Leased>>,
    /// Something may be due, or a worker is free.
    due: Notify,
    /// Something may be due for a worker outside.
    offered: Notify,
    stopping: CancellationToken,
    workers: TaskTracker,
    metrics: Metrics,
}

struct Running {
    file: FileId,
    kind: Box<str>,
    given_up: CancellationToken,
}

/// What the queue goes by.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    workers: usize,
    memory: u64,
    kept: Duration,
    quota: Quota,
    max_part: u64,
    data: PathBuf,
}

impl Settings {
    pub(crate) fn new(config: &config::Config) -> Self {
        Self {
            workers: config.jobs.workers,
            memory: config.jobs.memory,
            kept: config.jobs.kept,
            quota: config.streams.quota(),
            max_part: config.limits.max_upload,
            data: config.data.clone(),
        }
    }
}

impl Jobs {
    /// The queue over this store, with what an earlier process left in it. Nothing runs before [`Jobs::start`].
    pub(crate) async fn open(
        store: Store,
        config: &config::Config,
        processors: Vec<Arc<dyn Processor>>,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let kinds = Kinds::new(processors, &config.jobs)?;
        let settings = Settings::new(config);
        let scratch = Scratch::open(settings.data.join("work"))?;
        let (again, failed) =
            store.records().recover_jobs(kinds.most_attempts(), config.jobs.attempts, now_ms()).done().await?;
        if again + failed > 0 {
            tracing::info!(again, failed, "jobs of an earlier process");
        }
        let metrics = Metrics::new();
        Ok(Self(Arc::new(Shared {
            store,
            kinds,
            settings,
            scratch,
            hearing: OnceLock::new(),
            running: Mutex::default(),
            leased: Mutex::default(),
            due: Notify::new(),
            offered: Notify::new(),
            stopping: CancellationToken::new(),
            workers: TaskTracker::new(),
            metrics,
        })))
    }

    /// Begins to work; until the handle is dropped, or the jobs are stopped.
    pub(crate) fn start(&self, hearing: Arc<dyn Hearing>) -> AbortOnDropHandle<()> {
        // There is one who hears, from the start on.
        let _ = self.0.hearing.set(hearing);
        AbortOnDropHandle::new(tokio::spawn(dispatch::run(self.clone())))
    }

    /// Stops to work: what is under way is put back, as if it had not begun.
    pub(crate) async fn stop(&self) {
        self.0.stopping.cancel();
        self.0.workers.close();
        if tokio::time::timeout(FAREWELL, self.0.workers.wait()).await.is_err() {
            tracing::warn!(jobs = self.0.workers.len(), "not every worker has let go; those attempts count");
        }
        if let Err(error) = self.0.store.records().put_leased_back(now_ms()).done().await {
            tracing::error!(%error, "cannot put back what is worked on outside");
        }
    }

    /// Gives up what is done with a file, all of it or one kind.
    pub(crate) async fn cancel(&self, owner: &Owner, file: FileId, kind: Option<String>) -> Result<(), Failure> {
        // To its end, although the caller may not wait for it.
        let (this, owner) = (self.clone(), owner.clone());
        let task = tokio::spawn(async move {
            let given_up = this.0.store.records().cancel_jobs(owner, file, kind, now_ms()).done().await?;
            for job in given_up {
                this.0.let_go(job.id);
                this.0.metrics.ended(&job.kind, metrics::CANCELED);
                let Touched { owner, file, kind, attempt, .. } = job;
                let (code, reason) = (Code::Canceled, CANCELED.to_owned());
                let event = Failed { file_id: file, kind: kind.into(), code, reason, attempt };
                this.0.tell(&owner, FileEvent::Failed(event)).await;
            }
            Ok(())
        });
        task.await.map_err(|_| StoreError::Closed)?
    }

    /// Does again what came to nothing or was given up, all of it or one kind; a kind that was never done with the file is done
    /// now, if it is for such files. What is under way or done stays as it is.
    pub(crate) async fn again(&self, owner: &Owner, file: &FileRecord, kind: Option<String>) -> Result<(), Failure> {
        let records = self.0.store.records();
        if let Some(kind) = kind.as_ref().filter(|kind| file.processing.iter().all(|job| job.kind != **kind)) {
            self.add(owner, file, kind).await?;
        }
        let queued = records.repeat_jobs(owner.clone(), file.id, kind, now_ms()).done().await?;
        for Touched { owner, file, kind, .. } in queued {
            let event = Queued { file_id: file, kind: kind.into(), code: None, reason: None };
            self.0.tell(&owner, FileEvent::Queued(event)).await;
        }
        self.0.wake();
        Ok(())
    }

    async fn add(&self, owner: &Owner, file: &FileRecord, kind: &str) -> Result<(), Failure> {
        let found = self.0.store.records().file_and_blob(owner.clone(), file.id).done().await?;
        let Some((record, blob)) = found else { return Ok(()) };
        let (shared, asker, asked) = (self.0.clone(), owner.clone(), kind.to_owned());
        let look = move || -> Result<bool, StoreError> {
            let head = read_head(&shared.store, blob)?;
            let candidate = Candidate {
                owner: &asker,
                name: &record.name,
                media: record.media.as_deref(),
                size: record.size,
                digest: record.digest,
                head: &head,
            };
            Ok(shared.kinds.wanted(&candidate, record.media.as_deref()).any(|kind| kind == asked))
        };
        if !tokio::task::spawn_blocking(look).await.map_err(|_| StoreError::Closed)?? {
            let told = format!("this server does nothing called {kind:?} with such files; name another kind, or none");
            return Err(Failure::new(Code::UnsupportedMedia, told));
        }
        let job = NewJob { id: JobId::from_random(random().map_err(StoreError::Io)?), kind: kind.into() };
        if self.0.store.records().add_job(owner.clone(), file.id, job, None, now_ms()).done().await? {
            let event = Queued { file_id: file.id, kind: kind.to_owned(), code: None, reason: None };
            self.0.tell(owner, FileEvent::Queued(event)).await;
        }
        Ok(())
    }

    /// A file is removed: whoever works on it need not go on.
    pub(crate) fn removed(&self, file: FileId) {
        let ids: Vec<JobId> =
            self.0.running.lock().iter().filter(|(_, running)| running.file == file).map(|(id, _)| *id).collect();
        ids.into_iter().for_each(|id| self.0.let_go(id));
        let leases: Vec<(JobId, String)> = {
            let leased = self.0.leased.lock();
            leased.iter().filter(|(_, leased)| leased.file == file).map(|(id, leased)| (*id, leased.lease.clone())).collect()
        };
        for (id, lease) in leases {
            let shared = self.0.clone();
            tokio::spawn(async move { shared.end_lease(id, &lease).await });
        }
    }

    /// How many jobs there are, by kind and state.
    pub(crate) async fn counts(&self) -> Result<Vec<JobCount>, StoreError> {
        self.0.store.records().count_jobs().done().await
    }

    /// What is counted while it happens.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }
}

impl Shared {
    async fn tell(&self, owner: &Owner, event: FileEvent) {
        if let Some(hearing) = self.hearing.get() {
            hearing.hear(owner, event).await;
        }
    }

    /// Something may be due.
    fn wake(&self) {
        self.due.notify_one();
        self.offered.notify_waiters();
    }

    /// Whoever works on the job in this process need not go on.
    fn let_go(&self, id: JobId) {
        if let Some(running) = self.running.lock().get(&id) {
            running.given_up.cancel();
        }
    }

    /// What the owner of a job may keep.
    fn quota(&self, owner: &Owner, given: Option<u64>) -> u64 {
        given.unwrap_or_else(|| self.settings.quota.of(owner))
    }
}

impl Intake for Jobs {
    fn plan(&self, candidate: &Candidate<'_>) -> Plan {
        let media = sniff(candidate.head, candidate.media);
        let jobs = self.0.kinds.wanted(candidate, media.as_deref().or(candidate.media)).map(Into::into).collect();
        Plan { media, jobs }
    }

    fn stored(&self, _: &Owner, file: &FileRecord) {
        if !file.processing.is_empty() {
            self.0.wake();
        }
    }
}

fn read_head(store: &Store, blob: BlobId) -> Result<Vec<u8>, StoreError> {
    use std::io::Read;
    let mut head = Vec::new();
    store.blobs().read(blob)?.take(HEAD as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// A lease: nobody guesses it.
fn draw_lease() -> Result<String, StoreError> {
    Ok(format!("{:032x}", u128::from_be_bytes(random()?)))
}

impl std::fmt::Debug for Jobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jobs").field("running", &self.0.running.lock().len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
