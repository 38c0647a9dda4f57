//! Changes of a view: JSON merge patches (RFC 7396) of the fields that people may change, and the same patches back, for those
//! who have the view before them.

use std::collections::BTreeMap;

use samewire_protocol::name::is_unsafe_to_show;
use samewire_protocol::rooms::merge;
use samewire_protocol::{Code, Failure, FileId};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::model::{Item, ItemId, MAX_DATA, MAX_DEPTH, MAX_ITEMS, MAX_LABEL, MAX_MEDIA, MAX_SETTINGS, MAX_VIEW, PortalView};

/// What of a view people may change.
const FIELDS: &[&str] = &["name", "currentItem", "showHealth", "settings", "items"];

/// What a view is made of.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewView {
    /// Its name.
    pub name: String,
    /// The item that viewers see first, by its number: the items of the list get 1, 2, 3, …
    #[serde(default)]
    pub current_item: Option<ItemId>,
    /// Whether viewers see the health of items. Default no.
    #[serde(default)]
    pub show_health: bool,
    /// Whatever else the app keeps for the view.
    #[serde(default)]
    pub settings: Map<String, Value>,
    /// Its first items.
    #[serde(default)]
    pub items: Vec<NewItem>,
}

/// What an item is made of.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewItem {
    /// What it is called.
    pub title: String,
    /// A picture or clip.
    #[serde(default)]
    pub media: Option<String>,
    /// Its place in the order; behind the last by default.
    #[serde(default)]
    pub position: Option<u32>,
    /// From 0 to 100.
    #[serde(default)]
    pub health: Option<u8>,
    /// Whatever else the app keeps for the item.
    #[serde(default)]
    pub data: Map<String, Value>,
}

impl NewItem {
    /// The item, for a view that has these.
    pub(super) fn item(self, beside: &BTreeMap<ItemId, Item>) -> Item {
        let last = || beside.values().map(|item| item.position).max().map_or(0, |last| last.saturating_add(1));
        let Self { title, media, position, health, data } = self;
        Item { title, media, position: position.unwrap_or_else(last), health, data: without_nulls(data) }
    }
}

/// Leaves out what a merge patch could never set.
pub(super) fn without_nulls(object: Map<String, Value>) -> Map<String, Value> {
    let mut bare = Value::Object(Map::new());
    merge(&mut bare, Value::Object(object));
    match bare {
        Value::Object(bare) => bare,
        _ => Map::new(),
    }
}

/// The view after this patch. Only items that are there can be changed; one whose patch is null is removed, and is not the
/// current one any more.
pub(super) fn changed(view: &PortalView, patch: Map<String, Value>) -> Result<PortalView, Failure> {
    if let Some(field) = patch.keys().find(|field| !FIELDS.contains(&field.as_str())) {
        return Err(bad(format!("`{field}` of a portal view cannot be changed; what can is {}", FIELDS.join(", "))));
    }
    let items = patch.get("items");
    if let Some(items) = items {
        let items = items.as_object().ok_or_else(|| bad("`items` must be an object: the items' patches by their numbers"))?;
        let unknown = items.keys().find(|id| !id.parse().is_ok_and(|id| view.items.contains_key(&id)));
        if let Some(id) = unknown {
            return Err(bad(format!("this view has no item {:?}; a new one is added with POST", shown(id))));
        }
        if items.values().any(|patch| !patch.is_object() && !patch.is_null()) {
            return Err(bad("the patch of an item must be an object, or null to remove it"));
        }
    }
    let chosen = patch.contains_key("currentItem");
    let mut document = document(view)?;
    merge(&mut document, Value::Object(patch));
    let mut after: PortalView =
        serde_json::from_value(document).map_err(|error| bad(format!("the change does not fit: {error}")))?;
    if !chosen && after.current_item.is_some_and(|item| !after.items.contains_key(&item)) {
        after.current_item = None;
    }
    check(&after)?;
    Ok(after)
}

