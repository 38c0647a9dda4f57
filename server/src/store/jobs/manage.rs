//! What happens to jobs from outside: they are given up, done again, taken up by the next process, counted and forgotten.

use rusqlite::{Row, named_params};
use samewire_protocol::{Code, FileId, JobId};

use super::super::Records;
use super::super::files::{int, parsed, unsigned};
use super::super::records::Pending;
use super::{NewJob, queue};
use crate::auth::Owner;

/// A job that something happened to.
#[derive(Clone, Debug)]
pub(crate) struct Touched {
    pub(crate) id: JobId,
    pub(crate) owner: Owner,
    pub(crate) file: FileId,
    pub(crate) kind: Box<str>,
    pub(crate) attempt: u32,
}

/// How many jobs there are of a kind in a state.
#[derive(Clone, Debug)]
pub(crate) struct JobCount {
    pub(crate) kind: String,
    pub(crate) state: String,
    pub(crate) count: u64,
}

impl Records {
    /// Takes up what the last process was at: those jobs are due again, or have failed where that was their last attempt. `most`
    /// says how often a kind is tried.
    pub(crate) fn recover_jobs(&self, most: Vec<(Box<str>, u32)>, otherwise: u32, now_ms: u64) -> Pending<(usize, usize)> {
        self.transact(move |transaction| {
            let running: Vec<Touched> = transaction
                .prepare_cached("SELECT id, owner, file, kind, attempts FROM jobs WHERE state = 'running'")?
                .query_map([], touched)?
                .collect::<rusqlite::Result<_>>()?;
            let (mut again, mut failed) = (0, 0);
            for job in running {
                let most = most.iter().find(|(kind, _)| *kind == job.kind).map_or(otherwise, |(_, most)| *most);
                let is_over = job.attempt >= most;
                let told = format!("the server ended while it was at it, and this was attempt {} of {most}", job.attempt);
                transaction
                    .prepare_cached(
                        "UPDATE jobs SET state = iif(:over, 'failed', 'queued'), run_after = :now, stage = NULL, lease = NULL,
                             lease_until = NULL, finished = iif(:over, :now, NULL), code = :code, reason = :reason
                         WHERE id = :id",
                    )?
                    .execute(named_params! {
                        ":over": is_over, ":now": int(now_ms), ":code": Code::ProcessingFailed.as_str(), ":reason": told,
                        ":id": job.id.to_string(),
                    })?;
                *if is_over { &mut failed } else { &mut again } += 1;
            }
            Ok::<_, rusqlite::Error>((again, failed))
        })
    }

    /// Gives up jobs of a file that are not over: all of them, or those of a kind.
    pub(crate) fn cancel_jobs(&self, owner: Owner, file: FileId, kind: Option<String>, now_ms: u64) -> Pending<Vec<Touched>> {
        self.transact(move |transaction| {
            transaction
                .prepare_cached(
                    "UPDATE jobs SET state = 'canceled', code = :code, reason = :reason, stage = NULL, lease_until = NULL,
                         finished = :now
                     WHERE owner = :owner AND file = :file AND kind = coalesce(:kind, kind) AND state IN ('queued', 'running')
                     RETURNING id, owner, file, kind, attempts",
                )?
                .query_map(
                    named_params! {
                        ":code": Code::Canceled.as_str(), ":reason": CANCELED, ":now": int(now_ms), ":owner": owner.as_str(),
                        ":file": file.to_string(), ":kind": kind,
                    },
                    touched,
                )?
                .collect::<rusqlite::Result<Vec<_>>>()
        })
    }

    /// Queues jobs of a file again that came to nothing or were given up: all of them, or those of a kind.
    pub(crate) fn repeat_jobs(&self, owner: Owner, file: FileId, kind: Option<String>, now_ms: u64) -> Pending<Vec<Touched>> {
        self.transact(move |transaction| {
            transaction
                .prepare_cached(
                    "UPDATE jobs SET state = 'queued', attempts = 0, progress = 0, code = NULL, reason = NULL, lease = NULL,
                         run_after = :now, finished = NULL
                     WHERE owner = :owner AND file = :file AND kind = coalesce(:kind, kind) AND state IN ('failed', 'canceled')
                     RETURNING id, owner, file, kind, attempts",
                )?
                .query_map(
                    named_params! {
                        ":now": int(now_ms), ":owner": owner.as_str(), ":file": file.to_string(), ":kind": kind,
                    },
                    touched,
                )?
                .collect::<rusqlite::Result<Vec<_>>>()
        })
    }

