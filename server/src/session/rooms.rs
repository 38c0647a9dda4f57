//! The rooms that a session is in. Memberships are the session's, so they outlive its links: a client that comes back joins again
//! and goes on as the member that it was, as long as its room still counts it.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use samewire_protocol::accept::{Casting, Joining};
use samewire_protocol::rooms::{Member, Role, RoomFrame, RoomName};
use samewire_protocol::{Code, Failure, Link};
use tokio::sync::oneshot;

use super::Session;
use super::room_errands::{RoomErrand, RoomErrands};
use crate::rooms::Room;
use crate::rooms::core::{Author, Budget, Joiner, Message, Pulled, Reader, not_joined};

/// How much one room gives before it is the next one's turn.
const TURN: Budget = Budget { frames: 16, bytes: 64 * 1024 };

/// The rooms of a session, and its place in each.
#[derive(Default)]
pub(super) struct Memberships {
    /// The link on which they are read.
    pub(super) link: Option<Link>,
    rooms: Vec<Membership>,
    /// Whose turn it is.
    turn: usize,
    pub(super) errands: RoomErrands,
    pub(super) ended: bool,
}

struct Membership {
    room: Arc<Room>,
    member: Member,
    /// Whether the client wants to hear who is there.
    presence: bool,
    /// None while the client has not joined on the present link.
    reader: Option<Reader>,
}

impl Memberships {
    fn position(&self, room: &RoomName) -> Option<usize> {
        self.rooms.iter().position(|membership| membership.room.name == *room)
    }

    pub(super) fn find(&self, room: &RoomName) -> Option<(Arc<Room>, Member)> {
        let membership = &self.rooms[self.position(room)?];
        Some((membership.room.clone(), membership.member))
    }

    /// The same, of a room that was joined on the present link.
    fn find_joined(&self, room: &RoomName) -> Option<(Arc<Room>, Member)> {
        let membership = &self.rooms[self.position(room)?];
        membership.reader.as_ref().map(|_| (membership.room.clone(), membership.member))
    }

    pub(super) fn names(&self) -> Vec<RoomName> {
        self.rooms.iter().map(|membership| membership.room.name.clone()).collect()
    }

    /// Forgets a membership, which its room does not.
    pub(super) fn take(&mut self, room: &RoomName) -> Option<(Arc<Room>, Member)> {
        let membership = self.rooms.swap_remove(self.position(room)?);
        if self.rooms.is_empty() {
            self.rooms = Vec::new();
        }
        Some((membership.room, membership.member))
    }

    /// The link is lost: the rooms count the client for a while as if it were there.
    fn away(&mut self) {
        for membership in &mut self.rooms {
            if membership.reader.take().is_some() {
                membership.room.change(|core, now| core.away(now, membership.member));
            }
        }
    }

    /// Forgets memberships that are over without anybody to tell.
    fn prune(&mut self) {
        self.rooms.retain(|membership| {
            let is_over = membership.reader.is_none() && membership.room.look(|core, _| core.role(membership.member).is_none());
            if is_over {
                membership.room.leave(membership.member);
            }
            !is_over
        });
    }
}

impl Session {
    // For the link.

