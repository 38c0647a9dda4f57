//! What controllers say in a view's room, as changes of the view; and changes of the view, as what its room is told.

use samewire_protocol::Failure;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::change::bad;
use super::model::ItemId;

/// A change of the view, or of several of its items with it.
pub(super) const VIEW_UPDATE: &str = "portal-view-update";
/// A change of an item.
pub(super) const ITEM_UPDATE: &str = "item-update";
/// A change of the state, under the name that SDKs give it where the app gives none.
pub(super) const STATE: &str = "state";

/// The merge patch of the view that an event asks for: its own patch, or what its payload says.
///
/// `item-update` says `{"id": 3, "health": 40}`; its patch is one of items alone.
pub(super) fn asked(name: &str, payload: Option<&RawValue>, patch: Option<&RawValue>) -> Result<Map<String, Value>, Failure> {
    let read = |json: &RawValue| {
        let told = |_| bad(format!("what `{name}` says must be a JSON object"));
        serde_json::from_str::<Map<String, Value>>(json.get()).map_err(told)
    };
    match (name, patch, payload) {
        (ITEM_UPDATE, Some(patch), _) => {
            let patch = read(patch)?;
            if patch.keys().any(|field| field != "items") {
                return Err(bad(format!(
                    "the patch of `{ITEM_UPDATE}` must name `items` alone; `{VIEW_UPDATE}` changes the view"
                )));
            }
            Ok(patch)
        }
        (ITEM_UPDATE, None, Some(payload)) => {
            let mut item = read(payload)?;
            let id = item.remove("id").and_then(|id| serde_json::from_value::<ItemId>(id).ok());
            let id = id.ok_or_else(|| bad(format!("`{ITEM_UPDATE}` must name its item in `id`, a number")))?;
            Ok(of_item(id, Value::Object(item)))
        }
        (_, Some(patch), _) => read(patch),
        (_, None, Some(payload)) => read(payload),
        (_, None, None) => Err(bad(format!("`{name}` must say what changes, in its patch or its payload"))),
    }
}

/// The patch of a view that is the patch of an item.
pub(super) fn of_item(id: ItemId, patch: Value) -> Map<String, Value> {
    let items = Map::from_iter([(id.to_string(), patch)]);
    Map::from_iter([("items".to_owned(), Value::Object(items))])
}

/// What `item-update` says when an item was changed over HTTP; `removed` when it is gone.
pub(super) fn told_of_item(id: ItemId, patch: &Value) -> Value {
    match patch {
        Value::Object(fields) => {
            let mut told = fields.clone();
            told.insert("id".to_owned(), json!(id));
            Value::Object(told)
        }
        _ => json!({"id": id, "removed": true}),
    }
}

#[cfg(test)]
mod tests {
    use samewire_protocol::Code;

    use super::*;

    fn read(name: &str, payload: Option<Value>, patch: Option<Value>) -> Result<Value, Failure> {
        let raw = |value: Option<Value>| value.map(|value| serde_json::value::to_raw_value(&value).expect("JSON"));
        asked(name, raw(payload).as_deref(), raw(patch).as_deref()).map(Value::Object)
    }

    #[test]
    fn a_change_is_the_patch_or_what_is_said() {
        let change = json!({"currentItem": 2});
        for name in [VIEW_UPDATE, STATE] {
            assert_eq!(read(name, Some(change.clone()), None), Ok(change.clone()));
            assert_eq!(read(name, None, Some(change.clone())), Ok(change.clone()));
            assert_eq!(read(name, Some(json!("next")), Some(change.clone())), Ok(change.clone()));
        }
        let change = json!({"items": {"3": {"health": 40, "media": null}}});
        assert_eq!(read(ITEM_UPDATE, Some(json!({"id": 3, "health": 40, "media": null})), None), Ok(change.clone()));
        assert_eq!(read(ITEM_UPDATE, None, Some(change.clone())), Ok(change));
    }

    #[test]
    fn what_says_no_change_is_refused() {
        for (name, payload, patch) in [
            (VIEW_UPDATE, None, None),
            (VIEW_UPDATE, Some(json!(2)), None),
            (VIEW_UPDATE, Some(json!({"currentItem": 2})), Some(json!([]))),
            (ITEM_UPDATE, None, None),
            (ITEM_UPDATE, Some(json!({"health": 40})), None),
            (ITEM_UPDATE, Some(json!({"id": "3", "health": 40})), None),
            (ITEM_UPDATE, Some(json!({"id": -3, "health": 40})), None),
            (ITEM_UPDATE, None, Some(json!({"currentItem": 2}))),
            (ITEM_UPDATE, None, Some(json!({"items": {}, "name": "x"}))),
        ] {
            let failure = read(name, payload.clone(), patch.clone()).expect_err("must be refused");
            assert_eq!(failure.code, Code::BadParams, "{name} {payload:?} {patch:?}");
        }
    }

    #[test]
    fn what_is_told_of_an_item_is_what_is_asked_of_one() {
        let patch = json!({"health": 40, "media": null});
        let told = told_of_item(ItemId(3), &patch);
        assert_eq!(read(ITEM_UPDATE, Some(told), None), Ok(Value::Object(of_item(ItemId(3), patch))));
        assert_eq!(told_of_item(ItemId(3), &Value::Null), json!({"id": 3, "removed": true}));
    }
}
