//! One look at the counters of a peer connection.

use serde::{Deserialize, Serialize};

use crate::live::LimitedBy;

/// What `getStats()` says of one peer connection, as plain numbers (W3C webrtc-stats). Counters rise from 0 over the life of the
/// connection; what the browser does not say is none, or 0 of a counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sample {
    /// When it was taken, in milliseconds of any steady clock.
    pub at_ms: f64,
    /// `bytesSent` or `bytesReceived` of all `outbound-rtp`, or `inbound-rtp`, together.
    pub bytes: u64,
    /// `packetsLost`: of `inbound-rtp`, or as the other end says of it in `remote-inbound-rtp`. It may be below 0.
    pub packets_lost: i64,
    /// `framesEncoded` or `framesDecoded` of the picture.
    pub frames: u64,
    /// `freezeCount`, at a viewer.
    pub freezes: u64,
    /// `totalFreezesDuration`, at a viewer, in seconds.
    pub freeze_seconds: f64,
    /// `jitterBufferDelay`, at a viewer, in seconds, over all that went out of the buffer.
    pub jitter_buffer_delay: f64,
    /// `jitterBufferEmittedCount`, at a viewer.
    pub jitter_buffer_emitted: u64,
    /// `currentRoundTripTime` of the candidate pair in use, in seconds.
    pub round_trip: Option<f64>,
    /// `frameWidth`.
    pub width: Option<u32>,
    /// `frameHeight`.
    pub height: Option<u32>,
    /// Whether either candidate of the pair in use is a relay's.
    pub relay: Option<bool>,
    /// `qualityLimitationReason`, at a broadcaster.
    pub limited_by: Option<LimitedBy>,
}
