//! A queue, files in it, and somebody who hears what becomes of them.

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use samewire_protocol::files::{FileEvent, FileRecord, Processing as Told};
use samewire_protocol::{Failure, FileId, SessionId, StreamId};
use tempfile::TempDir;
use tokio_util::task::AbortOnDropHandle;

use super::super::{Hearing, Job, JobPolicy, Jobs, Processing, Processor};
use crate::auth::{Identity, Owner};
use crate::config::Config;
use crate::store::Store;
use crate::streams::{Candidate, Settings, StreamSpec, Streams};

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(30);

type Work = dyn for<'a> Fn(&'a mut Job) -> Processing<'a> + Send + Sync;

/// A processor of texts that does what a test says.
pub(super) struct Worker {
    kind: &'static str,
    policy: JobPolicy,
    work: Box<Work>,
}

impl Worker {
    pub(super) fn new(
        kind: &'static str,
        work: impl for<'a> Fn(&'a mut Job) -> Processing<'a> + Send + Sync + 'static,
    ) -> Self {
        let policy = JobPolicy { backoff: Duration::from_millis(1), ..JobPolicy::default() };
        Self { kind, policy, work: Box::new(work) }
    }

    pub(super) fn policy(mut self, change: impl FnOnce(&mut JobPolicy)) -> Self {
        change(&mut self.policy);
        self
    }
}

impl Processor for Worker {
    fn kind(&self) -> &str {
        self.kind
    }

    fn wants(&self, _: &Candidate<'_>, media: &str) -> bool {
        media == "text/plain"
    }

    fn policy(&self) -> JobPolicy {
        self.policy
    }

    fn process<'a>(&'a self, job: &'a mut Job) -> Processing<'a> {
        (self.work)(job)
    }
}

/// Counts how often something was done.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally(Arc<AtomicU32>);

impl Tally {
    pub(super) fn count(&self) -> u32 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(super) fn get(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

#[derive(Debug, Default)]
struct Ears(Mutex<Vec<FileEvent>>);

impl Hearing for Ears {
    fn hear<'a>(&'a self, _: &'a Owner, event: FileEvent) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        self.0.lock().push(event);
        Box::pin(std::future::ready(()))
    }
}

/// A server's store, streams and jobs, without the rest of it.
pub(super) struct Stage {
    pub(super) jobs: Jobs,
    pub(super) store: Store,
    pub(super) owner: Owner,
    streams: Streams,
    ears: Arc<Ears>,
    quota: u64,
    _dispatcher: AbortOnDropHandle<()>,
    data: TempDir,
}

impl Stage {
    pub(super) async fn new(workers: Vec<Worker>) -> Self {
        Self::with(tempfile::tempdir().expect("a folder"), workers, |_| ()).await
    }

    pub(super) async fn of(processors: Vec<Arc<dyn Processor>>) -> Self {
        Self::build(tempfile::tempdir().expect("a folder"), processors, |_| ()).await
    }

    pub(super) async fn with(data: TempDir, workers: Vec<Worker>, change: impl FnOnce(&mut Config)) -> Self {
        let processors = workers.into_iter().map(|worker| Arc::new(worker) as Arc<dyn Processor>).collect();
        Self::build(data, processors, change).await
    }

    async fn build(data: TempDir, processors: Vec<Arc<dyn Processor>>, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config { data: data.path().to_owned(), dev: true, ..Config::default() };
        config.jobs.workers = 2;
        change(&mut config);
        config.check().expect("a configuration");
        let store = Store::open(data.path()).expect("a store");
        let jobs = Jobs::open(store.clone(), &config, processors).await.expect("a queue");
        let settings = Settings::new(&config.streams, &config.files, &config.limits.wire());
        let streams = Streams::start(store.clone(), settings, Arc::new(jobs.clone())).await.expect("streams");
        let ears = Arc::new(Ears::default());
        let dispatcher = jobs.start(ears.clone());
        let owner = Identity::user("maria").expect("a user").owner().clone();
        Self { jobs, store, owner, streams, ears, quota: config.streams.quota, _dispatcher: dispatcher, data }
    }

