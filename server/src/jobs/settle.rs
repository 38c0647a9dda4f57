//! What becomes of an attempt: it is recorded first, and then told.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use samewire_protocol::files::{Completed, Failed, FileEvent, Part, Retrying};
use samewire_protocol::{Code, Digester, Failure};

use super::job::shortened;
use super::metrics::{COMPLETED, FAILED};
use super::{MAX_PARTS, NewPart, Shared};
use crate::store::{Blobs, ClaimedJob, JobCompleted, PartRow, StoreError, now_ms, random};

/// The longest reason that is told, in bytes.
const MAX_REASON: usize = 512;
/// How long to wait after the records could not be written, before it is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// Whether what was said of a job counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settled {
    Done,
    /// It was not the speaker's any more.
    Lost,
}

impl Shared {
    /// Makes parts of what was put out, and ends the job. A failure is that of the attempt.
    pub(super) async fn complete(
        &self,
        job: &ClaimedJob,
        lease: &str,
        folder: PathBuf,
        parts: Vec<NewPart>,
    ) -> Result<Settled, Failure> {
        let blobs = self.store.blobs().clone();
        let taking = {
            let blobs = blobs.clone();
            tokio::task::spawn_blocking(move || take_in(&blobs, &folder, parts))
        };
        let rows = taking.await.map_err(|_| StoreError::Closed)??;
        let made: Vec<_> = rows.iter().map(|row| row.blob).collect();
        let told: Vec<Part> = rows.iter().map(|row| row.part.clone()).collect();
        let quota = self.quota(&job.owner, job.quota);
        let completed = self.store.records().complete_job(job.id, lease.to_owned(), rows, quota, now_ms()).done().await;
        if !matches!(completed, Ok(JobCompleted::Done { .. })) {
            for blob in made {
                blobs.delete(blob).await;
            }
        }
        match completed? {
            JobCompleted::Done { unnamed } => {
                for blob in unnamed {
                    blobs.delete(blob).await;
                }
                self.metrics.ended(&job.kind, COMPLETED);
                let event = Completed { file_id: job.file.id, kind: job.kind.to_string(), parts: told };
                self.tell(&job.owner, FileEvent::Completed(event)).await;
                Ok(Settled::Done)
            }
            JobCompleted::NoRoom { left } => {
                let told = format!(
                    "what was made of the file needs more room than the {left} of {quota} bytes that are left; remove some files and process it again"
                );
                Err(Failure::new(Code::QuotaExceeded, told))
            }
            JobCompleted::Lost => Ok(Settled::Lost),
        }
    }

    /// An attempt came to nothing. Another one follows, if that may help and the policy allows it.
    pub(super) async fn fail(&self, job: &ClaimedJob, lease: &str, failure: Failure) -> Settled {
        let policy = self.kinds.policy(&job.kind);
        let reason = shortened(&failure.message, MAX_REASON).to_owned();
        let code = failure.code;
        // Without chance the wait is still long enough.
        let chance = random().map_or(0, |bits| u64::from(u16::from_be_bytes([bits[0], bits[1]])));
        let wait = (failure.retryable && job.attempt < policy.attempts).then(|| policy.wait_after(job.attempt, chance));
        let delay = wait.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        let counted = loop {
            let now = now_ms();
            let again = delay.map(|delay| now.saturating_add(delay));
            let why = (code.clone(), reason.clone());
            match self.store.records().fail_job(job.id, lease.to_owned(), why, again, now).done().await {
                Ok(counted) => break counted,
                Err(error) => tracing::error!(job = %job.id, %error, "the end of an attempt cannot be recorded"),
            }
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                // The next process finds the attempt as one that broke off.
                () = self.stopping.cancelled() => return Settled::Lost,
            }
        };
        if !counted {
            return Settled::Lost;
        }
        tracing::info!(kind = %job.kind, job = %job.id, attempt = job.attempt, %code, %reason, "an attempt came to nothing");
        let (file_id, kind, attempt) = (job.file.id, job.kind.to_string(), job.attempt);
        let event = match delay {
            Some(delay) => {
                self.metrics.retried(&job.kind);
                FileEvent::Retrying(Retrying { file_id, kind, attempt, code, reason, delay })
            }
            None => {
                self.metrics.ended(&job.kind, FAILED);
                FileEvent::Failed(Failed { file_id, kind, code, reason, attempt })
            }
        };
        self.tell(&job.owner, event).await;
        self.wake();
        Settled::Done
    }

    pub(super) async fn put_back(&self, job: &ClaimedJob, lease: &str) {
        if let Err(error) = self.store.records().put_job_back(job.id, lease.to_owned(), now_ms()).done().await {
            tracing::error!(job = %job.id, %error, "a job cannot be put back; the attempt counts");
        }
    }
}

/// Makes blobs of all parts, or of none.
fn take_in(blobs: &Blobs, folder: &Path, parts: Vec<NewPart>) -> Result<Vec<PartRow>, Failure> {
    let mut names = HashSet::new();
    let broken = |failure: Failure| Failure { code: Code::ProcessingFailed, retryable: false, ..failure };
    if parts.len() > MAX_PARTS {
        let told = format!("the processing put out {} parts, and a job has at most {MAX_PARTS}", parts.len());
        return Err(Failure::new(Code::ProcessingFailed, told));
    }
    for part in &parts {
        part.check().map_err(broken)?;
        if !names.insert(part.name.clone()) {
            let told = format!("the processing put out two parts called {:?}", part.name);
            return Err(Failure::new(Code::ProcessingFailed, told));
        }
    }
    let mut rows = Vec::with_capacity(parts.len());
    for part in parts {
        match take_one(blobs, folder, part) {
            Ok(row) => rows.push(row),
            Err(failure) => {
                rows.iter().for_each(|row: &PartRow| blobs.delete_blocking(row.blob));
                return Err(failure);
            }
        }
    }
    Ok(rows)
}

fn take_one(blobs: &Blobs, folder: &Path, part: NewPart) -> Result<PartRow, Failure> {
    let path = part.path_in(folder)?;
    let mut digester = Digester::default();
    let size = digest(&path, &mut digester).map_err(StoreError::Io)?;
    let blob = blobs.adopt(&path).map_err(StoreError::Io)?;
    let NewPart { name, media, width, height, duration, extra, .. } = part;
    Ok(PartRow { part: Part { name, media, size, width, height, duration, extra }, digest: digester.digest(), blob })
}

fn digest(path: &Path, digester: &mut Digester) -> std::io::Result<u64> {
    use std::io::Read;
    let mut file = std::fs::File::open(path)?;
    let mut buffer = vec![0; 256 * 1024];
    let mut size = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(size);
        }
        digester.update(buffer.get(..read).unwrap_or_default());
        size += read as u64;
    }
}
