//! The rooms of live streams, `live:STREAM`: who comes in and as what, and what they begin with.

use std::future::ready;
use std::sync::Arc;

use samewire_protocol::limits::MAX_SDP;
use samewire_protocol::live::{ROOM_KIND, StreamName};
use samewire_protocol::rooms::{Role, RoomName};
use samewire_protocol::{Code, Failure};
use serde_json::Value;

use super::role::VIEWER;
use super::streams::Streams;
use crate::rooms::core::MemberNews;
use crate::rooms::policy::{Admission, KindPolicy, PresenceMode, Roles, Slow, role};
use crate::rooms::{Deciding, Joining, Kinds, RoomKind};

/// The kind of rooms that live streams have.
#[derive(Clone, Debug)]
pub(crate) struct LiveRooms {
    streams: Arc<Streams>,
    dev: bool,
}

impl LiveRooms {
    pub(crate) fn new(streams: Arc<Streams>, dev: bool) -> Self {
        Self { streams, dev }
    }
}

/// Only the server speaks in the rooms: what members say goes through the methods `live/…`. With `dev`, everybody may watch.
pub(crate) fn policy(dev: bool) -> KindPolicy {
    KindPolicy {
        access: if dev { Admission::Open } else { Admission::Granted },
        role: role(VIEWER),
        publish: Roles::only(&[]),
        patch: Roles::only(&[]),
        cast: Roles::only(&[]),
        signal: Roles::only(&[]),
        see: Roles::Everybody,
        presence: PresenceMode::Count,
        state: true,
        // The state has what counts; the history is for those who were cut off.
        history_age: std::time::Duration::from_millis(super::core::KEPT),
        slow: Slow::Latest,
        // A session description, in which each character may take two in JSON, and what is said around it.
        max_message: 2 * MAX_SDP as u64 + 1024,
        max_members: 100_000,
        ..KindPolicy::default()
    }
}

impl RoomKind for LiveRooms {
    fn policy(&self) -> KindPolicy {
        Kinds::default().with_built_in(self.dev).get(ROOM_KIND).map(|policy| (**policy).clone()).unwrap_or_default()
    }

    /// By the token's grants for live streams, then as for every room.
    fn join<'a>(&'a self, joining: Joining<'a>) -> Deciding<'a, Role> {
        let granted = joining.access.grants.live_role(joining.room.rest()).cloned();
        Box::pin(ready(granted.map_or_else(|| joining.by_policy(), Ok)))
    }

    fn load<'a>(&'a self, room: &'a RoomName) -> Deciding<'a, Option<Value>> {
        let record = StreamName::of_room(room).map(|stream| serde_json::to_value(self.streams.record(&stream)));
        let unwritable = |error: serde_json::Error| Failure::new(Code::Internal, error.to_string());
        Box::pin(ready(record.transpose().map_err(unwritable)))
    }

    fn member(&self, news: &MemberNews) {
        self.streams.heard(news);
    }
}
