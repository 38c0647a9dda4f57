//! What an app sees of its rooms: it believes what it is told, keeps its own copy of the state and of who is there, and writes down
//! every promise that is broken.

use std::collections::BTreeMap;

use bytes::Bytes;
use samewire_protocol::Failure;
use samewire_protocol::rooms::{Entry, Epoch, Joined, Member, Presence, RoomEvent, Skipped, merge};
use samewire_protocol::session::{RoomNews, RoomNewsKind};
use serde::Deserialize;
use serde_json::Value;

use super::Client;

/// One client's view of a room, over all its memberships.
#[derive(Debug, Default)]
pub struct View {
    /// Every time that it was told that it is in the room.
    pub joined: Vec<Joining>,
    /// Every event.
    pub events: Vec<Heard>,
    /// Every signal: its name and what it says.
    pub signals: Vec<(String, Value)>,
    /// What was left out: up to which event, and how many.
    pub skipped: Vec<(u64, u64)>,
    /// The state, as this client has it.
    pub state: Option<Value>,
    /// Who is there, by id, with the role.
    pub entries: BTreeMap<String, String>,
    /// How many users and members there are.
    pub counts: (u64, u64),
    /// The last event that this client has, and its epoch.
    pub place: Option<(Epoch, u64)>,
    /// Why it was told that it is not in the room.
    pub left: Vec<Option<Failure>>,
    /// What was refused.
    pub errors: Vec<Failure>,
    /// Whether it is in the room.
    pub inside: bool,
}

/// How it was told that it is in the room.
#[derive(Clone, Debug)]
pub struct Joining {
    /// The member that it is.
    pub member: Member,
    /// What it may be.
    pub role: String,
    /// Whether nothing is missing.
    pub recovered: bool,
    /// How much is missing, if that was told.
    pub missed: Option<u64>,
    /// Whether it began anew although it said where it was, and nothing is said to be lost: the client could not make sense of
    /// what the server told before.
    pub anew: bool,
}

/// An event that was heard.
#[derive(Clone, Debug)]
pub struct Heard {
    /// The epoch in which it is numbered.
    pub epoch: Option<Epoch>,
    /// Its number.
    pub offset: Option<u64>,
    /// Whom it comes from.
    pub from: Option<Member>,
    /// That member's user.
    pub user: Option<String>,
    /// Its name.
    pub name: String,
    /// What it says.
    pub payload: Value,
    /// What it says in bytes.
    pub attachment: Option<Bytes>,
}

/// What the app reads of a change of presence.
#[derive(Debug, Deserialize)]
struct Change {
    #[serde(default)]
    set: Vec<Entry>,
    #[serde(default)]
    gone: Vec<String>,
    users: u64,
    members: u64,
}

impl Client {
    /// What it has seen of a room.
    #[must_use]
    pub fn view(&self, room: &str) -> &View {
        self.rooms.get(room).expect("the client joined the room")
    }

    pub(super) fn news(&mut self, news: &RoomNews) {
        let view = self.rooms.entry(news.room.to_string()).or_default();
        if let Err(fault) = view.take(news) {
            self.faults.push(format!("{} of {}: {fault}: {news:?}", self.who, news.room));
        }
    }
}

impl View {
    pub(super) fn over(&mut self, failure: Option<Failure>) {
        self.left.push(failure);
        self.inside = false;
        self.place = None;
    }

    /// The numbers of the events that were heard.
    #[must_use]
    pub fn offsets(&self) -> Vec<u64> {
        self.events.iter().filter_map(|event| event.offset).collect()
    }

