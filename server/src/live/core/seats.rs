//! Who is in the stream's room, and what follows when that changes.

use samewire_protocol::live::{EndReason, LeaveReason};
use samewire_protocol::{Code, Failure};

use super::{Core, Place};
use crate::auth::Identity;
use crate::live::role::Part;
use crate::rooms::core::{Leaving, MemberNews, Millis, What};
use crate::session::SessionKey;

/// A session in the room.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    pub(super) place: Place,
    pub(super) identity: Identity,
    pub(super) part: Part,
    /// Since when its link is lost.
    pub(super) away: Option<Millis>,
}

impl Core {
    /// Something happened to a member of the room.
    pub(crate) fn heard(&mut self, now: Millis, news: &MemberNews) {
        let Some(session) = news.session else { return };
        let place = Place { epoch: news.epoch, member: news.member };
        let is_seated = self.seats.get(&session).is_some_and(|seat| seat.place == place);
        self.touched = now;
        match &news.what {
            What::Came { role } => {
                let seat = Seat { place, identity: news.identity.clone(), part: Part::of(role), away: None };
                self.seats.insert(session, seat);
                // First what it may be, so that who may watch no longer is not counted for an instant.
                self.is_now(now, session, Part::of(role));
                self.came(now, session, place);
            }
            // News of a member that another one of the session has followed.
            _ if !is_seated => {}
            What::Away => {
                if let Some(seat) = self.seats.get_mut(&session) {
                    seat.away = Some(now);
                }
                self.broadcaster_away(now, session, true);
            }
            What::Back => {
                if let Some(seat) = self.seats.get_mut(&session) {
                    seat.away = None;
                }
                self.broadcaster_back(now, session, place);
                self.viewer_hears(session);
                self.tell_replaced();
                self.tell_refused(now, session);
            }
            What::Role { role } => {
                let part = Part::of(role);
                if let Some(seat) = self.seats.get_mut(&session) {
                    seat.part = part;
                }
                self.is_now(now, session, part);
            }
            What::Left { reason } => self.left(now, session, reason),
        }
        self.count(now);
    }

    /// A session that was cut off for a while goes on as what it was.
    fn came(&mut self, now: Millis, session: SessionKey, place: Place) {
        self.broadcaster_back(now, session, place);
        self.viewer_back(session, place);
        self.tell_replaced();
        self.tell_refused(now, session);
    }

    /// A session may not be more than this from here on.
    fn is_now(&mut self, now: Millis, session: SessionKey, part: Part) {
        if part != Part::Broadcaster && self.is_broadcaster(session) {
            self.end(now, EndReason::GrantEnded);
        }
        if !part.may_watch() && self.stop_watching(session, LeaveReason::GrantEnded) {
            let told = Failure::new(Code::Forbidden, "the grant to watch this stream has ended");
            self.refuse(now, session, told);
        }
    }

    fn left(&mut self, now: Millis, session: SessionKey, reason: &Leaving) {
        let seat = self.seats.remove(&session);
        if *reason != Leaving::Lingered {
            self.replaced.forget(session);
            self.refusals.remove(&session);
        }
        match reason {
            Leaving::Lingered => {
                // What the room held for the member is lost with it.
                let since = seat.and_then(|seat| seat.away).unwrap_or(now);
                self.broadcaster_away(now, session, false);
                self.replaced.not_told(session);
                self.refusal_not_told(session);
                self.viewer_lost(session, since + self.settings.hold);
            }
            Leaving::Left => {
                self.broadcaster_left(now, session);
                self.stop_watching(session, LeaveReason::Left);
            }
            Leaving::Removed(_) => {
                if self.is_broadcaster(session) {
                    self.end(now, EndReason::GrantEnded);
                }
                self.stop_watching(session, LeaveReason::GrantEnded);
            }
        }
    }
}
