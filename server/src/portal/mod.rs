//! An app on rooms: portal views, which controllers drive and viewers watch. It uses what an embedding program can use too.
//!
//! A **library** has members: owners, editors and viewers. A **portal view** belongs to a library and holds items; owners and
//! editors change it, over HTTP or in its room `portal:NUMBER`, and everybody in the room sees the change once it is stored.

mod change;
mod event;
mod libraries;
mod model;
mod rest;
mod room;
mod tables;
mod telling;
mod views;

use rusqlite::Transaction;
use samewire_protocol::Failure;
use serde_json::{Map, Value};

pub use change::{NewItem, NewView};
pub use model::*;
pub(crate) use rest::router;
pub(crate) use room::{PortalRooms, no_room, policy};

use crate::auth::check_user;
use crate::rooms::Rooms;
use crate::store::{Store, now_ms};
use change::{bad, label};
use event::{ITEM_UPDATE, VIEW_UPDATE, told_of_item};
use telling::Then;

/// Libraries and portal views. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Portal {
    store: Store,
    rooms: Rooms,
}

impl Portal {
    /// Works on these records, and tells these rooms, whose kind `portal` must be [`PortalRooms`].
    pub(crate) fn new(store: Store, rooms: Rooms) -> Self {
        Self { store, rooms }
    }

    /// Makes a library whose owner is this user.
    ///
    /// # Errors
    /// `bad-params` for a name that cannot be shown, `quota-exceeded` for a user with too many libraries.
    pub async fn create_library(&self, user: &str, name: &str) -> Result<Library, Failure> {
        label("name", name)?;
        let (user, name) = (user.to_owned(), name.to_owned());
        self.ask(move |transaction| libraries::create(transaction, &user, &name, now_ms())).await
    }

    /// The libraries in which the user is a member, the oldest first.
    ///
    /// # Errors
    /// What the database says.
    pub async fn libraries(&self, user: &str) -> Result<Vec<Library>, Failure> {
        let user = user.to_owned();
        self.ask(move |transaction| libraries::list(transaction, &user)).await
    }

    /// A library, for a member.
    ///
    /// # Errors
    /// `not-found` for everybody else.
    pub async fn library(&self, user: &str, id: LibraryId) -> Result<Library, Failure> {
        let user = user.to_owned();
        self.ask(move |transaction| libraries::find(transaction, &user, id)).await
    }

