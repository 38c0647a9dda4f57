//! An error as it travels: code, text for people, and whether anything ran.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::code::Code;

/// Whether a handler ran for the request that failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ran {
    /// Nothing ran: the request can be made again safely.
    No,
    /// The handler ran, and this is its own error.
    Yes,
    /// It cannot be told. Make the request again only if it may run twice.
    #[default]
    #[serde(other)]
    Maybe,
}

/// What went wrong, for programs (`code`, `retryable`, `ran`) and for people (`message`).
#[derive(Clone, Debug, Serialize, Deserialize, thiserror::Error)]
#[error("{message} ({code})")]
pub struct Failure {
    /// The stable code.
    pub code: Code,
    /// What went wrong and what to do about it.
    #[serde(default)]
    pub message: String,
    /// Whether the same request can succeed when it is made again.
    #[serde(default)]
    pub retryable: bool,
    /// Whether a handler ran.
    #[serde(default)]
    pub ran: Ran,
    /// What else a method tells about its own error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Box<RawValue>>,
}

impl Failure {
    /// An error before anything ran.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { retryable: code.retryable(), code, message: message.into(), ran: Ran::No, data: None }
    }

    /// The same error, with another word on whether a handler ran.
    #[must_use]
    pub fn ran(mut self, ran: Ran) -> Self {
        self.ran = ran;
        self
    }
}

impl PartialEq for Failure {
    fn eq(&self, other: &Self) -> bool {
        self.code == other.code
            && self.message == other.message
            && self.retryable == other.retryable
            && self.ran == other.ran
            && self.data.as_ref().map(|data| data.get()) == other.data.as_ref().map(|data| data.get())
    }
}
