//! What a client wants of rooms, one after the other, in the order in which it said so.
//!
//! Whether somebody may come into a room can take time to decide. Until it is, everything else that the client says of rooms waits
//! behind it, so that it cannot overtake itself.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Waker};

use bytes::Bytes;
use futures_util::FutureExt;
use samewire_protocol::accept::{Casting, Joining};
use samewire_protocol::rooms::RoomName;
use samewire_protocol::{Code, Failure, Link};
use tokio::sync::oneshot;

use super::Session;

/// What waits for its turn.
#[derive(Default)]
pub(super) struct RoomErrands {
    waiting: VecDeque<RoomErrand>,
    /// What those that wait have to say, in bytes.
    bytes: usize,
    busy: bool,
}

/// So many bytes may wait.
const MOST_BYTES: usize = 1024 * 1024;

/// What is to be done when its turn comes.
pub(super) enum RoomErrand {
    /// The client wants to be in a room.
    Join(Link, Box<Joining>),
    /// It leaves one.
    Leave(Link, RoomName),
    /// It says something to those who are in one.
    Cast(Box<Casting>),
    /// It may be that it may not be in one any more. Whoever waits for that is told by the end of the channel.
    Recheck(RoomName, Option<oneshot::Sender<()>>),
}

impl RoomErrand {
    /// What it has to say, in bytes.
    fn size(&self) -> usize {
        match self {
            Self::Join(_, joining) => joining.info.as_ref().map_or(0, |info| info.get().len()),
            Self::Cast(casting) => {
                let Casting { payload, attachment, .. } = &**casting;
                payload.as_ref().map_or(0, |payload| payload.get().len()) + attachment.as_ref().map_or(0, Bytes::len)
            }
            Self::Leave(..) | Self::Recheck(..) => 0,
        }
    }
}

impl RoomErrands {
    /// Whether something is being decided.
    pub(super) fn is_busy(&self) -> bool {
        self.busy
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
        self.bytes = 0;
    }

    /// Lets an errand wait; gives it back when too much does.
    fn push(&mut self, errand: RoomErrand, most: usize) -> Result<(), RoomErrand> {
        if self.waiting.len() >= most || self.bytes + errand.size() > MOST_BYTES {
            return Err(errand);
        }
        self.bytes += errand.size();
        self.waiting.push_back(errand);
        Ok(())
    }

    fn pop(&mut self) -> Option<RoomErrand> {
        let errand = self.waiting.pop_front()?;
        self.bytes -= errand.size();
        Some(errand)
    }
}

impl Session {
    pub(super) fn run_room_errand(self: &Arc<Self>, errand: RoomErrand) {
        let mut memberships = self.rooms.lock();
        if memberships.ended {
            return;
        }
        let errands = &mut memberships.errands;
        if errands.busy {
            // A client may ask for as many rooms as it may be in, and leave them again, before anything is decided.
            let refused = errands.push(errand, 4 * self.app.config.limits.max_rooms);
            drop(memberships);
            return refused.unwrap_or_else(|errand| self.refuse(errand));
        }
        errands.busy = true;
        drop(memberships);
        if let Some(errand) = self.do_at_once(errand) {
            let mut doing = Box::pin(self.clone().do_errand(errand));
            // Most are decided at once.
            if doing.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
                let session = self.clone();
                tokio::spawn(async move {
                    doing.await;
                    session.do_errands().await;
                });
                return;
            }
        }
        let mut memberships = self.rooms.lock();
        if memberships.errands.waiting.is_empty() {
            memberships.errands.busy = false;
            drop(memberships);
            self.entered.notify_waiters();
        } else {
            drop(memberships);
            tokio::spawn(self.clone().do_errands());
        }
    }

    async fn do_errands(self: Arc<Self>) {
        loop {
            self.entered.notify_waiters();
            let errand = {
                let errands = &mut self.rooms.lock().errands;
                let errand = errands.pop();
                errands.busy = errand.is_some();
                errand
            };
            let Some(errand) = errand else { return self.entered.notify_waiters() };
            if let Some(errand) = self.do_at_once(errand) {
                self.clone().do_errand(errand).await;
            }
        }
    }

    /// Does what needs no decision; gives back what does.
    fn do_at_once(&self, errand: RoomErrand) -> Option<RoomErrand> {
        match errand {
            RoomErrand::Leave(link, room) => self.leave(link, &room),
            RoomErrand::Cast(casting) => self.cast(*casting),
            errand => return Some(errand),
        }
        None
    }

    /// A kind that panics fails the one that it was asked about, and nothing that waits behind.
    async fn do_errand(self: Arc<Self>, errand: RoomErrand) {
        let asked = match &errand {
            RoomErrand::Join(link, joining) => Some((*link, joining.room.clone())),
            _ => None,
        };
        if AssertUnwindSafe(self.clone().decide(errand)).catch_unwind().await.is_err() {
            tracing::error!("a kind of rooms panicked");
            if let Some((link, room)) = asked {
                let failure = Failure::new(Code::Internal, "the room failed for a reason of the server's own");
                self.tell_left(link, &room, Some(&failure));
            }
        }
    }

    async fn decide(self: Arc<Self>, errand: RoomErrand) {
        match errand {
            RoomErrand::Join(link, joining) => {
                if let Err(failure) = self.join(link, &joining).await {
                    if let Ok(kind) = self.app.rooms.kind(&joining.room) {
                        kind.metrics.refused.add(1);
                    }
                    // A member that is refused on its new link is none any more.
                    let before = self.rooms.lock().take(&joining.room);
                    if let Some((room, member)) = before {
                        room.leave(member);
                    }
                    self.tell_left(link, &joining.room, Some(&failure));
                }
            }
            RoomErrand::Recheck(name, _decided) => {
                let is_in = self.rooms.lock().find(&name).is_some();
                let Ok(kind) = self.app.rooms.kind(&name) else { return };
                if is_in {
                    match kind.role(&self.access(), &name).await {
                        Ok(role) => self.change_role(&name, role),
                        Err(failure) => self.put_out(&name, failure),
                    }
                }
            }
            RoomErrand::Leave(..) | RoomErrand::Cast(..) => {}
        }
    }

    async fn join(self: &Arc<Self>, link: Link, joining: &Joining) -> Result<(), Failure> {
        let rooms = &self.app.rooms;
        let name = &joining.room;
        loop {
            let decisions = rooms.decisions(name);
            let access = self.access();
            let role = rooms.kind(name)?.role(&access, name).await?;
            let room = rooms.find_or_make(name).await?;
            // Whoever takes a newer token asks again for the rooms that the session is in then: it must not enter with the one before.
            let fresh = || rooms.decisions(name) == decisions && Arc::ptr_eq(&access, &self.access());
            if let Some(entered) = self.enter(link, &room, joining, role, fresh) {
                return entered;
            }
        }
    }

    /// Too much waits already.
    fn refuse(&self, errand: RoomErrand) {
        let failure = Failure::new(Code::Overloaded, "too much is waiting to be decided; ask for one room after the other");
        match errand {
            RoomErrand::Join(link, joining) => self.tell_left(link, &joining.room, Some(&failure)),
            RoomErrand::Cast(casting) => self.machine(|machine, now| {
                machine.trouble(now, failure, Some(&casting.room));
            }),
            // It could not be left in its turn, so nothing of the client's goes on as it thinks.
            RoomErrand::Leave(..) | RoomErrand::Recheck(..) => self.dismiss(failure, Some(self.app.advice())),
        }
    }
}
