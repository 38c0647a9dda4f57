//! A handle of a room.

use std::sync::Arc;

use futures_util::Stream;
use samewire_protocol::rooms::{Member, Role, RoomName};
use samewire_protocol::session::JoinRequest;
use samewire_protocol::{Code, Failure};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::watch;

use super::event::RoomEvent;
use super::membership::{Membership, RoomStatus};
use super::presence::Presence;
use super::queue::Queue;
use crate::call::closed;
use crate::client::Client;

/// A room that this client is in, or was. Cheap to clone: clones share what they take with [`Room::next`], so that one task may read
/// while others publish. When the last one is gone, the room is left.
///
/// It is joined again by itself whenever the connection is lost, and keeps its client alive.
#[derive(Clone)]
pub struct Room {
    pub(super) handle: Arc<Handle>,
}

pub(super) struct Handle {
    pub(super) client: Client,
    pub(super) membership: Arc<Membership>,
    queue: Arc<Queue>,
}

impl Room {
    /// Begins to be in a room: a new membership, or one more handle of the one there is.
    pub(super) fn enter(client: &Client, request: JoinRequest) -> Self {
        let queue = Arc::new(Queue::default());
        let membership = client.shared().change(|core, now| {
            let membership = core.enter(now, request);
            membership.attach(queue.clone());
            membership
        });
        Self { handle: Arc::new(Handle { client: client.clone(), membership, queue }) }
    }

    /// The room's name.
    #[must_use]
    pub fn name(&self) -> &RoomName {
        &self.membership().name
    }

    /// The number of this member. Another one when the room's memory was made anew, as after a restart of the server.
    #[must_use]
    pub fn member(&self) -> Option<Member> {
        self.membership().member()
    }

    /// What this member may be in the room.
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        self.membership().role()
    }

    /// Where the membership stands.
    #[must_use]
    pub fn status(&self) -> RoomStatus {
        self.membership().status.borrow().clone()
    }

    /// Watches where the membership stands. What is borrowed of it must be let go of before the room is left, which changes it.
    #[must_use]
    pub fn watch_status(&self) -> watch::Receiver<RoomStatus> {
        self.membership().status.subscribe()
    }

    /// The room's state as far as it was told, whether the events that made it were taken or not. `None`: the room has none;
    /// [`Value::Null`]: nothing was set.
    #[must_use]
    pub fn state(&self) -> Option<Arc<Value>> {
        self.membership().state.borrow().clone()
    }

    /// The room's state as a type of the app's; where the room has none, `null` is read.
    pub fn state_as<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        T::deserialize(self.state().as_deref().unwrap_or(&Value::Null))
    }

    /// Watches the room's state.
    #[must_use]
    pub fn watch_state(&self) -> watch::Receiver<Option<Arc<Value>>> {
        self.membership().state.subscribe()
    }

    /// Who is in the room.
    #[must_use]
    pub fn presence(&self) -> Presence {
        self.membership().presence.borrow().clone()
    }

    /// Watches who is in the room.
    #[must_use]
    pub fn watch_presence(&self) -> watch::Receiver<Presence> {
        self.membership().presence.subscribe()
    }

    /// The next thing that happens; `None` when the membership is over and everything before was taken.
    ///
    /// What is not taken waits: at most [`MOST_WAITING`](super::MOST_WAITING) events, or
    /// [`MOST_WAITING_BYTES`](super::MOST_WAITING_BYTES) of them. After that the oldest are dropped, which is told as
    /// [`RoomEvent::Lost`] in their place. Clones of a handle share what waits: each event goes to one of them. An app that wants to
    /// hear everything twice joins twice.
    pub async fn next(&self) -> Option<RoomEvent> {
        self.handle.queue.next().await
    }

    /// What happens, as a stream.
    pub fn events(&self) -> impl Stream<Item = RoomEvent> + Send + Unpin + use<> {
        Box::pin(futures_util::stream::unfold(self.clone(), async |room| room.next().await.map(|event| (event, room))))
    }

    /// Leaves the room, for all of its handles.
    pub fn leave(&self) {
        let membership = self.membership();
        if self.handle.client.shared().change(|core, now| core.leave(now, membership)) {
            membership.left(None);
        }
    }

    /// Waits until the room is joined for the first time.
    pub(super) async fn entered(&self) -> Result<(), Failure> {
        self.stands(|status| *status != RoomStatus::Joining).await
    }

    /// Waits until the room is joined, now or again.
    pub(super) async fn joined(&self) -> Result<(), Failure> {
        self.stands(|status| *status == RoomStatus::Joined).await
    }

    async fn stands(&self, well: impl Fn(&RoomStatus) -> bool) -> Result<(), Failure> {
        let mut status = self.watch_status();
        let standing = status.wait_for(|status| well(status) || matches!(status, RoomStatus::Left { .. })).await;
        match standing.as_deref() {
            Ok(RoomStatus::Left { why: Some(why) }) => Err(why.clone()),
            Ok(RoomStatus::Left { why: None }) => Err(Failure::new(Code::NotJoined, "this client has left the room")),
            Ok(_) => Ok(()),
            Err(_) => Err(closed()),
        }
    }

    pub(super) fn membership(&self) -> &Arc<Membership> {
        &self.handle.membership
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let Self { client, membership, queue } = self;
        // Under the lock that joins take, so that nobody finds a membership that is about to end.
        if client.shared().change(|core, now| membership.detach(queue) && core.leave(now, membership)) {
            membership.left(None);
        }
    }
}

impl std::fmt::Debug for Room {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Room").field("name", self.name()).field("status", &self.status()).finish_non_exhaustive()
    }
}
