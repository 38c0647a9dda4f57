//! Calls over the session: how they are made, what they answer, and those that are under way.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use samewire_protocol::{CallId, Code, Failure, Ran};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot};

use crate::bridge::Shared;

/// How a call is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallOptions {
    /// How long to wait for the answer; the server is told, and stops the handler then. Default: without end.
    pub timeout: Option<Duration>,
    /// Whether the call may run twice without harm. Known for typed calls; default false.
    pub idempotent: bool,
}

/// What a call answers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answer {
    /// The result.
    pub result: Box<RawValue>,
    /// Bytes that belong to it.
    pub attachment: Option<Bytes>,
}

/// A call whose result comes in parts. Dropping it cancels the call.
#[derive(Debug)]
pub struct Parts {
    pub(crate) pending: Pending,
    pub(crate) parts: mpsc::UnboundedReceiver<Box<RawValue>>,
}

impl Parts {
    /// The next part; `None` after the last.
    pub async fn next<T: DeserializeOwned>(&mut self) -> Option<Result<T, Failure>> {
        self.parts.recv().await.map(|part| from_raw(&part))
    }

    /// The result itself, which comes after the parts.
    pub async fn result<T: DeserializeOwned>(self) -> Result<T, Failure> {
        from_raw(&self.pending.answer().await?.result)
    }
}

/// A call that is under way; cancelled when dropped before it is done.
pub(crate) struct Pending {
    pub(crate) shared: Arc<Shared>,
    pub(crate) id: CallId,
    pub(crate) answer: oneshot::Receiver<Result<Answer, Failure>>,
    pub(crate) done: bool,
}

impl Pending {
    pub(crate) async fn answer(mut self) -> Result<Answer, Failure> {
        let answer = (&mut self.answer).await.unwrap_or_else(|_| Err(closed()));
        self.done = true;
        answer
    }
}

impl std::fmt::Debug for Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Pending").field(&self.id).finish()
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.done {
            self.shared.change(|core, now| core.session.cancel(now, self.id));
        }
    }
}

pub(crate) fn to_raw<T: serde::Serialize>(params: &T) -> Result<Box<RawValue>, Failure> {
    serde_json::value::to_raw_value(params)
        .map_err(|error| Failure::new(Code::BadParams, format!("the params cannot be written as JSON: {error}")))
}

pub(crate) fn from_raw<T: DeserializeOwned>(result: &RawValue) -> Result<T, Failure> {
    serde_json::from_str(result.get()).map_err(|error| {
        let message = format!("the server's answer is not of the form that this client expects: {error}");
        Failure::new(Code::BadRequest, message).ran(Ran::Yes)
    })
}

pub(crate) fn closed() -> Failure {
    Failure::new(Code::SessionClosed, "the client is gone").ran(Ran::Maybe)
}
