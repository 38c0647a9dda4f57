//! One connection, which is a member of the room of its view.

use std::time::{Duration, Instant};

use samewire_protocol::rooms::methods::{PublishParams, StateNow, StateParams};
use samewire_protocol::rooms::{Joined, Member, RoomEvent, RoomName, Skipped};
use samewire_protocol::session::{Event, JoinRequest, RoomNews, RoomNewsKind};
use samewire_protocol::wire::Cast;
use samewire_protocol::{CallId, Code, Failure};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::news::News;
use super::own::Own;
use super::stray;
use super::tell::{Presence, read, say, tell_presence, tell_state, unreadable};
use super::truth::Truth;
use super::wire::{REQUEST_SYNC, SYNC_RESPONSE, Said, Told, VIEW_UPDATE};
use crate::dialects::socket::{Desk, Dialect, Word, plain};
use crate::portal::no_room;
use crate::store::now_ms;

#[derive(Default)]
pub(super) struct PortalView {
    /// The view, as the client has it in its address.
    id: String,
    room: Option<RoomName>,
    presence: bool,
    /// It is a client of Socket.IO.
    is_stray: bool,
    /// What it is in the room, once it is in.
    member: Option<(Member, String)>,
    has_spoken: bool,
    /// The newest event of the room that the client knows of.
    newest: u64,
    /// A change of the client's that is being stored. What it says next waits, so that all it says stays in order.
    change: Option<Change>,
    truth: Truth,
    own: Own,
}

/// A change on its way.
struct Change {
    params: Box<RawValue>,
    stands: Stands,
}

enum Stands {
    Asked(CallId),
    /// The client changes more in a second than it may. It is asked again then, and the network holds the client back.
    Waits(Instant),
}

impl PortalView {
    pub(super) fn new(id: String, presence: bool) -> Self {
        Self { room: format!("portal:{id}").parse().ok(), id, presence, ..Self::default() }
    }

    /// Who came to the wrong address.
    pub(super) fn stray() -> Self {
        Self { is_stray: true, ..Self::default() }
    }

    fn publish(
        &mut self,
        name: &str,
        payload: &impl Serialize,
        patch: &impl Serialize,
        desk: &mut Desk,
    ) -> Result<(), Failure> {
        let (Some(room), Some(guest)) = (self.room.clone(), desk.guest()) else { return Ok(()) };
        let (payload, patch) = (to_raw_value(payload).ok(), to_raw_value(patch).ok());
        let name = name.parse().map_err(|_| unreadable())?;
        let params = PublishParams { room, name, payload, patch, state: None, key: None, expected: None };
        let params = to_raw_value(&params).map_err(|_| unreadable())?;
        let stands = Stands::Asked(guest.call(PUBLISH, &params));
        self.change = Some(Change { params, stands });
        self.own.made();
        Ok(())
    }

    fn cast(&mut self, name: &'static str, payload: Option<&RawValue>, desk: &mut Desk) -> Result<(), Failure> {
        let (Some(room), Some(guest)) = (&self.room, desk.guest()) else { return Ok(()) };
        let (client, now) = guest.client();
        let cast = Cast { room: room.as_str().into(), name: name.into(), payload, key: None };
        if let Err(failure) = client.cast(now, cast, None) {
            return say(&Told::error(&failure), desk);
        }
        // Its controllers are asked, who may know more; but there may be none, or one that has no need for such questions.
        if name == REQUEST_SYNC && self.member.as_ref().is_some_and(|(_, role)| role == VIEWER) {
            self.truth.want(SYNC_RESPONSE);
            self.ask(desk);
        }
        Ok(())
    }

    /// Asks for the state, where it is wanted.
    fn ask(&mut self, desk: &mut Desk) {
        let (Some(room), Some(guest)) = (self.room.clone(), desk.guest()) else { return };
        if let Some(message) = self.truth.take(Instant::now()) {
            self.truth.asked(guest.call("rooms/state", &StateParams { room }), message);
        }
    }

    fn answered(&mut self, id: CallId, result: Result<Box<RawValue>, Failure>, desk: &mut Desk) -> Result<(), Failure> {
        let Some(message) = self.truth.answered(id) else { return Ok(()) };
        let answer = match result {
            Ok(answer) => answer,
            Err(failure) => return say(&Told::error(&failure), desk),
        };
        let now: StateNow = read(answer.get())?;
        if now.offset < self.newest {
            self.truth.want(message);
            return Ok(());
        }
        tell_state(message, &now.state, desk)
    }

    /// A change is stored, or came to nothing. The client shows it already, so it is told how the view is.
    fn settled(&mut self, change: Change, failure: Option<Failure>, desk: &mut Desk) -> Result<(), Failure> {
        let Some(failure) = failure else { return Ok(()) };
        if failure.code == Code::RateLimited {
            self.change = Some(Change { stands: Stands::Waits(Instant::now() + AGAIN), ..change });
            return Ok(());
        }
        self.own.refused();
        if failure.code != Code::Forbidden {
            self.truth.want(VIEW_UPDATE);
            self.ask(desk);
        }
        say(&Told::error(&failure), desk)
    }

