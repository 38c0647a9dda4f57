//! The client's rooms: memberships that outlive links, and events in order, each once.
//!
//! A join is said when the session is live, and again on every new link, with how far this client has come. From then on the
//! machine lets numbered events pass in order only: one that it has is dropped, and where one is missing, it joins again from
//! where it is.

use std::collections::VecDeque;

use bytes::Bytes;
use serde_json::value::RawValue;

use super::state::State;
use super::{Event, RoomNews, RoomNewsKind, Session};
use crate::code::Code;
use crate::failure::Failure;
use crate::limits::MAX_INFO;
use crate::rooms::RoomName;
use crate::time::Instant;
use crate::wire::{Cast, ClientFrame, Continuity, Frame, Join, RoomText, RoomWord};

/// A room to be in.
#[derive(Clone, Debug)]
pub struct JoinRequest {
    /// The room.
    pub room: RoomName,
    /// Whether to hear who is there.
    pub presence: bool,
    /// What the others are shown of this client: at most [`MAX_INFO`](crate::limits::MAX_INFO) bytes.
    pub info: Option<Box<RawValue>>,
}

#[derive(Debug, Default)]
pub(super) struct Rooms(Vec<Membership>);

#[derive(Debug)]
struct Membership {
    request: JoinRequest,
    /// False once the app has left: kept until the server says that it knows.
    wanted: bool,
    stand: Stand,
    /// How many times `leave` was said on this link and not answered. What comes before the answer is of the membership before.
    leaves: u32,
    /// The room's epoch, and the last event that this client has.
    place: Option<(Box<str>, u64)>,
    member: u64,
    /// The last signal that this client has.
    signals: u64,
    /// Whether it has come further since it last healed.
    moved: bool,
}

/// Where a membership stands on the present link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stand {
    /// The server was not asked.
    Out,
    /// The server was asked.
    Asked,
    /// The room is heard.
    In,
    /// The room is heard, but an event is missing, and the server was asked to begin there.
    Healing,
}

impl Session {
    /// Wants to be in a room: now if the session is live, and again on each new link until [`Session::leave`]. Connects where nobody
    /// asked for a connection yet. Of a room that it wanted before, tells the server what has changed in the request.
    pub fn join(&mut self, now: Instant, request: JoinRequest) {
        self.now = now;
        let room = request.room.clone();
        if request.info.as_ref().is_some_and(|info| info.get().len() > MAX_INFO) {
            let failure = Some(Failure::new(Code::TooBig, "the info of a member may have at most 1024 bytes"));
            return self.event(Event::RoomLeft { room, failure });
        }
        if self.rooms.find(room.as_str()).is_some_and(|membership| membership.is_as(&request)) {
            return;
        }
        let membership = self.rooms.want(request);
        if matches!(self.state, State::Live(_)) {
            membership.ask(&mut self.control);
        }
        self.wake(now);
        if let State::Closed { why } = &self.state {
            let failure = Some(why.clone());
            self.rooms.remove(&room);
            self.event(Event::RoomLeft { room, failure });
        }
    }

    /// Leaves a room. [`Event::RoomLeft`] follows at once, and the server is told when it can be.
    pub fn leave(&mut self, now: Instant, room: &str) {
        self.now = now;
        let live = matches!(self.state, State::Live(_));
        let Some(membership) = self.rooms.find(room).filter(|membership| membership.wanted) else { return };
        let room = membership.request.room.clone();
        membership.wanted = false;
        if live {
            membership.say_leave(&mut self.control);
        } else if membership.place.is_none() {
            // The server never said that it took this client in; if it did, it lets go of a member whose link is lost.
            self.rooms.remove(&room);
        }
        self.event(Event::RoomLeft { room, failure: None });
    }

    /// Says something ephemeral to those who are in a room now. False when this client does not hear the room at present: then it is
    /// dropped, for what is said late may be wrong. Fails when it is larger than the server takes.
    pub fn cast(&mut self, now: Instant, cast: Cast<'_>, attachment: Option<&[u8]>) -> Result<bool, Failure> {
        self.now = now;
        if !self.rooms.find(&cast.room).is_some_and(|membership| membership.hears()) {
            return Ok(false);
        }
        let frame = Frame::new(ClientFrame::Cast(cast).encode(), attachment);
        self.fits(&frame, "event")?;
        self.control.push_back(frame);
        Ok(true)
    }

    pub(super) fn room_frame(&mut self, frame: RoomText<'_>, attachment: Option<Bytes>) {
        let Some(membership) = self.rooms.find(&frame.room) else { return };
        let room = membership.request.room.clone();
        if membership.leaves > 0 {
            if let RoomWord::Left { error: None } = frame.word {
                membership.leaves -= 1;
                if membership.leaves == 0 && !membership.wanted {
                    self.rooms.remove(&room);
                }
            }
            return;
        }
        let kind = match frame.word {
            RoomWord::Joined { member, epoch, offset, recovered } => {
                if !membership.joined(member, &epoch, offset, recovered) {
                    return;
                }
                RoomNewsKind::Joined
            }
            RoomWord::Left { error: failure } => {
                self.rooms.remove(&room);
                return self.event(Event::RoomLeft { room, failure });
            }
            _ if !membership.hears() => return,
            RoomWord::Events(events) => {
                for (offset, text) in events {
                    self.room_event(&room, offset, text, None);
                }
                return;
            }
            RoomWord::Event { offset } => return self.room_event(&room, offset, frame.text, attachment),
            RoomWord::Skipped { offset } if membership.skipped(offset) => RoomNewsKind::Skipped,
            RoomWord::Presence => RoomNewsKind::Presence,
            RoomWord::Signal { seq } if seq > membership.signals => {
                membership.signals = seq;
                RoomNewsKind::Signal
            }
            RoomWord::Skipped { .. } | RoomWord::Signal { .. } => return,
        };
        self.event(Event::Room(RoomNews { room, kind, text: frame.text.into(), attachment }));
    }

