//! Workers outside of this process: they take a job for a while, and keep it by saying how it is coming along.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use http_body_util::BodyExt;
use samewire_protocol::files::{FileEvent, Started};
use samewire_protocol::{Code, Failure, FileId, JobId};
use tokio::io::AsyncWriteExt;

use super::attempt::PACE;
use super::settle::Settled;
use super::{Jobs, MAX_PARTS, NewPart, Shared, draw_lease};
use crate::store::{ClaimedJob, Leasing, Standing, StoreError, now_ms, storage_full};
use crate::streams::SPARE_DISK;

/// For how long a job is taken, at least and at most.
pub(super) const SHORTEST: Duration = Duration::from_secs(1);
pub(super) const LONGEST: Duration = Duration::from_secs(10 * 60);
/// The disk's room is looked at after so many bytes of a part.
const STEP: u64 = 4 << 20;

/// A job that is worked on outside.
pub(super) struct Leased {
    pub(super) file: FileId,
    pub(super) lease: String,
    /// Held while what was sent of it is made parts of its file.
    settling: Arc<tokio::sync::Mutex<()>>,
    span: Duration,
    parts: Vec<NewPart>,
    told: Option<(Instant, u8)>,
}

/// What a worker that took a job gets.
pub(super) struct Offer {
    pub(super) job: ClaimedJob,
    pub(super) lease: String,
    pub(super) until: u64,
}

/// Whether a worker may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Going {
    On { until: u64 },
    Canceled,
}

impl Jobs {
    /// Takes a job of one of these kinds; waits for one, up to a time. `None` when there was none.
    pub(super) async fn claim(
        &self,
        kinds: Vec<Box<str>>,
        worker: &str,
        span: Duration,
        wait: Duration,
    ) -> Result<Option<Offer>, Failure> {
        let shared = &self.0;
        if let Some(kind) = kinds.iter().find(|kind| !shared.kinds.is_external(kind)) {
            let told = format!("{kind:?} is not done outside of this server; its configuration says what is, in jobs.external");
            return Err(Failure::new(Code::BadParams, told));
        }
        let over = Instant::now() + wait;
        loop {
            let offered = shared.offered.notified();
            if shared.stopping.is_cancelled() {
                return Err(Failure::new(Code::Restart, "the server is being restarted; ask again"));
            }
            if let Some(offer) = self.take(kinds.clone(), worker, span).await? {
                return Ok(Some(offer));
            }
            let left = over.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            let due = shared.store.records().next_job(kinds.clone()).done().await?;
            let due = due.map_or(left, |due| Duration::from_millis(due.saturating_sub(now_ms()).max(1)));
            tokio::select! {
                () = offered => {}
                () = shared.stopping.cancelled() => {}
                () = tokio::time::sleep(left.min(due)) => {}
            }
        }
    }

    async fn take(&self, kinds: Vec<Box<str>>, worker: &str, span: Duration) -> Result<Option<Offer>, Failure> {
        // A worker that hangs up meanwhile leaves a lease that nobody holds, and that runs out.
        let lease = draw_lease()?;
        let until = after(span);
        let leasing = Leasing { lease: lease.clone(), until: Some(until), worker: worker.to_owned() };
        let shared = &self.0;
        let Some(job) = shared.store.records().claim_job(kinds, Vec::new(), leasing, now_ms()).done().await? else {
            return Ok(None);
        };
        let (file, settling) = (job.file.id, Arc::default());
        let leased = Leased { file, lease: lease.clone(), settling, span, parts: Vec::new(), told: None };
        let before = shared.leased.lock().insert(job.id, leased);
        if let Some(before) = before {
            // It was given up and asked for again before anybody saw that.
            shared.scratch.remove(job.id, &before.lease).await;
        }
        let started = Started { file_id: job.file.id, kind: job.kind.to_string(), attempt: job.attempt };
        shared.tell(&job.owner, FileEvent::Started(started)).await;
        // So that it is seen when the lease runs out.
        shared.due.notify_one();
        Ok(Some(Offer { job, lease, until }))
    }

    /// The job, for who holds its lease; which goes on with this.
    ///
    /// # Errors
    /// `lease-lost` and `job-not-found`.
    pub(super) async fn held(&self, id: JobId, lease: &str) -> Result<ClaimedJob, Failure> {
        match self.0.standing(id, lease).await? {
            Standing::Held(job) => Ok(*job),
            Standing::Unknown => Err(unknown(id)),
            Standing::Settled { .. } | Standing::Canceled | Standing::Lost => Err(lost(id)),
        }
    }

