//! What happens in the room of a view, as messages of the old format.

use samewire_protocol::rooms::RoomEvent;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use super::wire::{ITEM_UPDATE, Told, VIEW_UPDATE};

/// An event of the room, read once.
#[derive(Debug)]
pub(super) struct News {
    event: RoomEvent,
    version: Option<u64>,
    /// Messages and their payloads, where it is a change.
    changes: Vec<(&'static str, Box<RawValue>)>,
}

impl News {
    /// What clients are told of an event. Of a change: what was said of it, and what it became, which may be more.
    pub(super) fn of(event: RoomEvent) -> Self {
        let mut news = Self { event, version: None, changes: Vec::new() };
        let Some(mut changed) = object(news.event.patch.as_deref()) else { return news };
        news.version = changed.remove("version").and_then(|version| version.as_u64());
        changed.remove("updated");
        let said = object(news.event.payload.as_deref()).unwrap_or_default();
        let mut changes = Vec::new();
        if news.event.name.as_str() == ITEM_UPDATE {
            changes.extend(items(said, &mut changed).into_iter().map(|item| (ITEM_UPDATE, item)));
            // The view shows an item no more when it is removed.
            changes.extend((!changed.is_empty()).then_some((VIEW_UPDATE, changed)));
        } else {
            changes.push((VIEW_UPDATE, merged(said, changed)));
        }
        let written = changes.into_iter().map(|(name, payload)| Some((name, to_raw_value(&payload).ok()?)));
        news.changes = written.flatten().collect();
        news
    }

    /// The messages.
    pub(super) fn told(&self) -> impl Iterator<Item = Told<'_>> {
        let event = &self.event;
        let whole = event.patch.is_none().then_some((event.name.as_str(), event.payload.as_deref()));
        let changes = self.changes.iter().map(|(name, payload)| (*name, Some(&**payload)));
        whole.into_iter().chain(changes).map(|(name, payload)| Told {
            payload,
            user: event.user.as_deref(),
            version: self.version,
            timestamp: Some(event.at),
            ..Told::of(name)
        })
    }
}

/// One payload for each item that has changed. Clients of this format know an item by its `id`.
fn items(said: Map<String, Value>, changed: &mut Map<String, Value>) -> Vec<Map<String, Value>> {
    let id_of = |fields: &Map<String, Value>| fields.get("id").and_then(Value::as_u64);
    let items = match changed.remove("items") {
        Some(Value::Object(items)) => items,
        _ => Map::new(),
    };
    let mut payloads: Vec<_> = items
        .into_iter()
        .filter_map(|(id, fields)| {
            let id: u64 = id.parse().ok()?;
            let told = if id_of(&said) == Some(id) { said.clone() } else { Map::from_iter([("id".to_owned(), id.into())]) };
            Some(match fields {
                Value::Object(fields) => merged(told, fields),
                _ => merged(told, Map::from_iter([("removed".to_owned(), true.into())])),
            })
        })
        .collect();
    if payloads.is_empty() && id_of(&said).is_some() {
        payloads.push(said);
    }
    payloads
}

fn merged(mut said: Map<String, Value>, became: Map<String, Value>) -> Map<String, Value> {
    said.extend(became);
    said
}

fn object(json: Option<&RawValue>) -> Option<Map<String, Value>> {
    serde_json::from_str(json?.get()).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(name: &str, payload: Value, patch: Value) -> Vec<Value> {
        let event = json!({"name": name, "at": 7, "user": "ada", "offset": 3, "payload": payload, "patch": patch});
        let mut event: RoomEvent = serde_json::from_value(event).expect("an event");
        event.patch = event.patch.filter(|patch| patch.get() != "null");
        let news = News::of(event);
        let told: Vec<_> = news.told().map(|told| serde_json::to_value(told).expect("JSON")).collect();
        for message in &told {
            assert_eq!((&message["timestamp"], &message["user"]), (&json!(7), &json!("ada")));
        }
        assert_eq!(told[0]["type"], name);
        told.into_iter().map(|message| message["payload"].clone()).collect()
    }

    #[test]
    fn a_change_is_told_as_it_was_said_and_as_it_became() {
        let became = json!({"currentItem": 2, "version": 4, "updated": 9});
        assert_eq!(told(VIEW_UPDATE, json!({"currentItem": 2}), became.clone()), [json!({"currentItem": 2})]);
        assert_eq!(told(VIEW_UPDATE, json!("next"), became.clone()), [json!({"currentItem": 2})]);
        assert_eq!(told(VIEW_UPDATE, json!({"zoom": 2}), became), [json!({"zoom": 2, "currentItem": 2})]);
        // Nothing became different, but it was said.
        assert_eq!(told(VIEW_UPDATE, json!({"currentItem": 2}), json!({})), [json!({"currentItem": 2})]);
    }

    #[test]
    fn each_item_has_a_message_with_its_id() {
        let became = json!({"items": {"2": {"health": 15}}, "version": 4, "updated": 9});
        assert_eq!(
            told(ITEM_UPDATE, json!({"id": 2, "health": 15, "x": 1}), became.clone()),
            [json!({"id": 2, "health": 15, "x": 1})]
        );
        // What an SDK patches has no id of its own.
        assert_eq!(told(ITEM_UPDATE, json!({"items": {"2": {"health": 15}}}), became), [json!({"id": 2, "health": 15})]);
        let several = json!({"items": {"2": {"health": 15}, "3": null}, "version": 4});
        assert_eq!(
            told(ITEM_UPDATE, json!(null), several),
            [json!({"id": 2, "health": 15}), json!({"id": 3, "removed": true})]
        );
        assert_eq!(told(ITEM_UPDATE, json!({"id": 2, "glow": true}), json!({})), [json!({"id": 2, "glow": true})]);
        let shown = json!({"items": {"3": null}, "currentItem": null, "version": 4});
        let removed = json!({"id": 3, "removed": true});
        assert_eq!(told(ITEM_UPDATE, removed.clone(), shown), [removed, json!({"currentItem": null})]);
    }

    #[test]
    fn what_changes_nothing_passes_as_it_is() {
        assert_eq!(told("sync-response", json!([1, {"a": null}]), json!(null)), [json!([1, {"a": null}])]);
        assert_eq!(told("typing", json!(null), json!(null)), [json!(null)]);
    }
}
