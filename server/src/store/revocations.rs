//! The rows of what was revoked.

use rusqlite::named_params;

use super::Records;
use super::files::{int, unsigned};
use super::records::Pending;

/// What was revoked, as it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RevocationRow {
    /// `user`, `session` or `token`.
    pub(crate) kind: String,
    pub(crate) subject: String,
    /// When, in milliseconds.
    pub(crate) at: u64,
    /// Until when it counts, in milliseconds; `None` for good.
    pub(crate) until: Option<u64>,
}

impl Records {
    /// Records a revocation; a later one of the same takes its place.
    pub(crate) fn revoke(&self, row: RevocationRow) -> Pending<()> {
        self.run(move |connection| {
            connection
                .prepare_cached(
                    "INSERT INTO revocations (kind, subject, at, until) VALUES (:kind, :subject, :at, :until)
                     ON CONFLICT (kind, subject) DO UPDATE SET at = excluded.at, until = excluded.until",
                )?
                .execute(named_params! {
                    ":kind": row.kind,
                    ":subject": row.subject,
                    ":at": int(row.at),
                    ":until": row.until.map(int),
                })
                .map(drop)
        })
    }

    /// All that still counts at `now_ms`; the others are removed.
    pub(crate) fn revocations(&self, now_ms: u64) -> Pending<Vec<RevocationRow>> {
        self.transact(move |transaction| {
            transaction.execute("DELETE FROM revocations WHERE until <= ?", [int(now_ms)])?;
            let mut query = transaction.prepare("SELECT kind, subject, at, until FROM revocations")?;
            let rows = query.query_map([], |row| {
                let until: Option<i64> = row.get(3)?;
                Ok(RevocationRow {
                    kind: row.get(0)?,
                    subject: row.get(1)?,
                    at: unsigned(row, 2)?,
                    until: until.and_then(|until| u64::try_from(until).ok()),
                })
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })
    }

    /// Removes what no longer counts at `now_ms`.
    pub(crate) fn forget_revocations(&self, now_ms: u64) -> Pending<()> {
        self.run(move |connection| {
            connection.prepare_cached("DELETE FROM revocations WHERE until <= ?")?.execute([int(now_ms)]).map(drop)
        })
    }
}
