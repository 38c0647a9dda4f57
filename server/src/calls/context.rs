//! What is known of a call when its handler runs.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use samewire_protocol::CallId;
use serde_json::value::RawValue;

use crate::auth::{Access, Identity};
use crate::session::SessionHandle;

/// What is known of a call when its handler runs; extractors take their values from it.
#[derive(Clone, Debug)]
pub struct CallContext {
    pub(crate) access: Arc<Access>,
    pub(crate) session: Option<SessionHandle>,
    pub(crate) states: Arc<States>,
    pub(crate) payload: Arc<RawValue>,
    pub(crate) attachment: Option<Bytes>,
    /// The call's number on its session; absent over HTTP.
    pub(crate) call: Option<CallId>,
}

impl CallContext {
    /// Who calls.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.access.identity
    }

    /// What the caller may do.
    #[must_use]
    pub fn access(&self) -> &Arc<Access> {
        &self.access
    }

    /// The session that the call came over, or whose credential a call over HTTP carried.
    #[must_use]
    pub fn session(&self) -> Option<&SessionHandle> {
        self.session.as_ref()
    }

    /// The params as they came.
    #[must_use]
    pub fn payload(&self) -> &RawValue {
        &self.payload
    }

    /// Bytes that belong to the params, where the caller sent some.
    #[must_use]
    pub fn attachment(&self) -> Option<&Bytes> {
        self.attachment.as_ref()
    }

    /// A value that the embedding program gave the server.
    #[must_use]
    pub fn state<S: Clone + 'static>(&self) -> Option<S> {
        self.states.get()
    }
}

/// What a call takes: its params, and bytes that belong to them.
#[derive(Debug)]
pub(crate) struct Params {
    pub(crate) payload: Box<RawValue>,
    pub(crate) attachment: Option<Bytes>,
}

/// Values that the embedding program gives its handlers, one of each type.
#[derive(Default)]
pub struct States(HashMap<TypeId, Box<dyn Any + Send + Sync>>);

impl States {
    /// Adds a value; one of the same type is replaced.
    pub fn insert<S: Clone + Send + Sync + 'static>(&mut self, state: S) {
        self.0.insert(TypeId::of::<S>(), Box::new(state));
    }

    /// The value of this type.
    #[must_use]
    pub fn get<S: Clone + 'static>(&self) -> Option<S> {
        self.0.get(&TypeId::of::<S>())?.downcast_ref::<S>().cloned()
    }
}

impl std::fmt::Debug for States {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("States").field("count", &self.0.len()).finish()
    }
}