    fn heard_of(&mut self, news: &RoomNews, desk: &mut Desk) -> Result<(), Failure> {
        match news.kind {
            RoomNewsKind::Joined => self.joined(&read(&news.text)?, desk),
            RoomNewsKind::Skipped => {
                let skipped: Skipped<'_> = read(&news.text)?;
                self.own.clear();
                self.newest = skipped.offset;
                skipped.state.map_or(Ok(()), |state| tell_state(VIEW_UPDATE, state, desk))
            }
            RoomNewsKind::Presence => tell_presence(&read::<Presence<'_>>(&news.text)?, desk),
            RoomNewsKind::Event | RoomNewsKind::Signal => self.happened(read(&news.text)?, desk),
        }
    }

    fn joined(&mut self, joined: &Joined<'_>, desk: &mut Desk) -> Result<(), Failure> {
        let role = joined.role.as_str();
        let before = self.member.replace((joined.member, role.to_owned()));
        let told = Told { role: Some(role), timestamp: Some(now_ms()), ..Told::of("connected") };
        match before {
            None => say(&Told { portal_view_id: Some(&self.id), ..told }, desk)?,
            Some((_, before)) if before != role => say(&Told { kind: "role-changed", ..told }, desk)?,
            Some(_) => {}
        }
        if !joined.recovered {
            self.own.clear();
            self.newest = joined.offset;
            if let Some(state) = joined.state {
                tell_state(VIEW_UPDATE, state, desk)?;
            }
        }
        joined.presence.as_ref().map_or(Ok(()), |presence| tell_presence(presence, desk))
    }

    fn happened(&mut self, event: RoomEvent, desk: &mut Desk) -> Result<(), Failure> {
        let is_own = event.from.is_some() && event.from == self.member.as_ref().map(|(member, _)| *member);
        if let Some(offset) = event.offset {
            self.newest = offset;
            if !is_own {
                self.own.other_came();
            } else if !self.own.came() {
                return Ok(());
            }
        }
        News::of(event).told().try_for_each(|told| say(&told, desk))
    }
}

impl Dialect for PortalView {
    const NAME: &'static str = "portal-views";

    fn hear(&mut self, word: Word, desk: &mut Desk) -> Result<(), Failure> {
        let Word::Text(text) = word else {
            return Err(Failure::new(
                Code::WrongProtocol,
                "a portal view speaks JSON in text frames, and takes no binary ones",
            ));
        };
        if !std::mem::replace(&mut self.has_spoken, true) && stray::says(&text) {
            self.is_stray = true;
            return Err(stray::told());
        }
        match Said::read(&text) {
            Ok(Said::Ping) => say(&Told { timestamp: Some(now_ms()), ..Told::of("pong") }, desk),
            Ok(Said::Change { name, payload, patch }) => self.publish(name, &payload, &patch, desk),
            Ok(Said::Cast { name, payload }) => self.cast(name, payload, desk),
            Err(failure) => say(&Told::error(&failure), desk),
        }
    }

    fn entered(&mut self, outcome: Result<(), Failure>, desk: &mut Desk) -> Result<(), Failure> {
        outcome?;
        let room = self.room.clone().ok_or_else(no_room)?;
        if let Some(guest) = desk.guest() {
            let (client, now) = guest.client();
            client.join(now, JoinRequest { room, presence: self.presence, info: None });
        }
        Ok(())
    }

    fn told(&mut self, event: Event, desk: &mut Desk) -> Result<(), Failure> {
        match event {
            Event::CallSettled { id, result, .. } => {
                match self.change.take_if(|change| matches!(change.stands, Stands::Asked(call) if call == id)) {
                    Some(change) => self.settled(change, result.err(), desk),
                    None => self.answered(id, result, desk),
                }
            }
            Event::Room(news) => self.heard_of(&news, desk),
            Event::RoomError { failure, .. } => say(&Told::error(&failure), desk),
            Event::RoomLeft { failure: Some(failure), .. } => Err(failure),
            _ => Ok(()),
        }
    }

    fn due(&self) -> Option<Instant> {
        let again = match &self.change {
            Some(Change { stands: Stands::Waits(at), .. }) => Some(*at),
            _ => None,
        };
        [again, self.truth.due()].into_iter().flatten().min()
    }

    fn remember(&mut self, desk: &mut Desk) -> Result<(), Failure> {
        self.ask(desk);
        if let (Some(Change { params, stands }), Some(guest)) = (&mut self.change, desk.guest())
            && matches!(stands, Stands::Waits(at) if *at <= Instant::now())
        {
            *stands = Stands::Asked(guest.call(PUBLISH, params));
        }
        Ok(())
    }

    fn listens(&self) -> bool {
        self.member.is_some() && self.change.is_none()
    }

    fn part(&mut self, failure: &Failure, desk: &mut Desk) -> u16 {
        if self.is_stray {
            stray::told_in_packets().into_iter().for_each(|packet| desk.say(packet));
        } else {
            let _ = say(&Told::error(failure), desk);
        }
        plain(failure)
    }
}

const PUBLISH: &str = "rooms/publish";
/// Who changes more than it may is asked again so soon.
const AGAIN: Duration = Duration::from_millis(50);
const VIEWER: &str = "viewer";
