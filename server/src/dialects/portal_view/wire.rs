//! The messages of the portal view format, as they are on the wire: `{"type", "payload"}` both ways.

use std::borrow::Cow;

use samewire_protocol::{Code, Failure};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::change::Change;

pub(super) const VIEW_UPDATE: &str = "portal-view-update";
pub(super) const ITEM_UPDATE: &str = "item-update";
pub(super) const REQUEST_SYNC: &str = "request-sync";
pub(super) const SYNC_RESPONSE: &str = "sync-response";
const TYPING: &str = "typing";

/// What a client says.
#[derive(Debug)]
pub(super) enum Said<'a> {
    Ping,
    /// A change of the view, or of an item.
    Change(Change),
    /// Something for those who are there now.
    Cast {
        name: &'static str,
        payload: Option<&'a RawValue>,
    },
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

impl<'a> Said<'a> {
    /// # Errors
    /// `bad-params`, and `unknown-type`.
    pub(super) fn read(text: &'a str) -> Result<Self, Failure> {
        let Message { kind, payload } = serde_json::from_str(text).map_err(|error| {
            bad(format!(r#"a message is a JSON object with a "type": {error}; docs/dialects.md lists them"#))
        })?;
        match &*kind {
            "ping" => Ok(Self::Ping),
            VIEW_UPDATE => Ok(Self::Change(Change::of_view(object(VIEW_UPDATE, payload)?))),
            ITEM_UPDATE => Self::item_update(object(ITEM_UPDATE, payload)?),
            REQUEST_SYNC => Ok(Self::Cast { name: REQUEST_SYNC, payload }),
            SYNC_RESPONSE => Ok(Self::Cast { name: SYNC_RESPONSE, payload }),
            TYPING => Ok(Self::Cast { name: TYPING, payload }),
            other => {
                let other: String = other.chars().take(64).collect();
                let told = format!(
                    "there is no message {other:?}: clients say ping, {VIEW_UPDATE}, {ITEM_UPDATE}, {REQUEST_SYNC}, {SYNC_RESPONSE} and {TYPING}"
                );
                Err(Failure::new(Code::UnknownType, told))
            }
        }
    }

    fn item_update(payload: Map<String, Value>) -> Result<Self, Failure> {
        let id = payload.get("id").and_then(Value::as_u64);
        let id = id.ok_or_else(|| bad(format!("`payload.id` of `{ITEM_UPDATE}` must be the number of its item, as 2")))?;
        Ok(Self::Change(Change::of_item(id, payload)))
    }
}

fn object(name: &str, payload: Option<&RawValue>) -> Result<Map<String, Value>, Failure> {
    let payload = payload.and_then(|payload| serde_json::from_str(payload.get()).ok());
    payload.ok_or_else(|| bad(format!("`payload` of `{name}` must be an object that says what changes")))
}

fn bad(message: String) -> Failure {
    Failure::new(Code::BadParams, message)
}

/// What a client is told. Without a field that has nothing to say.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Told<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) portal_view_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) payload: Option<&'a RawValue>,
    /// Who said it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user: Option<&'a str>,
    /// The version of the view that it makes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<u64>,
    /// In milliseconds since 1970-01-01 UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) timestamp: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<&'a Code>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<&'a str>,
}

impl<'a> Told<'a> {
    pub(super) fn of(kind: &'a str) -> Self {
        Self { kind, ..Self::default() }
    }

    pub(super) fn error(failure: &'a Failure) -> Self {
        Self { code: Some(&failure.code), message: Some(&failure.message), ..Self::of("error") }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn change(text: &str) -> (Value, Value) {
        match Said::read(text) {
            Ok(Said::Change(change)) => (change.payload().clone().into(), change.patch().into()),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn what_is_known_of_a_view_is_kept_and_all_is_passed_on() {
        let (payload, patch) = change(r#"{"type":"portal-view-update","payload":{"currentItem":2,"zoom":1.5}}"#);
        assert_eq!((payload, patch), (json!({"currentItem": 2, "zoom": 1.5}), json!({"currentItem": 2})));
        let (payload, patch) = change(r#"{"type":"item-update","payload":{"id":2,"health":15,"glow":true,"media":null}}"#);
        assert_eq!(payload, json!({"id": 2, "health": 15, "glow": true, "media": null}));
        assert_eq!(patch, json!({"items": {"2": {"health": 15, "media": null}}}));
        let (payload, patch) = change(r#"{"type":"portal-view-update","payload":{"__proto__":{"x":1}}}"#);
        assert_eq!((payload["__proto__"]["x"].as_u64(), patch), (Some(1), json!({})));
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let deep = format!(r#"{{"type":"portal-view-update","payload":{}1{}}}"#, "[".repeat(5_000), "]".repeat(5_000));
        let deep_object = format!(r#"{{"type":"item-update","payload":{}1{}}}"#, r#"{"a":"#.repeat(5_000), "}".repeat(5_000));
        for wrong in [
            "",
            "{",
            "[]",
            "null",
            "7",
            "\"ping\"",
            "{}",
            r#"{"type":7}"#,
            r#"{"type":"ping","type":"ping"}"#,
            r#"{"type":"portal-view-update"}"#,
            r#"{"type":"portal-view-update","payload":2}"#,
            r#"{"type":"portal-view-update","payload":[]}"#,
            r#"{"type":"item-update","payload":{"health":3}}"#,
            r#"{"type":"item-update","payload":{"id":"2"}}"#,
            r#"{"type":"item-update","payload":{"id":-2}}"#,
            deep.as_str(),
            deep_object.as_str(),
        ] {
            let failure = Said::read(wrong).expect_err(&wrong[..wrong.len().min(80)]);
            assert_eq!(failure.code, Code::BadParams, "{}", &wrong[..wrong.len().min(80)]);
        }
        for unknown in ["connected", "pong", "error", "PING", "__proto__", "portal-view-update "] {
            let failure = Said::read(&json!({"type": unknown}).to_string()).expect_err(unknown);
            assert_eq!(failure.code, Code::UnknownType, "{unknown}");
        }
    }
}
