//! The memberships of a client's session, and what the session says of them.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use samewire_protocol::rooms::RoomName;
use samewire_protocol::session::JoinRequest;
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

    /// Whether it was not over yet. It is [left](Membership::left) then, without the lock.
    pub(super) fn leave(&mut self, now: Instant, membership: &Membership) -> bool {
        let ends = membership.end();
        if ends {
            self.session.leave(now, membership.name.as_str());
        }
        ends
    }
}

impl Rooms {
    pub(crate) fn all(&self) -> Vec<Arc<Membership>> {
        self.0.values().flatten().cloned().collect()
    }

    /// Whom news is for. It comes in the order in which it happened, so it is of the oldest.
    pub(crate) fn present(&self, room: &RoomName) -> Option<Arc<Membership>> {
        self.0.get(room)?.front().filter(|membership| !membership.is_over()).cloned()
    }

    pub(crate) fn refused(&self, room: &RoomName, failure: Failure) {
        if let Some(membership) = self.0.get(room).and_then(VecDeque::front) {
            membership.refused(failure);
        }
    }

    /// The oldest is over; given back if it was not before. It is [left](Membership::left) then, without the lock.
    pub(crate) fn left(&mut self, room: &RoomName) -> Option<Arc<Membership>> {
        let lives = self.0.get_mut(room)?;
        let membership = lives.pop_front();
        if lives.is_empty() {
            self.0.remove(room);
        }
        membership.filter(|membership| membership.end())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use samewire_protocol::session::{Config, Event, RoomNews, RoomNewsKind, Status};

    use super::super::RoomStatus;
    use super::*;
    use crate::bridge::Shared;
    use crate::token::Tokens;

    /// An app that holds what it borrowed holds up whoever changes that. If that one had the lock, the app could wait for it for ever.
    #[test]
    fn an_app_can_call_the_client_while_it_looks_at_what_changes() {
        let shared = Shared::new(Config::default(), Tokens::new(None, None));
        let room: RoomName = "demo:1".parse().expect("a name");
        let request = JoinRequest { room: room.clone(), presence: true, info: None };
        let membership = shared.change(|core, now| core.enter(now, request));
        let can_call = || shared.core.try_lock_for(Duration::from_secs(60)).is_some();
        let text = r#"{"member":7,"role":"member","epoch":"00000000000000aa","offset":0,"recovered":false,
            "presence":{"entries":[],"users":1,"members":1}}"#;
        let news = RoomNews { room, kind: RoomNewsKind::Joined, text: text.into(), attachment: None };

        let tell = |event: Event| {
            let shared = shared.clone();
            std::thread::spawn(move || shared.tell(event))
        };
        let looks = membership.presence.borrow();
        let telling = tell(Event::Room(news));
        while membership.member().is_none() {
            std::thread::yield_now();
        }
        assert!(can_call(), "while it looks at who is in a room");
        drop(looks);
        assert!(telling.join().is_ok());

        let looks = shared.status.borrow();
        let telling = tell(Event::Status(Status::Connecting));
        while *membership.status.borrow() != RoomStatus::Away {
            std::thread::yield_now();
        }
        assert!(can_call(), "while it looks at where the session stands");
        drop(looks);
        assert!(telling.join().is_ok());
    }
}
