//! What becomes of streams that are whole.

use rusqlite::{OptionalExtension, Transaction, named_params};
use samewire_protocol::files::{FileRecord, FileState};
use samewire_protocol::{Digest, FileId, StreamId};

use super::files::{find_file, int, parsed, unnamed, used};
use super::jobs::{self, NewJob};
use super::made::complete;
use super::records::Pending;
use super::rows::{Direction, NewStream, RowState, StreamRow, find, insert};
use super::{BlobId, Records};
use crate::auth::Owner;

/// What became of a request to make one stream of several.
#[derive(Debug)]
pub(crate) enum Joined {
    /// It is recorded. Nothing names these blobs of its parts any more.
    Whole { unnamed: Vec<BlobId> },
    /// A part is not a whole stream any more.
    Gone,
    /// The id is that of another stream of the owner.
    Taken,
    /// The owner has no room for it; this much is left beside the parts.
    NoRoom { left: u64 },
}

/// The file to make of a stream.
#[derive(Debug)]
pub(crate) struct NewFile {
    pub(crate) id: FileId,
    pub(crate) name: String,
    /// By its content; else that of the stream stands.
    pub(crate) media: Option<String>,
    pub(crate) jobs: Vec<NewJob>,
    /// What the owner may keep, where a token says so.
    pub(crate) quota: Option<u64>,
    /// Whether a file of the owner with the same content lends its blob.
    pub(crate) dedupe: bool,
    pub(crate) created: u64,
}

/// What became of a request to make a file of a stream.
#[derive(Debug)]
pub(crate) enum Committed {
    /// The file, made now, and whether it has the blob of another one.
    New(FileRecord, Option<Lent>),
    /// The file, made by an earlier request.
    Known(FileRecord),
    /// A file was made of it, and removed since.
    Removed,
    /// There is no such stream, or it is not whole.
    NotFound,
}

/// A blob that a file has in place of its stream's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lent {
    pub(crate) blob: BlobId,
    /// That of the stream, when nothing names it any more.
    pub(crate) unnamed: Option<BlobId>,
}

impl Records {
    /// Records that all bytes of a stream are there and verified. Answers whether the stream is still there.
    pub(crate) fn mark_whole(&self, owner: Owner, id: StreamId, size: u64, digest: Digest) -> Pending<bool> {
        self.run(move |connection| {
            let changed = connection
                .prepare_cached(
                    "UPDATE streams SET state = 'whole', reserved = :size, digest = :digest
                     WHERE owner = :owner AND id = :id AND state = 'open'",
                )?
                .execute(named_params! {
                    ":size": int(size), ":digest": digest.to_string(), ":owner": owner.as_str(), ":id": id.to_string()
                })?;
            Ok::<_, rusqlite::Error>(changed == 1)
        })
    }

    /// Records a whole stream that was made of others, which go. Their bytes and its own count once.
    pub(crate) fn join(&self, stream: NewStream, parts: Vec<(StreamId, BlobId)>, quota: u64) -> Pending<Joined> {
        self.transact(move |transaction| {
            let size = stream.size.unwrap_or(0);
            if find(transaction, &stream.owner, stream.id)?.is_some() {
                return Ok(Joined::Taken);
            }
            let mut freed = 0_u64;
            let mut seen = Vec::with_capacity(parts.len());
            for part in parts {
                if seen.contains(&part) {
                    continue;
                }
                let whole = |row: &StreamRow| {
                    row.direction == Direction::In && row.state == RowState::Whole && row.blob == Some(part.1)
                };
                let Some(row) = find(transaction, &stream.owner, part.0)?.filter(whole) else {
                    return Ok(Joined::Gone);
                };
                freed += row.reserved;
                seen.push(part);
            }
            let left = quota.saturating_sub(used(transaction, &stream.owner)?.saturating_sub(freed));
            if size > left {
                return Ok(Joined::NoRoom { left });
            }
            insert(transaction, &stream, size)?;
            let mut unnamed_blobs = Vec::with_capacity(seen.len());
            for (id, blob) in seen {
                transaction
                    .prepare_cached("DELETE FROM streams WHERE owner = :owner AND id = :id")?
                    .execute(named_params! {":owner": stream.owner.as_str(), ":id": id.to_string()})?;
                unnamed_blobs.extend(unnamed(transaction, &blob.to_string())?);
            }
            Ok::<_, rusqlite::Error>(Joined::Whole { unnamed: unnamed_blobs })
        })
    }

    /// Makes a file of a whole stream: the file's row, those of its jobs and the stream's new state are one transaction. A
    /// repeated request answers with the same file.
    pub(crate) fn commit(&self, owner: Owner, id: StreamId, file: NewFile) -> Pending<Committed> {
        self.transact(move |transaction| {
            let Some(row) = find(transaction, &owner, id)?.filter(|row| row.direction == Direction::In) else {
                return Ok(Committed::NotFound);
            };
            if let Some(file) = row.file {
                let found = find_file(transaction, &owner, file)?;
                return Ok(found.map_or(Committed::Removed, |(file, _)| Committed::Known(file)));
            }
            let (RowState::Whole, Some(digest), Some(blob)) = (row.state, row.digest, row.blob) else {
                return Ok(Committed::NotFound);
            };
            let NewFile { id: file, name, media, jobs, quota, dedupe, created } = file;
            // Of a whole stream exactly its size is reserved.
            let lender = if dedupe { alike(transaction, &owner, digest, row.reserved)? } else { None };
            let mut record = FileRecord {
                id: file,
                name,
                size: row.reserved,
                media: media.or(row.media),
                digest,
                created,
                state: FileState::Stored,
                processing: Vec::new(),
                parts: Vec::new(),
            };
            transaction
                .prepare_cached(
                    "INSERT INTO files (id, owner, name, media, size, digest, blob, created)
                     VALUES (:id, :owner, :name, :media, :size, :digest, :blob, :created)",
                )?
                .execute(named_params! {
                    ":id": file.to_string(), ":owner": owner.as_str(), ":name": record.name, ":media": record.media,
                    ":size": int(record.size), ":digest": digest.to_string(), ":blob": lender.unwrap_or(blob).to_string(),
                    ":created": int(created),
                })?;
            transaction
                .prepare_cached(
                    "UPDATE streams SET state = 'committed', file = :file, blob = NULL, size = reserved, reserved = 0
                     WHERE owner = :owner AND id = :id",
                )?
                .execute(named_params! {":file": file.to_string(), ":owner": owner.as_str(), ":id": id.to_string()})?;
            jobs::queue(transaction, (&owner, file), &jobs, quota, created)?;
            complete(transaction, std::slice::from_mut(&mut record))?;
            let lent = match lender {
                Some(lender) => Some(Lent { blob: lender, unnamed: unnamed(transaction, &blob.to_string())? }),
                None => None,
            };
            Ok::<_, rusqlite::Error>(Committed::New(record, lent))
        })
    }
}

/// The blob of a file of this owner with the same content.
fn alike(transaction: &Transaction<'_>, owner: &Owner, digest: Digest, size: u64) -> rusqlite::Result<Option<BlobId>> {
    transaction
        .prepare_cached("SELECT blob FROM files WHERE owner = :owner AND digest = :digest AND size = :size LIMIT 1")?
        .query_row(named_params! {":owner": owner.as_str(), ":digest": digest.to_string(), ":size": int(size)}, |row| {
            parsed(row, 0)
        })
        .optional()
}
