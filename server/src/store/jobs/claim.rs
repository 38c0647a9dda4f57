//! Who works on which job.

use rusqlite::{OptionalExtension, Transaction, named_params};
use samewire_protocol::files::FileRecord;
use samewire_protocol::{FileId, JobId};

use super::super::files::{find_file, int, parsed, unsigned};
use super::super::records::Pending;
use super::super::{BlobId, Records};
use super::list;
use crate::auth::Owner;

/// A job that somebody works on.
#[derive(Clone, Debug)]
pub(crate) struct ClaimedJob {
    pub(crate) id: JobId,
    pub(crate) kind: Box<str>,
    /// From 1.
    pub(crate) attempt: u32,
    /// What was told of earlier attempts.
    pub(crate) progress: u8,
    pub(crate) owner: Owner,
    /// What the owner may keep, where a token said so.
    pub(crate) quota: Option<u64>,
    pub(crate) file: FileRecord,
    pub(crate) blob: BlobId,
}

/// On what terms somebody takes a job.
#[derive(Clone, Debug)]
pub(crate) struct Leasing {
    /// A word that nobody else knows.
    pub(crate) lease: String,
    /// When the job is taken back, in milliseconds; `None` for this process, which knows how its workers are.
    pub(crate) until: Option<u64>,
    /// Who it is, for the records.
    pub(crate) worker: String,
}

/// How somebody stands to a job that he names.
#[derive(Debug)]
pub(crate) enum Standing {
    /// It is his.
    Held(Box<ClaimedJob>),
    /// He has said already what became of it.
    Settled { completed: bool },
    /// It was given up.
    Canceled,
    /// It was taken back.
    Lost,
    /// There is no such job; perhaps its file was removed.
    Unknown,
}

impl Records {
    /// Takes the job that is due: of the owner for whom the fewest are worked on, the one that has waited longest. None of `except`.
    /// Goes from owner to owner, so that it costs the same however many jobs one of them has.
    pub(crate) fn claim_job(
        &self,
        kinds: Vec<Box<str>>,
        except: Vec<JobId>,
        leasing: Leasing,
        now_ms: u64,
    ) -> Pending<Option<ClaimedJob>> {
        self.transact(move |transaction| {
            let id: Option<String> = transaction
                .prepare_cached(
                    "UPDATE jobs SET state = 'running', attempts = attempts + 1, lease = :lease, lease_until = :until,
                         worker = :worker, started = :now, finished = NULL, code = NULL, reason = NULL, stage = NULL
                     WHERE id = (
                         WITH RECURSIVE waiting (owner) AS (
                             SELECT min(owner) FROM jobs WHERE state = 'queued'
                             UNION ALL
                             SELECT (SELECT min(owner) FROM jobs WHERE state = 'queued' AND owner > waiting.owner)
                             FROM waiting WHERE owner IS NOT NULL)
                         SELECT first.id FROM waiting JOIN jobs AS first ON first.id = (
                             SELECT id FROM jobs
                             WHERE state = 'queued' AND owner = waiting.owner AND run_after <= :now
                                 AND kind IN (SELECT value FROM json_each(:kinds))
                                 AND id NOT IN (SELECT value FROM json_each(:except))
                             ORDER BY run_after, id
                             LIMIT 1)
                         ORDER BY (SELECT count(*) FROM jobs WHERE state = 'running' AND owner = waiting.owner),
                             first.run_after, first.id
                         LIMIT 1)
                     RETURNING id",
                )?
                .query_row(
                    named_params! {
                        ":lease": leasing.lease, ":until": leasing.until.map(int), ":worker": leasing.worker,
                        ":kinds": list(&kinds), ":except": list(&except), ":now": int(now_ms),
                    },
                    |row| row.get(0),
                )
                .optional()?;
            match id {
                Some(id) => read(transaction, &id),
                None => Ok::<_, rusqlite::Error>(None),
            }
        })
    }

