//! The protocol's failures as JavaScript's errors.

use samewire_protocol::{Failure, Ran};
use wasm_bindgen::JsValue;

use crate::bridge::Listener;

/// The error object that the package's JavaScript makes of a failure.
pub(crate) fn shown(listener: &Listener, failure: &Failure) -> JsValue {
    let ran = match failure.ran {
        Ran::No => "no",
        Ran::Yes => "yes",
        Ran::Maybe => "maybe",
    };
    let data = failure.data.as_ref().map(|data| data.get());
    listener.error(failure.code.as_str(), &failure.message, failure.retryable, ran, data)
}
