//! Methods: what a server answers, and how a call reaches its handler.
//!
//! A handler is an async function of extractors and, last, the method's args:
//!
//! ```
//! use samewire_server::calls::{Methods, State};
//! use samewire_server::auth::Identity;
//! use samewire_protocol::method::{AnyRoute, Method};
//! use samewire_protocol::Failure;
//!
//! struct Greet;
//! impl Method for Greet {
//!     const NAME: &'static str = "people/greet";
//!     const TITLE: &'static str = "Greet somebody";
//!     const IDEMPOTENT: bool = true;
//!     type Route = AnyRoute;
//!     type Params = String;
//!     type Args = String;
//!     type Output = String;
//!     type Reply = String;
//! }
//!
//! async fn greet(State(hello): State<&'static str>, who: Identity, name: String) -> Result<String, Failure> {
//!     Ok(format!("{hello}, {name}! (says {})", who.id()))
//! }
//!
//! let mut methods = Methods::default();
//! methods.add::<Greet, _, _>(greet);
//! ```

mod attachment;
mod context;
mod dispatch;
mod extract;
mod fields;
mod handler;
mod parts;

use std::collections::BTreeMap;
use std::sync::Arc;

use samewire_protocol::Method;
use samewire_protocol::method::RouteKind;
use samewire_protocol::system::MethodInfo;

pub use attachment::{Attachment, Enclosing};
pub(crate) use context::Params;
pub use context::{CallContext, States};
pub(crate) use dispatch::{run, run_over_http};
pub use extract::{FromCall, State, Stream};
pub use handler::Handler;
pub use parts::Parts;

use handler::{Erased, Typed};

/// The methods of a server, by name.
#[derive(Clone, Default)]
pub struct Methods(BTreeMap<&'static str, Registered>);

#[derive(Clone)]
pub(crate) struct Registered {
    pub(crate) info: MethodInfo,
    /// The names that its args have.
    pub(crate) fields: &'static [&'static str],
    pub(crate) handler: Arc<dyn Erased>,
}

impl Methods {
    /// Adds the handler of a method. A method added twice is answered by the later handler.
    pub fn add<M, H, T>(&mut self, handler: H)
    where
        M: Method + 'static,
        H: Handler<M, T>,
        T: 'static,
    {
        let info = MethodInfo {
            name: M::NAME.to_owned(),
            route: <M::Route as RouteKind>::ROUTE,
            idempotent: M::IDEMPOTENT,
            title: M::TITLE.to_owned(),
        };
        let fields = fields::fields::<M::Args>();
        self.0.insert(M::NAME, Registered { info, fields, handler: Arc::new(Typed::<M, H, T>::new(handler)) });
    }

    /// Adds those of another table; where both have a method, that of the other wins.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Registered> {
        self.0.get(name)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Registered> {
        self.0.values()
    }

    /// What `system/introspect` tells of them.
    pub fn infos(&self) -> impl Iterator<Item = &MethodInfo> {
        self.0.values().map(|registered| &registered.info)
    }
}

impl std::fmt::Debug for Methods {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
