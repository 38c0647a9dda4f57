//! The rows of stored files.

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, named_params};
use samewire_protocol::files::{FileRecord, FileState};
use samewire_protocol::{Digest, FileId};

use super::made::complete;
use super::records::Pending;
use super::{BlobId, Records};
use crate::auth::Owner;

/// What became of a request to remove a file.
#[derive(Debug)]
pub(crate) struct Removed {
    /// Whether there was such a file.
    pub(crate) existed: bool,
    /// The blobs that nothing names any more: the file's, and its parts'.
    pub(crate) unnamed: Vec<BlobId>,
}

impl Records {
    /// The owner's files, the newest first: those behind `after`, at most `limit`. `None` when the owner has no such file.
    pub(crate) fn files(&self, owner: Owner, after: Option<FileId>, limit: u32) -> Pending<Option<Vec<FileRecord>>> {
        self.run(move |connection| {
            let (before, after) = match after {
                None => (i64::MAX, String::new()),
                Some(after) => match find_file(connection, &owner, after)? {
                    None => return Ok(None),
                    Some((file, _)) => (int(file.created), after.to_string()),
                },
            };
            let mut query = connection.prepare_cached(
                "SELECT id, name, media, size, digest, created FROM files
                 WHERE owner = :owner AND (created < :before OR (created = :before AND id > :after))
                 ORDER BY created DESC, id LIMIT :limit",
            )?;
            let rows = query.query_map(
                named_params! {":owner": owner.as_str(), ":before": before, ":after": after, ":limit": limit},
                read_file,
            )?;
            let mut files = rows.collect::<rusqlite::Result<Vec<_>>>()?;
            complete(connection, &mut files)?;
            Ok::<_, rusqlite::Error>(Some(files))
        })
    }

    /// A file, whoever's it is.
    pub(crate) fn any_file(&self, id: FileId) -> Pending<Option<(Owner, FileRecord)>> {
        self.run(move |connection| {
            let owner: Option<String> = connection
                .prepare_cached("SELECT owner FROM files WHERE id = :id")?
                .query_row(named_params! {":id": id.to_string()}, |row| row.get(0))
                .optional()?;
            let Some(owner) = owner.map(|owner| Owner::recorded(&owner)) else { return Ok(None) };
            Ok::<_, rusqlite::Error>(find_file(connection, &owner, id)?.map(|(file, _)| (owner, file)))
        })
    }

    pub(crate) fn file(&self, owner: Owner, id: FileId) -> Pending<Option<FileRecord>> {
        self.run(move |connection| Ok::<_, rusqlite::Error>(find_file(connection, &owner, id)?.map(|(file, _)| file)))
    }

    /// Where the bytes of a file are, or those of one of its parts.
    pub(crate) fn source(&self, owner: Owner, id: FileId, part: Option<String>) -> Pending<Option<(FileRecord, Source)>> {
        self.run(move |connection| find_source(connection, &owner, id, part.as_deref()))
    }

    /// Whose file this is, for an address that says so by its signature only.
    pub(crate) fn file_owner(&self, id: FileId) -> Pending<Option<Owner>> {
        self.run(move |connection| {
            let mut query = connection.prepare_cached("SELECT owner FROM files WHERE id = :id")?;
            let owner = query.query_row(named_params! {":id": id.to_string()}, |row| row.get::<_, String>(0)).optional()?;
            Ok::<_, rusqlite::Error>(owner.map(|owner| Owner::recorded(&owner)))
        })
    }

    /// Removes a file with its parts and jobs.
    pub(crate) fn remove_file(&self, owner: Owner, id: FileId) -> Pending<Removed> {
        self.transact(move |transaction| {
            let Some((_, source)) = find_source(transaction, &owner, id, None)? else {
                return Ok(Removed { existed: false, unnamed: Vec::new() });
            };
            let unnamed = remove(transaction, id, source.blob)?;
            Ok::<_, rusqlite::Error>(Removed { existed: true, unnamed })
        })
    }

    /// Removes the files of one anonymous owner, or of all of them that are older than `before_ms`. Answers with the blobs that
    /// nothing names any more.
    pub(crate) fn remove_anonymous_files(&self, owner: Option<Owner>, before_ms: u64) -> Pending<Vec<BlobId>> {
        self.transact(move |transaction| {
            let files: Vec<(FileId, BlobId)> = {
                let mut query = transaction.prepare_cached(
                    "SELECT id, blob FROM files WHERE CASE WHEN :owner IS NULL
                         THEN owner >= 'anon:' AND owner < 'anon;' AND created < :before
                         ELSE owner = :owner END",
                )?;
                let rows = query.query_map(
                    named_params! {":owner": owner.as_ref().map(Owner::as_str), ":before": int(before_ms)},
                    |row| Ok((parsed(row, 0)?, parsed(row, 1)?)),
                )?;
                rows.collect::<rusqlite::Result<_>>()?
            };
            let mut blobs = Vec::with_capacity(files.len());
            for (file, blob) in files {
                blobs.extend(remove(transaction, file, blob)?);
            }
            Ok::<_, rusqlite::Error>(blobs)
        })
    }

