//! Portal views and their items.

use rusqlite::{OptionalExtension, Row, Transaction, named_params};
use samewire_protocol::{Code, Failure};
use serde_json::{Map, Value};

use super::change::{NewItem, NewView, changed, check, difference, document, without_nulls};
use super::event::of_item;
use super::libraries::crowded;
use super::model::{Item, ItemId, LibraryId, MAX_IN_LIBRARY, MemberRole, PortalView, ViewId, ViewSummary};
use super::tables::{Fault, count, forbidden, json, member_in, no_item, no_view, role_in};
use crate::rooms::core::Change;
use crate::store::{int, unsigned};

/// A change of a view that is stored.
#[derive(Clone, Debug)]
pub(super) struct Changed {
    /// The view as it is now.
    pub(super) after: PortalView,
    /// What makes it of the view before; empty when the change changed nothing.
    pub(super) patch: Value,
}

impl Changed {
    /// Whether the view is as it was.
    pub(super) fn is_nothing(&self) -> bool {
        self.patch.as_object().is_none_or(Map::is_empty)
    }

    /// The change as its room is told it.
    pub(super) fn told(&self) -> Result<Change, Failure> {
        let told = |_| Failure::new(Code::Internal, "the change cannot be written as JSON");
        serde_json::value::to_raw_value(&self.patch).map(Change::Patch).map_err(told)
    }
}

/// Makes a view in a library.
pub(super) fn create(
    transaction: &Transaction<'_>,
    user: &str,
    library: LibraryId,
    new: NewView,
    now: u64,
) -> Result<PortalView, Fault> {
    controls(member_in(transaction, library, user)?, "make portal views")?;
    if count(transaction, "SELECT count(*) FROM portal_views WHERE library = ?", &int(library.0))? >= MAX_IN_LIBRARY {
        return Err(crowded(format!("the library has {MAX_IN_LIBRARY} portal views already; delete one")).into());
    }
    let NewView { name, current_item, show_health, settings, items } = new;
    let mut view = PortalView {
        id: ViewId(0),
        library,
        name,
        current_item,
        show_health,
        settings: without_nulls(settings),
        version: 1,
        created: now,
        updated: now,
        items: Default::default(),
    };
    for (number, item) in (1..).zip(items) {
        let item = item.item(&view.items);
        view.items.insert(ItemId(number), item);
    }
    check(&view)?;
    transaction
        .prepare_cached(
            "INSERT INTO portal_views (library, name, current_item, show_health, settings, version, next_item, created, updated)
             VALUES (:library, :name, :current, :health, :settings, :version, :next, :now, :now)",
        )?
        .execute(named_params! {
            ":library": int(library.0), ":name": view.name, ":current": view.current_item.map(|item| int(item.0)),
            ":health": view.show_health, ":settings": text(&view.settings), ":version": int(view.version),
            ":next": int(view.items.len() as u64 + 1), ":now": int(now),
        })?;
    view.id = ViewId(u64::try_from(transaction.last_insert_rowid()).unwrap_or_default());
    for (id, item) in &view.items {
        put_item(transaction, view.id, *id, item)?;
    }
    Ok(view)
}

