//! Rooms of the model: the server's own pure rooms, and the little that they leave to whoever drives them. Grants are a table.

mod calls;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use samewire_protocol::accept::{Casting, Joining};
use samewire_protocol::rooms::{Epoch, Member, Role, RoomFrame, RoomName};
use samewire_protocol::{Code, Failure, Instant};
use samewire_server::auth::Identity;
use samewire_server::rooms::KindPolicy;
use samewire_server::rooms::core::{Author, Budget, Change, Core, Joiner, Message, Pulled, Reader, Tally};
use samewire_server::rooms::policy::Roles;
use serde_json::Value;

use super::{Held, Owner, Server};
use crate::net::{Frame, Net, Side};

/// So many bytes may wait in a socket before rooms say no more.
const AHEAD: u64 = 64 * 1024;

/// The rooms of a server.
#[derive(Debug, Default)]
pub struct Rooms {
    /// The kinds, which anybody may join whose role is not told in `roles`.
    pub kinds: BTreeMap<String, Arc<KindPolicy>>,
    /// What somebody is in a room; nothing: may not be in it.
    pub roles: BTreeMap<(Owner, RoomName), Option<Role>>,
    /// The rooms that there are.
    pub cores: BTreeMap<RoomName, Core>,
    /// How often a reader was too slow.
    pub slow: u64,
    /// Every event that was made, in order, as the model has it: from what was asked for and answered, not from what rooms say.
    pub log: Vec<Made>,
}

/// An event that was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// The room.
    pub room: RoomName,
    /// The epoch in which it is numbered.
    pub epoch: Epoch,
    /// Its number.
    pub offset: u64,
    /// Its name.
    pub name: String,
    /// What it says.
    pub payload: Value,
    /// How it changes the state.
    pub change: Option<Change>,
}

/// A session's place in a room.
#[derive(Debug)]
pub(crate) struct Seat {
    /// Tells the room from another of its name, made anew when nobody was left in this one.
    epoch: Epoch,
    member: Member,
    presence: bool,
    /// None while the link is lost, until the client joins again.
    reader: Option<Reader>,
}

/// The wall clock of the model.
pub(crate) fn millis(now: Instant) -> u64 {
    now.as_micros() / 1_000
}

impl Server {
    /// Makes a kind of rooms.
    pub fn kind(&mut self, kind: &str, policy: KindPolicy) {
        self.rooms.kinds.insert(kind.to_owned(), Arc::new(policy));
    }

    /// Changes a room as the server itself does, and tells whom it concerns.
    pub fn in_room<T>(&mut self, net: &mut Net, room: &str, change: impl FnOnce(&mut Core, u64) -> T) -> T {
        let room: RoomName = room.parse().expect("a room's name");
        let result = change(self.core(net.now, &room).expect("a kind of rooms"), millis(net.now));
        self.spread(net);
        result
    }

    /// Somebody is something else in a room from now on: his members are told, or have to go.
    pub fn set_role(&mut self, net: &mut Net, owner: &str, room: &str, role: Option<&str>) {
        let room: RoomName = room.parse().expect("a room's name");
        let role: Option<Role> = role.map(|role| role.parse().expect("a role"));
        self.rooms.roles.insert((owner.to_owned(), room.clone()), role.clone());
        let now = millis(net.now);
        let Some(core) = self.rooms.cores.get_mut(&room) else { return };
        for held in self.sessions.values_mut().filter(|held| held.owner == owner) {
            let Some(seat) = held.seats.get_mut(&room).filter(|seat| seat.epoch == core.epoch()) else { continue };
            match &role {
                Some(role) => {
                    core.change_role(now, seat.member, role.clone());
                    seat.reader.iter_mut().for_each(|reader| core.tell_role(reader, seat.presence));
                }
                None => core.remove(now, seat.member, Failure::new(Code::Forbidden, "the grant has ended")),
            }
        }
        self.spread(net);
    }

