//! The server's side of rooms, as far as a session has one: what a client says is checked here and handed on; what a room says is
//! written by whoever holds it. Which rooms a session is in is not known here.

use bytes::Bytes;
use serde_json::value::RawValue;

use super::{Casting, Event, Joining, Output, Session};
use crate::code::Code;
use crate::failure::Failure;
use crate::limits::{MAX_INFO, MAX_KEY, MAX_ROOM_KIND, MAX_ROOM_REST, MAX_TOKEN};
use crate::rooms::{Epoch, EventName, RoomName, RoomNameError};
use crate::time::Instant;
use crate::wire::{Cast, Frame, Join, ServerFrame, Text, Writer};

impl Session {
    /// Says something that the session itself does not know of: a frame of a room. Nothing when no socket is attached.
    pub fn tell(&mut self, now: Instant, text: Text) {
        self.tell_frame(now, text.into());
    }

    /// The same, of a frame with an attachment.
    pub fn tell_binary(&mut self, now: Instant, frame: Bytes) {
        self.tell_frame(now, Frame::Binary(frame));
    }

    fn tell_frame(&mut self, now: Instant, frame: Frame) {
        self.now = now;
        if self.attached.is_some() {
            self.control.push_back(frame);
        }
    }

    /// Tells the client of an error that belongs to no call and no stream: one of a room, or a token that is not taken.
    pub fn trouble(&mut self, now: Instant, error: Failure, room: Option<&RoomName>) {
        self.tell(now, ServerFrame::Error { error, room: room.map(|room| room.as_str().into()) }.encode());
    }

    /// The client's token is taken; it expires in so many milliseconds, if it does.
    pub fn token_taken(&mut self, now: Instant, expires: Option<u64>) {
        self.tell(now, ServerFrame::Token { expires }.encode());
    }

    /// Whether anything waits to be said before what rooms say.
    #[must_use]
    pub fn has_text(&self) -> bool {
        self.attached.is_some() && !self.control.is_empty()
    }

    pub(super) fn join(&mut self, join: &Join<'_>) {
        match joining(join) {
            Ok(joining) => self.happened(Event::Join(joining)),
            Err(failure) => {
                let left = Writer::about("left", shown(&join.room)).failure(&failure).end();
                self.control.push_back(left.into());
            }
        }
    }

    pub(super) fn leave(&mut self, room: &str) {
        match room.parse() {
            Ok(room) => self.happened(Event::Leave { room }),
            Err(RoomNameError) => self.control.push_back(Writer::about("left", shown(room)).end().into()),
        }
    }

    pub(super) fn cast(&mut self, cast: &Cast<'_>, attachment: Option<Bytes>) {
        match casting(cast, attachment) {
            Ok(casting) => self.happened(Event::Cast(casting)),
            Err(error) => self.say(ServerFrame::Error { error, room: Some(shown(&cast.room).into()) }),
        }
    }

    pub(super) fn token(&mut self, token: &str) {
        if token.len() > MAX_TOKEN {
            let error = Failure::new(Code::TooBig, "the token is longer than the protocol allows");
            return self.say(ServerFrame::Error { error, room: None });
        }
        self.happened(Event::Token { token: token.into() });
    }

    fn happened(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }
}

fn joining(join: &Join<'_>) -> Result<Joining, Failure> {
    let room = join.room.parse::<RoomName>()?;
    if join.info.is_some_and(|info| info.get().len() > MAX_INFO) {
        return Err(Failure::new(Code::TooBig, format!("the info of a member may have at most {MAX_INFO} bytes")));
    }
    // An epoch that is not of this server's form is one that it does not know.
    let epoch = join.epoch.as_deref().and_then(|epoch| epoch.parse::<Epoch>().ok());
    Ok(Joining {
        room,
        from: epoch.zip(join.offset),
        signals: join.signals,
        presence: join.presence,
        info: join.info.map(RawValue::to_owned),
    })
}

fn casting(cast: &Cast<'_>, attachment: Option<Bytes>) -> Result<Casting, Failure> {
    let (room, name) = (cast.room.parse::<RoomName>()?, cast.name.parse::<EventName>()?);
    if cast.key.as_ref().is_some_and(|key| key.len() > MAX_KEY) {
        return Err(Failure::new(Code::BadParams, format!("a key may have at most {MAX_KEY} bytes")));
    }
    if cast.payload.is_some() && attachment.is_some() {
        return Err(Failure::new(Code::BadParams, "an event says either a payload or an attachment, not both"));
    }
    let (payload, key) = (cast.payload.map(RawValue::to_owned), cast.key.as_deref().map(Into::into));
    Ok(Casting { room, name, payload, attachment, key })
}

/// What a client takes for a room's name, no longer than one can be.
fn shown(room: &str) -> &str {
    let most = MAX_ROOM_KIND + 1 + MAX_ROOM_REST;
    if room.len() <= most { room } else { room.get(..room.floor_char_boundary(most)).unwrap_or_default() }
}