/// The views of a library, for a member.
pub(super) fn list(transaction: &Transaction<'_>, user: &str, library: LibraryId) -> Result<Vec<ViewSummary>, Fault> {
    member_in(transaction, library, user)?;
    let mut query = transaction.prepare_cached(
        "SELECT id, library, name, current_item, show_health, version, created, updated FROM portal_views
         WHERE library = :library ORDER BY id",
    )?;
    let rows = query.query_map(named_params! {":library": int(library.0)}, summary)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The numbers of a library's views.
pub(super) fn ids(transaction: &Transaction<'_>, library: LibraryId) -> rusqlite::Result<Vec<ViewId>> {
    let mut query = transaction.prepare_cached("SELECT id FROM portal_views WHERE library = :library")?;
    query.query_map(named_params! {":library": int(library.0)}, |row| unsigned(row, 0).map(ViewId))?.collect()
}

/// What the user may do with a view; none where the user may not see it, or nothing is there.
pub(super) fn role_at(transaction: &Transaction<'_>, user: &str, id: ViewId) -> rusqlite::Result<Option<MemberRole>> {
    let mut query = transaction.prepare_cached("SELECT library FROM portal_views WHERE id = :id")?;
    let library = query.query_row(named_params! {":id": int(id.0)}, |row| unsigned(row, 0).map(LibraryId)).optional()?;
    library.map_or(Ok(None), |library| role_in(transaction, library, user))
}

/// A view, whoever asks.
pub(super) fn load(transaction: &Transaction<'_>, id: ViewId) -> rusqlite::Result<Option<PortalView>> {
    let mut query = transaction.prepare_cached(
        "SELECT id, library, name, current_item, show_health, version, created, updated, settings FROM portal_views
         WHERE id = :id",
    )?;
    let found = query.query_row(named_params! {":id": int(id.0)}, |row| {
        let ViewSummary { id, library, name, current_item, show_health, version, created, updated } = summary(row)?;
        let (settings, items) = (json(row, 8)?, Default::default());
        Ok(PortalView { id, library, name, current_item, show_health, settings, version, created, updated, items })
    });
    let Some(mut view) = found.optional()? else { return Ok(None) };
    let mut query =
        transaction.prepare_cached("SELECT id, title, media, position, health, data FROM portal_items WHERE view = :view")?;
    view.items = query.query_map(named_params! {":view": int(id.0)}, read_item)?.collect::<rusqlite::Result<_>>()?;
    Ok(Some(view))
}

/// A view, for a member of its library.
pub(super) fn find(transaction: &Transaction<'_>, user: &str, id: ViewId) -> Result<PortalView, Fault> {
    seen(transaction, user, id)?;
    Ok(load(transaction, id)?.ok_or_else(no_view)?)
}

/// Changes a view by a merge patch, for a user or for the server itself; with `versions`, only if its version is one of them.
pub(super) fn change(
    transaction: &Transaction<'_>,
    user: Option<&str>,
    id: ViewId,
    patch: Map<String, Value>,
    versions: Option<&[u64]>,
    now: u64,
) -> Result<Changed, Fault> {
    let before = match user {
        Some(user) => controlled(transaction, user, id)?,
        None => load(transaction, id)?.ok_or_else(no_view)?,
    };
    if versions.is_some_and(|versions| !versions.contains(&before.version)) {
        return Err(stale(before.version).into());
    }
    let after = changed(&before, patch)?;
    store(transaction, &before, after, now)
}

/// Changes one item by a merge patch, or removes it where the patch is null.
pub(super) fn change_item(
    transaction: &Transaction<'_>,
    user: &str,
    id: ViewId,
    item: ItemId,
    patch: Value,
    versions: Option<&[u64]>,
    now: u64,
) -> Result<Changed, Fault> {
    if !controlled(transaction, user, id)?.items.contains_key(&item) {
        return Err(no_item().into());
    }
    change(transaction, Some(user), id, of_item(item, patch), versions, now)
}

/// Adds an item to a view.
pub(super) fn add_item(
    transaction: &Transaction<'_>,
    user: &str,
    id: ViewId,
    item: NewItem,
    now: u64,
) -> Result<(ItemId, Changed), Fault> {
    let before = controlled(transaction, user, id)?;
    // Numbers are not given again, so that a late patch of an item that is gone never meets another one.
    let number = transaction
        .prepare_cached("UPDATE portal_views SET next_item = next_item + 1 WHERE id = :id RETURNING next_item - 1")?
        .query_row(named_params! {":id": int(id.0)}, |row| unsigned(row, 0).map(ItemId))?;
    let mut after = before.clone();
    after.items.insert(number, item.item(&before.items));
    check(&after)?;
    Ok((number, store(transaction, &before, after, now)?))
}

/// Ends a view.
pub(super) fn remove(transaction: &Transaction<'_>, user: &str, id: ViewId) -> Result<(), Fault> {
    controls(seen(transaction, user, id)?, "delete it")?;
    transaction.prepare_cached("DELETE FROM portal_views WHERE id = :id")?.execute(named_params! {":id": int(id.0)})?;
    Ok(())
}

/// Everybody who is no member gets what they would get if there were no such view.
fn seen(transaction: &Transaction<'_>, user: &str, id: ViewId) -> Result<MemberRole, Fault> {
    Ok(role_at(transaction, user, id)?.ok_or_else(no_view)?)
}

pub(super) fn controlled(transaction: &Transaction<'_>, user: &str, id: ViewId) -> Result<PortalView, Fault> {
    controls(seen(transaction, user, id)?, "change it")?;
    Ok(load(transaction, id)?.ok_or_else(no_view)?)
}

fn controls(role: MemberRole, what: &str) -> Result<(), Fault> {
    if role.is_controller() {
        return Ok(());
    }
    Err(forbidden(format!("only an OWNER or EDITOR of the library may {what}, and you are its {}", role.as_str())).into())
}

fn stale(found: u64) -> Failure {
    let told = format!("the portal view has version {found} by now: somebody else has changed it; read it again");
    let data = serde_json::value::to_raw_value(&serde_json::json!({"version": found})).ok();
    Failure { data, ..Failure::new(Code::PreconditionFailed, told) }
}

/// Writes what differs.
fn store(transaction: &Transaction<'_>, before: &PortalView, mut after: PortalView, now: u64) -> Result<Changed, Fault> {
    if after == *before {
        return Ok(Changed { after, patch: Value::Object(Map::new()) });
    }
    after.version = before.version + 1;
    // The clock of a computer may be put back; that of a view never is.
    after.updated = now.max(before.updated);
    transaction
        .prepare_cached(
            "UPDATE portal_views SET name = :name, current_item = :current, show_health = :health, settings = :settings,
             version = :version, updated = :updated WHERE id = :id",
        )?
        .execute(named_params! {
            ":id": int(after.id.0), ":name": after.name, ":current": after.current_item.map(|item| int(item.0)),
            ":health": after.show_health, ":settings": text(&after.settings), ":version": int(after.version),
            ":updated": int(after.updated),
        })?;
    for id in before.items.keys().filter(|id| !after.items.contains_key(id)) {
        transaction
            .prepare_cached("DELETE FROM portal_items WHERE view = :view AND id = :id")?
            .execute(named_params! {":view": int(after.id.0), ":id": int(id.0)})?;
    }
    for (id, item) in after.items.iter().filter(|(id, item)| before.items.get(id) != Some(item)) {
        put_item(transaction, after.id, *id, item)?;
    }
    let patch = difference(&document(before)?, &document(&after)?);
    Ok(Changed { after, patch })
}

fn put_item(transaction: &Transaction<'_>, view: ViewId, id: ItemId, item: &Item) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO portal_items (view, id, title, media, position, health, data)
             VALUES (:view, :id, :title, :media, :position, :health, :data)",
        )?
        .execute(named_params! {
            ":view": int(view.0), ":id": int(id.0), ":title": item.title, ":media": item.media, ":position": item.position,
            ":health": item.health, ":data": text(&item.data),
        })
        .map(drop)
}

fn text(object: &Map<String, Value>) -> String {
    // A map of JSON values can always be written.
    serde_json::to_string(object).unwrap_or_default()
}

fn summary(row: &Row<'_>) -> rusqlite::Result<ViewSummary> {
    let current: Option<i64> = row.get(3)?;
    Ok(ViewSummary {
        id: ViewId(unsigned(row, 0)?),
        library: LibraryId(unsigned(row, 1)?),
        name: row.get(2)?,
        current_item: current.and_then(|item| u64::try_from(item).ok()).map(ItemId),
        show_health: row.get(4)?,
        version: unsigned(row, 5)?,
        created: unsigned(row, 6)?,
        updated: unsigned(row, 7)?,
    })
}

fn read_item(row: &Row<'_>) -> rusqlite::Result<(ItemId, Item)> {
    let item = Item { title: row.get(1)?, media: row.get(2)?, position: row.get(3)?, health: row.get(4)?, data: json(row, 5)? };
    Ok((ItemId(unsigned(row, 0)?), item))
}
