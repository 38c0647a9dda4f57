//! Only in development: a library with a portal view to begin with.

use std::collections::BTreeMap;

use samewire_protocol::Failure;
use serde_json::{Map, Value, json};

use super::{MemberRole, NewItem, NewView, Portal, PortalView};

/// Whose library it is, so that the same one is found again.
const OWNER: &str = "demo";
const LIBRARY: &str = "Demo library";

/// Things to show: a title, a picture in one character, a colour, and a health where it has one.
const ITEMS: [(&str, &str, &str, Option<u8>); 8] = [
    ("The old map", "🗺️", "#c9b458", None),
    ("Dragon", "🐉", "#4f9d69", Some(100)),
    ("Goblin scout", "👺", "#b4543a", Some(35)),
    ("The castle gate", "🏰", "#7d8597", None),
    ("Wizard", "🧙", "#5e60ce", Some(80)),
    ("Giant spider", "🕷️", "#3d405b", Some(60)),
    ("The silver key", "🗝️", "#adb5bd", None),
    ("Volcano", "🌋", "#e07a5f", None),
];

impl Portal {
    /// Makes a demo library with a portal view, or finds the one that it made before, and gives these users their roles in it.
    /// With `fresh`, the view is a new one in any case.
    ///
    /// # Errors
    /// `bad-params` for what is no user's id.
    pub async fn demo(&self, users: &BTreeMap<String, MemberRole>, fresh: bool) -> Result<PortalView, Failure> {
        let libraries = self.libraries(OWNER).await?;
        let library = match libraries.into_iter().find(|library| library.role == MemberRole::Owner && library.name == LIBRARY) {
            Some(library) => library.id,
            None => self.create_library(OWNER, LIBRARY).await?.id,
        };
        for (user, role) in users.iter().filter(|(user, _)| user.as_str() != OWNER) {
            self.set_member(OWNER, library, user, *role).await?;
        }
        let found = if fresh { None } else { self.views(OWNER, library).await?.first().map(|view| view.id) };
        match found {
            Some(view) => self.view(OWNER, view).await,
            None => self.create_view(OWNER, library, view()).await,
        }
    }
}

fn view() -> NewView {
    let items = ITEMS.iter().map(|(title, glyph, colour, health)| NewItem {
        title: (*title).to_owned(),
        health: *health,
        data: object(json!({"glyph": glyph, "colour": colour})),
        ..NewItem::default()
    });
    NewView {
        name: "The dragon's road".to_owned(),
        current_item: Some(super::ItemId(1)),
        show_health: true,
        settings: object(json!({"background": "#1d2233"})),
        items: items.collect(),
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}
