//! The methods `rooms/…` of the model, and the list of all that was published.

use bytes::Bytes;
use samewire_protocol::rooms::RoomName;
use samewire_protocol::rooms::methods::{
    History, HistoryParams, PresenceParams, Publish, PublishParams, Published, Send, SendParams, State, StateParams, WhoIsThere,
};
use samewire_protocol::{CallId, Code, Failure, Method};
use samewire_server::rooms::core::{Author, Change, Message, Publication};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::{Made, Rooms, millis};
use crate::net::Net;
use crate::server::{Held, Server};

impl Server {
    /// Answers a call about a room. False when it is about something else.
    pub(in crate::server) fn room_call(
        &mut self,
        net: &Net,
        held: &mut Held,
        (id, method, params, attachment): (CallId, &str, &str, Option<Bytes>),
    ) -> bool {
        let now = millis(net.now);
        let mut bytes = Bytes::new();
        let answer = match method {
            Publish::NAME => read(params).and_then(|params: PublishParams| {
                let PublishParams { room, name, payload, patch, state, key, expected } = params;
                let (member, core) = self.seated(held, &room)?;
                let change = patch.map(Change::Patch).or(state.map(Change::State));
                let message = Message { name, payload, attachment };
                let publication = Publication { message, change, key, expected };
                let published = core.publish(now, Author::Member(member), publication.clone());
                let allowed = self.allowed(held, &room, |policy| &policy.publish);
                match &published {
                    Ok(_) if !allowed => self.faults.push(format!("{} published in {room}", held.owner)),
                    Ok(published) if !published.duplicate => self.rooms.note(room, *published, publication),
                    _ => {}
                }
                json(published)
            }),
            Send::NAME => read(params).and_then(|params: SendParams| {
                let SendParams { room, to, name, payload } = params;
                let (member, core) = self.seated(held, &room)?;
                json(core.send(now, Author::Member(member), &to, Message { name, payload, attachment }))
            }),
            History::NAME => read(params).and_then(|params: HistoryParams| {
                let (member, core) = self.seated(held, &params.room)?;
                let (page, attachments) = core.history(now, member, &params)?;
                bytes = attachments;
                json(Ok(page))
            }),
            WhoIsThere::NAME => read(params).and_then(|params: PresenceParams| {
                let (member, core) = self.seated(held, &params.room)?;
                json(core.presence(member, params.after.as_deref(), params.limit))
            }),
            State::NAME => read(params).and_then(|params: StateParams| {
                let (member, core) = self.seated(held, &params.room)?;
                json(core.state(member))
            }),
            _ => return false,
        };
        match answer {
            Ok(page) if !bytes.is_empty() => drop(held.machine.answer_with(net.now, id, &page, &bytes)),
            answer => drop(held.machine.answer(net.now, id, answer)),
        }
        true
    }
}

impl Rooms {
    /// Writes down an event that was made.
    pub(crate) fn note(&mut self, room: RoomName, published: Published, publication: Publication) {
        let Published { epoch, offset, .. } = published;
        let Publication { message: Message { name, payload, .. }, change, .. } = publication;
        let payload = payload.map_or(Value::Null, |payload| serde_json::from_str(payload.get()).expect("JSON"));
        self.log.push(Made { room, epoch, offset, name: name.to_string(), payload, change });
    }
}

fn read<T: DeserializeOwned>(params: &str) -> Result<T, Failure> {
    serde_json::from_str(params).map_err(|error| Failure::new(Code::BadParams, error.to_string()))
}

fn json<T: Serialize>(answer: Result<T, Failure>) -> Result<Box<RawValue>, Failure> {
    answer.map(|answer| to_raw_value(&answer).expect("an answer is JSON"))
}
