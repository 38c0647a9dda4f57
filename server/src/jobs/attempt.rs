//! One attempt at a job, in this process.

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use samewire_protocol::files::{FileEvent, Progressed, Started};
use samewire_protocol::{Code, Failure};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::job::{Job, JobLimits, Report, Reporter};
use super::{Jobs, NewPart, Shared};
use crate::store::{ClaimedJob, StoreError};

/// The least time between two words about how a job is coming along.
pub(super) const PACE: Duration = Duration::from_millis(250);

/// What an attempt came to.
enum Over {
    Made(PathBuf, Vec<NewPart>),
    Failed(Failure),
    /// The server stops.
    PutBack,
    /// Nobody wants it any more.
    GivenUp,
}

pub(super) async fn attempt(jobs: Jobs, job: ClaimedJob, lease: String, given_up: CancellationToken) {
    let shared = &jobs.0;
    let began = Instant::now();
    let started = Started { file_id: job.file.id, kind: job.kind.to_string(), attempt: job.attempt };
    shared.tell(&job.owner, FileEvent::Started(started)).await;
    let failure = match shared.work(&job, &lease, &given_up).await {
        Over::Made(folder, parts) => shared.complete(&job, &lease, folder, parts).await.err(),
        Over::Failed(failure) => Some(failure),
        Over::PutBack => {
            shared.put_back(&job, &lease).await;
            None
        }
        Over::GivenUp => None,
    };
    // First, because on a full disk that makes the room to record what happened.
    shared.scratch.remove(job.id, &lease).await;
    if let Some(failure) = failure {
        shared.fail(&job, &lease, failure).await;
    }
    shared.metrics.ran(&job.kind, began.elapsed());
    shared.running.lock().remove(&job.id);
    shared.wake();
}

impl Shared {
    async fn work(&self, job: &ClaimedJob, lease: &str, given_up: &CancellationToken) -> Over {
        let Some(processor) = self.kinds.processor(&job.kind) else {
            return Over::Failed(Failure::new(Code::ProcessingFailed, "the server does not know how to do this any more"));
        };
        let folder = match self.scratch.make(job.id, lease).await {
            Ok(folder) => folder,
            Err(error) => return Over::Failed(StoreError::Io(error).into()),
        };
        let timeout = self.kinds.policy(&job.kind).timeout;
        let reporter = Reporter::new(job.progress);
        let reports = reporter.reports();
        let mut given = Job {
            file: job.file.clone(),
            attempt: job.attempt,
            source: self.store.blobs().path(job.blob),
            folder: folder.clone(),
            limits: JobLimits { memory: self.settings.memory, timeout },
            reporter,
            parts: Vec::new(),
        };
        let result = {
            let processing = AssertUnwindSafe(async { processor.process(&mut given).await }).catch_unwind();
            tokio::select! {
                biased;
                () = given_up.cancelled() => return Over::GivenUp,
                () = self.stopping.cancelled() => return Over::PutBack,
                result = processing => result,
                () = self.report(job, lease, reports) => return Over::GivenUp,
                () = tokio::time::sleep(timeout) => {
                    let told = format!("the attempt took longer than {} seconds and was given up", timeout.as_secs());
                    return Over::Failed(Failure { retryable: false, ..Failure::new(Code::DeadlineExceeded, told) });
                }
            }
        };
        match result {
            Ok(Ok(())) => Over::Made(folder, given.parts),
            Ok(Err(failure)) => Over::Failed(failure),
            Err(_) => {
                tracing::error!(kind = %job.kind, job = %job.id, "a processor panicked");
                Over::Failed(Failure::new(Code::ProcessingFailed, "the processing broke off; tell the server's operator"))
            }
        }
    }

    /// Passes on what is reported, as long as the job is ours. What is told is in the records first: nobody hears more than a later
    /// look at the file shows.
    async fn report(&self, job: &ClaimedJob, lease: &str, mut reports: watch::Receiver<Report>) {
        loop {
            if reports.changed().await.is_err() {
                // Whoever reports is gone with the attempt; that ends this, too.
                std::future::pending::<()>().await;
            }
            let Report { percent, stage } = reports.borrow_and_update().clone();
            let noted = self.store.records().note_job(job.id, lease.to_owned(), (percent, stage.clone()), None).done().await;
            match noted {
                Ok(None) => return,
                Ok(Some(progress)) => self.tell_progress(job, progress, stage.map(String::from)).await,
                Err(error) => tracing::warn!(job = %job.id, %error, "how far a job is cannot be recorded"),
            }
            tokio::time::sleep(PACE).await;
        }
    }

    pub(super) async fn tell_progress(&self, job: &ClaimedJob, progress: u8, stage: Option<String>) {
        let event = Progressed { file_id: job.file.id, kind: job.kind.to_string(), progress, stage };
        self.tell(&job.owner, FileEvent::Progress(event)).await;
    }
}