    /// Gives the next frames of this session's rooms, in fair turns, some `bytes` of them. Each is a whole WebSocket frame, ready to
    /// be written. Whether there is more; if not, the link is woken when there is.
    pub(crate) fn pull_rooms(&self, link: Link, out: &mut VecDeque<Bytes>, bytes: usize) -> bool {
        if !self.bell.rings_for_rooms() {
            return false;
        }
        let mut memberships = self.rooms.lock();
        if memberships.link != Some(link) {
            return false;
        }
        if self.core.lock().machine.has_text() {
            // What was said of a membership before goes out before: the link is awake, and comes back behind it.
            return false;
        }
        self.bell.hush();
        let mut budget = Budget { bytes, ..Budget::default() };
        let Memberships { rooms, turn, .. } = &mut *memberships;
        let mut quiet = 0;
        while quiet < rooms.len() && !budget.is_spent() {
            *turn %= rooms.len();
            let is_alone = quiet + 1 == rooms.len();
            let Membership { room, reader, member, .. } = &mut rooms[*turn];
            let Some(reader) = reader.as_mut().filter(|reader| !room.is_quiet(reader)) else {
                (quiet, *turn) = (quiet + 1, *turn + 1);
                continue;
            };
            let share = if is_alone { budget } else { budget.at_most(TURN) };
            let mut left = share;
            match room.pull(reader, out, &mut left) {
                Pulled::Drained => (quiet, *turn) = (quiet + 1, *turn + 1),
                Pulled::More => (quiet, *turn) = (0, *turn + 1),
                Pulled::Over => {
                    room.forget(*member);
                    rooms.swap_remove(*turn);
                }
            }
            budget = budget.less(share, left);
        }
        let has_more = quiet < rooms.len();
        if has_more {
            self.bell.ring_silently();
        }
        has_more
    }

    /// Rooms are read on this link from here on; on the one before, if there was one, no more.
    pub(super) fn read_rooms_on(&self, link: Link) {
        let mut memberships = self.rooms.lock();
        memberships.away();
        memberships.link = Some(link);
    }

    /// This link is gone.
    pub(super) fn leave_rooms_unread(&self, link: Link) {
        let mut memberships = self.rooms.lock();
        if memberships.link == Some(link) {
            memberships.away();
            memberships.link = None;
        }
    }

    /// The session is over: it leaves every room.
    pub(super) fn leave_all(&self) {
        let rooms = {
            let mut memberships = self.rooms.lock();
            memberships.ended = true;
            memberships.link = None;
            memberships.errands.clear();
            std::mem::take(&mut memberships.rooms)
        };
        rooms.into_iter().for_each(|membership| membership.room.leave(membership.member));
        self.entered.notify_waiters();
    }

    // For what the client says.

    /// The session may be in this room: it becomes a member, or goes on as the member that it was. `None` when it must be decided
    /// again, because the room was let go meanwhile or the decision is not `fresh`.
    pub(super) fn enter(
        &self,
        link: Link,
        room: &Arc<Room>,
        joining: &Joining,
        role: Role,
        fresh: impl Fn() -> bool,
    ) -> Option<Result<(), Failure>> {
        let mut memberships = self.rooms.lock();
        if memberships.ended || memberships.link != Some(link) {
            // A join is of its link alone; on another, the client asks again.
            return Some(Ok(()));
        }
        let presence = joining.presence;
        let joiner = Joiner {
            session: Some(self.key()),
            identity: self.identity.clone(),
            role,
            info: joining.info.clone(),
            presence,
            from: joining.from,
            signals: joining.signals,
        };
        if let Some(at) = memberships.position(&room.name) {
            let membership = &mut memberships.rooms[at];
            let is_same = Arc::ptr_eq(&membership.room, room);
            let rejoined = room.change(|core, now| {
                let rejoin = || core.rejoin(now, membership.member, joiner.clone());
                fresh().then(|| is_same.then(rejoin).flatten())
            })?;
            if let Some(reader) = rejoined {
                (membership.reader, membership.presence) = (Some(reader), presence);
                self.bell.ring_for_rooms();
                return Some(Ok(()));
            }
            let before = memberships.rooms.swap_remove(at);
            before.room.leave(before.member);
        }
        let most = self.app.config.limits.max_rooms;
        if memberships.rooms.len() >= most {
            memberships.prune();
        }
        if memberships.rooms.len() >= most {
            let told = format!("this session is in {most} rooms, as many as it may; leave some of them");
            return Some(Err(Failure::new(Code::TooManyRooms, told)));
        }
        let reader = match room.join(joiner, &self.bell, fresh)? {
            Ok(reader) => reader,
            Err(failure) => return Some(Err(failure)),
        };
        // Most sessions are in one room or two, and there are many of them.
        memberships.rooms.reserve_exact(1);
        memberships.rooms.push(Membership { room: room.clone(), member: reader.member(), presence, reader: Some(reader) });
        room.kind.metrics.joined.add(1);
        self.bell.ring_for_rooms();
        Some(Ok(()))
    }