    /// The names of the events that were heard.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.events.iter().map(|event| event.name.as_str()).collect()
    }

    /// What the events say, of those that say something.
    #[must_use]
    pub fn payloads(&self) -> Vec<&Value> {
        self.events.iter().map(|event| &event.payload).collect()
    }

    /// The ids of who is there.
    #[must_use]
    pub fn ids(&self) -> Vec<&str> {
        self.entries.keys().map(String::as_str).collect()
    }

    fn take(&mut self, news: &RoomNews) -> Result<(), String> {
        let text = &*news.text;
        match news.kind {
            RoomNewsKind::Joined => self.join(&read(text)?),
            _ if !self.inside => Err("news of a room that this client is not in".to_owned()),
            RoomNewsKind::Event => self.event(read(text)?, news.attachment.clone()),
            RoomNewsKind::Skipped => {
                let skipped: Skipped<'_> = read(text)?;
                let (_, last) = self.place.as_mut().ok_or("events are left out before the first")?;
                if skipped.offset <= *last {
                    return Err(format!("what is left out up to {} was heard up to {last}", skipped.offset));
                }
                if skipped.count != skipped.offset - *last {
                    return Err(format!("what is left out from {last} to {} is not {}", skipped.offset, skipped.count));
                }
                *last = skipped.offset;
                self.skipped.push((skipped.offset, skipped.count));
                if let Some(state) = skipped.state {
                    self.state = Some(read(state.get())?);
                }
                Ok(())
            }
            RoomNewsKind::Presence => {
                let change: Change = read(text)?;
                change.gone.iter().for_each(|id| drop(self.entries.remove(id)));
                self.entries.extend(change.set.iter().map(|entry| (entry.id.to_string(), entry.role.to_string())));
                self.counts = (change.users, change.members);
                Ok(())
            }
            RoomNewsKind::Signal => {
                let event: RoomEvent = read(text)?;
                self.signals.push((event.name.to_string(), value(event.payload.as_deref())?));
                Ok(())
            }
        }
    }

    fn join(&mut self, joined: &Joined<'_>) -> Result<(), String> {
        let Joined { member, role, epoch, offset, recovered, missed, state, presence } = joined;
        let same = self.joined.last().is_some_and(|before| before.member == *member);
        let anew = same && !recovered && missed.is_none() && self.place.is_some_and(|(known, _)| known == *epoch);
        let role = role.to_string();
        self.joined.push(Joining { member: *member, role, recovered: *recovered, missed: *missed, anew });
        self.inside = true;
        if let Some(Presence { entries, users, members }) = presence {
            let entries = entries.iter().flatten();
            self.entries = entries.map(|entry| (entry.id.to_string(), entry.role.to_string())).collect();
            self.counts = (*users, *members);
        }
        match self.place {
            Some((known, last)) if *recovered && known == *epoch && *offset <= last => return Ok(()),
            _ if *recovered => return Err(format!("it cannot go on at {offset}, because it is at {:?}", self.place)),
            // It may have heard some of them since it said where it is.
            Some((known, last)) if known == *epoch && missed.is_some_and(|missed| missed < offset - last) => {
                return Err(format!("what is missed from {last} to {offset} is more than {missed:?}"));
            }
            _ => {}
        }
        self.place = Some((*epoch, *offset));
        self.state = state.map(|state| read(state.get())).transpose()?;
        Ok(())
    }

    fn event(&mut self, event: RoomEvent, attachment: Option<Bytes>) -> Result<(), String> {
        let (epoch, last) = self.place.as_mut().ok_or("an event before the client joined")?;
        let epoch = *epoch;
        if let Some(offset) = event.offset {
            if offset != *last + 1 {
                return Err(format!("event {offset} after {last}"));
            }
            *last = offset;
        }
        match (&event.patch, &event.state) {
            (Some(patch), _) => {
                let patch = read(patch.get())?;
                merge(self.state.get_or_insert_default(), patch);
            }
            (None, Some(state)) => self.state = Some(read(state.get())?),
            (None, None) => {}
        }
        self.events.push(Heard {
            epoch: event.offset.map(|_| epoch),
            offset: event.offset,
            from: event.from,
            user: event.user.map(Into::into),
            name: event.name.to_string(),
            payload: value(event.payload.as_deref())?,
            attachment,
        });
        Ok(())
    }
}

fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn value(json: Option<&serde_json::value::RawValue>) -> Result<Value, String> {
    json.map_or(Ok(Value::Null), |json| read(json.get()))
}
