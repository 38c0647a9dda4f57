//! Gives what is due to workers that are free.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use samewire_protocol::files::{FileEvent, Queued};
use samewire_protocol::{Code, Failure, JobId};
use tokio_util::sync::CancellationToken;

use super::{Jobs, Running, Shared, attempt, draw_lease};
use crate::store::{Leasing, StoreError, now_ms};

/// How often is looked at what nobody tells: whether jobs were given up with their files, whether what was missing is there.
const ROUND: Duration = Duration::from_secs(5);
/// How often completed jobs are looked for that need not be remembered.
const SWEEP: Duration = Duration::from_secs(60);
/// How long to wait at least.
const SHORTEST: Duration = Duration::from_millis(20);
/// How long to wait after the records could not be read or written.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) async fn run(jobs: Jobs) {
    let mut swept = None;
    loop {
        let wait = match AssertUnwindSafe(round(&jobs, &mut swept)).catch_unwind().await {
            Ok(Ok(wait)) => wait,
            Ok(Err(error)) => {
                tracing::error!(%error, "jobs cannot be given out");
                PAUSE
            }
            // It was reported; the next round is for the other jobs.
            Err(_) => PAUSE,
        };
        tokio::select! {
            () = jobs.0.stopping.cancelled() => return,
            () = jobs.0.due.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Does what is due, and says when to look again.
async fn round(jobs: &Jobs, swept: &mut Option<Instant>) -> Result<Duration, StoreError> {
    let shared = &jobs.0;
    shared.hold().await?;
    shared.let_gone_go().await?;
    for (job, lease) in shared.store.records().leases_over(now_ms()).done().await? {
        let told = format!("the worker was silent for too long, in attempt {}", job.attempt);
        let failure = Failure { retryable: true, ..Failure::new(Code::LeaseLost, told) };
        shared.end_lease(job.id, &lease).await;
        shared.fail(&job, &lease, failure).await;
    }
    while let Some(kinds) = shared.free() {
        let lease = draw_lease()?;
        let leasing = Leasing { lease: lease.clone(), until: None, worker: "server".to_owned() };
        // One that was given up and asked for again waits until the attempt before has let go.
        let except = shared.running.lock().keys().copied().collect();
        let Some(job) = shared.store.records().claim_job(kinds, except, leasing, now_ms()).done().await? else { break };
        let given_up = CancellationToken::new();
        let running = Running { file: job.file.id, kind: job.kind.clone(), given_up: given_up.clone() };
        shared.running.lock().insert(job.id, running);
        shared.workers.spawn(attempt::attempt(jobs.clone(), job, lease, given_up));
    }
    if swept.is_none_or(|swept| swept.elapsed() >= SWEEP) {
        let before = now_ms().saturating_sub(u64::try_from(shared.settings.kept.as_millis()).unwrap_or(u64::MAX));
        shared.store.records().forget_jobs(before).done().await?;
        *swept = Some(Instant::now());
    }
    shared.next().await
}

impl Shared {
    /// What could be given to a worker now; `None` where no worker is free.
    fn free(&self) -> Option<Vec<Box<str>>> {
        if self.stopping.is_cancelled() {
            return None;
        }
        let running = self.running.lock();
        if running.len() >= self.settings.workers {
            return None;
        }
        let mut busy: HashMap<&str, usize> = HashMap::new();
        running.values().for_each(|running| *busy.entry(&running.kind).or_default() += 1);
        let free = self.kinds.own().filter(|(kind, processor, most)| {
            busy.get(kind).copied().unwrap_or_default() < *most && processor.available().is_ok()
        });
        let free: Vec<Box<str>> = free.map(|(kind, ..)| kind.into()).collect();
        (!free.is_empty()).then_some(free)
    }

    async fn next(&self) -> Result<Duration, StoreError> {
        let mut at = vec![self.store.records().next_lease().done().await?];
        if let Some(kinds) = self.free() {
            at.push(self.store.records().next_job(kinds).done().await?);
        }
        let now = now_ms();
        let wait = at.into_iter().flatten().map(|at| Duration::from_millis(at.saturating_sub(now))).min();
        Ok(wait.unwrap_or(ROUND).clamp(SHORTEST, ROUND))
    }

    /// Says of jobs that cannot be done now what they wait for.
    async fn hold(&self) -> Result<(), StoreError> {
        for (kind, failure) in self.kinds.unavailable() {
            let why = (failure.code.clone(), failure.message.clone());
            for job in self.store.records().hold_jobs(kind.into(), why).done().await? {
                let (code, reason) = (Some(failure.code.clone()), Some(failure.message.clone()));
                let event = Queued { file_id: job.file, kind: kind.to_owned(), code, reason };
                self.tell(&job.owner, FileEvent::Queued(event)).await;
            }
        }
        Ok(())
    }

    /// Lets go of jobs whose files are gone.
    async fn let_gone_go(&self) -> Result<(), StoreError> {
        let running: Vec<JobId> = self.running.lock().keys().copied().collect();
        let leased: HashMap<JobId, String> =
            self.leased.lock().iter().map(|(id, leased)| (*id, leased.lease.clone())).collect();
        if running.is_empty() && leased.is_empty() {
            return Ok(());
        }
        for id in self.store.records().jobs_gone(running).done().await? {
            self.let_go(id);
        }
        for id in self.store.records().jobs_gone(leased.keys().copied().collect()).done().await? {
            if let Some(lease) = leased.get(&id) {
                self.end_lease(id, lease).await;
            }
        }
        Ok(())
    }
}
