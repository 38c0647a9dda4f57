//! Rooms whose kind decides on what is said in them: one event after the other, so that what is stored and what is told have one
//! order.

use std::sync::Arc;

use samewire_protocol::rooms::methods::Published;
use samewire_protocol::rooms::{Member, RoomName};
use samewire_protocol::{Code, Failure};
use tokio::sync::OwnedMutexGuard;

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
}

impl Rooms {
    /// Publishes what the room's own kind makes of an event. What the kind has stored goes out, although the caller may not wait for
    /// it any more.
    pub(crate) async fn publish_decided(
        &self,
        room: &Arc<Room>,
        own: &Arc<dyn RoomKind>,
        speaker: Speaker,
        publication: Publication,
    ) -> Result<Published, Failure> {
        let (rooms, room, own) = (self.clone(), room.clone(), own.clone());
        let task = tokio::spawn(async move { rooms.decide(&room, &*own, speaker, publication).await });
        task.await.unwrap_or_else(|_| Err(Failure::new(Code::Internal, "the room could not decide on the event")))
    }

    async fn decide(
        &self,
        room: &Arc<Room>,
        own: &dyn RoomKind,
        speaker: Speaker,
        publication: Publication,
    ) -> Result<Published, Failure> {
        let (room, _turn) = self.turn(room).await?;
        let considered = room.change(|core, now| core.consider(now, speaker.author(), &publication))?;
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
        self.commit(&room, |core, now| core.commit(now, speaker.author(), publication))
    }

    /// Publishes what `making` makes, in the room's turn: of what its kind decides on, and of what else is made in turn, nothing
    /// comes between what `making` does and the event. `None` publishes nothing. The event is the server's, told as the user's.
    /// [`RoomKind::publish`] is not asked.
    ///
    /// What `making` has done stays done when the future is dropped, and is then not told: run it in a task.
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
