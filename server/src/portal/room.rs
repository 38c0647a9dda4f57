//! The rooms of portal views: who comes in and as what, what they begin with, and how what controllers say is stored.

use std::time::Duration;

use rusqlite::Transaction;
use samewire_protocol::rooms::{EventName, Role, RoomName};
use samewire_protocol::{Code, Failure};
use serde_json::Value;
use serde_json::value::to_raw_value;

use super::change::{bad, document};
use super::event::{ITEM_UPDATE, STATE, VIEW_UPDATE, asked};
use super::model::{MAX_VIEW, MemberRole, ViewId};
use super::tables::transact;
use super::views;
use crate::auth::Access;
use crate::rooms::core::Change;
use crate::rooms::policy::{EventRule, KindPolicy, Roles, role};
use crate::rooms::{Deciding, Joining, Publishing, RoomKind};
use crate::store::{Store, now_ms};

/// The kind of the rooms.
pub(super) const KIND: &str = "portal";
/// Members with this role change the view.
const CONTROLLER: &str = "controller";
/// Members with this role see it.
const VIEWER: &str = "viewer";

/// The kind of rooms that portal views have.
#[derive(Clone, Debug)]
pub(crate) struct PortalRooms {
    store: Store,
}

impl PortalRooms {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }
}

/// Who may say what. Kept events change the view; all others pass.
pub(crate) fn policy() -> KindPolicy {
    let only = |who: &str| Roles::only(&[who]);
    let kept = EventRule { from: only(CONTROLLER), keep: Some(true), ..EventRule::default() };
    let passing = EventRule { from: only(CONTROLLER), keep: Some(false), ..EventRule::default() };
    let asking = EventRule { from: only(VIEWER), to: only(CONTROLLER), keep: Some(false) };
    let events = [
        (VIEW_UPDATE, kept.clone()),
        (ITEM_UPDATE, kept.clone()),
        (STATE, kept),
        ("request-sync", asking),
        ("sync-response", passing.clone()),
        ("typing", passing),
    ];
    KindPolicy {
        role: role(VIEWER),
        patch: only(CONTROLLER),
        signal: only(CONTROLLER),
        events: events.into_iter().filter_map(|(name, rule)| Some((name.parse().ok()?, rule))).collect(),
        only_events: true,
        // The view itself is in the database: what is kept here is for those who were cut off.
        history_age: Duration::from_secs(10 * 60),
        state: true,
        max_state: 2 * MAX_VIEW as u64,
        // A view changed as a whole, as it was asked for and as it became.
        max_message: 4 * MAX_VIEW as u64,
        ..KindPolicy::default()
    }
}

/// The room of a view.
pub(super) fn room(view: ViewId) -> Result<RoomName, Failure> {
    format!("{KIND}:{view}").parse().map_err(|_| no_room())
}

/// Somebody who may not see a view is told what they would be told if there were none.
pub(crate) fn no_room() -> Failure {
    Failure::new(Code::RoomNotFound, "there is no such portal view, or you are not a member of its library")
}

fn view(room: &RoomName) -> Result<ViewId, Failure> {
    room.rest().parse().map_err(|_| no_room())
}

fn user(access: &Access) -> Result<String, Failure> {
    if access.identity.is_anonymous() {
        return Err(no_room());
    }
    Ok(access.identity.id().to_owned())
}

impl RoomKind for PortalRooms {
    fn policy(&self) -> KindPolicy {
        policy()
    }

    /// By the library alone: a token's grants do not count.
    fn join<'a>(&'a self, joining: Joining<'a>) -> Deciding<'a, Role> {
        Box::pin(async move {
            let (user, id) = (user(joining.access)?, view(joining.room)?);
            let found = transact(&self.store, move |transaction| Ok(views::role_at(transaction, &user, id)?)).await?;
            found.map(room_role).ok_or_else(no_room)
        })
    }

    fn load<'a>(&'a self, room: &'a RoomName) -> Deciding<'a, Option<Value>> {
        Box::pin(async move {
            let id = view(room)?;
            let found = transact(&self.store, move |transaction| Ok(views::load(transaction, id)?)).await?;
            document(&found.ok_or_else(no_room)?).map(Some)
        })
    }

    fn publish<'a>(&'a self, mut publishing: Publishing) -> Deciding<'a, Publishing> {
        Box::pin(async move {
            let message = &mut publishing.message;
            if ![VIEW_UPDATE, ITEM_UPDATE, STATE].contains(&message.name.as_str()) {
                return match publishing.change {
                    None => Ok(publishing),
                    Some(_) => Err(bad(format!("`{}` does not change the view; `{VIEW_UPDATE}` does", message.name))),
                };
            }
            if message.attachment.is_some() {
                return Err(bad("a change of a portal view is JSON; it carries no bytes"));
            }
            let patch = match &publishing.change {
                None => None,
                Some(Change::Patch(patch)) => Some(&**patch),
                Some(Change::State(_)) => return Err(bad("a portal view is changed by patches, and not replaced")),
            };
            let patch = asked(message.name.as_str(), message.payload.as_deref(), patch)?;
            if message.payload.is_none() {
                message.payload = to_raw_value(&patch).ok();
            }
            if message.name.as_str() == STATE {
                message.name = name(VIEW_UPDATE)?;
            }
            // Another server may do everything; a member, what the library says at this moment.
            let user = publishing.access.as_deref().map(user).transpose()?;
            let id = view(&publishing.room)?;
            let change =
                move |transaction: &Transaction<'_>| views::change(transaction, user.as_deref(), id, patch, None, now_ms());
            publishing.change = Some(transact(&self.store, change).await?.told()?);
            Ok(publishing)
        })
    }
}

fn room_role(member: MemberRole) -> Role {
    role(if member.is_controller() { CONTROLLER } else { VIEWER })
}

/// The name of an event of ours.
pub(super) fn name(name: &str) -> Result<EventName, Failure> {
    name.parse().map_err(|_| Failure::new(Code::Internal, "an event of portal views has no name"))
}