    fn core(&mut self, now: Instant, room: &RoomName) -> Result<&mut Core, Failure> {
        let policy = self.rooms.kinds.get(room.kind());
        let policy = policy.ok_or_else(|| Failure::new(Code::RoomNotFound, "there are no rooms of this kind"))?;
        let epoch = Epoch::from_random(self.rng.bits());
        let make = || Core::new(room.clone(), epoch, policy.clone(), None, millis(now));
        Ok(self.rooms.cores.entry(room.clone()).or_insert_with(make))
    }

    pub(super) fn joining(&mut self, net: &Net, held: &mut Held, joining: Joining) {
        let room = joining.room.clone();
        if let Err(failure) = self.join(net.now, held, joining) {
            held.machine.tell(net.now, RoomFrame::Left(Some(&failure)).encode(&room));
        }
    }

    fn join(&mut self, now: Instant, held: &mut Held, joining: Joining) -> Result<(), Failure> {
        let Joining { room, from, signals, presence, info } = joining;
        let granted = self.rooms.roles.get(&(held.owner.clone(), room.clone())).cloned();
        let most = self.config.limits.max_rooms;
        let core = self.core(now, &room)?;
        let role = granted.unwrap_or_else(|| Some(core.policy().role.clone()));
        let role = role.ok_or_else(|| Failure::new(Code::Forbidden, "this room is not for you"))?;
        let identity = identity(held);
        let joiner = Joiner { session: None, identity, role, info, presence, from, signals };
        let known = held.seats.get(&room).filter(|seat| seat.epoch == core.epoch()).map(|seat| seat.member);
        let back = known.and_then(|member| core.rejoin(millis(now), member, joiner.clone()));
        let reader = match back {
            Some(reader) => reader,
            None if !held.seats.contains_key(&room) && held.seats.len() >= most => {
                return Err(Failure::new(Code::TooManyRooms, "leave another room first"));
            }
            None => core.join(millis(now), joiner)?,
        };
        let epoch = core.epoch();
        held.seats.insert(room, Seat { epoch, member: reader.member(), presence, reader: Some(reader) });
        Ok(())
    }

    pub(super) fn leaving(&mut self, net: &Net, held: &mut Held, room: &RoomName) {
        if let Some(seat) = held.seats.remove(room)
            && let Some(core) = self.rooms.of(room, &seat)
        {
            core.leave(millis(net.now), seat.member);
        }
        held.machine.tell(net.now, RoomFrame::Left(None).encode(room));
    }

    pub(super) fn casting(&mut self, net: &Net, held: &mut Held, casting: Casting) {
        let Casting { room, name, payload, attachment, key } = casting;
        let cast = self.seated(held, &room).and_then(|(member, core)| {
            core.cast(millis(net.now), Author::Member(member), Message { name, payload, attachment }, key)
        });
        if cast.is_ok() && !self.allowed(held, &room, |policy| &policy.cast) {
            self.faults.push(format!("{} cast in {room}", held.owner));
        }
        if let Err(failure) = cast {
            held.machine.trouble(net.now, failure, Some(&room));
        }
    }

    /// Whether somebody may do something in a room, by the table of the model and the policy of the kind.
    fn allowed(&self, held: &Held, room: &RoomName, what: impl Fn(&KindPolicy) -> &Roles) -> bool {
        let Some(policy) = self.rooms.kinds.get(room.kind()) else { return false };
        match self.rooms.roles.get(&(held.owner.clone(), room.clone())) {
            Some(role) => role.as_ref().is_some_and(|role| what(policy).has(role)),
            None => what(policy).has(&policy.role),
        }
    }

    fn seated(&mut self, held: &Held, room: &RoomName) -> Result<(Member, &mut Core), Failure> {
        let seat = held.seats.get(room).filter(|seat| seat.reader.is_some());
        let member = seat.map(|seat| seat.member).ok_or_else(|| Failure::new(Code::NotJoined, "join the room first"))?;
        let core = self.rooms.cores.get_mut(room).ok_or_else(|| Failure::new(Code::NotJoined, "join the room first"))?;
        Ok((member, core))
    }

    /// The link of a session is lost: its members linger.
    pub(super) fn unlinked(&mut self, now: Instant, held: &mut Held) {
        for (room, seat) in &mut held.seats {
            if seat.reader.take().is_some()
                && let Some(core) = self.rooms.of(room, seat)
            {
                core.away(millis(now), seat.member);
            }
        }
    }

