//! The contracts of the built-in methods `system/…`.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::method::{AnyRoute, Method, Route};

/// `system/echo`: answers its params.
#[derive(Clone, Copy, Debug)]
pub struct Echo;

impl Method for Echo {
    const NAME: &'static str = "system/echo";
    const TITLE: &'static str = "Answer the params, unchanged";
    const IDEMPOTENT: bool = true;
    type Route = AnyRoute;
    type Params = Box<RawValue>;
    type Args = Box<RawValue>;
    type Output = Box<RawValue>;
    type Reply = Box<RawValue>;
}

/// `system/introspect`: what this server is and which methods it has.
#[derive(Clone, Copy, Debug)]
pub struct Introspect;

/// What `system/introspect` takes: nothing.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct IntrospectParams {}

/// What `system/introspect` answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Introspection {
    /// The server's name.
    pub server: String,
    /// The server's version.
    pub version: String,
    /// The methods, by name.
    pub methods: Vec<MethodInfo>,
}

/// One method of a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MethodInfo {
    /// The name.
    pub name: String,
    /// Which way a call may go.
    pub route: Route,
    /// Whether a call may run twice without harm.
    pub idempotent: bool,
    /// One line for people.
    pub title: String,
}

impl Method for Introspect {
    const NAME: &'static str = "system/introspect";
    const TITLE: &'static str = "Tell what this server is and which methods it has";
    const IDEMPOTENT: bool = true;
    type Route = AnyRoute;
    type Params = IntrospectParams;
    type Args = Option<IntrospectParams>;
    type Output = Introspection;
    type Reply = Introspection;
}
