//! Libraries and their members.

use rusqlite::{Row, Transaction, named_params};
use samewire_protocol::{Code, Failure};

use super::model::{Library, LibraryId, MAX_IN_LIBRARY, MAX_LIBRARIES, Member, MemberRole};
use super::tables::{Fault, count, member_in, no_library, owner_in, role_in};
use crate::store::{int, parsed, unsigned};

/// Makes a library whose owner is this user.
pub(super) fn create(transaction: &Transaction<'_>, user: &str, name: &str, now: u64) -> Result<Library, Fault> {
    let query = "SELECT count(*) FROM library_members WHERE user = ? AND role = 'OWNER'";
    if count(transaction, query, &user)? >= MAX_LIBRARIES {
        return Err(crowded(format!("you own {MAX_LIBRARIES} libraries already; delete one")).into());
    }
    transaction
        .prepare_cached("INSERT INTO libraries (name, created) VALUES (:name, :created)")?
        .execute(named_params! {":name": name, ":created": int(now)})?;
    let id = LibraryId(u64::try_from(transaction.last_insert_rowid()).unwrap_or_default());
    let owner = Member { user: user.to_owned(), role: MemberRole::Owner, since: now };
    put_member(transaction, id, &owner)?;
    Ok(Library { id, name: name.to_owned(), role: MemberRole::Owner, created: now })
}

/// The user's libraries, the oldest first.
pub(super) fn list(transaction: &Transaction<'_>, user: &str) -> Result<Vec<Library>, Fault> {
    let mut query = transaction.prepare_cached(
        "SELECT id, name, role, created FROM libraries JOIN library_members ON library = id WHERE user = :user
         ORDER BY id LIMIT 1000",
    )?;
    let rows = query.query_map(named_params! {":user": user}, read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// One library, for a member.
pub(super) fn find(transaction: &Transaction<'_>, user: &str, id: LibraryId) -> Result<Library, Fault> {
    let mut query = transaction.prepare_cached(
        "SELECT id, name, role, created FROM libraries JOIN library_members ON library = id WHERE user = :user AND id = :id",
    )?;
    let mut rows = query.query_map(named_params! {":user": user, ":id": int(id.0)}, read)?;
    Ok(rows.next().transpose()?.ok_or_else(no_library)?)
}

/// Ends a library with its members and views.
pub(super) fn remove(transaction: &Transaction<'_>, user: &str, id: LibraryId) -> Result<(), Fault> {
    owner_in(transaction, id, user, "delete it")?;
    transaction.prepare_cached("DELETE FROM libraries WHERE id = :id")?.execute(named_params! {":id": int(id.0)})?;
    Ok(())
}

/// The members of a library, for one of them.
pub(super) fn members(transaction: &Transaction<'_>, user: &str, id: LibraryId) -> Result<Vec<Member>, Fault> {
    member_in(transaction, id, user)?;
    let mut query = transaction
        .prepare_cached("SELECT user, role, since FROM library_members WHERE library = :library ORDER BY since, user")?;
    let rows = query.query_map(named_params! {":library": int(id.0)}, read_member)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Adds a member, or changes the role of one. Answers with the member, and whether it is a new one.
pub(super) fn set_member(
    transaction: &Transaction<'_>,
    user: &str,
    id: LibraryId,
    member: &str,
    role: MemberRole,
    now: u64,
) -> Result<(Member, bool), Fault> {
    owner_in(transaction, id, user, "add members or change their roles")?;
    let before = role_in(transaction, id, member)?;
    if before.is_some_and(|before| before == MemberRole::Owner && role != MemberRole::Owner) {
        another_owner(transaction, id)?;
    }
    if before.is_none()
        && count(transaction, "SELECT count(*) FROM library_members WHERE library = ?", &int(id.0))? >= MAX_IN_LIBRARY
    {
        return Err(crowded(format!("the library has {MAX_IN_LIBRARY} members already; remove one")).into());
    }
    put_member(transaction, id, &Member { user: member.to_owned(), role, since: now })?;
    let mut query = transaction
        .prepare_cached("SELECT user, role, since FROM library_members WHERE library = :library AND user = :user")?;
    let stored = query.query_row(named_params! {":library": int(id.0), ":user": member}, read_member)?;
    Ok((stored, before.is_none()))
}

/// Removes a member.
pub(super) fn remove_member(transaction: &Transaction<'_>, user: &str, id: LibraryId, member: &str) -> Result<(), Fault> {
    owner_in(transaction, id, user, "remove members")?;
    match role_in(transaction, id, member)? {
        None => return Err(Failure::new(Code::NotFound, "the library has no such member").into()),
        Some(MemberRole::Owner) => another_owner(transaction, id)?,
        Some(_) => {}
    }
    transaction
        .prepare_cached("DELETE FROM library_members WHERE library = :library AND user = :user")?
        .execute(named_params! {":library": int(id.0), ":user": member})?;
    Ok(())
}

/// A library without an owner could never be changed again.
fn another_owner(transaction: &Transaction<'_>, id: LibraryId) -> Result<(), Fault> {
    let query = "SELECT count(*) FROM library_members WHERE library = ? AND role = 'OWNER'";
    if count(transaction, query, &int(id.0))? > 1 {
        return Ok(());
    }
    Err(Failure::new(Code::Conflict, "this is the library's last owner: make somebody else an OWNER first").into())
}

fn put_member(transaction: &Transaction<'_>, id: LibraryId, member: &Member) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO library_members (library, user, role, since) VALUES (:library, :user, :role, :since)
             ON CONFLICT (library, user) DO UPDATE SET role = excluded.role",
        )?
        .execute(named_params! {
            ":library": int(id.0), ":user": member.user, ":role": member.role.as_str(), ":since": int(member.since)
        })
        .map(drop)
}

pub(super) fn crowded(message: String) -> Failure {
    Failure::new(Code::QuotaExceeded, message)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Library> {
    Ok(Library { id: LibraryId(unsigned(row, 0)?), name: row.get(1)?, role: parsed(row, 2)?, created: unsigned(row, 3)? })
}

fn read_member(row: &Row<'_>) -> rusqlite::Result<Member> {
    Ok(Member { user: row.get(0)?, role: parsed(row, 1)?, since: unsigned(row, 2)? })
}