    /// Queues a job of a kind that the file has none of. Answers whether it did.
    pub(crate) fn add_job(&self, owner: Owner, file: FileId, job: NewJob, quota: Option<u64>, now_ms: u64) -> Pending<bool> {
        self.transact(move |transaction| {
            let there = transaction
                .prepare_cached("SELECT 1 FROM jobs WHERE file = :file AND kind = :kind")?
                .exists(named_params! {":file": file.to_string(), ":kind": job.kind})?;
            let known = transaction
                .prepare_cached("SELECT 1 FROM files WHERE id = :file AND owner = :owner")?
                .exists(named_params! {":file": file.to_string(), ":owner": owner.as_str()})?;
            if there || !known {
                return Ok(false);
            }
            queue(transaction, (&owner, file), &[job], quota, now_ms).map(|()| true)
        })
    }

    /// Says of jobs of a kind that they wait for something other than their turn. Answers those of which it was not said before.
    pub(crate) fn hold_jobs(&self, kind: Box<str>, (code, reason): (Code, String)) -> Pending<Vec<Touched>> {
        self.transact(move |transaction| {
            transaction
                .prepare_cached(
                    "UPDATE jobs SET code = :code, reason = :reason WHERE state = 'queued' AND kind = :kind AND code IS NOT :code
                     RETURNING id, owner, file, kind, attempts",
                )?
                .query_map(named_params! {":code": code.as_str(), ":reason": reason, ":kind": kind}, touched)?
                .collect::<rusqlite::Result<Vec<_>>>()
        })
    }

    /// Puts back what is worked on outside, as if those attempts had not begun.
    pub(crate) fn put_leased_back(&self, now_ms: u64) -> Pending<usize> {
        self.run(move |connection| {
            connection
                .prepare_cached(
                    "UPDATE jobs SET state = 'queued', attempts = attempts - 1, run_after = :now, stage = NULL, lease = NULL,
                         lease_until = NULL
                     WHERE state = 'running' AND lease_until IS NOT NULL",
                )?
                .execute(named_params! {":now": int(now_ms)})
        })
    }

    /// Of these jobs, those that are worked on no more: their files are gone, or they were given up.
    pub(crate) fn jobs_gone(&self, jobs: Vec<JobId>) -> Pending<Vec<JobId>> {
        self.run(move |connection| {
            let mut running = connection.prepare_cached("SELECT 1 FROM jobs WHERE id = :id AND state = 'running'")?;
            let mut gone = Vec::new();
            for id in jobs {
                if !running.exists(named_params! {":id": id.to_string()})? {
                    gone.push(id);
                }
            }
            Ok::<_, rusqlite::Error>(gone)
        })
    }

    /// How many jobs there are.
    pub(crate) fn count_jobs(&self) -> Pending<Vec<JobCount>> {
        self.run(move |connection| {
            let mut query = connection.prepare_cached("SELECT kind, state, count(*) FROM jobs GROUP BY kind, state")?;
            let counts =
                query.query_map([], |row| Ok(JobCount { kind: row.get(0)?, state: row.get(1)?, count: unsigned(row, 2)? }))?;
            counts.collect::<rusqlite::Result<Vec<_>>>()
        })
    }

    /// Forgets jobs that were completed before `before_ms`. What they made stays.
    pub(crate) fn forget_jobs(&self, before_ms: u64) -> Pending<usize> {
        self.run(move |connection| {
            connection
                .prepare_cached("DELETE FROM jobs WHERE state = 'completed' AND finished < :before")?
                .execute(named_params! {":before": int(before_ms)})
        })
    }
}

/// What is told of a job that was given up.
pub(crate) const CANCELED: &str = "the processing was given up";

fn touched(row: &Row<'_>) -> rusqlite::Result<Touched> {
    Ok(Touched {
        id: parsed(row, 0)?,
        owner: Owner::recorded(&row.get::<_, String>(1)?),
        file: parsed(row, 2)?,
        kind: row.get::<_, String>(3)?.into(),
        attempt: row.get(4)?,
    })
}
