//! Results in parts.

use std::future::poll_fn;
use std::task::Poll;

use samewire_protocol::{CallId, Code, Failure};
use serde::Serialize;

use super::extract::misdirected;
use super::{CallContext, FromCall};
use crate::session::SessionHandle;

/// Sends a call's result in parts, before the result itself. A caller that is slow slows the handler: at most 64 parts are on
/// the way. Only over the session: a call over HTTP of a handler that asks for this is answered `misdirected`.
#[derive(Debug)]
pub struct Parts {
    session: SessionHandle,
    call: CallId,
}

impl FromCall for Parts {
    async fn from_call(context: &CallContext) -> Result<Self, Failure> {
        let session = context.session.clone().ok_or_else(misdirected)?;
        let call = context.call.ok_or_else(misdirected)?;
        Ok(Self { session, call })
    }
}

impl Parts {
    /// Sends a part; waits while the caller is too far behind. Fails when nobody waits for the call any more.
    pub async fn send<T: Serialize>(&mut self, part: &T) -> Result<(), Failure> {
        let payload = serde_json::value::to_raw_value(part)
            .map_err(|error| Failure::new(Code::Internal, format!("the part cannot be written as JSON: {error}")))?;
        poll_fn(|context| match self.session.send_part(self.call, &payload, context) {
            Poll::Ready(true) => Poll::Ready(Ok(())),
            Poll::Ready(false) => Poll::Ready(Err(Failure::new(Code::Canceled, "nobody waits for this call any more"))),
            Poll::Pending => Poll::Pending,
        })
        .await
    }
}
