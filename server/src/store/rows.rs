//! The rows of streams under way, and of those that became a file.

use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row, Transaction, named_params};
use samewire_protocol::{Digest, FileId, SessionId, StreamId};

use super::files::{find_source, int, parsed, unnamed, unsigned, used};
use super::records::Pending;
use super::{BlobId, Records};
use crate::auth::Owner;

/// Which way the bytes go, seen from the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    In,
    Out,
}

/// How far a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowState {
    /// Bytes may still come.
    Open,
    /// All bytes are there and verified.
    Whole,
    /// A file was made of it.
    Committed,
}

/// A stream as it is recorded.
#[derive(Clone, Debug)]
pub(crate) struct StreamRow {
    pub(crate) owner: Owner,
    pub(crate) id: StreamId,
    pub(crate) session: Option<SessionId>,
    pub(crate) direction: Direction,
    pub(crate) name: Option<String>,
    pub(crate) media: Option<String>,
    pub(crate) size: Option<u64>,
    pub(crate) reserved: u64,
    pub(crate) blob: Option<BlobId>,
    pub(crate) opened: u64,
    pub(crate) state: RowState,
    pub(crate) digest: Option<Digest>,
    pub(crate) file: Option<FileId>,
    /// Where the part begins that is not proven.
    pub(crate) part: Option<u64>,
    /// Where in the blob a stream to a client begins.
    pub(crate) start: u64,
    pub(crate) note: Option<String>,
}

/// What is recorded when a stream is opened.
#[derive(Clone, Debug)]
pub(crate) struct NewStream {
    pub(crate) owner: Owner,
    pub(crate) id: StreamId,
    pub(crate) session: Option<SessionId>,
    pub(crate) direction: Direction,
    pub(crate) name: Option<String>,
    pub(crate) media: Option<String>,
    pub(crate) size: Option<u64>,
    pub(crate) digest: Option<Digest>,
    pub(crate) blob: BlobId,
    /// Where in the blob a stream to a client begins.
    pub(crate) start: u64,
    /// How large the blob of a stream to a client is.
    pub(crate) held: Option<u64>,
    pub(crate) opened: u64,
    pub(crate) note: Option<String>,
}

/// What became of a request to open a stream.
#[derive(Debug)]
pub(crate) enum Opened {
    /// It is recorded, with this much reserved.
    New { reserved: u64 },
    /// The id is that of a recorded stream of the same owner.
    Known(Box<StreamRow>),
    /// The owner has no room for it; this much is left.
    NoRoom { left: u64 },
}

/// What became of a request to raise a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reserved {
    /// This much is reserved now; less than was asked for where the quota ends.
    Up(u64),
    /// There is no such stream any more.
    Gone,
}

/// What became of a declared size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Declared {
    /// It is reserved.
    Reserved,
    /// The owner has no room for it; this much is left.
    NoRoom { left: u64 },
    /// There is no such stream of unknown length.
    Gone,
}

/// The blob of a stream that became a file is the file's.
const COLUMNS: &str = "owner, id, session, direction, name, media, size, reserved,
    coalesce(blob, (SELECT files.blob FROM files WHERE files.id = streams.file)), opened, state, digest, file,
    part, start, note";

impl Records {
    /// Records a new stream from a client and reserves `want` bytes, or for a stream of unknown length what is left of the quota
    /// when that is less. A blob that a loss of power leaves without its row is deleted at the next start, and its sender begins anew.
    pub(crate) fn open_stream(&self, stream: NewStream, want: u64, quota: u64) -> Pending<Opened> {
        self.transact_unsynced(move |transaction| {
            if let Some(row) = find(transaction, &stream.owner, stream.id)? {
                return Ok(Opened::Known(Box::new(row)));
            }
            let left = quota.saturating_sub(used(transaction, &stream.owner)?);
            let room = if stream.size.is_some() { left >= want } else { left > 0 || want == 0 };
            if !room {
                return Ok(Opened::NoRoom { left });
            }
            let reserved = want.min(left);
            insert(transaction, &stream, reserved)?;
            Ok::<_, rusqlite::Error>(Opened::New { reserved })
        })
    }

    /// Records a stream to a client whose blob is its own.
    pub(crate) fn open_spooled(&self, stream: NewStream, quota: u64) -> Pending<Opened> {
        self.transact(move |transaction| {
            let left = quota.saturating_sub(used(transaction, &stream.owner)?);
            if left < stream.size.unwrap_or(0) {
                return Ok(Opened::NoRoom { left });
            }
            insert(transaction, &stream, 0)?;
            Ok::<_, rusqlite::Error>(Opened::New { reserved: 0 })
        })
    }

