//! Contracts: what a method takes, what it gives, and which way a call of it may go.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};

use crate::id::StreamId;
use crate::json::any_string;

/// Which way a call may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Route {
    /// Over the session or over HTTP.
    Any,
    /// Only over the session, because the call names a stream, or answers with one.
    Session,
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::AnyRoute {}
    impl Sealed for super::SessionRoute {}
}

/// A [`Route`] as a type, so that the compiler can refuse a call that would go the wrong way.
pub trait RouteKind: sealed::Sealed {
    /// The route as a value.
    const ROUTE: Route;
}

/// [`Route::Any`] as a type.
#[derive(Clone, Copy, Debug)]
pub struct AnyRoute;

/// [`Route::Session`] as a type.
#[derive(Clone, Copy, Debug)]
pub struct SessionRoute;

impl RouteKind for AnyRoute {
    const ROUTE: Route = Route::Any;
}

impl RouteKind for SessionRoute {
    const ROUTE: Route = Route::Session;
}

/// A method's contract, shared by the server that answers it and the SDKs that call it.
///
/// Where a value holds a stream the two sides see different types: who owns the stream holds a [`StreamRef`], which cannot be
/// made from text; who reads it from the wire gets a [`StreamId`].
pub trait Method {
    /// The name, parts with `/` between them.
    const NAME: &'static str;
    /// One line for people, shown by `system/introspect`.
    const TITLE: &'static str;
    /// Whether a call may run twice without harm. Such a call is made again by the SDK when a connection is lost.
    const IDEMPOTENT: bool;
    /// Which way a call may go.
    type Route: RouteKind;
    /// What the caller sends.
    type Params: Serialize;
    /// What the handler reads.
    type Args: DeserializeOwned;
    /// What the handler answers.
    type Output: Serialize;
    /// What the caller reads.
    type Reply: DeserializeOwned;
}

/// A stream that this program's own session carries. Only a session makes one; it is written as the stream's public id.
///
/// It cannot be read from text, so a call cannot name a stream that the session does not have:
///
/// ```compile_fail,E0277
/// let forged: samewire_protocol::StreamRef = serde_json::from_str("\"st_00000000000000000000000000000000\"").unwrap();
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StreamRef(pub(crate) StreamId);

impl StreamRef {
    /// The public id.
    #[must_use]
    pub fn id(self) -> StreamId {
        self.0
    }
}

impl fmt::Debug for StreamRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Serialize for StreamRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// Whether a JSON text names a stream: whether a string in it, at any depth, is the public id of one.
///
/// SDKs send such a call over the session; a server answers it with [`misdirected`](crate::Code::Misdirected) when it comes
/// another way. Keys do not count, and neither does an id that is part of a longer string.
#[must_use]
pub fn names_stream(json: &str) -> bool {
    any_string(json, |string| string.parse::<StreamId>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_found_at_any_depth_and_nowhere_else() {
        let id = StreamId::from_random([7; 16]);
        for json in [
            format!("\"{id}\""),
            format!(r#"{{"a":[1,{{"b":"{id}"}}]}}"#),
            format!(r#"{{"a": "{id}" , "b":1}}"#),
            format!("\"{id}\"").replace("st_", "\\u0073t_"),
            format!(r#"["st_x","{id}"]"#),
        ] {
            assert!(names_stream(&json), "{json}");
        }
        for json in [
            "null".to_owned(),
            format!(r#"{{"{id}":1}}"#),
            format!(r#"{{"{id}" : 1}}"#),
            format!(r#""see {id}""#),
            format!(r#""{id}0""#),
            r#""st_""#.to_owned(),
            r#"{"note":"\"st_"}"#.to_owned(),
        ] {
            assert!(!names_stream(&json), "{json}");
        }
    }
}