    /// Ends a library with its members and views.
    ///
    /// # Errors
    /// `not-found`, and `forbidden` for who is no owner.
    pub async fn remove_library(&self, user: &str, id: LibraryId) -> Result<(), Failure> {
        let user = user.to_owned();
        let request = move |transaction: &Transaction<'_>| {
            let views = views::ids(transaction, id)?;
            libraries::remove(transaction, &user, id).map(|()| ((), views))
        };
        self.settle(request, Then::Close).await
    }

    /// The members of a library, for one of them.
    ///
    /// # Errors
    /// `not-found` for everybody else.
    pub async fn members(&self, user: &str, id: LibraryId) -> Result<Vec<Member>, Failure> {
        let user = user.to_owned();
        self.ask(move |transaction| libraries::members(transaction, &user, id)).await
    }

    /// Adds a member, or changes the role of one, and says whether it is a new one.
    ///
    /// # Errors
    /// `not-found`; `forbidden` for who is no owner; `bad-params` for what is no user's id; `conflict` for the last owner.
    pub async fn set_member(
        &self,
        user: &str,
        id: LibraryId,
        member: &str,
        role: MemberRole,
    ) -> Result<(Member, bool), Failure> {
        check_user(member).map_err(|error| bad(error.to_string()))?;
        let (user, member, other) = (user.to_owned(), member.to_owned(), member.to_owned());
        let request = move |transaction: &Transaction<'_>| {
            let set = libraries::set_member(transaction, &user, id, &member, role, now_ms())?;
            Ok((set, views::ids(transaction, id)?))
        };
        self.settle(request, Then::Recheck(other)).await
    }

    /// Removes a member.
    ///
    /// # Errors
    /// `not-found`; `forbidden` for who is no owner; `conflict` for the last owner.
    pub async fn remove_member(&self, user: &str, id: LibraryId, member: &str) -> Result<(), Failure> {
        let (user, member, gone) = (user.to_owned(), member.to_owned(), member.to_owned());
        let request = move |transaction: &Transaction<'_>| {
            libraries::remove_member(transaction, &user, id, &member)?;
            Ok(((), views::ids(transaction, id)?))
        };
        self.settle(request, Then::Remove(gone)).await
    }

    /// Makes a portal view.
    ///
    /// # Errors
    /// `not-found`; `forbidden` for a viewer; `bad-params` and `too-big` for what no view can be; `quota-exceeded`.
    pub async fn create_view(&self, user: &str, library: LibraryId, new: NewView) -> Result<PortalView, Failure> {
        let user = user.to_owned();
        self.ask(move |transaction| views::create(transaction, &user, library, new, now_ms())).await
    }

    /// The views of a library, for a member.
    ///
    /// # Errors
    /// `not-found` for everybody else.
    pub async fn views(&self, user: &str, library: LibraryId) -> Result<Vec<ViewSummary>, Failure> {
        let user = user.to_owned();
        self.ask(move |transaction| views::list(transaction, &user, library)).await
    }

    /// A view, for a member of its library.
    ///
    /// # Errors
    /// `not-found` for everybody else.
    pub async fn view(&self, user: &str, id: ViewId) -> Result<PortalView, Failure> {
        let user = user.to_owned();
        self.ask(move |transaction| views::find(transaction, &user, id)).await
    }

    /// Changes a view by a JSON merge patch; with `versions`, only if its version is one of them.
    ///
    /// # Errors
    /// `not-found`; `forbidden` for a viewer; `precondition-failed`; `bad-params` and `too-big` for what no view can be.
    pub async fn change_view(
        &self,
        user: &str,
        id: ViewId,
        patch: Map<String, Value>,
        versions: Option<Vec<u64>>,
    ) -> Result<PortalView, Failure> {
        let (asker, asked) = (user.to_owned(), Value::Object(patch.clone()));
        let request = move |transaction: &Transaction<'_>| {
            views::change(transaction, Some(&asker), id, patch, versions.as_deref(), now_ms()).map(|changed| ((), changed))
        };
        self.tell(user.to_owned(), id, request, |(), _| (VIEW_UPDATE, asked)).await.map(|((), view)| view)
    }

    /// Adds an item to a view, and answers with its number.
    ///
    /// # Errors
    /// As for [`Portal::change_view`].
    pub async fn add_item(&self, user: &str, id: ViewId, item: NewItem) -> Result<(ItemId, PortalView), Failure> {
        let asker = user.to_owned();
        let request = move |transaction: &Transaction<'_>| views::add_item(transaction, &asker, id, item, now_ms());
        let said = |id: &ItemId, view: &PortalView| {
            let item = serde_json::to_value(view.items.get(id)).unwrap_or_default();
            (ITEM_UPDATE, told_of_item(*id, &item))
        };
        self.tell(user.to_owned(), id, request, said).await
    }

    /// Changes an item by a JSON merge patch, or removes it where the patch is null.
    ///
    /// # Errors
    /// As for [`Portal::change_view`]; `not-found` for an item that is not there.
    pub async fn change_item(
        &self,
        user: &str,
        id: ViewId,
        item: ItemId,
        patch: Value,
        versions: Option<Vec<u64>>,
    ) -> Result<PortalView, Failure> {
        let (asker, told) = (user.to_owned(), told_of_item(item, &patch));
        let request = move |transaction: &Transaction<'_>| {
            let changed = views::change_item(transaction, &asker, id, item, patch, versions.as_deref(), now_ms())?;
            Ok(((), changed))
        };
        self.tell(user.to_owned(), id, request, |(), _| (ITEM_UPDATE, told)).await.map(|((), view)| view)
    }

    /// Ends a view.
    ///
    /// # Errors
    /// `not-found`, and `forbidden` for a viewer.
    pub async fn remove_view(&self, user: &str, id: ViewId) -> Result<(), Failure> {
        let user = user.to_owned();
        let request = move |transaction: &Transaction<'_>| views::remove(transaction, &user, id).map(|()| ((), vec![id]));
        self.settle(request, Then::Close).await
    }
}

#[cfg(test)]
mod tests;
