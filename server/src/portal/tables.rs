//! How requests reach the tables, and what they all need.

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, ToSql, Transaction, TransactionBehavior, named_params};
use samewire_protocol::{Code, Failure};
use serde::de::DeserializeOwned;

use super::model::{LibraryId, MemberRole};
use crate::store::{Store, int, parsed};

/// Why a request to the tables came to nothing.
#[derive(Debug)]
pub(super) enum Fault {
    /// The database.
    Sql(rusqlite::Error),
    /// The request itself, in words for its sender.
    Refused(Failure),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        Self::Refused(failure)
    }
}

/// One request, all of it or nothing.
pub(super) async fn transact<T: Send + 'static>(
    store: &Store,
    request: impl FnOnce(&Transaction<'_>) -> Result<T, Fault> + Send + 'static,
) -> Result<T, Failure> {
    let work = move |connection: &Connection| {
        let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
        match request(&transaction) {
            Ok(answer) => transaction.commit().map(|()| Ok(answer)),
            // Dropped, the transaction leaves nothing of what it did.
            Err(Fault::Refused(failure)) => Ok(Err(failure)),
            Err(Fault::Sql(error)) => Err(error),
        }
    };
    store.records().run(work).done().await?
}

/// What the user may do in the library; none where the user is no member, or nothing is there.
pub(super) fn role_in(transaction: &Transaction<'_>, library: LibraryId, user: &str) -> rusqlite::Result<Option<MemberRole>> {
    transaction
        .prepare_cached("SELECT role FROM library_members WHERE library = :library AND user = :user")?
        .query_row(named_params! {":library": int(library.0), ":user": user}, |row| parsed(row, 0))
        .optional()
}

/// The same for one who must be a member. Everybody else gets what they would get if there were no such library.
pub(super) fn member_in(transaction: &Transaction<'_>, library: LibraryId, user: &str) -> Result<MemberRole, Fault> {
    Ok(role_in(transaction, library, user)?.ok_or_else(no_library)?)
}

/// The same for one who must be an owner.
pub(super) fn owner_in(transaction: &Transaction<'_>, library: LibraryId, user: &str, what: &str) -> Result<(), Fault> {
    match member_in(transaction, library, user)? {
        MemberRole::Owner => Ok(()),
        role => Err(forbidden(format!("only an OWNER of the library may {what}, and you are its {}", role.as_str())).into()),
    }
}

/// How many rows there are, by a query that counts them.
pub(super) fn count(transaction: &Transaction<'_>, query: &str, of: &dyn ToSql) -> rusqlite::Result<u32> {
    transaction.prepare_cached(query)?.query_row([of], |row| row.get(0))
}

pub(super) fn no_library() -> Failure {
    Failure::new(Code::NotFound, "there is no such library, or you are not a member of it")
}

pub(super) fn no_view() -> Failure {
    Failure::new(Code::NotFound, "there is no such portal view, or you are not a member of its library")
}

pub(super) fn no_item() -> Failure {
    Failure::new(Code::NotFound, "the portal view has no such item")
}

pub(super) fn forbidden(message: impl Into<String>) -> Failure {
    Failure::new(Code::Forbidden, message)
}

/// A column that holds JSON.
pub(super) fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let odd = |error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error));
    serde_json::from_str(row.get_ref(column)?.as_str()?).map_err(odd)
}