    pub(crate) fn used(&self, owner: Owner) -> Pending<u64> {
        self.run(move |connection| used(connection, &owner))
    }
}

/// Each blob of files once, those of their parts, what is reserved for streams from clients, and blobs that only a stream to a client
/// still names.
pub(super) fn used(connection: &Connection, owner: &Owner) -> rusqlite::Result<u64> {
    let mut query = connection.prepare_cached(
        "SELECT (SELECT coalesce(sum(size), 0) FROM (SELECT DISTINCT blob, size FROM files WHERE owner = :owner))
              + (SELECT coalesce(sum(size), 0) FROM parts WHERE owner = :owner)
              + (SELECT coalesce(sum(reserved), 0) FROM streams WHERE owner = :owner)
              + (SELECT coalesce(sum(held), 0) FROM (
                     SELECT DISTINCT blob, held FROM streams WHERE owner = :owner AND direction = 'out'
                     AND NOT EXISTS (SELECT 1 FROM files WHERE files.blob = streams.blob)
                     AND NOT EXISTS (SELECT 1 FROM parts WHERE parts.blob = streams.blob)))",
    )?;
    query.query_row(named_params! {":owner": owner.as_str()}, |row| unsigned(row, 0))
}

/// Where bytes are that can be downloaded.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) media: Option<String>,
    pub(crate) size: u64,
    pub(crate) digest: Digest,
    pub(crate) blob: BlobId,
}

pub(super) fn find_source(
    connection: &Connection,
    owner: &Owner,
    id: FileId,
    part: Option<&str>,
) -> rusqlite::Result<Option<(FileRecord, Source)>> {
    let Some((record, blob)) = find_file(connection, owner, id)? else {
        return Ok(None);
    };
    let Some(part) = part else {
        let source =
            Source { name: record.name.clone(), media: record.media.clone(), size: record.size, digest: record.digest, blob };
        return Ok(Some((record, source)));
    };
    let source = connection
        .prepare_cached("SELECT media, size, digest, blob FROM parts WHERE file = :file AND name = :name")?
        .query_row(named_params! {":file": id.to_string(), ":name": part}, |row| {
            Ok(Source {
                name: part.to_owned(),
                media: row.get(0)?,
                size: unsigned(row, 1)?,
                digest: parsed(row, 2)?,
                blob: parsed(row, 3)?,
            })
        })
        .optional()?;
    Ok(source.map(|source| (record, source)))
}

/// Deletes a file's row, and with it those of its parts and jobs. Answers with the blobs that nothing names any more.
fn remove(transaction: &Transaction<'_>, file: FileId, blob: BlobId) -> rusqlite::Result<Vec<BlobId>> {
    let file = file.to_string();
    let mut blobs: Vec<String> = {
        let mut parts = transaction.prepare_cached("SELECT blob FROM parts WHERE file = :file")?;
        let rows = parts.query_map(named_params! {":file": file}, |row| row.get(0))?;
        rows.collect::<rusqlite::Result<_>>()?
    };
    blobs.push(blob.to_string());
    transaction.prepare_cached("DELETE FROM files WHERE id = :file")?.execute(named_params! {":file": file})?;
    let mut gone = Vec::with_capacity(blobs.len());
    for blob in blobs {
        gone.extend(unnamed(transaction, &blob)?);
    }
    Ok(gone)
}

pub(super) fn find_file(connection: &Connection, owner: &Owner, id: FileId) -> rusqlite::Result<Option<(FileRecord, BlobId)>> {
    let mut found = connection
        .prepare_cached("SELECT id, name, media, size, digest, created, blob FROM files WHERE owner = :owner AND id = :id")?
        .query_row(named_params! {":owner": owner.as_str(), ":id": id.to_string()}, |row| {
            Ok((read_file(row)?, parsed(row, 6)?))
        })
        .optional()?;
    if let Some((file, _)) = &mut found {
        complete(connection, std::slice::from_mut(file))?;
    }
    Ok(found)
}

/// The blob, unless a row names it.
pub(super) fn unnamed(connection: &Connection, blob: &str) -> rusqlite::Result<Option<BlobId>> {
    if is_named(connection, blob)? {
        return Ok(None);
    }
    Ok(blob.parse().ok())
}

pub(super) fn is_named(connection: &Connection, blob: &str) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT 1 FROM files WHERE blob = :blob UNION ALL SELECT 1 FROM parts WHERE blob = :blob
             UNION ALL SELECT 1 FROM streams WHERE blob = :blob",
        )?
        .exists(named_params! {":blob": blob})
}

fn read_file(row: &Row<'_>) -> rusqlite::Result<FileRecord> {
    Ok(FileRecord {
        id: parsed(row, 0)?,
        name: row.get(1)?,
        media: row.get(2)?,
        size: unsigned(row, 3)?,
        digest: parsed(row, 4)?,
        created: unsigned(row, 5)?,
        state: FileState::Stored,
        processing: Vec::new(),
        parts: Vec::new(),
    })
}

/// SQLite's integers are signed; ours stay below 2^53.
pub(crate) fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(crate) fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, value))
}

pub(crate) fn parsed<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T: std::str::FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let text: String = row.get(column)?;
    text.parse().map_err(|error: T::Err| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error)))
}
