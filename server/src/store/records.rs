//! SQLite behind one thread: every request is a closure that runs there, in the order in which the requests were made.

use std::path::Path;
use std::sync::mpsc;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use super::StoreError;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// Each entry leads from the version before it to its own.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE files (
        id      TEXT    NOT NULL PRIMARY KEY,
        owner   TEXT    NOT NULL,
        name    TEXT    NOT NULL,
        media   TEXT,
        size    INTEGER NOT NULL,
        digest  TEXT    NOT NULL,
        blob    TEXT    NOT NULL UNIQUE,
        created INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX files_newest ON files (owner, created DESC, id);
    CREATE INDEX files_size   ON files (owner, size);

    CREATE TABLE streams (
        owner     TEXT    NOT NULL,
        id        TEXT    NOT NULL,
        session   TEXT    NOT NULL,
        direction TEXT    NOT NULL CHECK (direction IN ('in', 'out')),
        name      TEXT,
        media     TEXT,
        size      INTEGER,
        reserved  INTEGER NOT NULL DEFAULT 0,
        blob      TEXT,
        opened    INTEGER NOT NULL,
        state     TEXT    NOT NULL CHECK (state IN ('open', 'whole', 'committed')),
        digest    TEXT,
        file      TEXT,
        PRIMARY KEY (owner, id)
    ) STRICT;
    CREATE INDEX streams_blob   ON streams (blob);
    CREATE INDEX streams_opened ON streams (state, opened);
",
    include_str!("../portal/schema.sql"),
    "
    CREATE TABLE revocations (
        kind    TEXT    NOT NULL CHECK (kind IN ('user', 'session', 'token')),
        subject TEXT    NOT NULL,
        at      INTEGER NOT NULL,
        until   INTEGER,
        PRIMARY KEY (kind, subject)
    ) STRICT, WITHOUT ROWID;
",
    include_str!("processing.sql"),
];

/// The database of files, streams and the tables of apps. Cheap to clone; the database is closed when the last clone is gone.
#[derive(Clone, Debug)]
pub struct Records {
    jobs: mpsc::Sender<Job>,
}

impl Records {
    /// Opens or makes the database, brings it up to date, and lets `first` look at it before anybody else does.
    pub(super) fn open(path: &Path, first: impl FnOnce(&Connection) -> Result<(), StoreError>) -> Result<Self, StoreError> {
        let mut connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.set_prepared_statement_cache_capacity(64);
        migrate(&mut connection)?;
        first(&connection)?;
        let (jobs, waiting) = mpsc::channel::<Job>();
        std::thread::Builder::new().name("samewire-records".to_owned()).spawn(move || {
            for job in waiting {
                job(&mut connection);
            }
        })?;
        Ok(Self { jobs })
    }

    /// Hands a request to the thread. Whoever hands one in later runs later, whether or not anybody waits for the answer.
    pub(crate) fn run<T, E>(&self, request: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static) -> Pending<T>
    where
        T: Send + 'static,
        StoreError: From<E>,
    {
        self.hand_in(move |connection| request(connection).map_err(StoreError::from))
    }

    /// The same for a change that need not survive a loss of power: it is on the disk with the next one that must.
    pub(super) fn run_unsynced<T, E>(&self, request: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static) -> Pending<T>
    where
        T: Send + 'static,
        StoreError: From<E>,
    {
        self.hand_in(move |connection| {
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            let answer = request(connection);
            connection.pragma_update(None, "synchronous", "FULL")?;
            answer.map_err(StoreError::from)
        })
    }

    /// Hands in a request that is one transaction: all of it happens, or nothing does.
    pub(super) fn transact<T, E>(&self, request: impl FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static) -> Pending<T>
    where
        T: Send + 'static,
        StoreError: From<E>,
    {
        self.hand_in(move |connection| transaction(connection, request))
    }

