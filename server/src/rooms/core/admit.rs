//! Who may say what, how often and how much of it.

use samewire_protocol::rooms::{EventName, Role, RoomName};
use samewire_protocol::{Code, Failure};
use serde_json::value::RawValue;

use super::{Author, Core, Message, Millis};

/// What a member wants to do.
#[derive(Clone, Copy, Debug)]
pub(super) enum Deed {
    Publish,
    Patch,
    Cast,
    Signal,
}

impl Core {
    /// Whether the author may do this in the room now; if so, it counts against its rate.
    pub(super) fn admit(
        &mut self,
        now: Millis,
        author: Author<'_>,
        deed: Deed,
        message: &Message,
        change: Option<&RawValue>,
    ) -> Result<(), Failure> {
        self.allow(author, deed, &message.name)?;
        if let Author::Member(member) = author {
            let (rate, burst) = (self.policy.rate, self.policy.burst);
            let taken = self.members.get_mut(member).map_or(Ok(()), |there| there.bucket.take(now, rate, burst));
            if let Err(wait) = taken {
                let told = format!("a member of {} may send {rate} messages a second; the next one in {wait} ms", self.name);
                return Err(Failure::new(Code::RateLimited, told));
            }
        }
        if message.payload.is_some() && message.attachment.is_some() {
            return Err(Failure::new(Code::BadParams, "an event says either a payload or an attachment, not both"));
        }
        let (size, most) = (message.size() + change.map_or(0, |json| json.get().len()), self.policy.max_message);
        if size as u64 > most {
            let told = format!("a message in {} may have at most {most} bytes, and this one has {size}", self.name);
            return Err(Failure::new(Code::TooBig, told));
        }
        Ok(())
    }

    /// Whether the author may do this, however often.
    pub(super) fn allow(&self, author: Author<'_>, deed: Deed, name: &EventName) -> Result<(), Failure> {
        match author {
            Author::Member(member) => self.check(self.role(member).ok_or_else(|| not_joined(&self.name))?, deed, name),
            Author::Server(_) | Author::User(_) => Ok(()),
        }
    }

    /// Whether a role may do this.
    fn check(&self, role: &Role, deed: Deed, name: &EventName) -> Result<(), Failure> {
        let (verb, may) = match deed {
            Deed::Publish => ("publish", &self.policy.publish),
            Deed::Patch => ("change the state", &self.policy.patch),
            Deed::Cast => ("cast", &self.policy.cast),
            Deed::Signal => ("send signals", &self.policy.signal),
        };
        let room = &self.name;
        let forbidden = |told: String| Err(Failure::new(Code::Forbidden, told));
        if !may.has(role) {
            return forbidden(format!("the role {role} may not {verb} in {room}: {may}"));
        }
        match self.policy.rule(name) {
            Some(rule) if !rule.from.has(role) => {
                forbidden(format!("the role {role} may not say {name} in {room}: {}", rule.from))
            }
            None if self.policy.only_events => {
                let names = self.policy.events.keys().map(EventName::as_str).collect::<Vec<_>>().join(", ");
                forbidden(format!("there are no events {name} in {room}; there are {names}"))
            }
            _ => Ok(()),
        }
    }
}

/// The refusal of who is not in a room.
pub(crate) fn not_joined(room: &RoomName) -> Failure {
    Failure::new(Code::NotJoined, format!("this session is not in the room {room}; join it first"))
}
