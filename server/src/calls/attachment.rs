//! Bytes that belong to a call's params or to its result, and travel beside them as they are.

use bytes::Bytes;
use samewire_protocol::{CallId, Failure};

use super::extract::misdirected;
use super::{CallContext, FromCall};
use crate::session::SessionHandle;

/// The bytes that belong to the params; `None` where the caller sent none. Over HTTP there are never any.
#[derive(Clone, Debug, Default)]
pub struct Attachment(pub Option<Bytes>);

impl FromCall for Attachment {
    async fn from_call(context: &CallContext) -> Result<Self, Failure> {
        Ok(Self(context.attachment.clone()))
    }
}

/// Gives the answer to a call bytes to go with it.
#[derive(Debug)]
pub struct Enclosing(Option<(SessionHandle, CallId)>);

impl FromCall for Enclosing {
    async fn from_call(context: &CallContext) -> Result<Self, Failure> {
        Ok(Self(context.session.clone().zip(context.call)))
    }
}

impl Enclosing {
    /// Sends these bytes with the answer, if that is a result.
    ///
    /// # Errors
    /// `misdirected` for a call over HTTP, whose answer holds no bytes.
    pub fn enclose(self, bytes: Bytes) -> Result<(), Failure> {
        let (session, call) = self.0.ok_or_else(misdirected)?;
        session.attach_to_answer(call, bytes);
        Ok(())
    }
}