    /// The same for what a loss of power may undo, though the end of the process must not: it is not synced by itself, which costs
    /// more than all else, but with the next that is.
    pub(super) fn transact_unsynced<T, E>(
        &self,
        request: impl FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    ) -> Pending<T>
    where
        T: Send + 'static,
        StoreError: From<E>,
    {
        self.hand_in(move |connection| {
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            let answer = transaction(connection, request);
            connection.pragma_update(None, "synchronous", "FULL")?;
            answer
        })
    }

    fn hand_in<T: Send + 'static>(
        &self,
        request: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Pending<T> {
        let (answer, pending) = oneshot::channel();
        // Nobody waits for the answer any more, or the thread is gone: both are seen by whoever waits.
        let job: Job = Box::new(move |connection| drop(answer.send(request(connection))));
        drop(self.jobs.send(job));
        Pending(pending)
    }
}

/// The answer to a request that the database thread already has. To drop it does not take the request back.
#[derive(Debug)]
#[must_use = "an error would go unseen"]
pub(crate) struct Pending<T>(oneshot::Receiver<Result<T, StoreError>>);

impl<T> Pending<T> {
    /// Waits in a task.
    pub(crate) async fn done(self) -> Result<T, StoreError> {
        self.0.await.map_err(|_| StoreError::Closed)?
    }

    /// Waits on a thread that may block.
    pub(crate) fn wait(self) -> Result<T, StoreError> {
        self.0.blocking_recv().map_err(|_| StoreError::Closed)?
    }
}

fn transaction<T, E>(
    connection: &mut Connection,
    request: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
) -> Result<T, StoreError>
where
    StoreError: From<E>,
{
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let answer = request(&transaction)?;
    transaction.commit()?;
    Ok(answer)
}

fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    for (version, migration) in (1_i64..).zip(MIGRATIONS).filter(|(version, _)| *version > found) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rusqlite::named_params;

    use super::*;

    /// Version 4 makes the table of files anew.
    #[test]
    fn files_and_streams_of_an_older_server_are_there() {
        let mut connection = Connection::open_in_memory().expect("a database");
        connection.pragma_update(None, "foreign_keys", true).expect("foreign keys");
        for migration in &MIGRATIONS[..3] {
            connection.execute_batch(migration).expect("an older version");
        }
        connection.pragma_update(None, "user_version", 3).expect("a version");
        let (file, blob) = (format!("fi_{}", "1".repeat(32)), "2".repeat(32));
        connection
            .execute(
                "INSERT INTO files VALUES (:file, 'maria', 'a', 'image/png', 7, 'd', :blob, 1)",
                named_params! {":file": file, ":blob": blob},
            )
            .expect("a file");
        connection
            .execute(
                "INSERT INTO streams (owner, id, session, direction, size, blob, opened, state)
                 VALUES ('maria', 'st', 'se', 'out', 7, :blob, 1, 'whole')",
                named_params! {":blob": blob},
            )
            .expect("a stream");
        migrate(&mut connection).expect("the newest version");

        let one = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a row");
        assert_eq!(one("SELECT count(*) FROM files WHERE owner = 'maria' AND size = 7 AND media = 'image/png'"), 1);
        assert_eq!(one("SELECT held FROM streams WHERE start = 0 AND part IS NULL"), 7);
        // Its parts go with a file of then as well.
        connection
            .execute(
                "INSERT INTO parts (file, name, owner, media, size, digest, blob, created)
                 VALUES (:file, 'poster', 'maria', 'image/jpeg', 1, 'd', 'b', 1)",
                named_params! {":file": file},
            )
            .expect("a part");
        connection
            .execute("INSERT INTO files SELECT 'other', owner, name, media, size, digest, blob, created FROM files", [])
            .expect("shared");
        connection.execute("DELETE FROM files WHERE id = :file", named_params! {":file": file}).expect("removed");
        assert_eq!(one("SELECT count(*) FROM parts"), 0);
    }
}
