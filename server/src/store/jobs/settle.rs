//! What becomes of an attempt. Only who holds the job's lease can say it, and only once.

use rusqlite::{OptionalExtension, named_params};
use samewire_protocol::files::{FileRecord, Part};
use samewire_protocol::{Code, Digest, JobId};

use super::super::files::{find_file, int, parsed, unnamed, unsigned, used};
use super::super::records::Pending;
use super::super::{BlobId, Records};
use crate::auth::Owner;

/// A part, whose bytes are on the disk.
#[derive(Clone, Debug)]
pub(crate) struct PartRow {
    pub(crate) part: Part,
    pub(crate) digest: Digest,
    pub(crate) blob: BlobId,
}

/// What became of a request to complete a job.
#[derive(Debug)]
pub(crate) enum JobCompleted {
    /// It is completed, and its parts are the file's.
    Done {
        /// Blobs of parts that were replaced, which nothing names any more.
        unnamed: Vec<BlobId>,
    },
    /// The owner has no room for the parts; this much is left.
    NoRoom { left: u64 },
    /// It is not the asker's any more.
    Lost,
}

impl Records {
    /// Records that an attempt goes on, and from when on it counts as given up. Answers how far the job is now; `None` when it is
    /// not the asker's any more. What is told here survives a kill of the process, and need not survive a loss of power.
    pub(crate) fn note_job(
        &self,
        id: JobId,
        lease: String,
        (progress, stage): (u8, Option<Box<str>>),
        until: Option<u64>,
    ) -> Pending<Option<u8>> {
        self.run_unsynced(move |connection| {
            connection
                .prepare_cached(
                    "UPDATE jobs SET progress = max(progress, :progress), stage = coalesce(:stage, stage), lease_until = :until
                     WHERE id = :id AND lease = :lease AND state = 'running' RETURNING progress",
                )?
                .query_row(
                    named_params! {
                        ":progress": progress, ":stage": stage, ":until": until.map(int), ":id": id.to_string(), ":lease": lease,
                    },
                    |row| row.get(0),
                )
                .optional()
        })
    }

    /// Completes a job: its end and the rows of its parts are one transaction.
    pub(crate) fn complete_job(
        &self,
        id: JobId,
        lease: String,
        parts: Vec<PartRow>,
        quota: u64,
        now_ms: u64,
    ) -> Pending<JobCompleted> {
        self.transact(move |transaction| {
            let found = transaction
                .prepare_cached("SELECT owner, file FROM jobs WHERE id = :id AND lease = :lease AND state = 'running'")?
                .query_row(named_params! {":id": id.to_string(), ":lease": lease}, |row| {
                    Ok((Owner::recorded(&row.get::<_, String>(0)?), row.get::<_, String>(1)?))
                })
                .optional()?;
            let Some((owner, file)) = found else { return Ok(JobCompleted::Lost) };
            let mut replaced: Vec<(BlobId, u64)> = Vec::new();
            for part in &parts {
                let old = transaction
                    .prepare_cached("SELECT blob, size FROM parts WHERE file = :file AND name = :name")?
                    .query_row(named_params! {":file": file, ":name": part.part.name}, |row| {
                        Ok((parsed(row, 0)?, unsigned(row, 1)?))
                    })
                    .optional()?;
                replaced.extend(old);
            }
            let freed: u64 = replaced.iter().map(|(_, size)| size).sum();
            let wanted: u64 = parts.iter().map(|part| part.part.size).sum();
            let left = quota.saturating_sub(used(transaction, &owner)?.saturating_sub(freed));
            if wanted > left {
                return Ok(JobCompleted::NoRoom { left });
            }
            for PartRow { part, digest, blob } in &parts {
                let extra = part.extra.as_ref().and_then(|extra| serde_json::to_string(extra).ok());
                transaction
                    .prepare_cached(
                        "INSERT OR REPLACE INTO parts
                             (file, name, owner, media, size, digest, blob, width, height, duration, extra, created)
                         VALUES (:file, :name, :owner, :media, :size, :digest, :blob, :width, :height, :duration, :extra, :now)",
                    )?
                    .execute(named_params! {
                        ":file": file, ":name": part.name, ":owner": owner.as_str(), ":media": part.media,
                        ":size": int(part.size), ":digest": digest.to_string(), ":blob": blob.to_string(),
                        ":width": part.width, ":height": part.height, ":duration": part.duration.map(int), ":extra": extra,
                        ":now": int(now_ms),
                    })?;
            }
            transaction
                .prepare_cached(
                    "UPDATE jobs SET state = 'completed', progress = 100, stage = NULL, lease_until = NULL, finished = :now
                     WHERE id = :id",
                )?
                .execute(named_params! {":now": int(now_ms), ":id": id.to_string()})?;
            let mut unnamed_now = Vec::new();
            for (blob, _) in replaced {
                unnamed_now.extend(unnamed(transaction, &blob.to_string())?);
            }
            Ok::<_, rusqlite::Error>(JobCompleted::Done { unnamed: unnamed_now })
        })
    }

    /// Records that an attempt came to nothing: the job is due again then, or has failed. Answers whether it was the asker's.
    pub(crate) fn fail_job(
        &self,
        id: JobId,
        lease: String,
        (code, reason): (Code, String),
        again: Option<u64>,
        now_ms: u64,
    ) -> Pending<bool> {
        self.run(move |connection| {
            let changed = connection
                .prepare_cached(
                    "UPDATE jobs SET state = iif(:again IS NULL, 'failed', 'queued'), run_after = coalesce(:again, run_after),
                         finished = iif(:again IS NULL, :now, NULL), code = :code, reason = :reason, stage = NULL,
                         lease_until = NULL
                     WHERE id = :id AND lease = :lease AND state = 'running'",
                )?
                .execute(named_params! {
                    ":again": again.map(int), ":now": int(now_ms), ":code": code.as_str(), ":reason": reason,
                    ":id": id.to_string(), ":lease": lease,
                })?;
            Ok::<_, rusqlite::Error>(changed == 1)
        })
    }

    /// Puts a job back as if the attempt had not begun. Answers whether it was the asker's.
    pub(crate) fn put_job_back(&self, id: JobId, lease: String, now_ms: u64) -> Pending<bool> {
        self.run(move |connection| {
            let changed = connection
                .prepare_cached(
                    "UPDATE jobs SET state = 'queued', attempts = attempts - 1, run_after = :now, stage = NULL, lease = NULL,
                         lease_until = NULL
                     WHERE id = :id AND lease = :lease AND state = 'running'",
                )?
                .execute(named_params! {":now": int(now_ms), ":id": id.to_string(), ":lease": lease})?;
            Ok::<_, rusqlite::Error>(changed == 1)
        })
    }

    /// A file as it is now, with its content's place.
    pub(crate) fn file_and_blob(&self, owner: Owner, id: samewire_protocol::FileId) -> Pending<Option<(FileRecord, BlobId)>> {
        self.run(move |connection| find_file(connection, &owner, id))
    }
}
