//! One end of the way between a broadcaster and a viewer: the order in which two `RTCPeerConnection`s are negotiated, healed and
//! replaced.
//!
//! The driver makes a `Peer::new(side, seed)`, tells it `handle_input(now, Input)` and, when the point of [`Output::Wait`] has come,
//! `handle_timeout(now)`, and after each of the two does what `poll_output()` says until that is [`Output::Wait`]. It keeps an
//! `RTCPeerConnection` for each [`Output::Create`] until the [`Output::Close`] of the same number.

mod event;

pub use event::{ConnectionState, Engine, Input, Output, PeerState, Refusal, SdpKind, Side};
