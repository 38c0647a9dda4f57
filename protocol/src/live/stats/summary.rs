//! What an end tells the server every five seconds.

use serde::{Deserialize, Serialize};

use crate::code::Code;
use crate::failure::Failure;
use crate::limits::{MAX_BITRATE, MAX_FPS, MAX_PIXELS};
use crate::live::LimitedBy;

/// Spans of time, in seconds or milliseconds, are told up to this: longer than anything has gone on.
const LONGEST: f64 = 1e12;

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

impl Summary {
    /// Checks that these are numbers as media can have them: others are told in the stream's record.
    ///
    /// # Errors
    /// `bad-params`.
    pub fn check(&self) -> Result<(), Failure> {
        let told = |told: String| Err(Failure::new(Code::BadParams, told));
        if !(0.0..=MAX_FPS).contains(&self.fps) {
            return told(format!("`fps` is from 0 to {MAX_FPS}"));
        }
        if self.bitrate > MAX_BITRATE {
            return told(format!("`bitrate` is at most {MAX_BITRATE} bits a second"));
        }
        if [self.width, self.height].into_iter().flatten().any(|pixels| pixels > MAX_PIXELS) {
            return told(format!("`width` and `height` are at most {MAX_PIXELS}"));
        }
        let spans = [Some(self.seconds), Some(self.freeze_seconds), self.round_trip_ms, self.jitter_buffer_ms];
        if spans.into_iter().flatten().any(|span| !(0.0..=LONGEST).contains(&span)) {
            return told("a span of time is less than nothing, or longer than anything".into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_no_media_has_are_refused() {
        let usual = Summary {
            seconds: 5.0,
            bitrate: 2_500_000,
            fps: 29.97,
            width: Some(1280),
            height: Some(720),
            round_trip_ms: Some(12.5),
            ..Summary::default()
        };
        assert_eq!(usual.check(), Ok(()));
        for wrong in [
            Summary { fps: 1e308, ..usual },
            Summary { fps: -1.0, ..usual },
            Summary { fps: f64::NAN, ..usual },
            Summary { bitrate: u64::MAX, ..usual },
            Summary { width: Some(u32::MAX), ..usual },
            Summary { height: Some(100_000), ..usual },
            Summary { seconds: -5.0, ..usual },
            Summary { round_trip_ms: Some(f64::INFINITY), ..usual },
        ] {
            assert_eq!(wrong.check().map_err(|failure| failure.code), Err(Code::BadParams), "{wrong:?}");
        }
    }
}
