//! Extractors: what a handler asks for by the types of its arguments.

use std::future::Future;

use samewire_protocol::{Code, Failure, StreamId};
use serde::Deserialize;

use super::CallContext;
use crate::auth::{Access, Identity};
use crate::session::SessionHandle;
use crate::streams::Incoming;

/// A type that a handler can take before its args.
pub trait FromCall: Sized + Send {
    /// Takes the value from a call, or says why the call cannot run.
    fn from_call(context: &CallContext) -> impl Future<Output = Result<Self, Failure>> + Send;
}

impl FromCall for CallContext {
    async fn from_call(context: &CallContext) -> Result<Self, Failure> {
        Ok(context.clone())
    }
}

impl FromCall for Identity {
    async fn from_call(context: &CallContext) -> Result<Self, Failure> {
        Ok(context.identity().clone())
    }
}

impl FromCall for Access {
    async fn from_call(context: &CallContext) -> Result<Self, Failure> {
        Ok(Self::clone(&context.access))
    }
}

impl FromCall for SessionHandle {
    async fn from_call(context: &CallContext) -> Result<Self, Failure> {
        context.session.clone().ok_or_else(misdirected)
    }
}

impl FromCall for Option<SessionHandle> {
    async fn from_call(context: &CallContext) -> Result<Self, Failure> {
        Ok(context.session.clone())
    }
}

/// A value that the embedding program gave the server with [`Builder::state`](crate::Builder::state).
#[derive(Clone, Debug)]
pub struct State<S>(pub S);

impl<S: Clone + Send + 'static> FromCall for State<S> {
    async fn from_call(context: &CallContext) -> Result<Self, Failure> {
        let missing = || {
            tracing::error!(state = std::any::type_name::<S>(), "a handler asks for a state that the server was not given");
            Failure::new(Code::Internal, "the server lacks a part that this method needs")
        };
        context.state().map(State).ok_or_else(missing)
    }
}

/// The stream that the call names in its field `stream` or `streamId`: one of the caller's own, carried by the very session
/// that the call came over. Any other answers `stream-not-found`, whether it exists or not.
#[derive(Debug)]
pub struct Stream(pub Incoming);

impl FromCall for Stream {
    async fn from_call(context: &CallContext) -> Result<Self, Failure> {
        #[derive(Deserialize)]
        struct Named {
            #[serde(alias = "streamId")]
            stream: StreamId,
        }
        let session = SessionHandle::from_call(context).await?;
        let named: Named = serde_json::from_str(context.payload.get()).map_err(|error| {
            Failure::new(Code::BadParams, format!("the params must name a stream in `stream` or `streamId`: {error}"))
        })?;
        session.incoming(named.stream).await.map(Stream)
    }
}

/// The answer to a call that names a stream but does not come over its session.
pub(crate) fn misdirected() -> Failure {
    Failure::new(
        Code::Misdirected,
        "this call belongs on the session that carries its stream, and nothing ran: make it over the WebSocket at /session, \
         or send that session's ticket in the header Samewire-Session",
    )
}
