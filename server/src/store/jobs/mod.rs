//! The rows of jobs. A job is one file's and of one kind; it is never there twice, and what is said of it counts only from who
//! holds its lease: a word that is drawn anew for each attempt.

mod claim;
mod manage;
mod settle;

use rusqlite::{Transaction, named_params};
use samewire_protocol::{FileId, JobId};

use super::files::int;
use crate::auth::Owner;

pub(crate) use claim::{ClaimedJob, Leasing, Standing};
pub(crate) use manage::{CANCELED, JobCount, Touched};
pub(crate) use settle::{JobCompleted, PartRow};

/// A job that begins with its file.
#[derive(Clone, Debug)]
pub(crate) struct NewJob {
    pub(crate) id: JobId,
    pub(crate) kind: Box<str>,
}

/// Queues jobs of a file, due at once. In the transaction that records the file, so that none is lost.
pub(crate) fn queue(
    transaction: &Transaction<'_>,
    (owner, file): (&Owner, FileId),
    jobs: &[NewJob],
    quota: Option<u64>,
    now_ms: u64,
) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare_cached(
        "INSERT INTO jobs (id, file, owner, kind, state, quota, run_after, created)
         VALUES (:id, :file, :owner, :kind, 'queued', :quota, :now, :now)",
    )?;
    for job in jobs {
        insert.execute(named_params! {
            ":id": job.id.to_string(), ":file": file.to_string(), ":owner": owner.as_str(), ":kind": job.kind,
            ":quota": quota.map(int), ":now": int(now_ms),
        })?;
    }
    Ok(())
}

/// A list of names, as a statement takes it.
fn list<T: serde::Serialize>(names: &[T]) -> String {
    serde_json::to_string(names).unwrap_or_default()
}
