//! Frames and their encoding: one JSON object a frame on the text lane, a fixed header on the binary lane.
//!
//! Frames are decoded through one private flat envelope, so any order of keys works, unknown fields are ignored and an unknown
//! type becomes `Unknown`. A payload is never parsed here: it is passed on as it came.

pub mod chunk;
mod decode;
mod encode;
mod envelope;
mod frame;
mod rooms;
mod writer;

use std::fmt;

use bytes::Bytes;

use crate::limits::CHUNK_HEADER;

pub use crate::json::payload;
pub use decode::{decode_client, decode_server};
pub use envelope::FrameError;
pub use frame::{
    Advice, Attach, Call, ClientFrame, Continuity, Goodbye, Heartbeat, Hello, Open, ServerFrame, StreamFrame, Welcome,
};
pub use rooms::{Cast, Join, RoomText, RoomWord};
pub(crate) use writer::Writer;

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

impl TryFrom<Bytes> for Text {
    type Error = std::str::Utf8Error;

    fn try_from(bytes: Bytes) -> Result<Self, Self::Error> {
        std::str::from_utf8(&bytes)?;
        Ok(Self(bytes))
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

/// An encoded frame of either lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A text frame.
    Text(Text),
    /// A binary frame.
    Binary(Bytes),
}

impl Frame {
    /// A text frame, or where bytes belong to it, a binary frame of both.
    #[must_use]
    pub fn new(text: Text, attachment: Option<&[u8]>) -> Self {
        match attachment {
            Some(attachment) => Self::Binary(chunk::attach(&text, attachment)),
            None => Self::Text(text),
        }
    }

    /// The length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }

    /// What counts of a frame of text, or of one with an attachment, where its size is limited: the header does not.
    #[must_use]
    pub fn weight(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len().saturating_sub(CHUNK_HEADER),
        }
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl From<Text> for Frame {
    fn from(text: Text) -> Self {
        Self::Text(text)
    }
}
