//! What names a live stream, one of its viewers, and a peer connection between the broadcaster and a viewer.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::code::Code;
use crate::failure::Failure;
use crate::limits::{MAX_ROOM_REST, MAX_SAFE_INTEGER};
use crate::rooms::RoomName;

/// The kind of the rooms: the room of a stream is `live:` and its name.
pub const ROOM_KIND: &str = "live";

/// The name of a live stream, chosen by the app: 1 to [`MAX_ROOM_REST`] of `A-Z`, `a-z`, `0-9` and `._~@:/-`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamName(RoomName);

impl StreamName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.rest()
    }

    /// The stream's room.
    #[must_use]
    pub fn room(&self) -> &RoomName {
        &self.0
    }

    /// The stream whose room this is; none for a room of another kind.
    #[must_use]
    pub fn of_room(room: &RoomName) -> Option<Self> {
        (room.kind() == ROOM_KIND).then(|| Self(room.clone()))
    }
}

/// The text is no name of a live stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a live stream's name: expected 1 to {MAX_ROOM_REST} of A-Z, a-z, 0-9 and ._~@:/-")]
pub struct StreamNameError;

impl From<StreamNameError> for Failure {
    fn from(error: StreamNameError) -> Self {
        Self::new(Code::BadName, error.to_string())
    }
}

impl FromStr for StreamName {
    type Err = StreamNameError;

    fn from_str(text: &str) -> Result<Self, StreamNameError> {
        format!("{ROOM_KIND}:{text}").parse().map(Self).map_err(|_| StreamNameError)
    }
}

/// A viewer of a live stream: drawn by the server, and never used again for somebody else. `v_` and 16 lower-case hexadecimal
/// digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ViewerId(u64);

impl ViewerId {
    /// What the text form starts with.
    pub const PREFIX: &'static str = "v_";

    /// Makes the id from 64 bits, which the server draws at random.
    #[must_use]
    pub const fn from_random(bits: u64) -> Self {
        Self(bits)
    }

    /// Those bits.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// The text is no viewer's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a viewer's id: expected `v_` and 16 lower-case hexadecimal digits")]
pub struct ViewerIdError;

impl FromStr for ViewerId {
    type Err = ViewerIdError;

    fn from_str(text: &str) -> Result<Self, ViewerIdError> {
        let digits = text.strip_prefix(Self::PREFIX).and_then(crate::id::hex);
        digits.map(|bytes| Self(u64::from_be_bytes(bytes))).ok_or(ViewerIdError)
    }
}

/// The number of one peer connection between the broadcaster and a viewer. The server gives it; it rises within a stream, so of two
/// numbers of one viewer the higher one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Negotiation(u64);

impl Negotiation {
    /// The number; none where JavaScript could not hold it.
    #[must_use]
    pub const fn new(number: u64) -> Option<Self> {
        if number <= MAX_SAFE_INTEGER { Some(Self(number)) } else { None }
    }

    /// The number as a plain one.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Negotiation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u64::deserialize(deserializer)?;
        Self::new(number).ok_or_else(|| serde::de::Error::custom("the number of a negotiation is below 2^53"))
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for ViewerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::PREFIX)?;
        crate::id::write_hex(f, &self.0.to_be_bytes())
    }
}

impl fmt::Display for Negotiation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Debug for ViewerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

macro_rules! as_text {
    ($($name:ident),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

as_text!(StreamName, ViewerId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_named_as_its_room() {
        for text in ["9c23f06d-2f69-46d6-8a81-3057e5d90a32", "shop/7", "a:b", &"x".repeat(MAX_ROOM_REST)] {
            let name: StreamName = text.parse().unwrap();
            assert_eq!((name.as_str(), name.room().as_str()), (text, format!("live:{text}").as_str()));
            assert_eq!(StreamName::of_room(name.room()), Some(name));
        }
        for text in ["", "a b", "é", "*", &"x".repeat(MAX_ROOM_REST + 1)] {
            assert_eq!(text.parse::<StreamName>(), Err(StreamNameError), "{text}");
        }
        assert_eq!(StreamName::of_room(&"portal:42".parse().unwrap()), None);
    }

    #[test]
    fn a_viewers_id_survives_its_text_form() {
        let viewer = ViewerId::from_random(0x0123_4567_89ab_cdef);
        assert_eq!(viewer.to_string(), "v_0123456789abcdef");
        assert_eq!(viewer.to_string().parse(), Ok(viewer));
        for text in ["", "v_", "0123456789abcdef", "v_0123456789ABCDEF", "v_0123456789abcdef0", "w_0123456789abcdef"] {
            assert_eq!(text.parse::<ViewerId>(), Err(ViewerIdError), "{text}");
        }
    }

    #[test]
    fn a_negotiation_is_a_number_that_javascript_can_hold() {
        let most = MAX_SAFE_INTEGER.to_string();
        assert_eq!(serde_json::from_str::<Negotiation>(&most).unwrap().number(), MAX_SAFE_INTEGER);
        for text in ["9007199254740992", "-1", "1.5", "\"1\"", "null"] {
            assert!(serde_json::from_str::<Negotiation>(text).is_err(), "{text}");
        }
    }
}
