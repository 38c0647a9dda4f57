//! Rooms whose kind decides on what is said in them: one event after the other, so that what is stored and what is told have one
//! order.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use samewire_protocol::rooms::methods::Published;
use samewire_protocol::rooms::{Member, RoomName};
use samewire_protocol::{Code, Failure};
use tokio::sync::OwnedMutexGuard;
use tokio::task::unconstrained;

use super::core::{Author, Core, Millis, Publication};
use super::kind::{Publishing, RoomKind};
use super::{Room, Rooms, count};
use crate::auth::Access;

/// Who says something.
pub(crate) enum Speaker {
    /// A member.
    Member(Member, Arc<Access>),
    /// Another server, by the name of its API key.
    Server(Box<str>),
}

impl Speaker {
    fn author(&self) -> Author<'_> {
        match self {
            Self::Member(member, _) => Author::Member(*member),
            Self::Server(name) => Author::Server(name),
        }
    }

    /// The same, also for a user who is not in the room any more.
    fn author_in(&self, core: &Core) -> Author<'_> {
        match self {
            Self::Member(member, access) if core.role(*member).is_none() && !access.identity.is_anonymous() => {
                Author::User(access.identity.id())
            }
            _ => self.author(),
        }
    }
}

impl Rooms {
    /// Publishes what the room's own kind makes of an event. What the kind has stored goes out, although the caller may not wait for
    /// it any more; so what waits for its turn is what the author's rate allows, and no more.
    pub(crate) async fn publish_decided(
        &self,
        room: &Arc<Room>,
        own: &Arc<dyn RoomKind>,
        speaker: Speaker,
        publication: Publication,
    ) -> Result<Published, Failure> {
        if let Some(published) = room.change(|core, now| core.consider(now, speaker.author(), &publication))? {
            return Ok(published);
        }
        let (rooms, room, own) = (self.clone(), room.clone(), own.clone());
        let mut deciding = Box::pin(async move { rooms.decide(&room, &*own, speaker, publication).await });
        // Begun here, so that it has its turn by when it came, and not by when its task happens to run first.
        let begun = pin!(unconstrained(deciding.as_mut())).poll(&mut Context::from_waker(Waker::noop()));
        if let Poll::Ready(decided) = begun {
            return decided;
        }
        tokio::spawn(deciding)
            .await
            .unwrap_or_else(|_| Err(Failure::new(Code::Internal, "the room could not decide on the event")))
    }

    async fn decide(
        &self,
        room: &Arc<Room>,
        own: &dyn RoomKind,
        speaker: Speaker,
        publication: Publication,
    ) -> Result<Published, Failure> {
        let (room, _turn) = self.turn(room).await?;
        let considered = room.look(|core, now| core.reconsider(now, speaker.author(), &publication))?;
        if let Some(published) = considered {
            return Ok(published);
        }
        let (access, role) = match &speaker {
            Speaker::Server(_) => (None, None),
            Speaker::Member(member, access) => {
                let role = room.look(|core, _| core.role(*member).cloned());
                let gone = || Failure::new(Code::NotJoined, "this session is not in the room any more");
                (Some(access.clone()), Some(role.ok_or_else(gone)?))
            }
        };
        let Publication { message, change, key, .. } = publication;
        let publishing = Publishing { access, role, room: room.name.clone(), message, change };
        let Publishing { message, change, .. } = own.publish(publishing).await?;
        // It is stored, so it goes out, whatever has become of who said it meanwhile.
        let publication = Publication { message, change, key, expected: None };
        self.commit(&room, |core, now| core.commit(now, speaker.author_in(core), publication))
    }

    /// Publishes what `making` makes, in the room's turn: of what its kind decides on, and of what else is made in turn, nothing
    /// comes between what `making` does and the event. `None` publishes nothing. The event is the server's, told as the user's.
    /// [`RoomKind::publish`] is not asked.
    ///
    /// What `making` has done stays done when the future is dropped, and is then not told: run it in a task. To be called neither in
    /// `making` nor in [`RoomKind::publish`] for the same room: that has the turn already, and would wait for itself.
    ///
    /// # Errors
    /// What `making` says, and as for [`Rooms::publish`].
    pub async fn publish_in_turn<T>(
        &self,
        room: &RoomName,
        user: &str,
        making: impl Future<Output = Result<(T, Option<Publication>), Failure>>,
    ) -> Result<T, Failure> {
        let there = self.find_or_make(room).await?;
        let (there, _turn) = self.turn(&there).await?;
        let (made, publication) = making.await?;
        if let Some(publication) = publication {
            // Whoever comes later finds it, so it is done, whether or not it could be told.
            count(&there.kind.metrics, &self.commit(&there, |core, now| core.publish(now, Author::User(user), publication)));
        }
        Ok(made)
    }

    /// The room, or the one that is there by that name when it was let go, and its turn.
    async fn turn(&self, room: &Arc<Room>) -> Result<(Arc<Room>, OwnedMutexGuard<()>), Failure> {
        let mut room = room.clone();
        loop {
            let turn = room.in_turn.clone().lock_owned().await;
            if !room.is_gone() {
                return Ok((room, turn));
            }
            room = self.find_or_make(&room.name).await?;
        }
    }

    /// Tells what is stored. Where that cannot be told, nobody may go on as if nothing had happened: the room ends, and who comes
    /// back finds it as it is then.
    fn commit(
        &self,
        room: &Arc<Room>,
        commit: impl FnOnce(&mut Core, Millis) -> Result<Published, Failure>,
    ) -> Result<Published, Failure> {
        let committed = room.change_if_there(commit).unwrap_or_else(|| {
            Err(Failure::new(Code::Restart, "the room was let go while something was stored for it; join it again"))
        });
        if let Err(failure) = &committed {
            tracing::warn!(room = %room.name, %failure, "an event that is stored cannot be told; the room begins anew");
            self.close(&room.name, failure);
        }
        committed
    }
}