    pub(super) fn leave(&self, link: Link, name: &RoomName) {
        let left = self.rooms.lock().take(name);
        if let Some((room, member)) = left {
            room.leave(member);
        }
        self.tell_left(link, name, None);
    }

    pub(super) fn cast(&self, casting: Casting) {
        let Casting { room: name, name: event, payload, attachment, key } = casting;
        // One that was meant for the link before is of no use now.
        let found = self.rooms.lock().find_joined(&name);
        let cast = match found {
            None => Err(not_joined(&name)),
            Some((room, member)) => {
                let message = Message { name: event, payload, attachment };
                let cast = room.change(|core, now| core.cast(now, Author::Member(member), message, key));
                let metrics = &room.kind.metrics;
                if cast.is_ok() {
                    metrics.cast.add(1)
                } else {
                    metrics.rejected.add(1)
                }
                cast
            }
        };
        if let Err(failure) = cast {
            self.machine(|machine, now| machine.trouble(now, failure, Some(&name)));
        }
    }

    /// Tells the client that it is not in a room, on the link on which it asked.
    pub(super) fn tell_left(&self, link: Link, room: &RoomName, failure: Option<&Failure>) {
        let text = RoomFrame::Left(failure).encode(room);
        let mut core = self.core.lock();
        if core.link == link {
            core.machine.tell(self.app.now(), text);
            drop(core);
            self.wake();
        }
    }

    /// A member may be something else from here on.
    pub(super) fn change_role(&self, name: &RoomName, role: Role) {
        let mut memberships = self.rooms.lock();
        let Some(at) = memberships.position(name) else { return };
        let Membership { room, member, presence, reader } = &mut memberships.rooms[at];
        if room.look(|core, _| core.role(*member).is_none_or(|before| *before == role)) {
            return;
        }
        room.change(|core, now| core.change_role(now, *member, role));
        // A client that is away is told when it is back.
        if let Some(reader) = reader {
            room.look(|core, _| core.tell_role(reader, *presence));
            self.bell.ring_for_rooms();
        }
    }

    /// A membership is over; its client is told why.
    pub(super) fn put_out(&self, name: &RoomName, failure: Failure) {
        let found = self.rooms.lock().find(name);
        if let Some((room, member)) = found {
            room.change(|core, now| core.remove(now, member, failure));
        }
    }

    // For everybody.

    /// Asks again whether the session may be in a room, or in all that it is in, and as what.
    pub(crate) fn recheck(self: &Arc<Self>, room: Option<&RoomName>) {
        let names = match room {
            Some(room) => vec![room.clone()],
            None => self.rooms.lock().names(),
        };
        names.into_iter().for_each(|room| self.run_room_errand(RoomErrand::Recheck(room, None)));
    }

    /// The same for one room; the answer comes when it is decided.
    pub(crate) fn recheck_one(self: &Arc<Self>, room: &RoomName) -> oneshot::Receiver<()> {
        let (decided, wait) = oneshot::channel();
        self.run_room_errand(RoomErrand::Recheck(room.clone(), Some(decided)));
        wait
    }

    /// The session's membership of a room. Waits for a join that is under way: a call may come right behind it.
    pub(crate) async fn membership(&self, room: &RoomName) -> Result<(Arc<Room>, Member), Failure> {
        loop {
            // Registered before the look-up, so that no bell is missed in between.
            let mut entered = std::pin::pin!(self.entered.notified());
            entered.as_mut().enable();
            let is_busy = {
                let memberships = self.rooms.lock();
                if let Some(found) = memberships.find(room) {
                    return Ok(found);
                }
                memberships.errands.is_busy()
            };
            if !is_busy {
                return Err(not_joined(room));
            }
            entered.await;
        }
    }
}
