use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::json;

use super::super::model::{LibraryId, ViewId};
use super::*;

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => panic!("{other} is no object"),
    }
}

fn view() -> PortalView {
    let mut items = BTreeMap::new();
    for (number, title) in (1..).zip(["Dragon", "Goblin", "Bridge"]) {
        let item = NewItem { title: title.into(), health: Some(100), ..NewItem::default() }.item(&items);
        items.insert(ItemId(number), item);
    }
    PortalView {
        id: ViewId(42),
        library: LibraryId(7),
        name: "Session 3".into(),
        current_item: Some(ItemId(2)),
        show_health: true,
        settings: object(json!({"grid": {"size": 5, "on": true}, "tags": [1, null]})),
        version: 9,
        created: 1,
        updated: 2,
        items,
    }
}

fn after(patch: Value) -> Result<PortalView, Failure> {
    changed(&view(), object(patch))
}

#[test]
fn what_a_patch_names_is_changed_and_the_rest_stays() {
    let changed = after(json!({"currentItem": 3, "settings": {"grid": {"size": 8}, "tags": null}})).expect("a change");
    let mut expected = view();
    expected.current_item = Some(ItemId(3));
    expected.settings = object(json!({"grid": {"size": 8, "on": true}}));
    assert_eq!(changed, expected);

    let changed = after(json!({"items": {"2": {"health": 40, "data": {"mood": "angry"}}}})).expect("a change");
    assert_eq!(changed.items[&ItemId(2)].health, Some(40));
    assert_eq!(changed.items[&ItemId(2)].data["mood"], "angry");
    assert_eq!(changed.items[&ItemId(1)], view().items[&ItemId(1)]);
}

#[test]
fn null_takes_away() {
    assert_eq!(after(json!({"currentItem": null})).expect("a change").current_item, None);
    assert!(!after(json!({"showHealth": null})).expect("a change").show_health);
    assert!(after(json!({"settings": null})).expect("a change").settings.is_empty());
    assert_eq!(after(json!({"items": {"1": {"health": null}}})).expect("a change").items[&ItemId(1)].health, None);
}

#[test]
fn a_removed_item_is_not_the_current_one() {
    let changed = after(json!({"items": {"2": null}})).expect("a change");
    assert_eq!((changed.current_item, changed.items.len()), (None, 2));
    let changed = after(json!({"items": {"2": null}, "currentItem": 1})).expect("a change");
    assert_eq!(changed.current_item, Some(ItemId(1)));
    assert_eq!(after(json!({"items": {"2": null}, "currentItem": 2})).expect_err("it is gone").code, Code::BadParams);
}

#[test]
fn what_cannot_be_is_refused_and_named() {
    let deep = (0..MAX_DEPTH).fold(json!(1), |inner, _| json!({"a": inner}));
    for (patch, code, named) in [
        (json!({"version": 1}), Code::BadParams, "`version`"),
        (json!({"id": 1}), Code::BadParams, "`id`"),
        (json!({"library": 1}), Code::BadParams, "`library`"),
        (json!({"__proto__": {}}), Code::BadParams, "`__proto__`"),
        (json!({"name": null}), Code::BadParams, "name"),
        (json!({"name": ""}), Code::BadParams, "`name`"),
        (json!({"name": "a\u{202e}b"}), Code::BadParams, "`name`"),
        (json!({"name": "x".repeat(MAX_LABEL + 1)}), Code::BadParams, "`name`"),
        (json!({"showHealth": 1}), Code::BadParams, "boolean"),
        (json!({"currentItem": "2"}), Code::BadParams, "string"),
        (json!({"currentItem": 4}), Code::BadParams, "`currentItem`"),
        (json!({"currentItem": -1}), Code::BadParams, "-1"),
        (json!({"settings": []}), Code::BadParams, "sequence"),
        (json!({"settings": {"a": deep}}), Code::BadParams, "32 levels"),
        (json!({"settings": {"a": "x".repeat(MAX_SETTINGS)}}), Code::TooBig, "`settings`"),
        (json!({"items": null}), Code::BadParams, "`items`"),
        (json!({"items": []}), Code::BadParams, "`items`"),
        (json!({"items": {"4": {"title": "new"}}}), Code::BadParams, "no item \"4\""),
        (json!({"items": {"02": {"title": "other"}}}), Code::BadParams, "no item \"02\""),
        (json!({"items": {"2": 5}}), Code::BadParams, "null to remove"),
        (json!({"items": {"2": ["Troll", null, 3]}}), Code::BadParams, "null to remove"),
        (json!({"items": {"2": {"title": null}}}), Code::BadParams, "title"),
        (json!({"items": {"2": {"colour": "red"}}}), Code::BadParams, "colour"),
        (json!({"items": {"2": {"health": 101}}}), Code::BadParams, "`health`"),
        (json!({"items": {"2": {"health": 4.5}}}), Code::BadParams, "4.5"),
        (json!({"items": {"2": {"position": -1}}}), Code::BadParams, "-1"),
        (json!({"items": {"2": {"media": "javascript:alert(1)"}}}), Code::BadParams, "`media`"),
        (json!({"items": {"2": {"media": "/a b"}}}), Code::BadParams, "`media`"),
        (json!({"items": {"2": {"media": format!("/{}", "x".repeat(MAX_MEDIA))}}}), Code::BadParams, "`media`"),
        (json!({"items": {"2": {"data": {"a": "x".repeat(MAX_DATA)}}}}), Code::TooBig, "`data`"),
    ] {
        let failure = after(patch.clone()).expect_err("must be refused");
        assert_eq!(failure.code, code, "{patch} {failure}");
        assert!(failure.message.contains(named), "{patch} {failure}");
    }
}

#[test]
fn media_are_addresses_and_files() {
    let file = format!("fi_{}", "0".repeat(32));
    for media in ["https://example.com/a.png?x=1", "http://localhost/a", "/pictures/a.png", file.as_str()] {
        assert!(is_media(media), "{media}");
    }
    for media in ["", "data:text/html,x", "JavaScript:x", " /a", "a.png", "https://a\nb", "fi_0"] {
        assert!(!is_media(media), "{media}");
    }
}

#[test]
fn the_size_of_the_whole_is_bounded_too() {
    let mut view = view();
    let full = NewItem { title: "full".into(), data: object(json!({"a": "x".repeat(MAX_DATA - 100)})), ..NewItem::default() };
    for number in 4..70 {
        view.items.insert(ItemId(number), full.clone().item(&view.items));
    }
    assert_eq!(check(&view).expect_err("too much").code, Code::TooBig);
    view.items.retain(|id, _| id.0 < 40);
    assert_eq!(check(&view), Ok(()));
}

fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-z]{0,3}".prop_map(Value::from)
    ];
    let value = leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            vec(prop_oneof![Just(Value::Null), inner.clone()], 0..3).prop_map(Value::from),
            btree_map("[abc]", inner, 0..3).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    });
    btree_map("[abcd]", value, 0..4).prop_map(|fields| Value::Object(fields.into_iter().collect()))
}

proptest! {
    #[test]
    fn a_difference_leads_from_one_to_the_other(before in documents(), after in documents()) {
        let mut target = before.clone();
        merge(&mut target, difference(&before, &after));
        prop_assert_eq!(&target, &after);
        prop_assert_eq!(difference(&after, &after), json!({}));
    }

    /// A change that was told twice, as after a view was read in the middle of it, does no harm.
    #[test]
    fn a_difference_can_be_applied_again(before in documents(), after in documents()) {
        let mut target = after.clone();
        merge(&mut target, difference(&before, &after));
        prop_assert_eq!(target, after);
    }
}
