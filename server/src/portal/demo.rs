//! Only in development: a library with a portal view to begin with.

use std::collections::BTreeMap;

use samewire_protocol::Failure;
use serde_json::{Map, Value, json};

use super::tables::{Fault, no_view};
use super::{ItemId, MemberRole, NewItem, NewView, Portal, PortalView, ViewId, views};

/// Whose the library is when nobody in particular asks for one.
const NOBODY: &str = "demo";
const LIBRARY: &str = "Demo library";

/// Things to show: a title, a caption, and a health where it has one.
const ITEMS: [(&str, &str, Option<u8>); 6] = [
    ("Harbour", "The boats are in before the light goes", Some(92)),
    ("Ridges", "Five ranges, one behind the other", Some(71)),
    ("Skyline", "Somebody works late on every floor", Some(38)),
    ("Dunes", "The caravan is a day behind", Some(54)),
    ("Firs", "Fog in the valley until noon", None),
    ("Aurora", "Minus thirty, and nobody wants to go in", Some(12)),
];

/// What a demo is asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Demo {
    /// A view that the asker wants to look at.
    pub(super) view: Option<ViewId>,
    /// Whether the view must be a new one.
    pub(super) fresh: bool,
    /// Who else is to be a member of its library.
    pub(super) users: BTreeMap<String, MemberRole>,
}

impl Portal {
    /// A demo view: the one that was asked for, of which the asker becomes a viewer; or one of the asker's own, made now or found
    /// again.
    pub(super) async fn demo(&self, asker: Option<&str>, demo: Demo) -> Result<PortalView, Failure> {
        let (owner, view) = match demo.view {
            Some(view) => self.shown(view, asker).await?,
            None => {
                let owner = asker.unwrap_or(NOBODY);
                (owner.to_owned(), self.own(owner, demo.fresh).await?)
            }
        };
        for (user, role) in demo.users.iter().filter(|(user, _)| **user != owner) {
            self.set_member(&owner, view.library, user, *role).await?;
        }
        Ok(view)
    }

    async fn own(&self, owner: &str, fresh: bool) -> Result<PortalView, Failure> {
        let libraries = self.libraries(owner).await?;
        let library = match libraries.into_iter().find(|library| library.role == MemberRole::Owner && library.name == LIBRARY) {
            Some(library) => library.id,
            None => self.create_library(owner, LIBRARY).await?.id,
        };
        let found = if fresh { None } else { self.views(owner, library).await?.first().map(|view| view.id) };
        match found {
            Some(view) => self.view(owner, view).await,
            None => self.create_view(owner, library, scenes()).await,
        }
    }

    /// A view of somebody's demo library, which anybody may look at.
    async fn shown(&self, id: ViewId, asker: Option<&str>) -> Result<(String, PortalView), Failure> {
        let found = self.ask(move |transaction| Ok::<_, Fault>(views::load(transaction, id)?)).await?;
        let view = found.ok_or_else(no_view)?;
        let library = view.library;
        let owner = self.ask(move |transaction| super::libraries::an_owner(transaction, library, LIBRARY)).await?;
        let owner = owner.ok_or_else(no_view)?;
        if let Some(asker) = asker
            && self.library(asker, library).await.is_err()
        {
            self.set_member(&owner, library, asker, MemberRole::Viewer).await?;
        }
        Ok((owner, view))
    }
}

fn scenes() -> NewView {
    let items = ITEMS.iter().map(|(title, caption, health)| NewItem {
        title: (*title).to_owned(),
        health: *health,
        data: Map::from_iter([("caption".to_owned(), json!(caption))]),
        ..NewItem::default()
    });
    NewView {
        name: "Six places".to_owned(),
        current_item: Some(ItemId(1)),
        show_health: true,
        settings: Map::from_iter([("theme".to_owned(), Value::from("evening"))]),
        items: items.collect(),
    }
}
