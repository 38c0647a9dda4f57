//! What an embedding program decides about the rooms of a kind.

use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;

use samewire_protocol::rooms::{Role, RoomName};
use samewire_protocol::{Code, Failure};
use serde_json::Value;

use super::core::{Change, MemberNews, Message};
use super::metrics::Metrics;
use super::policy::{Admission, KindPolicy};
use crate::auth::Access;

/// An answer that may take time.
pub type Deciding<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send + 'a>>;

/// A kind of room with a will of its own: who may come in, what a room begins with, and what becomes of what is published. Given to
/// the server with [`Builder::room_kind`](crate::Builder::room_kind).
///
/// ```
/// use samewire_protocol::{Code, Failure};
/// use samewire_protocol::rooms::Role;
/// use samewire_server::rooms::{Deciding, Joining, KindPolicy, RoomKind};
///
/// /// Rooms named after a user, `own:ada`, for that user alone.
/// struct Own;
///
/// impl RoomKind for Own {
///     fn policy(&self) -> KindPolicy {
///         KindPolicy { state: true, ..KindPolicy::default() }
///     }
///
///     fn join<'a>(&'a self, joining: Joining<'a>) -> Deciding<'a, Role> {
///         Box::pin(async move {
///             if joining.access.identity.id() == joining.room.rest() {
///                 Ok(joining.policy.role.clone())
///             } else {
///                 Err(Failure::new(Code::Forbidden, "this room is somebody else's"))
///             }
///         })
///     }
/// }
///
/// let builder = samewire_server::Server::builder().room_kind("own", Own);
/// ```
pub trait RoomKind: Send + Sync + 'static {
    /// What the kind allows. The configuration's table `[rooms.kinds.NAME]` lies over it.
    fn policy(&self) -> KindPolicy;

    /// Whether somebody may come into a room, and as what. Asked again when the token of the session is renewed, and by
    /// [`Rooms::recheck`](super::Rooms::recheck). Default: [`Joining::by_policy`].
    fn join<'a>(&'a self, joining: Joining<'a>) -> Deciding<'a, Role> {
        Box::pin(ready(joining.by_policy()))
    }

    /// What a room's state begins with, when the room is made. An error refuses who wants to come in. Default: nothing.
    fn load<'a>(&'a self, _room: &'a RoomName) -> Deciding<'a, Option<Value>> {
        Box::pin(ready(Ok(None)))
    }

    /// What becomes of what a member, or another server with its API key, publishes: as it goes out, stored, or a refusal. Asked for
    /// one event of a room after the other, after the member's role and rate were found right. Default: as it came.
    ///
    /// What the program itself publishes does not come here; for what it stores first, see
    /// [`Rooms::publish_in_turn`](super::Rooms::publish_in_turn).
    fn publish<'a>(&'a self, publishing: Publishing) -> Deciding<'a, Publishing> {
        Box::pin(ready(Ok(publishing)))
    }

    /// Something happened to a member of a room: it came, lost its link, is back, may be something else, or is gone. Told in order, and
    /// before anybody else in the room can see it. Default: nothing.
    ///
    /// Called behind the room's lock: it may only take note, and must neither wait nor ask anything of [`Rooms`](super::Rooms); a task
    /// of the program's does what follows.
    fn member(&self, _news: &MemberNews) {}
}

/// Somebody wants to come into a room.
#[derive(Clone, Copy, Debug)]
pub struct Joining<'a> {
    /// Who it is, and what the token allows.
    pub access: &'a Access,
    /// The room.
    pub room: &'a RoomName,
    /// What the kind allows.
    pub policy: &'a KindPolicy,
}

impl Joining<'_> {
    /// The role by the token's grants and the kind's policy.
    ///
    /// # Errors
    /// `forbidden`, with what is missing.
    pub fn by_policy(&self) -> Result<Role, Failure> {
        if let Some(role) = self.access.grants.role_in(self.room) {
            return Ok(role.clone());
        }
        let is_user = !self.access.identity.is_anonymous();
        let room = self.room;
        match self.policy.access {
            Admission::Open => Ok(self.policy.role.clone()),
            Admission::Users if is_user => Ok(self.policy.role.clone()),
            Admission::Users => {
                Err(Failure::new(Code::Forbidden, format!("the room {room} is for users; sign in and come with a token")))
            }
            Admission::Granted => {
                let told = format!("the room {room} is for those whose token grants it, and this one does not");
                Err(Failure::new(Code::Forbidden, told))
            }
        }
    }
}

/// Somebody publishes an event.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Publishing {
    /// Who it is, and what the token allows; `None` for another server with its API key, which may do everything.
    pub access: Option<Arc<Access>>,
    /// The member's role; `None` for another server.
    pub role: Option<Role>,
    /// The room.
    pub room: RoomName,
    /// The event.
    pub message: Message,
    /// How it changes the state.
    pub change: Option<Change>,
}

/// A kind of room as the server has it.
pub(crate) struct Kind {
    pub(crate) policy: Arc<KindPolicy>,
    pub(crate) own: Option<Arc<dyn RoomKind>>,
    pub(crate) metrics: Metrics,
}

impl Kind {
    pub(crate) async fn role(&self, access: &Access, room: &RoomName) -> Result<Role, Failure> {
        let joining = Joining { access, room, policy: &self.policy };
        match &self.own {
            Some(own) => own.join(joining).await,
            None => joining.by_policy(),
        }
    }

    pub(crate) async fn load(&self, room: &RoomName) -> Result<Option<Value>, Failure> {
        match &self.own {
            Some(own) if self.policy.state => own.load(room).await,
            _ => Ok(None),
        }
    }
}
