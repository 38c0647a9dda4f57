//! A change that a client asks for, and how two of the same thing become one.

use serde_json::{Map, Value};

use super::wire::{ITEM_UPDATE, VIEW_UPDATE};

/// What of a view, and what of an item, the server keeps. Whatever else a controller says of them is passed on.
const OF_VIEW: [&str; 5] = ["name", "currentItem", "showHealth", "settings", ITEMS];
const OF_ITEM: [&str; 5] = ["title", "media", "position", "health", "data"];
const ITEMS: &str = "items";

/// What is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Thing {
    View,
    /// The item of this number.
    Item(String),
}

/// What is passed on, with the merge patch (RFC 7396) of what is kept in it.
#[derive(Clone, Debug)]
pub(super) struct Change {
    thing: Thing,
    payload: Map<String, Value>,
}

impl Change {
    pub(super) fn of_view(payload: Map<String, Value>) -> Self {
        Self { thing: Thing::View, payload }
    }

    pub(super) fn of_item(id: u64, payload: Map<String, Value>) -> Self {
        Self { thing: Thing::Item(id.to_string()), payload }
    }

    pub(super) fn name(&self) -> &'static str {
        match self.thing {
            Thing::View => VIEW_UPDATE,
            Thing::Item(_) => ITEM_UPDATE,
        }
    }

    /// What is passed on.
    pub(super) fn payload(&self) -> &Map<String, Value> {
        &self.payload
    }

    /// What is kept, as a merge patch of the view.
    pub(super) fn patch(&self) -> Map<String, Value> {
        let known = self.payload.iter().filter(|(field, _)| self.keeps(field));
        let known = known.map(|(field, value)| (field.clone(), value.clone())).collect();
        match &self.thing {
            Thing::View => known,
            Thing::Item(id) => of_item(id, known),
        }
    }

    fn keeps(&self, field: &str) -> bool {
        match self.thing {
            Thing::View => OF_VIEW.contains(&field),
            Thing::Item(_) => OF_ITEM.contains(&field),
        }
    }

    /// Whether it does not matter which of the two comes first.
    pub(super) fn commutes_with(&self, other: &Self) -> bool {
        match (&self.thing, &other.thing) {
            (Thing::View, Thing::View) => false,
            (Thing::Item(one), Thing::Item(other)) => one != other,
            (Thing::View, Thing::Item(id)) => !self.names(id),
            (Thing::Item(id), Thing::View) => !other.names(id),
        }
    }

    fn names(&self, item: &str) -> bool {
        self.payload.get(ITEMS).is_some_and(|items| items.get(item).is_some())
    }

    /// Whether a later change of the same thing can become one with it, so that both together do what one does after the other.
    pub(super) fn takes(&self, later: &Self) -> bool {
        // Removing an item changes more than what is written.
        let fits = self.thing == later.thing && !self.removes() && !later.removes();
        fits && later
            .payload
            .iter()
            .filter(|(field, _)| self.keeps(field))
            .all(|(field, value)| self.payload.get(field).is_none_or(|before| composes(before, value)))
    }

    fn removes(&self) -> bool {
        let items = self.payload.get(ITEMS).and_then(Value::as_object);
        self.thing == Thing::View && items.is_some_and(|items| items.values().any(Value::is_null))
    }

    /// Becomes both. Of a field of the frontend's own the newest value counts.
    pub(super) fn take(&mut self, later: Self) {
        for (field, value) in later.payload {
            let is_kept = self.keeps(&field);
            match self.payload.get_mut(&field) {
                Some(before) if is_kept => compose(before, value),
                _ => {
                    self.payload.insert(field, value);
                }
            }
        }
    }

    /// The same as a change of the view.
    pub(super) fn into_view(self) -> Self {
        match self.thing {
            Thing::View => self,
            Thing::Item(_) => Self::of_view(self.patch()),
        }
    }

    /// How many bytes of JSON it has.
    pub(super) fn size(&self) -> usize {
        serde_json::to_string(&self.payload).map_or(0, |json| json.len())
    }
}

fn of_item(id: &str, patch: Map<String, Value>) -> Map<String, Value> {
    let items = Map::from_iter([(id.to_owned(), Value::Object(patch))]);
    Map::from_iter([(ITEMS.to_owned(), Value::Object(items))])
}