    /// How the holder of this lease stands to a job. With `until`, the lease goes on until then, if it is still his.
    pub(crate) fn standing(&self, id: JobId, lease: String, until: Option<u64>) -> Pending<Standing> {
        self.transact(move |transaction| {
            let id = id.to_string();
            let found: Option<(String, Option<String>)> = transaction
                .prepare_cached("SELECT state, lease FROM jobs WHERE id = :id")?
                .query_row(named_params! {":id": id}, |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            let Some((state, held)) = found else { return Ok(Standing::Unknown) };
            let his = held.as_ref() == Some(&lease);
            Ok::<_, rusqlite::Error>(match state.as_str() {
                "running" if his => {
                    if let Some(until) = until {
                        transaction
                            .prepare_cached("UPDATE jobs SET lease_until = :until WHERE id = :id")?
                            .execute(named_params! {":until": int(until), ":id": id})?;
                    }
                    read(transaction, &id)?.map_or(Standing::Unknown, |job| Standing::Held(Box::new(job)))
                }
                "canceled" if his => Standing::Canceled,
                state if his => Standing::Settled { completed: state == "completed" },
                _ => Standing::Lost,
            })
        })
    }

    /// When the next job of these kinds is due, in milliseconds.
    pub(crate) fn next_job(&self, kinds: Vec<Box<str>>) -> Pending<Option<u64>> {
        self.run(move |connection| {
            connection
                .prepare_cached(
                    "SELECT min(run_after) FROM jobs
                     WHERE state = 'queued' AND kind IN (SELECT value FROM json_each(:kinds))",
                )?
                .query_row(named_params! {":kinds": list(&kinds)}, |row| {
                    let due: Option<i64> = row.get(0)?;
                    Ok(due.and_then(|due| u64::try_from(due).ok()))
                })
        })
    }

    /// Leases that ran out.
    pub(crate) fn leases_over(&self, now_ms: u64) -> Pending<Vec<(ClaimedJob, String)>> {
        self.transact(move |transaction| {
            let over: Vec<(String, String)> = transaction
                .prepare_cached("SELECT id, lease FROM jobs WHERE state = 'running' AND lease_until <= :now")?
                .query_map(named_params! {":now": int(now_ms)}, |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<rusqlite::Result<_>>()?;
            let mut jobs = Vec::with_capacity(over.len());
            for (id, lease) in over {
                jobs.extend(read(transaction, &id)?.map(|job| (job, lease)));
            }
            Ok::<_, rusqlite::Error>(jobs)
        })
    }

    /// When the next lease runs out, in milliseconds.
    pub(crate) fn next_lease(&self) -> Pending<Option<u64>> {
        self.run(move |connection| {
            connection.prepare_cached("SELECT min(lease_until) FROM jobs WHERE state = 'running'")?.query_row([], |row| {
                let until: Option<i64> = row.get(0)?;
                Ok(until.and_then(|until| u64::try_from(until).ok()))
            })
        })
    }
}

fn read(transaction: &Transaction<'_>, id: &str) -> rusqlite::Result<Option<ClaimedJob>> {
    struct Found {
        id: JobId,
        kind: String,
        attempt: u32,
        progress: u64,
        owner: Owner,
        quota: Option<i64>,
        file: FileId,
    }
    let found = transaction
        .prepare_cached("SELECT id, kind, attempts, progress, owner, quota, file FROM jobs WHERE id = :id")?
        .query_row(named_params! {":id": id}, |row| {
            Ok(Found {
                id: parsed(row, 0)?,
                kind: row.get(1)?,
                attempt: row.get(2)?,
                progress: unsigned(row, 3)?,
                owner: Owner::recorded(&row.get::<_, String>(4)?),
                quota: row.get(5)?,
                file: parsed(row, 6)?,
            })
        })
        .optional()?;
    let Some(found) = found else { return Ok(None) };
    let file = find_file(transaction, &found.owner, found.file)?;
    Ok(file.map(|(file, blob)| ClaimedJob {
        id: found.id,
        kind: found.kind.into(),
        attempt: found.attempt,
        progress: u8::try_from(found.progress).unwrap_or(100),
        owner: found.owner,
        quota: found.quota.and_then(|quota| u64::try_from(quota).ok()),
        file,
        blob,
    }))
}