    /// Records a stream to a client that carries a file's content, or a part's. Answers whether that is still there.
    pub(crate) fn open_file(&self, out: OutOfFile) -> Pending<bool> {
        self.transact(move |transaction| {
            let OutOfFile { stream, file, part } = out;
            let source = find_source(transaction, &stream.owner, file, part.as_deref())?;
            let there = source.is_some_and(|(_, source)| source.blob == stream.blob);
            if there {
                insert(transaction, &stream, 0)?;
            }
            Ok::<_, rusqlite::Error>(there)
        })
    }

    /// One stream of this owner.
    pub(crate) fn stream(&self, owner: Owner, id: StreamId) -> Pending<Option<StreamRow>> {
        self.transact(move |transaction| find(transaction, &owner, id))
    }

    /// Every stream that is not a file yet.
    pub(crate) fn streams_under_way(&self) -> Pending<Vec<StreamRow>> {
        self.run(move |connection| {
            let mut query = connection.prepare(&format!("SELECT {COLUMNS} FROM streams WHERE state != 'committed'"))?;
            query.query_map([], read)?.collect::<rusqlite::Result<Vec<_>>>()
        })
    }

    /// Moves a stream to another session of its owner, or to none.
    pub(crate) fn move_stream(&self, owner: Owner, id: StreamId, session: Option<SessionId>) -> Pending<()> {
        self.run(move |connection| {
            connection
                .prepare_cached("UPDATE streams SET session = :session WHERE owner = :owner AND id = :id")?
                .execute(named_params! {":session": written(session), ":owner": owner.as_str(), ":id": id.to_string()})
                .map(drop)
        })
    }

    /// Raises what is reserved for a stream of unknown length to `want`, as far as the quota goes.
    pub(crate) fn reserve(&self, owner: Owner, id: StreamId, want: u64, quota: u64) -> Pending<Reserved> {
        self.transact_unsynced(move |transaction| {
            let now: Option<u64> = transaction
                .prepare_cached(
                    "SELECT reserved FROM streams WHERE owner = :owner AND id = :id AND state = 'open' AND size IS NULL",
                )?
                .query_row(named_params! {":owner": owner.as_str(), ":id": id.to_string()}, |row| unsigned(row, 0))
                .optional()?;
            let Some(now) = now else {
                return Ok(Reserved::Gone);
            };
            let left = quota.saturating_sub(used(transaction, &owner)?);
            let reserved = want.min(now.saturating_add(left)).max(now);
            transaction
                .prepare_cached("UPDATE streams SET reserved = :reserved WHERE owner = :owner AND id = :id")?
                .execute(named_params! {":reserved": int(reserved), ":owner": owner.as_str(), ":id": id.to_string()})?;
            Ok::<_, rusqlite::Error>(Reserved::Up(reserved))
        })
    }

    /// Declares the size of a stream of unknown length, and reserves it.
    pub(crate) fn declare(&self, owner: Owner, id: StreamId, size: u64, quota: u64) -> Pending<Declared> {
        self.transact(move |transaction| {
            let now: Option<u64> = transaction
                .prepare_cached(
                    "SELECT reserved FROM streams WHERE owner = :owner AND id = :id AND state = 'open' AND size IS NULL",
                )?
                .query_row(named_params! {":owner": owner.as_str(), ":id": id.to_string()}, |row| unsigned(row, 0))
                .optional()?;
            let Some(now) = now else {
                return Ok(Declared::Gone);
            };
            let left = quota.saturating_sub(used(transaction, &owner)?).saturating_add(now);
            if size > left {
                return Ok(Declared::NoRoom { left });
            }
            transaction
                .prepare_cached("UPDATE streams SET size = :size, reserved = :size WHERE owner = :owner AND id = :id")?
                .execute(named_params! {":size": int(size), ":owner": owner.as_str(), ":id": id.to_string()})?;
            Ok::<_, rusqlite::Error>(Declared::Reserved)
        })
    }

    /// Records where the part begins whose bytes do not count yet, or that there is none. Answers whether the stream is still there.
    pub(crate) fn mark_part(&self, owner: Owner, id: StreamId, part: Option<u64>) -> Pending<bool> {
        self.run(move |connection| {
            let changed = connection
                .prepare_cached("UPDATE streams SET part = :part WHERE owner = :owner AND id = :id AND state = 'open'")?
                .execute(named_params! {":part": part.map(int), ":owner": owner.as_str(), ":id": id.to_string()})?;
            Ok::<_, rusqlite::Error>(changed == 1)
        })
    }