    fn room_event(&mut self, room: &RoomName, offset: Option<u64>, text: &str, attachment: Option<Bytes>) {
        let Some(membership) = self.rooms.find(room.as_str()) else { return };
        if membership.takes(offset, &mut self.control) {
            let news = RoomNews { room: room.clone(), kind: RoomNewsKind::Event, text: text.into(), attachment };
            self.event(Event::Room(news));
        }
    }

    pub(super) fn room_error(&mut self, room: &str, failure: Failure) {
        if let Some(membership) = self.rooms.find(room) {
            let room = membership.request.room.clone();
            self.event(Event::RoomError { room, failure });
        }
    }
}

impl Rooms {
    fn find(&mut self, room: &str) -> Option<&mut Membership> {
        self.0.iter_mut().find(|membership| membership.request.room.as_str() == room)
    }

    fn remove(&mut self, room: &RoomName) {
        self.0.retain(|membership| membership.request.room != *room);
    }

    fn want(&mut self, request: JoinRequest) -> &mut Membership {
        let at = self.0.iter().position(|membership| membership.request.room == request.room);
        let at = at.unwrap_or(self.0.len());
        if let Some(known) = self.0.get_mut(at) {
            known.request = request;
            if !known.wanted {
                known.wanted = true;
                known.place = None;
                known.signals = 0;
            }
        } else {
            self.0.push(Membership {
                request,
                wanted: true,
                stand: Stand::Out,
                leaves: 0,
                place: None,
                member: 0,
                signals: 0,
                moved: false,
            });
        }
        &mut self.0[at]
    }

    /// How many the app wants to be in, and how many it has left without the server's knowing.
    pub(super) fn counts(&self) -> (usize, usize) {
        let wanted = self.0.iter().filter(|membership| membership.wanted).count();
        (wanted, self.0.len() - wanted)
    }

    /// A new link is live.
    pub(super) fn resume(&mut self, continuity: Continuity, control: &mut VecDeque<Frame>) {
        // Another session is in no room.
        self.0.retain(|membership| membership.wanted || continuity == Continuity::Kept);
        for membership in &mut self.0 {
            if membership.wanted {
                membership.ask(control);
            } else {
                membership.say_leave(control);
            }
        }
    }

    pub(super) fn suspend(&mut self) {
        for membership in &mut self.0 {
            membership.stand = Stand::Out;
            membership.leaves = 0;
        }
    }

    /// The session is over: the rooms that the app wanted to be in.
    pub(super) fn drain(&mut self) -> Vec<RoomName> {
        let wanted = |membership: Membership| membership.wanted.then_some(membership.request.room);
        std::mem::take(&mut self.0).into_iter().filter_map(wanted).collect()
    }
}

impl Membership {
    fn is_as(&self, request: &JoinRequest) -> bool {
        let (before, now) = (self.request.info.as_deref(), request.info.as_deref());
        self.wanted && self.request.presence == request.presence && before.map(RawValue::get) == now.map(RawValue::get)
    }

    fn hears(&self) -> bool {
        matches!(self.stand, Stand::In | Stand::Healing)
    }

    fn ask(&mut self, control: &mut VecDeque<Frame>) {
        self.stand = if self.hears() { Stand::Healing } else { Stand::Asked };
        let place = self.place.as_ref();
        let join = Join {
            room: self.request.room.as_str().into(),
            epoch: place.map(|(epoch, _)| epoch.as_ref().into()),
            offset: place.map(|(_, offset)| *offset),
            // Of none it says so too: the server may have given some to a link that lost them.
            signals: place.map(|_| self.signals),
            presence: self.request.presence,
            info: self.request.info.as_deref(),
        };
        control.push_back(ClientFrame::Join(join).encode().into());
    }

    fn say_leave(&mut self, control: &mut VecDeque<Frame>) {
        self.stand = Stand::Out;
        self.leaves += 1;
        control.push_back(ClientFrame::Leave { room: self.request.room.as_str().into() }.encode().into());
    }

    /// The server says where this client stands. False when it was not asked on this link.
    fn joined(&mut self, member: u64, epoch: &str, offset: u64, recovered: bool) -> bool {
        if self.stand == Stand::Out {
            return false;
        }
        let known = self.place.as_ref().is_some_and(|(known, _)| **known == *epoch);
        if !known || member != self.member {
            // Signals are counted in a membership.
            self.signals = 0;
        }
        if !known || !recovered {
            self.place = Some((epoch.into(), offset));
        }
        self.member = member;
        self.moved = self.stand != Stand::Healing;
        self.stand = Stand::In;
        true
    }

    /// Whether an event is the next one, or ephemeral. Where one before it is missing, the server is asked to begin there.
    fn takes(&mut self, offset: Option<u64>, control: &mut VecDeque<Frame>) -> bool {
        let Some(offset) = offset else { return true };
        let Some((_, last)) = &mut self.place else { return false };
        if offset == *last + 1 {
            *last = offset;
            self.moved = true;
            return true;
        }
        if offset > *last && self.stand == Stand::In {
            if !self.moved {
                // It was asked to, and did not: it is to begin anew.
                self.place = None;
            }
            self.ask(control);
        }
        false
    }

    /// The events up to this one are left out. False when this client has them.
    fn skipped(&mut self, offset: u64) -> bool {
        match &mut self.place {
            Some((_, last)) if offset > *last => {
                *last = offset;
                self.moved = true;
                true
            }
            _ => false,
        }
    }
}
