//! What the room of a live stream is told. Every event also changes the room's state, which is the
//! [`LiveRecord`](super::LiveRecord).

use serde::{Deserialize, Serialize};

use super::{EndReason, Quality, StreamName, Timestamp};

/// The event of a live stream's room by which the numbers of the record's quality go on. It says nothing by itself.
pub const QUALITY_MEASURED: &str = "quality_measured";

/// An event of a live stream's room, by its name.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum LiveEvent {
    /// `stream_started`: somebody broadcasts.
    Started(StreamStarted),
    /// `stream_paused`: the broadcaster's link is lost; the stream is held for a while.
    Paused(StreamPaused),
    /// `stream_resumed`: the broadcaster is back.
    Resumed(StreamResumed),
    /// `stream_changed`: another session broadcasts it, or something else is said of it.
    Changed(StreamChanged),
    /// `stream_ended`: it is over.
    Ended(StreamEnded),
    /// `viewer_count_changed`: more or fewer are watching.
    ViewerCount(ViewerCountChanged),
    /// `quality_changed`: the picture that leaves the broadcaster became better or worse.
    Quality(QualityChanged),
}

/// `stream_started`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamStarted {
    /// The stream.
    pub stream_id: StreamName,
    /// The broadcaster's user; none for an anonymous one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broadcaster: Option<Box<str>>,
    /// When.
    pub timestamp: Timestamp,
}

/// `stream_paused`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamPaused {
    /// The stream.
    pub stream_id: StreamName,
    /// When it ends unless the broadcaster comes back.
    pub hold_until: Timestamp,
    /// When.
    pub timestamp: Timestamp,
}

/// `stream_resumed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamResumed {
    /// The stream.
    pub stream_id: StreamName,
    /// When.
    pub timestamp: Timestamp,
}

/// `stream_changed`. What it is called and made of now is in the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamChanged {
    /// The stream.
    pub stream_id: StreamName,
    /// The broadcaster's user; none for an anonymous one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broadcaster: Option<Box<str>>,
    /// When.
    pub timestamp: Timestamp,
}

/// `stream_ended`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamEnded {
    /// The stream.
    pub stream_id: StreamName,
    /// Why.
    pub reason: EndReason,
    /// When.
    pub timestamp: Timestamp,
}

/// `viewer_count_changed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewerCountChanged {
    /// The stream.
    pub stream_id: StreamName,
    /// How many are watching.
    pub viewer_count: u64,
    /// The most that were watching at once since it started.
    pub peak_viewers: u64,
    /// When.
    pub timestamp: Timestamp,
}

/// `quality_changed`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QualityChanged {
    /// The stream.
    pub stream_id: StreamName,
    /// How good the picture is now.
    pub quality: Quality,
    /// When.
    pub timestamp: Timestamp,
}

macro_rules! events {
    ($($variant:ident($payload:ty) = $name:literal;)*) => {
        impl LiveEvent {
            /// The event's name in its room.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)* }
            }

            /// The stream.
            #[must_use]
            pub fn stream_id(&self) -> &StreamName {
                match self { $(Self::$variant(payload) => &payload.stream_id,)* }
            }

            /// When it happened.
            #[must_use]
            pub fn timestamp(&self) -> Timestamp {
                match self { $(Self::$variant(payload) => payload.timestamp,)* }
            }

            /// The payload as JSON.
            ///
            /// # Errors
            /// What the JSON library says; none is known.
            pub fn payload(&self) -> serde_json::Result<Box<serde_json::value::RawValue>> {
                match self { $(Self::$variant(payload) => serde_json::value::to_raw_value(payload),)* }
            }

            /// Reads an event of a live stream's room; `None` for one that this version does not know.
            ///
            /// # Errors
            /// What in the payload is not as it should be.
            pub fn read(name: &str, payload: &str) -> serde_json::Result<Option<Self>> {
                match name {
                    $($name => serde_json::from_str::<$payload>(payload).map(|payload| Some(Self::$variant(payload))),)*
                    _ => Ok(None),
                }
            }
        }
    };
}

events! {
    Started(StreamStarted) = "stream_started";
    Paused(StreamPaused) = "stream_paused";
    Resumed(StreamResumed) = "stream_resumed";
    Changed(StreamChanged) = "stream_changed";
    Ended(StreamEnded) = "stream_ended";
    ViewerCount(ViewerCountChanged) = "viewer_count_changed";
    Quality(QualityChanged) = "quality_changed";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::{LimitedBy, QualityLevel};

    #[test]
    fn an_event_survives_its_text_form() {
        let stream_id: StreamName = "shop".parse().unwrap();
        let timestamp = Timestamp::from_millis(1_761_042_645_000);
        let quality = Quality {
            level: QualityLevel::Low,
            width: Some(320),
            height: Some(180),
            fps: Some(12.5),
            bitrate: Some(90_000),
            limited_by: Some(LimitedBy::Cpu),
        };
        for event in [
            LiveEvent::Started(StreamStarted { stream_id: stream_id.clone(), broadcaster: Some("ada".into()), timestamp }),
            LiveEvent::Paused(StreamPaused { stream_id: stream_id.clone(), hold_until: timestamp, timestamp }),
            LiveEvent::Resumed(StreamResumed { stream_id: stream_id.clone(), timestamp }),
            LiveEvent::Changed(StreamChanged { stream_id: stream_id.clone(), broadcaster: None, timestamp }),
            LiveEvent::Ended(StreamEnded { stream_id: stream_id.clone(), reason: EndReason::Stopped, timestamp }),
            LiveEvent::ViewerCount(ViewerCountChanged {
                stream_id: stream_id.clone(),
                viewer_count: 123,
                peak_viewers: 150,
                timestamp,
            }),
            LiveEvent::Quality(QualityChanged { stream_id: stream_id.clone(), quality, timestamp }),
        ] {
            let payload = event.payload().unwrap();
            assert_eq!((event.stream_id(), event.timestamp()), (&stream_id, timestamp));
            assert_eq!(LiveEvent::read(event.name(), payload.get()).unwrap(), Some(event));
        }
        assert_eq!(LiveEvent::read("stream_archived", "{}").unwrap(), None);
    }

    #[test]
    fn counts_are_told_as_the_field_has_them() {
        let event = LiveEvent::ViewerCount(ViewerCountChanged {
            stream_id: "shop".parse().unwrap(),
            viewer_count: 123,
            peak_viewers: 150,
            timestamp: Timestamp::from_millis(1_761_042_645_000),
        });
        let told = r#"{"stream_id":"shop","viewer_count":123,"peak_viewers":150,"timestamp":"2025-10-21T10:30:45.000Z"}"#;
        assert_eq!((event.name(), event.payload().unwrap().get()), ("viewer_count_changed", told));
    }
}
