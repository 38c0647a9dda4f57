//! Frames and their encoding: one JSON object a frame on the text lane, a fixed header on the binary lane.
//!
//! Frames are decoded through one private flat envelope, so any order of keys works, unknown fields are ignored and an unknown
//! type becomes `Unknown`. A payload is never parsed here: it is passed on as it came.

pub mod chunk;
mod decode;
mod encode;
mod frame;

use std::fmt;

use bytes::Bytes;

pub use crate::json::payload;
pub use decode::{FrameError, decode_client, decode_server};
pub use frame::{
    Advice, Attach, Call, ClientFrame, Continuity, Goodbye, Heartbeat, Hello, Open, ServerFrame, StreamFrame, Welcome,
};

/// The WebSocket subprotocol.
pub const SUBPROTOCOL: &str = "samewire.v1";

/// The path of the WebSocket on a server.
pub const SESSION_PATH: &str = "/session";

/// The HTTP header with which a call over HTTP carries its session's credential: the ticket of the last welcome.
pub const SESSION_HEADER: &str = "samewire-session";

/// An encoded text frame, shared by reference.
#[derive(Clone, PartialEq, Eq)]
pub struct Text(Bytes);

impl Text {
    /// The frame as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // A Text is only ever made from text.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The frame's bytes, which are UTF-8.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.0
    }

    /// The length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(Bytes::from(text))
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