    /// Removes a stream that is not a file yet. Answers with its blob when nothing names that any more.
    pub(crate) fn remove_stream(&self, owner: Owner, id: StreamId, blob: BlobId) -> Pending<Option<BlobId>> {
        self.transact(move |transaction| {
            let gone = transaction
                .prepare_cached("DELETE FROM streams WHERE owner = :owner AND id = :id AND blob = :blob")?
                .execute(named_params! {":owner": owner.as_str(), ":id": id.to_string(), ":blob": blob.to_string()})?;
            if gone == 0 { Ok(None) } else { unnamed(transaction, &blob.to_string()) }
        })
    }

    /// Forgets which streams became files, for those opened before `before_ms`.
    pub(crate) fn forget_committed(&self, before_ms: u64) -> Pending<usize> {
        self.run(move |connection| {
            connection
                .prepare_cached("DELETE FROM streams WHERE state = 'committed' AND opened < :before")?
                .execute(named_params! {":before": int(before_ms)})
        })
    }
}

/// A stream to a client, and what of a file it carries.
#[derive(Clone, Debug)]
pub(crate) struct OutOfFile {
    pub(crate) stream: NewStream,
    pub(crate) file: FileId,
    pub(crate) part: Option<String>,
}

pub(super) fn find(transaction: &Transaction<'_>, owner: &Owner, id: StreamId) -> rusqlite::Result<Option<StreamRow>> {
    transaction
        .prepare_cached(&format!("SELECT {COLUMNS} FROM streams WHERE owner = :owner AND id = :id"))?
        .query_row(named_params! {":owner": owner.as_str(), ":id": id.to_string()}, read)
        .optional()
}

pub(super) fn insert(transaction: &Transaction<'_>, stream: &NewStream, reserved: u64) -> rusqlite::Result<()> {
    let (direction, state) = match (stream.direction, stream.digest) {
        (Direction::In, None) => ("in", "open"),
        // What is made of other streams is whole from the start.
        (Direction::In, Some(_)) => ("in", "whole"),
        (Direction::Out, _) => ("out", "whole"),
    };
    transaction
        .prepare_cached(
            "INSERT INTO streams (owner, id, session, direction, name, media, size, reserved, blob, start, held, opened, state, digest, note)
             VALUES (:owner, :id, :session, :direction, :name, :media, :size, :reserved, :blob, :start, :held, :opened, :state, :digest,
                 :note)",
        )?
        .execute(named_params! {
            ":owner": stream.owner.as_str(), ":id": stream.id.to_string(), ":session": written(stream.session),
            ":direction": direction, ":name": stream.name, ":media": stream.media, ":size": stream.size.map(int),
            ":reserved": int(reserved), ":blob": stream.blob.to_string(), ":opened": int(stream.opened), ":state": state,
            ":digest": stream.digest.map(|digest| digest.to_string()), ":start": int(stream.start), ":held": stream.held.map(int),
            ":note": stream.note,
        })
        .map(drop)
}

/// A stream that no session opened has no session: an empty text.
fn written(session: Option<SessionId>) -> String {
    session.map(|session| session.to_string()).unwrap_or_default()
}

fn read(row: &Row<'_>) -> rusqlite::Result<StreamRow> {
    let unknown = |column| rusqlite::Error::InvalidColumnType(column, "an unknown word".to_owned(), Type::Text);
    let optional = |column: usize| row.get_ref(column).map(|value| value != rusqlite::types::ValueRef::Null);
    Ok(StreamRow {
        owner: Owner::recorded(&row.get::<_, String>(0)?),
        id: parsed(row, 1)?,
        session: if row.get_ref(2)?.as_str()?.is_empty() { None } else { Some(parsed(row, 2)?) },
        direction: match row.get_ref(3)?.as_str()? {
            "in" => Direction::In,
            "out" => Direction::Out,
            _ => return Err(unknown(3)),
        },
        name: row.get(4)?,
        media: row.get(5)?,
        size: if optional(6)? { Some(unsigned(row, 6)?) } else { None },
        reserved: unsigned(row, 7)?,
        blob: if optional(8)? { Some(parsed(row, 8)?) } else { None },
        opened: unsigned(row, 9)?,
        state: match row.get_ref(10)?.as_str()? {
            "open" => RowState::Open,
            "whole" => RowState::Whole,
            "committed" => RowState::Committed,
            _ => return Err(unknown(10)),
        },
        digest: if optional(11)? { Some(parsed(row, 11)?) } else { None },
        file: if optional(12)? { Some(parsed(row, 12)?) } else { None },
        part: if optional(13)? { Some(unsigned(row, 13)?) } else { None },
        start: unsigned(row, 14)?,
        note: row.get(15)?,
    })
}
