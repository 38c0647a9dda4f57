//! An app on rooms: portal views, which controllers drive and viewers watch. It uses what an embedding program can use too.
//!
//! A **library** has members: owners, editors and viewers. A **portal view** belongs to a library and holds items; owners and
//! editors change it, over HTTP or in its room `portal:NUMBER`, and everybody in the room sees the change once it is stored.

mod change;
mod demo;
mod libraries;
mod model;
mod rest;
mod tables;
mod views;

use rusqlite::Transaction;
use samewire_protocol::Failure;
use serde_json::{Map, Value};

pub use change::{NewItem, NewView};
pub use model::*;
pub(crate) use rest::router;

use crate::auth::check_user;
use crate::store::{Store, now_ms};
use change::{bad, label};
use tables::{Fault, transact};
use views::Changed;

/// Libraries and portal views. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Portal {
    store: Store,
}

impl Portal {
    /// Works on these records.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store }
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
        self.ask(move |transaction| libraries::remove(transaction, &user, id)).await
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
        let (user, member) = (user.to_owned(), member.to_owned());
        self.ask(move |transaction| libraries::set_member(transaction, &user, id, &member, role, now_ms())).await
    }

    /// Removes a member.
    ///
    /// # Errors
    /// `not-found`; `forbidden` for who is no owner; `conflict` for the last owner.
    pub async fn remove_member(&self, user: &str, id: LibraryId, member: &str) -> Result<(), Failure> {
        let (user, member) = (user.to_owned(), member.to_owned());
        self.ask(move |transaction| libraries::remove_member(transaction, &user, id, &member)).await
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
        let user = user.to_owned();
        self.tell(move |transaction| {
            let changed = views::change(transaction, &user, id, patch, versions.as_deref(), now_ms())?;
            Ok(((), changed))
        })
        .await
        .map(|((), view)| view)
    }

    /// Adds an item to a view, and answers with its number.
    ///
    /// # Errors
    /// As for [`Portal::change_view`].
    pub async fn add_item(&self, user: &str, id: ViewId, item: NewItem) -> Result<(ItemId, PortalView), Failure> {
        let user = user.to_owned();
        self.tell(move |transaction| views::add_item(transaction, &user, id, item, now_ms())).await
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
        let user = user.to_owned();
        self.tell(move |transaction| {
            let changed = views::change_item(transaction, &user, id, item, patch, versions.as_deref(), now_ms())?;
            Ok(((), changed))
        })
        .await
        .map(|((), view)| view)
    }

    /// Ends a view.
    ///
    /// # Errors
    /// `not-found`, and `forbidden` for a viewer.
    pub async fn remove_view(&self, user: &str, id: ViewId) -> Result<(), Failure> {
        let user = user.to_owned();
        self.ask(move |transaction| views::remove(transaction, &user, id)).await
    }

    async fn ask<T: Send + 'static>(
        &self,
        request: impl FnOnce(&Transaction<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Failure> {
        transact(&self.store, request, |answer| answer).await
    }

    async fn tell<T: Send + 'static>(
        &self,
        request: impl FnOnce(&Transaction<'_>) -> Result<(T, Changed), Fault> + Send + 'static,
    ) -> Result<(T, PortalView), Failure> {
        transact(&self.store, request, |(answer, changed)| (answer, changed.after)).await
    }
}
