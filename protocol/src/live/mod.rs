//! Live video: what a server and the two ends of a peer connection tell each other, and the machines of the ends.
//!
//! A live stream is a room, `live:STREAM`, whose state is the [`LiveRecord`]. Its members ask by the [`methods`] `live/…`, the room
//! is told [`LiveEvent`]s, single members [`LiveSignal`]s.

pub mod diagnosis;
mod event;
mod ice;
mod message;
pub mod methods;
mod name;
pub mod peer;
mod record;
mod signal;
pub mod stats;
mod timestamp;
pub mod view;

pub use event::{
    LiveEvent, QUALITY_MEASURED, QualityChanged, StreamChanged, StreamEnded, StreamPaused, StreamResumed, StreamStarted,
    ViewerCountChanged,
};
pub use ice::{IceConfig, IceServer};
pub use message::{Candidate, Candidates, Description, PeerMessage};
pub use name::{Negotiation, ROOM_KIND, StreamName, StreamNameError, ViewerId, ViewerIdError};
pub use record::{EndReason, LimitedBy, LiveRecord, LiveState, Media, Quality, QualityLevel};
pub use signal::{LeaveReason, LiveSignal, PeerRef, Refused, Superseded, ViewerJoined, ViewerLeft};
pub use timestamp::{Timestamp, TimestampError};