/// The view as JSON: the state of its room.
pub(super) fn document(view: &PortalView) -> Result<Value, Failure> {
    serde_json::to_value(view).map_err(|_| Failure::new(Code::Internal, "the portal view cannot be written as JSON"))
}

/// Says what of a view is out of bounds.
pub(super) fn check(view: &PortalView) -> Result<(), Failure> {
    label("name", &view.name)?;
    free("settings", &view.settings, MAX_SETTINGS)?;
    if view.items.len() > MAX_ITEMS {
        return Err(Failure::new(Code::TooBig, format!("a portal view holds at most {MAX_ITEMS} items")));
    }
    for (id, item) in &view.items {
        label("title", &item.title)?;
        free("data", &item.data, MAX_DATA)?;
        if item.health.is_some_and(|health| health > 100) {
            return Err(bad(format!("the `health` of item {id} is not from 0 to 100")));
        }
        if item.media.as_ref().is_some_and(|media| !is_media(media)) {
            return Err(bad(format!(
                "the `media` of item {id} is not an address that begins with https://, http:// or /, nor a file's id"
            )));
        }
    }
    if let Some(item) = view.current_item.filter(|item| !view.items.contains_key(item)) {
        return Err(bad(format!("`currentItem` is {item}, and this view has no such item")));
    }
    if size(view) > MAX_VIEW {
        return Err(Failure::new(Code::TooBig, format!("a portal view takes at most {MAX_VIEW} bytes of JSON with its items")));
    }
    Ok(())
}

/// A name that is shown to people.
pub(super) fn label(field: &str, text: &str) -> Result<(), Failure> {
    let fits = !text.trim().is_empty() && text.chars().nth(MAX_LABEL).is_none() && !text.chars().any(is_unsafe_to_show);
    if fits { Ok(()) } else { Err(bad(format!("`{field}` must have 1 to {MAX_LABEL} characters, and no control characters"))) }
}

/// Pages show it, so it must not be an address that runs something.
fn is_media(text: &str) -> bool {
    let address = ["https://", "http://", "/"].iter().any(|start| text.starts_with(start)) || text.parse::<FileId>().is_ok();
    address && text.len() <= MAX_MEDIA && !text.chars().any(|c| is_unsafe_to_show(c) || c.is_whitespace())
}

fn free(field: &str, object: &Map<String, Value>, most: usize) -> Result<(), Failure> {
    if object.values().any(|value| is_deeper(value, MAX_DEPTH - 1)) {
        return Err(bad(format!("`{field}` nests deeper than {MAX_DEPTH} levels")));
    }
    if size(object) > most {
        return Err(Failure::new(Code::TooBig, format!("`{field}` takes at most {most} bytes of JSON")));
    }
    Ok(())
}

fn is_deeper(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => levels == 0 || items.iter().any(|item| is_deeper(item, levels - 1)),
        Value::Object(fields) => levels == 0 || fields.values().any(|field| is_deeper(field, levels - 1)),
        _ => false,
    }
}

fn size(value: &impl serde::Serialize) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |json| json.len())
}

fn shown(text: &str) -> String {
    text.chars().take(32).collect()
}

pub(super) fn bad(message: impl Into<String>) -> Failure {
    Failure::new(Code::BadParams, message)
}

/// The merge patch that makes `after` of `before`, two objects without nulls outside of arrays.
pub(super) fn difference(before: &Value, after: &Value) -> Value {
    let (Value::Object(old), Value::Object(new)) = (before, after) else { return after.clone() };
    let gone = old.keys().filter(|field| !new.contains_key(*field)).map(|field| (field.clone(), Value::Null));
    let differs = new.iter().filter(|(field, value)| old.get(*field) != Some(*value));
    let changed = differs.map(|(field, after)| match old.get(field) {
        Some(before @ Value::Object(_)) => (field.clone(), difference(before, after)),
        _ => (field.clone(), after.clone()),
    });
    Value::Object(gone.chain(changed).collect())
}

#[cfg(test)]
mod tests;
