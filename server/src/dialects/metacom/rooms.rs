//! Rooms, as events of units: the kind of a room is the unit, and the name of what happens there that of the event.

use std::collections::HashMap;

use samewire_protocol::rooms::{Joined, RoomEvent, RoomName, Skipped};
use samewire_protocol::session::{RoomNews, RoomNewsKind};
use samewire_protocol::{Code, Failure};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::dialects::socket::unreadable;

/// The rooms of one client, and the calls that wait for a place in one.
#[derive(Default)]
pub(super) struct Rooms {
    rooms: HashMap<RoomName, Membership>,
    /// How many calls wait.
    waiting: usize,
}

enum Membership {
    Joining(Vec<u64>),
    In,
}

/// What a join comes to.
pub(super) enum Join {
    /// The session is to ask.
    Ask,
    /// It has asked.
    Asked,
    /// It is in the room.
    In,
}

/// What the client is to be told.
pub(super) enum Told {
    /// Calls are answered.
    Answers(Vec<u64>, String),
    /// Calls failed.
    Refused(Vec<u64>),
    /// Something happened.
    Event(String, String),
    Nothing,
}

#[derive(Serialize)]
struct State<'a> {
    room: &'a RoomName,
    offset: u64,
    state: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct Left<'a> {
    room: &'a RoomName,
    code: &'a Code,
    message: &'a str,
}

impl Rooms {
    pub(super) fn join(&mut self, room: &RoomName, call: u64) -> Join {
        match self.rooms.get_mut(room) {
            None => {
                self.waiting += 1;
                self.rooms.insert(room.clone(), Membership::Joining(vec![call]));
                Join::Ask
            }
            Some(Membership::Joining(calls)) => {
                self.waiting += 1;
                calls.push(call);
                Join::Asked
            }
            Some(Membership::In) => Join::In,
        }
    }

    /// How many calls wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// The client leaves a room: the calls that waited for it.
    pub(super) fn leave(&mut self, room: &RoomName) -> Vec<u64> {
        match self.rooms.remove(room) {
            Some(Membership::Joining(calls)) => self.wait_no_more(calls),
            Some(Membership::In) | None => Vec::new(),
        }
    }

    fn wait_no_more(&mut self, calls: Vec<u64>) -> Vec<u64> {
        self.waiting = self.waiting.saturating_sub(calls.len());
        calls
    }

    /// The client is somebody else now, and in no room.
    pub(super) fn let_go(&mut self, failure: &Failure) -> Result<Vec<Told>, Failure> {
        let rooms: Vec<_> = self.rooms.keys().cloned().collect();
        rooms.iter().map(|room| self.left(room, failure)).collect()
    }

    pub(super) fn news(&mut self, news: &RoomNews) -> Result<Told, Failure> {
        let RoomNews { room, kind, text, .. } = news;
        Ok(match kind {
            RoomNewsKind::Joined => {
                let joined: Joined<'_> = serde_json::from_str(text).map_err(|_| unreadable())?;
                let state = written(&State { room, offset: joined.offset, state: joined.state })?;
                match self.rooms.insert(room.clone(), Membership::In) {
                    Some(Membership::Joining(calls)) => Told::Answers(self.wait_no_more(calls), state),
                    Some(Membership::In) | None => Told::Event(name(room, "state"), state),
                }
            }
            RoomNewsKind::Event | RoomNewsKind::Signal => {
                let event: RoomEvent = serde_json::from_str(text).map_err(|_| unreadable())?;
                Told::Event(name(room, event.name.as_str()), data(room, event.payload.as_deref()))
            }
            RoomNewsKind::Skipped => {
                let skipped: Skipped<'_> = serde_json::from_str(text).map_err(|_| unreadable())?;
                Told::Event(name(room, "state"), written(&State { room, offset: skipped.offset, state: skipped.state })?)
            }
            RoomNewsKind::Presence => Told::Nothing,
        })
    }

    /// The client is not in the room any more.
    pub(super) fn left(&mut self, room: &RoomName, failure: &Failure) -> Result<Told, Failure> {
        Ok(match self.rooms.remove(room) {
            Some(Membership::Joining(calls)) => Told::Refused(self.wait_no_more(calls)),
            Some(Membership::In) => {
                let left = Left { room, code: &failure.code, message: &failure.message };
                Told::Event(name(room, "left"), written(&left)?)
            }
            None => Told::Nothing,
        })
    }
}

/// `unit/event`. A client takes what is between the first `/` and the second for the event's name.
fn name(room: &RoomName, event: &str) -> String {
    // A client in Node that hears `error` and does not listen to it ends its program, and any member of the room may say it.
    let event = if event == "error" { "error." } else { event };
    format!("{}/{}", room.kind(), event.replace('/', "."))
}

/// What the event says, and in which room where there is a place for it.
fn data(room: &RoomName, payload: Option<&RawValue>) -> String {
    let payload = payload.map_or("null", RawValue::get);
    match payload.strip_prefix('{').map(str::trim_start) {
        Some("}") => format!(r#"{{"room":"{room}"}}"#),
        // A member of the same name behind it is the one that counts.
        Some(members) => format!(r#"{{"room":"{room}",{members}"#),
        None => payload.to_owned(),
    }
}

fn written<T: Serialize>(value: &T) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|_| unreadable())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_say_in_which_room_they_happen() {
        let room: RoomName = "file:fl_1".parse().expect("a room");
        let told = |payload: &str| data(&room, Some(&RawValue::from_string(payload.to_owned()).expect("JSON")));
        assert_eq!(told("{}"), r#"{"room":"file:fl_1"}"#);
        assert_eq!(told("{ }"), r#"{"room":"file:fl_1"}"#);
        assert_eq!(told(r#"{"a":1}"#), r#"{"room":"file:fl_1","a":1}"#);
        assert_eq!((told("[1]"), data(&room, None)), ("[1]".to_owned(), "null".to_owned()));
        assert_eq!(name(&room, "processing:progress"), "file/processing:progress");
        assert_eq!(name(&room, "a/b"), "file/a.b");
        assert_eq!((name(&room, "error"), name(&room, "errors")), ("file/error.".to_owned(), "file/errors".to_owned()));
    }
}
