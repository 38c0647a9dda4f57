//! What an end tells the server every five seconds.

use serde::{Deserialize, Serialize};

use crate::live::LimitedBy;

/// How well media flowed over a span of time. A broadcaster's is of the best that it sends to one viewer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Summary {
    /// How long the span was, in seconds.
    pub seconds: f64,
    /// Bits a second, picture and sound together.
    pub bitrate: u64,
    /// Pictures a second.
    pub fps: f64,
    /// In pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// In pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Pictures that were sent, or decoded.
    pub frames: u64,
    /// How often the picture stood still.
    pub freezes: u32,
    /// For how long altogether, in seconds.
    pub freeze_seconds: f64,
    /// Packets that went lost.
    pub packets_lost: u64,
    /// The round trip, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round_trip_ms: Option<f64>,
    /// How long a packet waits for its turn, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter_buffer_ms: Option<f64>,
    /// Whether the path goes over a relay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relay: Option<bool>,
    /// What keeps the picture from being better.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limited_by: Option<LimitedBy>,
    /// How long it took from the beginning of the peer connection until it was connected, in milliseconds. Told once for each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connected_ms: Option<u64>,
    /// How many peer connections were begun anew in the span.
    pub rebuilds: u32,
}
