//! The built-in methods `system/…`.

use std::sync::Arc;

use samewire_protocol::Failure;
use samewire_protocol::system::{Echo, Introspect, IntrospectParams, Introspection, MethodInfo};
use serde_json::value::RawValue;

use crate::calls::{Methods, State};

/// What `system/introspect` tells, fixed when the server is built.
#[derive(Clone, Debug)]
pub(crate) struct Known(pub(crate) Arc<[MethodInfo]>);

/// Adds `system/echo` and `system/introspect`.
pub(crate) fn methods(methods: &mut Methods) {
    methods.add::<Echo, _, _>(echo);
    methods.add::<Introspect, _, _>(introspect);
}

async fn echo(params: Box<RawValue>) -> Result<Box<RawValue>, Failure> {
    Ok(params)
}

async fn introspect(State(known): State<Known>, _: Option<IntrospectParams>) -> Result<Introspection, Failure> {
    Ok(Introspection { server: "samewire".into(), version: env!("CARGO_PKG_VERSION").into(), methods: known.0.to_vec() })
}
