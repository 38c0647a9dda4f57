//! The memberships of a client's session, and what the session says of them.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use samewire_protocol::rooms::RoomName;
use samewire_protocol::session::{JoinRequest, RoomNews, RoomNewsKind};
use samewire_protocol::{Failure, Instant};

use super::membership::Membership;
use crate::bridge::Core;

/// The memberships, by room: the present one last. Those before it were left, and the session still has news of them to tell, up to
/// the word that they are over.
#[derive(Debug, Default)]
pub(crate) struct Rooms(HashMap<RoomName, VecDeque<Arc<Membership>>>);

impl Core {
    /// The membership of a room: the one there is, or a new one.
    pub(super) fn enter(&mut self, now: Instant, request: JoinRequest) -> Arc<Membership> {
        let lives = self.rooms.0.entry(request.room.clone()).or_default();
        if let Some(present) = lives.back().filter(|membership| !membership.is_over()) {
            return present.clone();
        }
        let membership = Arc::new(Membership::new(request.room.clone()));
        lives.push_back(membership.clone());
        self.session.join(now, request);
        membership
    }

    pub(super) fn leave(&mut self, now: Instant, membership: &Membership) {
        if !membership.is_over() {
            membership.left(None);
            self.session.leave(now, membership.name.as_str());
        }
    }
}

impl Rooms {
    /// The connection is lost.
    pub(crate) fn away(&self) {
        self.0.values().flatten().for_each(|membership| membership.away());
    }

    /// News comes in the order in which it happened, so it is of the oldest.
    pub(crate) fn hear(&self, news: RoomNews) {
        let Some(membership) = self.0.get(&news.room).and_then(VecDeque::front).filter(|membership| !membership.is_over())
        else {
            return;
        };
        if let Err(error) = hear(membership, &news) {
            tracing::warn!(room = %news.room, kind = ?news.kind, %error, "the server says of a room what cannot be read");
        }
    }

    pub(crate) fn refused(&self, room: &RoomName, failure: Failure) {
        if let Some(membership) = self.0.get(room).and_then(VecDeque::front) {
            membership.refused(failure);
        }
    }

    /// The oldest is over.
    pub(crate) fn left(&mut self, room: &RoomName, why: Option<Failure>) {
        let Some(lives) = self.0.get_mut(room) else { return };
        if let Some(membership) = lives.pop_front().filter(|membership| !membership.is_over()) {
            membership.left(why);
        }
        if lives.is_empty() {
            self.0.remove(room);
        }
    }
}

fn hear(membership: &Membership, news: &RoomNews) -> Result<(), serde_json::Error> {
    let (text, bytes) = (&news.text, news.attachment.clone());
    match news.kind {
        RoomNewsKind::Joined => membership.joined(serde_json::from_str(text)?),
        RoomNewsKind::Event => membership.event(serde_json::from_str(text)?, bytes),
        RoomNewsKind::Skipped => membership.skipped(serde_json::from_str(text)?),
        RoomNewsKind::Presence => membership.presence(serde_json::from_str(text)?),
        RoomNewsKind::Signal => membership.signal(serde_json::from_str(text)?, bytes),
    }
    Ok(())
}
