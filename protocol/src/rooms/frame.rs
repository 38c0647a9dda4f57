//! What a server says about a room. Written once for all who read it; read by apps, each part of it from the frame's whole text,
//! in which fields of other parts are ignored.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::event::present;
use super::{Entry, Epoch, Member, Presence, Role, RoomEvent, RoomName};
use crate::failure::Failure;
use crate::wire::{Text, Writer};

/// A frame about a room.
#[derive(Clone, Debug)]
pub enum RoomFrame<'a> {
    /// The answer to a join: the session is a member.
    Joined(Joined<'a>),
    /// The answer to a leave; with an error, a join was refused, or the membership is over.
    Left(Option<&'a Failure>),
    /// Something happened.
    Event(&'a RoomEvent),
    /// Several things happened, in this order.
    Events(&'a [RoomEvent]),
    /// Events were left out for this reader, who was too slow.
    Skipped(Skipped<'a>),
    /// Somebody came, went or changed.
    Presence(PresenceNews<'a>),
    /// A message to this member alone.
    Signal(Signal<'a>),
}

/// How a member finds the room. With `recovered`, every event after `offset` follows, each once.
#[derive(Clone, Debug, Deserialize)]
pub struct Joined<'a> {
    /// The member.
    pub member: Member,
    /// What it may be in the room.
    pub role: Role,
    /// The room's epoch.
    pub epoch: Epoch,
    /// The offset that the member named, when it is recovered; else that of the room's newest event.
    pub offset: u64,
    /// Whether the member goes on where it was, without a gap.
    pub recovered: bool,
    /// How many events the member lost, when it is not recovered and that can be told.
    #[serde(default)]
    pub missed: Option<u64>,
    /// The room's state as of `offset`, unless the member is recovered. None: the room has none.
    #[serde(default, borrow, deserialize_with = "present")]
    pub state: Option<&'a RawValue>,
    /// Who is in the room, if the member asked for it and may know.
    #[serde(default)]
    pub presence: Option<Presence>,
}

/// Numbered events up to `offset` were left out.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Skipped<'a> {
    /// The number of the last one that was left out.
    pub offset: u64,
    /// How many.
    pub count: u64,
    /// The room's state as of `offset`. None: the room has none.
    #[serde(default, borrow, deserialize_with = "present")]
    pub state: Option<&'a RawValue>,
}

/// How presence changed.
#[derive(Clone, Copy, Debug, Default)]
pub struct PresenceNews<'a> {
    /// Entries that are new, or have changed.
    pub set: &'a [Entry],
    /// Ids of entries that are gone.
    pub gone: &'a [Box<str>],
    /// How many users are in the room now.
    pub users: u64,
    /// How many members.
    pub members: u64,
}

/// A message to one member. `event` has no offset, patch, state or key.
#[derive(Clone, Copy, Debug)]
pub struct Signal<'a> {
    /// The signal's number in the membership, rising.
    pub seq: u64,
    /// What it is.
    pub event: &'a RoomEvent,
}

impl RoomFrame<'_> {
    /// The frame as it goes on the wire. For one with an attachment, see [`chunk::attach`](crate::wire::chunk::attach).
    #[must_use]
    pub fn encode(&self, room: &RoomName) -> Text {
        let room = room.as_str();
        match self {
            Self::Joined(joined) => joined.write(Writer::about("joined", room)),
            Self::Left(None) => Writer::about("left", room),
            Self::Left(Some(failure)) => Writer::about("left", room).failure(failure),
            Self::Event(event) => event.write(Writer::about("event", room)),
            Self::Events(events) => {
                Writer::about("events", room).array("events", events, |writer, event| event.write(writer.object()).close())
            }
            Self::Skipped(skipped) => Writer::about("skipped", room)
                .number("offset", skipped.offset)
                .number("count", skipped.count)
                .raw_if("state", skipped.state),
            Self::Presence(news) => news.write(Writer::about("presence", room)),
            Self::Signal(signal) => signal.event.write(Writer::about("signal", room).number("seq", signal.seq)),
        }
        .end()
    }
}

impl Joined<'_> {
    fn write(&self, writer: Writer) -> Writer {
        let writer = writer
            .number("member", self.member.0)
            .text("role", Some(self.role.as_str()))
            .shown("epoch", Some(&self.epoch))
            .number("offset", self.offset)
            .flag("recovered", self.recovered)
            .number_if("missed", self.missed)
            .raw_if("state", self.state);
        let Some(presence) = &self.presence else { return writer };
        let writer = writer.object_at("presence");
        let writer = match &presence.entries {
            Some(entries) => writer.array("entries", entries, |writer, entry| entry.write(writer)),
            None => writer,
        };
        writer.number("users", presence.users).number("members", presence.members).close()
    }
}

impl PresenceNews<'_> {
    fn write(&self, mut writer: Writer) -> Writer {
        if !self.set.is_empty() {
            writer = writer.array("set", self.set, |writer, entry| entry.write(writer));
        }
        if !self.gone.is_empty() {
            writer = writer.array("gone", self.gone, |writer, id| writer.item(id));
        }
        writer.number("users", self.users).number("members", self.members)
    }
}

impl Entry {
    fn write(&self, writer: Writer) -> Writer {
        writer
            .object()
            .text("id", Some(&self.id))
            .text("user", self.user.as_deref())
            .number_if("member", self.member.map(|member| member.0))
            .text("role", Some(self.role.as_str()))
            .raw_if("info", self.info.as_deref())
            .close()
    }
}

impl RoomEvent {
    fn write(&self, writer: Writer) -> Writer {
        writer
            .number_if("offset", self.offset)
            .number_if("from", self.from.map(|from| from.0))
            .text("user", self.user.as_deref())
            .text("name", Some(self.name.as_str()))
            .number("at", self.at)
            .raw_if("payload", self.payload.as_deref())
            .raw_if("patch", self.patch.as_deref())
            .raw_if("state", self.state.as_deref())
            .text("key", self.key.as_deref())
            .number_if("attached", self.attached)
    }
}
