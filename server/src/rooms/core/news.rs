//! What happens to the members of a room, for the kind of the room to know.

use std::mem;

use samewire_protocol::Failure;
use samewire_protocol::rooms::{Epoch, Member, Role, RoomName};

use super::Core;
use crate::auth::Identity;
use crate::session::SessionKey;

/// Something happened to a member of a room.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MemberNews {
    /// The room.
    pub room: RoomName,
    /// The epoch in which the member's number counts.
    pub epoch: Epoch,
    /// The member.
    pub member: Member,
    /// Its session. One that joins again after its member was taken out has another member.
    pub session: Option<SessionKey>,
    /// Whose it is.
    pub identity: Identity,
    /// What happened.
    pub what: What,
}

/// What happens to a member.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum What {
    /// It came in.
    Came {
        /// What it may be.
        role: Role,
    },
    /// Its link is lost. It counts for as long as the kind lets it linger.
    Away,
    /// It is back on a new link.
    Back,
    /// It may be something else from here on.
    Role {
        /// What it may be now.
        role: Role,
    },
    /// It is a member no longer.
    Left {
        /// Why.
        reason: Leaving,
    },
}

/// Why a member is none any more.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Leaving {
    /// It left, or its session is over.
    Left,
    /// Its link was lost for longer than the kind lets it linger. Its session may come in again, as another member.
    Lingered,
    /// It was taken out.
    Removed(Failure),
}

impl Core {
    /// Notes from here on what happens to members, for [`Core::take_news`].
    pub(crate) fn listen(&mut self) {
        self.told.get_or_insert_default();
    }

    /// What happened to members since this was asked last, in order.
    pub(crate) fn take_news(&mut self) -> Vec<MemberNews> {
        self.told.as_mut().map(mem::take).unwrap_or_default()
    }

    pub(super) fn tell(&mut self, member: Member, what: What) {
        if self.told.is_some()
            && let Some(there) = self.members.get(member)
        {
            let (session, identity) = (there.session, there.identity.clone());
            self.tell_of(member, session, &identity, what);
        }
    }

    pub(super) fn tell_of(&mut self, member: Member, session: Option<SessionKey>, identity: &Identity, what: What) {
        if let Some(told) = &mut self.told {
            let (room, epoch) = (self.name.clone(), self.epoch);
            told.push(MemberNews { room, epoch, member, session, identity: identity.clone(), what });
        }
    }
}
