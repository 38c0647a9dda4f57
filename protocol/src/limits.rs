//! Every number that bounds something, in one place. What a server may set differently is in [`Limits`], which the welcome
//! carries to the client; the constants below are part of the protocol.

use serde::{Deserialize, Serialize};

/// The largest payload of one binary frame, in bytes, its header not counted.
pub const MAX_CHUNK: usize = 64 * 1024;

/// The length of a binary frame's header, in bytes.
pub const CHUNK_HEADER: usize = 16;

/// Ids and offsets stay below this, so that JavaScript's numbers hold them exactly.
pub const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// The longest method name, in bytes.
pub const MAX_METHOD: usize = 128;

/// The longest name of a stream or a file, in bytes of UTF-8.
pub const MAX_NAME: usize = 255;

/// The longest media type, in bytes.
pub const MAX_MEDIA: usize = 127;

/// The longest kind of a room, in bytes.
pub const MAX_ROOM_KIND: usize = 32;

/// The longest part of a room's name behind its kind, in bytes.
pub const MAX_ROOM_REST: usize = 128;

/// The longest role, in bytes.
pub const MAX_ROLE: usize = 32;

/// The longest name of an event, in bytes.
pub const MAX_EVENT_NAME: usize = 64;

/// The longest key of an event, and the longest idempotency key, in bytes.
pub const MAX_KEY: usize = 64;

/// The largest `info` of a member, in bytes of JSON.
pub const MAX_INFO: usize = 1024;

/// The most events, or entries, on one page of a room's history or presence.
pub const MAX_PAGE: usize = 500;

/// How many items a batch of `POST /api/publish` may have.
pub const MAX_BATCH: usize = 1_000;

/// How many signals are kept for a member whose link is lost.
pub const SIGNALS_KEPT: usize = 64;

/// How many bytes of signals are kept for a member before those that were given to its link are let go, and no more are taken.
pub const SIGNALS_KEPT_BYTES: usize = 1024 * 1024;

/// How long signals are kept for a member whose link is lost, in milliseconds.
pub const SIGNALS_KEPT_MS: u64 = 30_000;

/// The longest session description of a peer connection, in bytes.
pub const MAX_SDP: usize = 64 * 1024;

/// The longest ICE candidate, in bytes.
pub const MAX_CANDIDATE: usize = 1024;

/// The most ICE candidates in one message.
pub const MAX_CANDIDATES: usize = 32;

/// The longest title of a live stream, in characters.
pub const MAX_TITLE: usize = 128;

/// The most pictures a second, lines or columns, and bits a second that are believed of a live stream.
pub const MAX_FPS: f64 = 1_000.0;
/// See [`MAX_FPS`].
pub const MAX_PIXELS: u32 = 65_535;
/// See [`MAX_FPS`].
pub const MAX_BITRATE: u64 = 100_000_000_000;

/// The longest token a hello may carry, in bytes.
pub const MAX_TOKEN: usize = 8 * 1024;

/// How many parts of a call's result may be on the way before the handler waits for the caller.
pub const PART_WINDOW: u64 = 64;

/// How many bytes of parts on the way make the handler wait for the caller, whatever their number.
pub const PART_BYTES: usize = 256 * 1024;

/// After so many bytes of parts a caller says how many it has, at the latest; or after half of [`PART_WINDOW`].
pub const PART_ACK_BYTES: usize = 64 * 1024;

/// A server's numbers, told to the client in the welcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Limits {
    /// The largest text frame, in bytes. Default 1 MiB.
    pub max_text: usize,
    /// The largest payload of a binary frame, in bytes. Default and maximum 64 KiB.
    pub max_chunk: usize,
    /// Calls of one session that may be under way at once. Default 256.
    pub max_calls: usize,
    /// Streams of one session that may be open at once. Default 64.
    pub max_streams: usize,
    /// Rooms that one session may be in at once. Default 256.
    pub max_rooms: usize,
    /// Bytes that a sender may be ahead of what the receiver has made durable, for each stream. Default 4 MiB.
    pub window: u64,
    /// The largest stream that a client may send, in bytes. Default 64 GiB.
    pub max_upload: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_text: 1024 * 1024,
            max_chunk: MAX_CHUNK,
            max_calls: 256,
            max_streams: 64,
            max_rooms: 256,
            window: 4 * 1024 * 1024,
            max_upload: 64 * 1024 * 1024 * 1024,
        }
    }
}
