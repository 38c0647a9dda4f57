//! The state of a room: one JSON value, as a value to be merged and as text to be sent.

use samewire_protocol::rooms::merge;
use samewire_protocol::{Code, Failure};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

#[derive(Debug)]
pub(super) struct State {
    value: Value,
    json: Box<RawValue>,
}

impl State {
    pub(super) fn new(value: Option<Value>) -> Self {
        let value = value.unwrap_or_default();
        let json = to_raw_value(&value).unwrap_or_else(|_| RawValue::NULL.to_owned());
        Self { value, json }
    }

    pub(super) fn json(&self) -> &RawValue {
        &self.json
    }

    pub(super) fn is_set(&self) -> bool {
        !self.value.is_null()
    }

    /// What it becomes by a patch.
    pub(super) fn patched(&self, patch: &RawValue, most: u64) -> Result<Self, Failure> {
        let mut value = self.value.clone();
        merge(&mut value, read(patch)?);
        Self::of(value, most)
    }

    /// A whole new one.
    pub(super) fn whole(json: &RawValue, most: u64) -> Result<Self, Failure> {
        Self::of(read(json)?, most)
    }

    fn of(value: Value, most: u64) -> Result<Self, Failure> {
        let json = to_raw_value(&value).map_err(|error| {
            tracing::error!(%error, "a state cannot be written as JSON");
            Failure::new(Code::Internal, "the state cannot be written as JSON")
        })?;
        let len = json.get().len() as u64;
        if len > most {
            let message =
                format!("the room's state would have {len} bytes, and may have {most}; take something out of it first");
            return Err(Failure::new(Code::TooBig, message));
        }
        Ok(Self { value, json })
    }
}

fn read(json: &RawValue) -> Result<Value, Failure> {
    serde_json::from_str(json.get())
        .map_err(|error| Failure::new(Code::BadParams, format!("the state cannot be read: {error}")))
}
