//! What members and the server say: events that are kept, ephemeral ones, and signals to single members.

use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use samewire_protocol::limits::MAX_KEY;
use samewire_protocol::rooms::methods::Published;
use samewire_protocol::rooms::{EventName, Member, RoomEvent, RoomFrame};
use samewire_protocol::wire::chunk;
use samewire_protocol::{Code, Failure};
use serde_json::value::RawValue;

use super::admit::Deed;
use super::feed::Heard;
use super::history::Kept;
use super::state::State;
use super::{Core, Millis, framed};
use crate::rooms::policy::{Roles, Sender};

/// Who says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author<'a> {
    /// A member, within its role and rate.
    Member(Member),
    /// The server, or a program with its key, by this name: whatever it likes.
    Server(&'a str),
    /// The server, for this user, who is told as the event's: whatever it likes.
    User(&'a str),
}

/// What is said.
#[derive(Clone, Debug)]
pub struct Message {
    /// What it is called.
    pub name: EventName,
    /// What it says, as JSON.
    pub payload: Option<Box<RawValue>>,
    /// What it says, as bytes.
    pub attachment: Option<Bytes>,
}

impl Message {
    /// A message that is its name alone.
    #[must_use]
    pub fn new(name: EventName) -> Self {
        Self { name, payload: None, attachment: None }
    }

    pub(super) fn size(&self) -> usize {
        self.payload.as_ref().map_or(0, |payload| payload.get().len()) + self.attachment.as_ref().map_or(0, Bytes::len)
    }
}

/// How an event changes the room's state.
#[derive(Clone, Debug)]
pub enum Change {
    /// By a JSON merge patch (RFC 7396).
    Patch(Box<RawValue>),
    /// To this.
    State(Box<RawValue>),
}

impl Change {
    fn json(&self) -> &RawValue {
        match self {
            Self::Patch(json) | Self::State(json) => json,
        }
    }
}

/// An event to be numbered and kept.
#[derive(Clone, Debug)]
pub struct Publication {
    /// What it says.
    pub message: Message,
    /// How it changes the state.
    pub change: Option<Change>,
    /// Its idempotency key.
    pub key: Option<Box<str>>,
    /// Only if the room's newest event has this number.
    pub expected: Option<u64>,
}

impl Publication {
    fn deed(&self) -> Deed {
        if self.change.is_some() { Deed::Patch } else { Deed::Publish }
    }
}

impl From<Message> for Publication {
    fn from(message: Message) -> Self {
        Self { message, change: None, key: None, expected: None }
    }
}

impl Core {
    /// Makes an event, numbers and keeps it.
    ///
    /// # Errors
    /// `not-joined`, `forbidden`, `rate-limited`, `too-big`, `bad-params`, `conflict`.
    pub fn publish(&mut self, now: Millis, author: Author<'_>, publication: Publication) -> Result<Published, Failure> {
        match self.consider(now, author, &publication)? {
            Some(published) => Ok(published),
            None => self.commit(now, author, publication),
        }
    }

    /// Whether an event may be made: the first half of [`Core::publish`], which counts against the author's rate. What was made
    /// before with the same key is the answer.
    ///
    /// # Errors
    /// As for [`Core::publish`].
    pub fn consider(
        &mut self,
        now: Millis,
        author: Author<'_>,
        publication: &Publication,
    ) -> Result<Option<Published>, Failure> {
        let Publication { message, change, key, .. } = publication;
        self.admit(now, author, publication.deed(), message, change.as_ref().map(Change::json))?;
        if key.as_ref().is_some_and(|key| key.len() > MAX_KEY || key.is_empty()) {
            return Err(Failure::new(Code::BadParams, format!("a key has 1 to {MAX_KEY} bytes")));
        }
        self.known(now, author, publication)
    }

    /// The same for one that was considered before, and whose turn has come. It does not count once more.
    ///
    /// # Errors
    /// `not-joined`, `forbidden`, `conflict`.
    pub fn reconsider(&self, now: Millis, author: Author<'_>, publication: &Publication) -> Result<Option<Published>, Failure> {
        self.allow(author, publication.deed(), &publication.message.name)?;
        self.known(now, author, publication)
    }

    /// What was made before with the same key; a conflict where something else was expected.
    fn known(&self, now: Millis, author: Author<'_>, publication: &Publication) -> Result<Option<Published>, Failure> {
        if let Some(key) = &publication.key
            && let Some(offset) = self.keys.offset(now, &self.owner(author), key)
        {
            return Ok(Some(Published { offset, epoch: self.epoch, duplicate: true }));
        }
        match publication.expected {
            Some(expected) if expected != self.newest => {
                let newest = self.newest;
                let told = format!("the room's newest event is {newest} and not {expected}; read what is new and decide again");
                let mut failure = Failure::new(Code::Conflict, told);
                failure.data = RawValue::from_string(format!("{{\"offset\":{newest}}}")).ok();
                Err(failure)
            }
            _ => Ok(None),
        }
    }

    /// Makes an event that was [considered](Core::consider) before, whether or not its author is still there.
    ///
    /// # Errors
    /// `too-big`, `bad-params`, `conflict`.
    pub fn commit(&mut self, now: Millis, author: Author<'_>, publication: Publication) -> Result<Published, Failure> {
        if let Some(published) = self.known(now, author, &publication)? {
            return Ok(published);
        }
        let Publication { message, change, key, .. } = publication;
        let owner = self.owner(author);
        if let Some(change) = &change {
            self.state = Some(self.changed(change)?);
        }
        let rule = self.policy.rule(&message.name);
        let is_kept = change.is_some() || rule.and_then(|rule| rule.keep) != Some(false);
        let to = rule.filter(|_| !is_kept).map_or(Roles::Everybody, |rule| rule.to.clone());
        if is_kept {
            self.newest += 1;
            self.touched = now;
        }
        if let Some(key) = &key {
            self.keys.remember(now, &owner, key, self.newest);
        }
        let mut event = self.event(now, author, message.name, message.payload);
        event.offset = is_kept.then_some(self.newest);
        match change {
            Some(Change::Patch(patch)) => event.patch = Some(patch),
            Some(Change::State(state)) => event.state = Some(state),
            None => {}
        }
        let heard = Heard { offset: event.offset, except: None, to, subject: subject(&event) };
        let framed = self.framed(&event, message.attachment.as_ref());
        if is_kept {
            let kept = Kept {
                offset: self.newest,
                at: now,
                frame: framed.frame.clone(),
                body: framed.body,
                attachment: message.attachment.clone(),
            };
            self.history.push(now, kept);
        }
        self.deliver(now, event, framed.frame, message.attachment.is_none(), heard);
        Ok(Published { offset: self.newest, epoch: self.epoch, duplicate: false })
    }

    /// Makes an ephemeral event for those who are in the room, its author left out. Of several with the same key only the newest
    /// matters.
    ///
    /// # Errors
    /// `not-joined`, `forbidden`, `rate-limited`, `too-big`.
    pub fn cast(&mut self, now: Millis, author: Author<'_>, message: Message, key: Option<Box<str>>) -> Result<(), Failure> {
        self.admit(now, author, Deed::Cast, &message, None)?;
        let rule = self.policy.rule(&message.name);
        if rule.and_then(|rule| rule.keep) == Some(true) {
            let told = format!("events {} are kept in {}; publish them", message.name, self.name);
            return Err(Failure::new(Code::Forbidden, told));
        }
        let to = rule.map_or(Roles::Everybody, |rule| rule.to.clone());
        let mut event = self.event(now, author, message.name, message.payload);
        event.key = key;
        let except = match author {
            Author::Member(member) => Some(member),
            Author::Server(_) | Author::User(_) => None,
        };
        let heard = Heard { offset: None, except, to, subject: subject(&event) };
        let framed = self.framed(&event, message.attachment.as_ref());
        self.deliver(now, event, framed.frame, message.attachment.is_none(), heard);
        Ok(())
    }

    fn changed(&self, change: &Change) -> Result<State, Failure> {
        let Some(state) = &self.state else {
            let told = format!("rooms of the kind {} have no state", self.name.kind());
            return Err(Failure::new(Code::BadParams, told));
        };
        match change {
            Change::Patch(patch) => state.patched(patch, self.policy.max_state),
            Change::State(json) => State::whole(json, self.policy.max_state),
        }
    }

    /// Whose idempotency keys an author's are.
    fn owner(&self, author: Author<'_>) -> Box<str> {
        match author {
            // No user's id has a control character. One who is gone shares its keys with nobody.
            Author::Member(member) => match self.members.get(member) {
                Some(there) => there.identity.id().into(),
                None => format!("\u{0}\u{0}{member}").into(),
            },
            Author::Server(name) => format!("\u{0}{name}").into(),
            Author::User(user) => user.into(),
        }
    }

    pub(super) fn event(&self, now: Millis, author: Author<'_>, name: EventName, payload: Option<Box<RawValue>>) -> RoomEvent {
        let (mut from, mut user) = (None, None);
        if let Author::Member(member) = author
            && self.policy.sender == Sender::Shown
        {
            from = Some(member);
            user = self.members.get(member).and_then(|there| there.user()).map(|id| (**id).into());
        }
        if let Author::User(id) = author
            && self.policy.sender == Sender::Shown
        {
            user = Some(id.into());
        }
        let at = now.saturating_sub(self.ahead);
        RoomEvent { offset: None, from, user, name, at, payload, patch: None, state: None, key: None, attached: None }
    }

    fn framed(&self, event: &RoomEvent, attachment: Option<&Bytes>) -> Framed {
        let text = RoomFrame::Event(event).encode(&self.name);
        let len = text.len();
        let (frame, behind) = match attachment {
            None => (framed::text(text.as_str().as_bytes()), 0),
            Some(bytes) => (framed::binary(&chunk::attach(&text, bytes)), bytes.len()),
        };
        // The event's own fields are what follows those that tell the frame's type and room.
        let begin = "{\"type\":\"event\",\"room\":\"\",".len() + self.name.as_str().len();
        let end = frame.len() - behind;
        let body = frame.slice(end - len + begin.min(len)..end);
        Framed { frame, body }
    }
}

struct Framed {
    frame: Bytes,
    body: Bytes,
}

/// What an event is about: those of the same name and key are about the same.
fn subject(event: &RoomEvent) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&event.name, &event.key).hash(&mut hasher);
    hasher.finish()
}
