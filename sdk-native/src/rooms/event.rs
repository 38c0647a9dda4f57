//! What an app hears of a room.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use samewire_protocol::Failure;
use samewire_protocol::rooms::{self, EventName, Member};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// What happened in a room, or to the membership of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RoomEvent {
    /// A member or the server published or cast something.
    Message(Message),
    /// A member or the server said something to this member alone.
    Signal(Message),
    /// The connection was lost and is back: nothing was missed, and what happened meanwhile follows.
    Recovered,
    /// Messages were lost: the room keeps them no longer, this client reads too slowly, or the app does. What
    /// [`Room::state`](super::Room::state) gives is right all the same.
    Lost {
        /// How many, where that can be told.
        missed: Option<u64>,
    },
    /// Something that was cast was not let through.
    Refused(Failure),
}

impl RoomEvent {
    /// About how many bytes of memory it takes.
    pub(super) fn weight(&self) -> usize {
        let what = match self {
            Self::Message(message) | Self::Signal(message) => {
                message.json.as_deref().map_or(0, |json| json.get().len()) + message.bytes.as_ref().map_or(0, Bytes::len)
            }
            Self::Recovered | Self::Lost { .. } | Self::Refused(_) => 0,
        };
        size_of::<Self>() + what
    }
}

/// Something that was said in a room. Cheap to clone.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Message {
    /// What it is called.
    pub name: EventName,
    /// Its number in the room, if it is kept; the next kept one has the next number.
    pub offset: Option<u64>,
    /// The member that it comes from. `None` for what a server says, and in rooms that hide who says what.
    pub from: Option<Member>,
    /// That member's user.
    pub user: Option<Box<str>>,
    /// When the server took it.
    pub at: SystemTime,
    /// Whether it comes from this membership. Not known, and false, in rooms that hide who says what.
    pub own: bool,
    /// Of several that are cast with the same key only the newest matters.
    pub key: Option<Box<str>>,
    json: Option<Arc<RawValue>>,
    bytes: Option<Bytes>,
}

/// Why a payload cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// The message carries bytes: see [`Message::bytes`].
    #[error("the message carries bytes, not JSON")]
    Bytes,
    /// It is not of the form that is asked for.
    #[error("the payload is not of the form that this program expects: {0}")]
    Form(#[from] serde_json::Error),
}

impl Message {
    pub(crate) fn new(event: rooms::RoomEvent, bytes: Option<Bytes>, own: bool) -> Self {
        Self {
            name: event.name,
            offset: event.offset,
            from: event.from,
            user: event.user,
            at: SystemTime::UNIX_EPOCH + Duration::from_millis(event.at),
            own,
            key: event.key,
            json: event.payload.map(Arc::from),
            bytes,
        }
    }

    /// What it says, as a type of the app's. Where nothing was said, `null` is read.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, PayloadError> {
        match (&self.bytes, &self.json) {
            (Some(_), _) => Err(PayloadError::Bytes),
            (None, json) => Ok(serde_json::from_str(json.as_deref().unwrap_or(RawValue::NULL).get())?),
        }
    }

    /// What it says, as it came: `None` where nothing was said, or bytes.
    #[must_use]
    pub fn json(&self) -> Option<&RawValue> {
        self.json.as_deref()
    }

    /// The bytes that it carries in place of JSON.
    #[must_use]
    pub fn bytes(&self) -> Option<&Bytes> {
        self.bytes.as_ref()
    }

    #[cfg(test)]
    pub(super) fn for_tests(offset: u64, text: &str) -> Self {
        let text = serde_json::json!({"name": "test", "offset": offset, "at": 1, "payload": text}).to_string();
        Self::new(serde_json::from_str(&text).expect("an event"), None, false)
    }
}
