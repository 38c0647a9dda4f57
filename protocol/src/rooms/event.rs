//! What happens in a room, and who is in it.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::{EventName, Member, Role};

/// Something that happened in a room, as its members are told it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RoomEvent {
    /// The event's number in the room's epoch, from 1. None: it is ephemeral, and not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// The member that it comes from. None for what a server says, and in rooms that hide their senders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Member>,
    /// That member's user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Box<str>>,
    /// What it is called.
    pub name: EventName,
    /// When the server took it, in milliseconds since 1970-01-01 UTC.
    pub at: u64,
    /// What it says. Bytes come as the frame's attachment instead.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub payload: Option<Box<RawValue>>,
    /// How it changes the room's state: a JSON merge patch (RFC 7396).
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub patch: Option<Box<RawValue>>,
    /// The room's state from here on.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub state: Option<Box<RawValue>>,
    /// Of several ephemeral events with the same key only the newest matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Box<str>>,
    /// On a page of history: how many bytes of the answer's attachment, next in turn, are what this event says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attached: Option<u64>,
}

/// Somebody in a room: a user, or a single member, as the room's kind has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// The user's id, or the member's number as text.
    pub id: Box<str>,
    /// The user's id, where entries are members. None for an anonymous one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Box<str>>,
    /// The member, where entries are members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<Member>,
    /// What it may be in the room; of a user with several members, the role of the one that joined first.
    pub role: Role,
    /// What it said about itself when it joined.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub info: Option<Box<RawValue>>,
}

/// Who is in a room.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Presence {
    /// The entries; None where they are only counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entries: Option<Vec<Entry>>,
    /// How many users, each counted once.
    pub users: u64,
    /// How many members.
    pub members: u64,
}

/// Reads a field that is there, so that a `null` is told from nothing.
pub(super) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