    /// Hears how a job is coming along, and whether its worker may go on.
    pub(super) async fn progress(&self, id: JobId, lease: &str, percent: f32, stage: Option<&str>) -> Result<Going, Failure> {
        let shared = &self.0;
        let job = match shared.standing(id, lease).await? {
            Standing::Held(job) => *job,
            Standing::Canceled => {
                shared.end_lease(id, lease).await;
                return Ok(Going::Canceled);
            }
            Standing::Unknown => return Err(unknown(id)),
            Standing::Settled { .. } | Standing::Lost => return Err(lost(id)),
        };
        let until = after(shared.span(id));
        let reporter = super::Reporter::new(job.progress);
        reporter.progress(percent);
        if let Some(stage) = stage {
            reporter.stage(stage);
        }
        let report = reporter.reports().borrow().clone();
        let noted = (report.percent, report.stage.clone());
        let Some(progress) = shared.store.records().note_job(id, lease.to_owned(), noted, Some(until)).done().await? else {
            return Err(lost(id));
        };
        if shared.may_tell(id, progress) {
            shared.tell_progress(&job, progress, report.stage.map(String::from)).await;
        }
        Ok(Going::On { until })
    }

    /// Takes in a part's bytes. Its lease goes on while they come.
    pub(super) async fn part(&self, id: JobId, lease: &str, part: NewPart, body: Body) -> Result<u64, Failure> {
        part.check()?;
        let shared = &self.0;
        let job = self.held(id, lease).await?;
        let taken =
            shared.leased.lock().get(&id).map(|leased| leased.parts.iter().filter(|other| other.name != part.name).count());
        if taken.is_none_or(|taken| taken >= MAX_PARTS) {
            let told = format!("a job has at most {MAX_PARTS} parts");
            return Err(if taken.is_none() { lost(id) } else { Failure::new(Code::BadParams, told) });
        }
        let folder = shared.scratch.make(id, lease).await.map_err(StoreError::Io)?;
        // Its own name is the part's when it is whole: what replaces it does not mix with it.
        let coming = folder.join(format!("{}.{}", part.name, draw_lease()?));
        let taken = match self.receive(&job, lease, &coming, body).await {
            Ok(size) => {
                let path = folder.join(&part.name);
                let moved = tokio::fs::rename(&coming, &path).await;
                moved.map(|()| (size, path)).map_err(|error| StoreError::Io(error).into())
            }
            Err(failure) => {
                drop(tokio::fs::remove_file(&coming).await);
                Err(failure)
            }
        };
        let is_his = {
            let mut leased = shared.leased.lock();
            match leased.get_mut(&id).filter(|leased| leased.lease == lease) {
                None => false,
                Some(leased) => {
                    if let Ok((_, path)) = &taken {
                        leased.parts.retain(|other| other.name != part.name);
                        leased.parts.push(NewPart { path: path.clone(), ..part });
                    }
                    true
                }
            }
        };
        if !is_his {
            // The folder went with the lease, and what came since made it anew.
            shared.scratch.remove(id, lease).await;
            return Err(lost(id));
        }
        taken.map(|(size, _)| size)
    }