    /// The folder, when nothing of the server is left but what it wrote. No attempt may be under way.
    pub(super) async fn end(self) -> TempDir {
        let Self { jobs, store, streams, _dispatcher, data, .. } = self;
        drop((jobs, store, streams, _dispatcher));
        until("nobody holds the folder", || {
            let lock = std::fs::File::open(data.path().join("lock")).expect("a lock");
            rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_ok()
        })
        .await;
        data
    }

    pub(super) fn data(&self) -> &Path {
        self.data.path()
    }

    /// Stores a text.
    pub(super) async fn store(&self, text: &str) -> FileRecord {
        self.store_as(&self.owner, text).await
    }

    pub(super) async fn store_as(&self, owner: &Owner, text: &str) -> FileRecord {
        let bits = crate::store::random().expect("random bits");
        let (id, session) = (StreamId::from_random(bits), SessionId::from_random([1; 16]));
        let spec = StreamSpec {
            name: Some("notes.txt".to_owned()),
            media: Some("text/plain".to_owned()),
            size: Some(text.len() as u64),
            ..StreamSpec::default()
        };
        let allowance = crate::limits::Allowance { quota: self.quota, max_upload: 1 << 30 };
        let attachment = self.streams.accept(owner, session, allowance, id, spec, Arc::new(|_| ())).await.expect("a stream");
        attachment.push(0, text.as_bytes().to_vec().into()).expect("credit");
        attachment.end(text.len() as u64, None);
        let incoming = self.streams.incoming(owner, session, id).await.expect("the stream");
        incoming.commit(None).await.expect("a file")
    }

    pub(super) async fn file(&self, id: FileId) -> FileRecord {
        self.store.file(&self.owner, id).await.expect("an answer").expect("the file")
    }

    /// How the only job of a file is.
    pub(super) async fn told(&self, id: FileId) -> Told {
        self.file(id).await.processing.into_iter().next().expect("a job")
    }

    /// Waits until a file is so.
    pub(super) async fn file_is(&self, id: FileId, is: impl Fn(&FileRecord) -> bool) -> FileRecord {
        let waited = async {
            loop {
                let file = self.file(id).await;
                if is(&file) {
                    return file;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        match tokio::time::timeout(PATIENCE, waited).await {
            Ok(file) => file,
            Err(_) => panic!("the file stays as it is: {:?}", self.file(id).await),
        }
    }

    /// What was heard, by name and, of progress, how far it was.
    pub(super) fn heard(&self) -> Vec<String> {
        let told = |event: &FileEvent| match event {
            FileEvent::Started(started) => format!("started {}", started.attempt),
            FileEvent::Progress(progress) => format!("progress {}", progress.progress),
            FileEvent::Retrying(retrying) => format!("retrying {} {}", retrying.attempt, retrying.code),
            FileEvent::Failed(failed) => format!("failed {} {}", failed.attempt, failed.code),
            FileEvent::Completed(completed) => format!("completed {}", completed.parts.len()),
            other => other.name().to_owned(),
        };
        self.ears.0.lock().iter().map(told).collect()
    }

    /// What was heard besides progress.
    pub(super) fn turns(&self) -> Vec<String> {
        self.heard().into_iter().filter(|event| !event.starts_with("progress")).collect()
    }

    pub(super) async fn turns_are(&self, expected: &[&str]) {
        until(&format!("{expected:?} is heard"), || self.turns() == expected).await;
    }

    /// How many blobs there are, and whether anything is left in the folder for work.
    pub(super) fn left(&self) -> (usize, usize) {
        (count(&self.data.path().join("blobs")), count(&self.data.path().join("work")))
    }
}

fn count(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries.map(|entry| entry.expect("an entry").path()).map(|path| if path.is_dir() { count(&path) } else { 1 }).sum()
}

pub(super) async fn until(what: &str, is: impl Fn() -> bool) {
    let waited = async {
        while !is() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waited).await.is_ok(), "not so: {what}");
}

pub(super) fn failure(code: samewire_protocol::Code, retryable: bool) -> Failure {
    Failure { retryable, ..Failure::new(code, "it did not work") }
}