/// Whether one patch can say what two say. Not where the first replaces something and the second changes what is there then: a patch
/// of an object is always one of what was there before.
fn composes(before: &Value, later: &Value) -> bool {
    match (before, later) {
        (Value::Object(before), Value::Object(later)) => {
            later.iter().all(|(field, value)| before.get(field).is_none_or(|before| composes(before, value)))
        }
        (_, Value::Object(_)) => false,
        _ => true,
    }
}

fn compose(before: &mut Value, later: Value) {
    match (before, later) {
        (Value::Object(before), Value::Object(later)) => {
            for (field, value) in later {
                match before.get_mut(&field) {
                    Some(before) => compose(before, value),
                    None => {
                        before.insert(field, value);
                    }
                }
            }
        }
        (before, later) => *before = later,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use samewire_protocol::rooms::merge;
    use serde_json::json;

    use super::*;

    fn view(payload: Value) -> Change {
        Change::of_view(payload.as_object().cloned().unwrap_or_default())
    }

    fn item(id: u64, payload: Value) -> Change {
        Change::of_item(id, payload.as_object().cloned().unwrap_or_default())
    }

    fn both(mut one: Change, other: Change) -> Option<Value> {
        one.takes(&other).then(|| {
            one.take(other);
            Value::Object(one.payload)
        })
    }

    #[test]
    fn the_newest_of_each_field_is_kept() {
        assert_eq!(
            both(
                item(2, json!({"id": 2, "health": 5, "glow": {"a": 1}})),
                item(2, json!({"id": 2, "health": 6, "glow": {"b": 1}}))
            ),
            Some(json!({"id": 2, "health": 6, "glow": {"b": 1}}))
        );
        assert_eq!(
            both(
                view(json!({"settings": {"a": 1, "b": {"x": 1}}})),
                view(json!({"settings": {"a": null, "b": {"y": 2}}, "zoom": 2}))
            ),
            Some(json!({"settings": {"a": null, "b": {"x": 1, "y": 2}}, "zoom": 2}))
        );
        assert_eq!(both(item(2, json!({"id": 2})), item(3, json!({"id": 3}))), None);
        assert_eq!(both(view(json!({})), item(3, json!({"id": 3}))), None);
    }

    #[test]
    fn what_cannot_be_said_at_once_is_not() {
        assert_eq!(both(item(2, json!({"data": null})), item(2, json!({"data": {"a": 1}}))), None);
        assert_eq!(both(view(json!({"settings": {"a": 1}})), view(json!({"settings": {"a": {"b": 1}}}))), None);
        // The item that is shown may be removed; one that is removed cannot be shown.
        assert_eq!(both(view(json!({"currentItem": 3})), view(json!({"items": {"3": null}}))), None);
    }

    #[test]
    fn order_matters_where_an_item_is_changed_both_ways() {
        let whole = view(json!({"items": {"2": {"health": 1}}}));
        assert!(!whole.commutes_with(&item(2, json!({}))) && !item(2, json!({})).commutes_with(&whole));
        assert!(whole.commutes_with(&item(3, json!({}))) && view(json!({"currentItem": 2})).commutes_with(&item(2, json!({}))));
        assert!(!whole.commutes_with(&view(json!({}))) && item(2, json!({})).commutes_with(&item(3, json!({}))));
    }

    #[test]
    fn an_item_can_be_changed_as_a_part_of_its_view() {
        let change = item(2, json!({"id": 2, "health": 5, "glow": true})).into_view();
        assert_eq!((change.name(), Value::Object(change.patch())), (VIEW_UPDATE, json!({"items": {"2": {"health": 5}}})));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![Just(Value::Null), (0..3u8).prop_map(Value::from)];
        leaf.prop_recursive(3, 24, 3, |inner| {
            proptest::collection::btree_map("[abc]", inner, 0..3).prop_map(|fields| fields.into_iter().collect())
        })
    }

    proptest! {
        #[test]
        fn two_in_one_do_what_they_do_one_after_the_other(state in any_json(), one in any_json(), other in any_json()) {
            let (one, other) = (view(json!({"settings": one})), view(json!({"settings": other})));
            let apply = |changes: &[&Change]| {
                let mut state = json!({"settings": state});
                changes.iter().for_each(|change| merge(&mut state, Value::Object(change.patch())));
                state
            };
            if let Some(Value::Object(composed)) = both(one.clone(), other.clone()) {
                prop_assert_eq!(apply(&[&Change::of_view(composed)]), apply(&[&one, &other]));
            }
        }
    }
}