    async fn receive(&self, job: &ClaimedJob, lease: &str, path: &PathBuf, mut body: Body) -> Result<u64, Failure> {
        let shared = &self.0;
        let quota = shared.quota(&job.owner, job.quota);
        let left = quota.saturating_sub(shared.store.used(&job.owner).await?);
        let mut file = tokio::fs::File::create(path).await.map_err(StoreError::Io)?;
        let (mut size, mut looked, mut kept) = (0_u64, None, Instant::now());
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Failure::new(Code::BadRequest, "the request's body broke off"))?;
            let Ok(bytes) = frame.into_data() else { continue };
            size += bytes.len() as u64;
            if size > shared.settings.max_part {
                let told = format!("a part has at most {} bytes", shared.settings.max_part);
                return Err(Failure::new(Code::TooBig, told));
            }
            if size > left {
                let told = format!("the file's owner has room for {left} of {quota} bytes, and the part goes on");
                return Err(Failure::new(Code::QuotaExceeded, told));
            }
            if looked.is_none_or(|looked| size >= looked + STEP) {
                looked = Some(size);
                if shared.store.blobs().free().map_err(StoreError::Io)? < SPARE_DISK.saturating_add(STEP) {
                    return Err(storage_full());
                }
            }
            file.write_all(&bytes).await.map_err(StoreError::Io)?;
            if kept.elapsed() >= shared.span(job.id) / 3 {
                kept = Instant::now();
                self.held(job.id, lease).await?;
            }
        }
        file.flush().await.map_err(StoreError::Io)?;
        Ok(size)
    }

    /// The job is done: what was sent of it becomes parts of the file. Said again, it is answered alike.
    pub(super) async fn completed(&self, id: JobId, lease: &str) -> Result<(), Failure> {
        // To its end, although the worker may hang up: what it sent is taken once, and what was made of that must be recorded.
        let (this, lease) = (self.clone(), lease.to_owned());
        let task = tokio::spawn(async move { this.complete_leased(id, &lease).await });
        task.await.map_err(|_| StoreError::Closed)?
    }

    async fn complete_leased(&self, id: JobId, lease: &str) -> Result<(), Failure> {
        let shared = &self.0;
        let settling =
            shared.leased.lock().get(&id).filter(|leased| leased.lease == lease).map(|leased| leased.settling.clone());
        // Who says it again meanwhile waits for what becomes of it.
        let _settling = match &settling {
            Some(settling) => Some(settling.lock().await),
            None => None,
        };
        // The lease must not run out while large parts are looked through and synced.
        let job = match shared.store.records().standing(id, lease.to_owned(), Some(after(LONGEST))).done().await? {
            Standing::Held(job) => *job,
            Standing::Settled { completed: true } => return Ok(()),
            Standing::Unknown => return Err(unknown(id)),
            Standing::Settled { completed: false } | Standing::Canceled | Standing::Lost => return Err(lost(id)),
        };
        let folder = shared.scratch.make(id, lease).await.map_err(StoreError::Io)?;
        let parts = {
            let mut leased = shared.leased.lock();
            let leased = leased.get_mut(&id).filter(|leased| leased.lease == lease).ok_or_else(|| lost(id))?;
            std::mem::take(&mut leased.parts)
        };
        let settled = shared.complete(&job, lease, folder, parts).await;
        shared.end_lease(id, lease).await;
        match settled {
            Ok(Settled::Done) => Ok(()),
            Ok(Settled::Lost) => Err(lost(id)),
            Err(failure) => {
                shared.fail(&job, lease, failure.clone()).await;
                Err(failure)
            }
        }
    }

    /// The attempt came to nothing. Said again, it is answered alike.
    pub(super) async fn failed(&self, id: JobId, lease: &str, failure: Failure) -> Result<(), Failure> {
        let shared = &self.0;
        let job = match shared.standing(id, lease).await? {
            Standing::Held(job) => *job,
            Standing::Settled { completed: false } => return Ok(()),
            Standing::Unknown => return Err(unknown(id)),
            Standing::Settled { completed: true } | Standing::Canceled | Standing::Lost => return Err(lost(id)),
        };
        shared.end_lease(id, lease).await;
        match shared.fail(&job, lease, failure).await {
            Settled::Done => Ok(()),
            Settled::Lost => Err(lost(id)),
        }
    }

    /// Where the content of a job's file is.
    pub(super) async fn source(&self, id: JobId, lease: &str) -> Result<(PathBuf, ClaimedJob), Failure> {
        let job = self.held(id, lease).await?;
        Ok((self.0.store.blobs().path(job.blob), job))
    }
}

impl Shared {
    async fn standing(&self, id: JobId, lease: &str) -> Result<Standing, StoreError> {
        let until = after(self.span(id));
        self.store.records().standing(id, lease.to_owned(), Some(until)).done().await
    }

    fn span(&self, id: JobId) -> Duration {
        self.leased.lock().get(&id).map_or(SHORTEST, |leased| leased.span)
    }

    /// Not every word of a worker is passed on.
    fn may_tell(&self, id: JobId, progress: u8) -> bool {
        let mut leased = self.leased.lock();
        let Some(leased) = leased.get_mut(&id) else { return false };
        let may = leased.told.is_none_or(|(at, told)| at.elapsed() >= PACE && told != progress);
        if may {
            leased.told = Some((Instant::now(), progress));
        }
        may
    }

    /// A lease is over; what was sent under it is removed. Somebody else may have the job by now.
    pub(super) async fn end_lease(&self, id: JobId, lease: &str) {
        {
            let mut leased = self.leased.lock();
            if leased.get(&id).is_some_and(|leased| leased.lease == lease) {
                leased.remove(&id);
            }
        }
        self.scratch.remove(id, lease).await;
    }
}

fn after(span: Duration) -> u64 {
    now_ms().saturating_add(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
}

fn unknown(id: JobId) -> Failure {
    let told = "it never was, was forgotten, or its file is removed; leave it";
    Failure::new(Code::JobNotFound, format!("there is no job {id}: {told}"))
}

fn lost(id: JobId) -> Failure {
    let told = "it was given up, or the lease ran out and somebody else has it; leave it, and take another one";
    Failure::new(Code::LeaseLost, format!("the job {id} is not yours any more: {told}"))
}
