//! What is told of a live stream: the record, which is also the state of its room.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{StreamName, Timestamp};

/// A live stream. The state of the room `live:STREAM`, and what `live/get` and `GET /api/live/STREAM` answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveRecord {
    /// The stream.
    pub stream_id: StreamName,
    /// How it is.
    pub state: LiveState,
    /// The broadcaster's user; none for an anonymous one, and while nobody has started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broadcaster: Option<Box<str>>,
    /// What the broadcaster calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Box<str>>,
    /// What else the broadcaster says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub info: Option<Value>,
    /// What it is made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media: Option<Media>,
    /// How many are watching.
    #[serde(default)]
    pub viewer_count: u64,
    /// The most that were watching at once since it started.
    #[serde(default)]
    pub peak_viewers: u64,
    /// How many may watch at once.
    #[serde(default)]
    pub max_viewers: u64,
    /// When it started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// Since when its broadcaster has been away, while it is paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_at: Option<Timestamp>,
    /// When it ends unless the broadcaster comes back, while it is paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_until: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Why it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_reason: Option<EndReason>,
    /// How good the picture is that leaves the broadcaster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<Quality>,
    /// As of when this is so.
    pub timestamp: Timestamp,
}

impl LiveRecord {
    /// The record of a stream that nobody has started.
    #[must_use]
    pub fn offline(stream_id: StreamName, timestamp: Timestamp) -> Self {
        Self {
            stream_id,
            state: LiveState::Offline,
            broadcaster: None,
            title: None,
            info: None,
            media: None,
            viewer_count: 0,
            peak_viewers: 0,
            max_viewers: 0,
            started_at: None,
            paused_at: None,
            hold_until: None,
            ended_at: None,
            end_reason: None,
            quality: None,
            timestamp,
        }
    }
}

/// How a live stream is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum LiveState {
    /// Nobody has started it.
    #[default]
    Offline,
    /// It goes out.
    Live,
    /// The broadcaster's link is lost, and it is held for a while.
    Paused,
    /// It is over. It may be started again.
    Ended,
    /// A state that this version does not know.
    #[serde(other)]
    Unknown,
}

impl LiveState {
    /// Whether the stream can be watched: it goes out, or is held for its broadcaster.
    #[must_use]
    pub fn is_on(self) -> bool {
        matches!(self, Self::Live | Self::Paused)
    }
}

/// What a live stream is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    /// Whether there is sound.
    #[serde(default)]
    pub audio: bool,
    /// Whether there is a picture.
    #[serde(default)]
    pub video: bool,
}

/// Why a live stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EndReason {
    /// The broadcaster stopped it.
    Stopped,
    /// The broadcaster did not come back in time.
    BroadcasterGone,
    /// An operator, or the app's server, ended it.
    EndedByOperator,
    /// The broadcaster's grant has ended.
    GrantEnded,
    /// A reason that this version does not know.
    #[serde(other)]
    Unknown,
}

/// How good the picture is that leaves the broadcaster.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// In one word.
    pub level: QualityLevel,
    /// In pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// In pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Pictures a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fps: Option<f64>,
    /// Bits a second to one viewer, picture and sound together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bitrate: Option<u64>,
    /// What keeps it from being better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limited_by: Option<LimitedBy>,
}

/// The quality of a live stream in one word, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QualityLevel {
    /// Small or jerky.
    Low,
    /// Between the two.
    Medium,
    /// 720 lines and 24 pictures a second, or better.
    High,
}

/// What keeps a picture from being better (W3C webrtc-stats, `RTCQualityLimitationReason`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LimitedBy {
    /// Nothing.
    None,
    /// The network.
    Bandwidth,
    /// The encoder's processor.
    Cpu,
    /// Something else.
    #[default]
    #[serde(other)]
    Other,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_as_it_is_told() {
        let mut record = LiveRecord::offline("shop".parse().unwrap(), Timestamp::from_millis(0));
        record.state = LiveState::Ended;
        record.end_reason = Some(EndReason::BroadcasterGone);
        record.quality = Some(Quality {
            level: QualityLevel::Medium,
            width: None,
            height: Some(480),
            fps: None,
            bitrate: None,
            limited_by: Some(LimitedBy::Bandwidth),
        });
        let json = serde_json::to_value(&record).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "stream_id": "shop", "state": "ended", "viewer_count": 0, "peak_viewers": 0, "max_viewers": 0,
                "end_reason": "broadcaster-gone", "quality": {"level": "medium", "height": 480, "limited_by": "bandwidth"},
                "timestamp": "1970-01-01T00:00:00.000Z",
            })
        );
        assert_eq!(serde_json::from_value::<LiveRecord>(json).unwrap(), record);
    }

    #[test]
    fn a_record_of_a_newer_server_is_read() {
        let text =
            r#"{"stream_id":"a","state":"archived","end_reason":"tired","timestamp":"1970-01-01T00:00:00.000Z","shelf":1}"#;
        let record: LiveRecord = serde_json::from_str(text).unwrap();
        assert_eq!((record.state, record.end_reason), (LiveState::Unknown, Some(EndReason::Unknown)));
        assert!(!record.state.is_on());
    }
}
