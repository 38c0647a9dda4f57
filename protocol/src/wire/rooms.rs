//! What a client says about rooms, and what of a server's words its machine reads.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::Text;
use super::envelope::{Envelope, failure};
use super::writer::Writer;
use crate::failure::Failure;
use crate::json::{Json, Malformed};

/// A client wants to be in a room. After a lost connection it says how far it has come.
#[derive(Clone, Debug)]
pub struct Join<'a> {
    /// The room.
    pub room: Cow<'a, str>,
    /// The epoch that the client knows.
    pub epoch: Option<Cow<'a, str>>,
    /// The last event of that epoch that it has.
    pub offset: Option<u64>,
    /// The last signal that it has.
    pub signals: Option<u64>,
    /// Whether it wants to hear who is there.
    pub presence: bool,
    /// What the others are shown of it.
    pub info: Option<&'a RawValue>,
}

/// An ephemeral event.
#[derive(Clone, Debug)]
pub struct Cast<'a> {
    /// The room.
    pub room: Cow<'a, str>,
    /// What it is called.
    pub name: Cow<'a, str>,
    /// What it says.
    pub payload: Option<&'a RawValue>,
    /// Of several with the same key only the newest matters.
    pub key: Option<Cow<'a, str>>,
}

/// A server's frame about a room: what a client's machine has to know of it, and the whole text, which is for the app.
#[derive(Clone, Debug)]
pub struct RoomText<'a> {
    /// The room.
    pub room: Cow<'a, str>,
    /// What the machine has to know.
    pub word: RoomWord<'a>,
    /// The whole frame.
    pub text: &'a str,
}

/// What the machine of a client has to know of a frame about a room.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RoomWord<'a> {
    /// The session is in the room.
    Joined {
        /// The member that it is.
        member: u64,
        /// The room's epoch.
        epoch: Cow<'a, str>,
        /// The event from which on it hears.
        offset: u64,
        /// Whether that is where it was.
        recovered: bool,
    },
    /// The session is not in the room, or not any more.
    Left {
        /// Why, where the client did not ask for it.
        error: Option<Failure>,
    },
    /// Something happened.
    Event {
        /// The event's number; none for an ephemeral one.
        offset: Option<u64>,
    },
    /// Several things happened: the number and the text of each.
    Events(Vec<(Option<u64>, &'a str)>),
    /// Events up to this one were left out.
    Skipped {
        /// The number of the last one that was left out.
        offset: u64,
    },
    /// Somebody came, went or changed.
    Presence,
    /// A message to this member.
    Signal {
        /// Its number.
        seq: u64,
    },
}

impl<'a> Join<'a> {
    pub(super) fn read(envelope: &Envelope<'a>) -> Self {
        Self {
            room: envelope.room(),
            epoch: envelope.text("epoch"),
            offset: envelope.number("offset"),
            signals: envelope.number("signals"),
            presence: envelope.read_as("presence", Json::flag).unwrap_or(true),
            info: envelope.raw("info"),
        }
    }

    pub(super) fn encode(&self) -> Text {
        let mut writer = Writer::about("join", &self.room)
            .text("epoch", self.epoch.as_deref())
            .number_if("offset", self.offset)
            .number_if("signals", self.signals);
        if !self.presence {
            writer = writer.flag("presence", false);
        }
        writer.raw_if("info", self.info).end()
    }
}

impl<'a> Cast<'a> {
    pub(super) fn read(envelope: &Envelope<'a>) -> Self {
        Self {
            room: envelope.room(),
            name: envelope.needed("name", envelope.text("name")),
            payload: envelope.raw("payload"),
            key: envelope.text("key"),
        }
    }

    pub(super) fn encode(&self) -> Text {
        Writer::about("cast", &self.room)
            .text("name", Some(&self.name))
            .raw_if("payload", self.payload)
            .text("key", self.key.as_deref())
            .end()
    }
}

impl<'a> RoomText<'a> {
    /// The frame, if it is about a room.
    pub(super) fn read(envelope: &Envelope<'a>, text: &'a str) -> Option<Self> {
        let word = match &*envelope.kind {
            "joined" => RoomWord::Joined {
                member: envelope.needed_number("member"),
                epoch: envelope.needed("epoch", envelope.text("epoch")),
                offset: envelope.needed_number("offset"),
                recovered: envelope.read_as("recovered", Json::flag).unwrap_or(false),
            },
            "left" => RoomWord::Left { error: envelope.read_as("error", failure) },
            "event" => RoomWord::Event { offset: envelope.number("offset") },
            "events" => RoomWord::Events(envelope.needed("events", envelope.read_as("events", events))),
            "skipped" => RoomWord::Skipped { offset: envelope.needed_number("offset") },
            "presence" => RoomWord::Presence,
            "signal" => RoomWord::Signal { seq: envelope.needed_number("seq") },
            _ => return None,
        };
        Some(Self { room: envelope.room(), word, text })
    }
}

fn events(value: Json<'_>) -> Result<Vec<(Option<u64>, &str)>, Malformed> {
    value
        .array()?
        .into_iter()
        .map(|event| Ok((event.object()?.get("offset").map(Json::number).transpose()?, event.text())))
        .collect()
}
