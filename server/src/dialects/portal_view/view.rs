//! One connection, which is a member of the room of its view.

use std::time::Instant;

use samewire_protocol::rooms::methods::{PublishParams, Published, StateNow, StateParams};
use samewire_protocol::rooms::{Joined, Member, RoomEvent, RoomName, Skipped};
use samewire_protocol::session::{Event, JoinRequest, RoomNews, RoomNewsKind};
use samewire_protocol::wire::Cast;
use samewire_protocol::{CallId, Code, Failure};
use serde_json::value::{RawValue, to_raw_value};

use super::backlog::Waiting;
use super::change::Change;
use super::changes::Changes;
use super::news::News;
use super::stray;
use super::tell::{Presence, read, say, tell_presence, tell_state};
use super::truth::Truth;
use super::wire::{REQUEST_SYNC, SYNC_RESPONSE, Said, Told, VIEW_UPDATE};
use crate::dialects::socket::{Desk, Dialect, Word, plain, unreadable};
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
    changes: Changes,
    truth: Truth,
}

impl PortalView {
    pub(super) fn new(id: String, presence: bool) -> Self {
        Self { room: format!("portal:{id}").parse().ok(), id, presence, ..Self::default() }
    }

    /// Who came to the wrong address.
    pub(super) fn stray() -> Self {
        Self { is_stray: true, ..Self::default() }
    }

    fn change(&mut self, change: Change, bytes: usize, desk: &mut Desk) -> Result<(), Failure> {
        match self.changes.put(Waiting::new(change, bytes)) {
            Ok(next) => self.publish(next, desk),
            Err(failure) => {
                self.truth.want(VIEW_UPDATE);
                say(&Told::error(&failure), desk)
            }
        }
    }

    fn publish(&mut self, next: Option<Waiting>, desk: &mut Desk) -> Result<(), Failure> {
        let (Some(next), Some(room), Some(guest)) = (next, self.room.clone(), desk.guest()) else { return Ok(()) };
        let change = &next.change;
        let name = change.name().parse().map_err(|_| unreadable())?;
        let (payload, patch) = (to_raw_value(change.payload()).ok(), to_raw_value(&change.patch()).ok());
        let params = PublishParams { room, name, payload, patch, state: None, key: None, expected: None };
        self.changes.asked(guest.call("rooms/publish", &params), next);
        Ok(())
    }

    fn cast(&mut self, name: &'static str, payload: Option<&RawValue>, desk: &mut Desk) -> Result<(), Failure> {
        if self.changes.wait() {
            let told = format!("changes of yours wait to be stored; `{name}` does not wait, so say it later");
            return say(&Told::error(&Failure::new(Code::RateLimited, told)), desk);
        }
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

    fn ping(&mut self, desk: &mut Desk) -> Result<(), Failure> {
        match self.changes.ping() {
            Ok(true) => Ok(()),
            Ok(false) => pong(desk),
            Err(failure) => say(&Told::error(&failure), desk),
        }
    }

    /// When the state can be asked for. Before what waits is stored, the client would be told of an older one than it shows.
    fn truth_due(&self) -> Option<Instant> {
        if self.changes.wait() { None } else { self.truth.due() }
    }

    /// Asks for the state, where it is wanted.
    fn ask(&mut self, desk: &mut Desk) {
        if self.truth_due().is_none() {
            return;
        }
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
        if !self.changes.told_state(now.offset) {
            self.truth.want(message);
            return Ok(());
        }
        tell_state(message, &now.state, desk)
    }

    /// A change is stored, or came to nothing. The client shows it already, so it is told how the view is.
    fn settled(&mut self, change: Waiting, result: Result<Box<RawValue>, Failure>, desk: &mut Desk) -> Result<(), Failure> {
        let pings = change.pings;
        match result {
            Ok(answer) => self.changes.stored(read::<Published>(answer.get())?.offset),
            Err(failure) if failure.code == Code::RateLimited => {
                self.changes.too_early(change);
                return Ok(());
            }
            Err(failure) => {
                self.changes.refused();
                if failure.code != Code::Forbidden {
                    self.truth.want(VIEW_UPDATE);
                }
                say(&Told::error(&failure), desk)?;
            }
        }
        (0..pings).try_for_each(|_| pong(desk))?;
        self.ask(desk);
        let next = self.changes.take_next();
        self.publish(next, desk)
    }

    fn heard_of(&mut self, news: &RoomNews, desk: &mut Desk) -> Result<(), Failure> {
        match news.kind {
            RoomNewsKind::Joined => self.joined(&read(&news.text)?, desk),
            RoomNewsKind::Skipped => {
                let skipped: Skipped<'_> = read(&news.text)?;
                self.changes.begin_anew(skipped.offset);
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
            self.changes.begin_anew(joined.offset);
            if let Some(state) = joined.state {
                tell_state(VIEW_UPDATE, state, desk)?;
            }
        }
        joined.presence.as_ref().map_or(Ok(()), |presence| tell_presence(presence, desk))
    }

    fn happened(&mut self, event: RoomEvent, desk: &mut Desk) -> Result<(), Failure> {
        let is_own = event.from.is_some() && event.from == self.member.as_ref().map(|(member, _)| *member);
        if event.offset.is_some_and(|offset| !self.changes.came(offset, is_own)) {
            return Ok(());
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
            Ok(Said::Ping) => self.ping(desk),
            Ok(Said::Change(change)) => self.change(change, text.len(), desk),
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
            Event::CallSettled { id, result, .. } => match self.changes.answered(id) {
                Some(change) => self.settled(change, result, desk),
                None => self.answered(id, result, desk),
            },
            Event::Room(news) => self.heard_of(&news, desk),
            Event::RoomError { failure, .. } => say(&Told::error(&failure), desk),
            Event::RoomLeft { failure: Some(failure), .. } => Err(failure),
            _ => Ok(()),
        }
    }

    fn rest(&mut self, _: &mut Desk) -> bool {
        self.changes.rest();
        false
    }

    fn due(&self) -> Option<Instant> {
        [self.changes.due(), self.truth_due()].into_iter().flatten().min()
    }

    fn remember(&mut self, desk: &mut Desk) -> Result<(), Failure> {
        self.ask(desk);
        let next = self.changes.take_due(Instant::now());
        self.publish(next, desk)
    }

    /// What is said while changes wait becomes a part of them, so that none is stored long after it was said, and it is noticed when
    /// the client goes.
    fn listens(&self) -> bool {
        self.member.is_some() && self.changes.is_ready()
    }

    fn lingers(&mut self) -> bool {
        self.changes.linger()
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

fn pong(desk: &mut Desk) -> Result<(), Failure> {
    say(&Told { timestamp: Some(now_ms()), ..Told::of("pong") }, desk)
}

const VIEWER: &str = "viewer";