    /// The session is over: its members are.
    pub(super) fn unseated(&mut self, now: Instant, held: &Held) {
        for (room, seat) in &held.seats {
            if let Some(core) = self.rooms.of(room, seat) {
                core.leave(millis(now), seat.member);
            }
        }
    }

    pub(super) fn rooms_due(&self) -> Option<Instant> {
        self.rooms.cores.values().filter_map(Core::due).min().map(|at| Instant::from_micros(at * 1_000))
    }

    pub(super) fn tick_rooms(&mut self, net: &mut Net) {
        let now = millis(net.now);
        for core in self.rooms.cores.values_mut().filter(|core| core.due().is_some_and(|at| at <= now)) {
            core.tick(now);
            if core.due().is_some_and(|at| at <= now) && !core.has_expired(now) {
                self.faults.push(format!("the room {} waits for what is past", core.name()));
            }
        }
        if self.rooms.cores.values().any(|core| core.has_expired(now)) {
            // Whoever was put out is told before the room goes, however much waits for its socket.
            let mut sessions = std::mem::take(&mut self.sessions);
            sessions.values_mut().for_each(|held| self.give(net, held));
            self.sessions = sessions;
            self.rooms.cores.retain(|_, core| !core.has_expired(now));
        }
        self.spread(net);
    }

    /// Gives every reader what its socket takes.
    pub(super) fn spread(&mut self, net: &mut Net) {
        loop {
            let hungry: Vec<_> = self.sessions.iter().filter(|(_, held)| self.hungers(net, held)).map(|(id, _)| *id).collect();
            if hungry.is_empty() {
                return;
            }
            for id in hungry {
                let Some(mut held) = self.sessions.remove(&id) else { continue };
                self.give(net, &mut held);
                self.sessions.insert(id, held);
            }
        }
    }

    fn hungers(&self, net: &Net, held: &Held) -> bool {
        let lacks = |(room, seat): (&RoomName, &Seat)| {
            let (reader, core) = (seat.reader.as_ref(), self.rooms.cores.get(room));
            reader.zip(core).is_some_and(|(reader, core)| !reader.is_up_to(core.version()))
        };
        held.seats.iter().any(lacks) && held.socket.is_some_and(|socket| net.waiting(socket, Side::Server) < AHEAD)
    }

    fn give(&mut self, net: &mut Net, held: &mut Held) {
        let Some(socket) = held.socket else { return };
        let mut over = Vec::new();
        for (room, seat) in &mut held.seats {
            let (Some(reader), Some(core)) = (&mut seat.reader, self.rooms.cores.get_mut(room)) else { continue };
            if reader.is_up_to(core.version()) {
                continue;
            }
            let (mut frames, mut tally) = (VecDeque::new(), Tally::default());
            let pulled = core.pull(millis(net.now), reader, &mut frames, &mut Budget::default(), &mut tally);
            self.rooms.slow += u64::from(tally.slow);
            frames.iter().for_each(|frame| net.send(socket, Side::Server, unframed(frame)));
            if pulled == Pulled::Over {
                over.push(room.clone());
            }
        }
        over.iter().for_each(|room| drop(held.seats.remove(room)));
    }
}

impl Rooms {
    /// The room of a seat, if it is still there.
    fn of(&mut self, room: &RoomName, seat: &Seat) -> Option<&mut Core> {
        self.cores.get_mut(room).filter(|core| core.epoch() == seat.epoch)
    }
}

fn identity(held: &Held) -> Identity {
    let anonymous = held.owner.starts_with("se_");
    if anonymous { Identity::anonymous(held.machine.id()) } else { Identity::user(&held.owner).expect("a user's id") }
}

/// What is in a WebSocket frame of a server (RFC 6455, section 5.2).
fn unframed(frame: &Bytes) -> Frame {
    let header = match frame[1] {
        127 => 10,
        126 => 4,
        _ => 2,
    };
    let payload = frame.slice(header..);
    match frame[0] & 15 {
        1 => Frame::Text(String::from_utf8(payload.into()).expect("text")),
        _ => Frame::Binary(payload),
    }
}
