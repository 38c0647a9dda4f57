//! Who waited, or watched, and may not: each hears so, also when it could not hear at once.

use std::collections::HashMap;

use samewire_protocol::Failure;
use samewire_protocol::live::{LiveSignal, Refused};

use super::{Core, Out, Owed};
use crate::rooms::core::Millis;
use crate::session::SessionKey;

/// What is left to be told, by session.
pub(super) type Refusals = HashMap<SessionKey, Refusal>;

/// Somebody was refused.
#[derive(Debug)]
pub(super) struct Refusal {
    refused: Refused,
    is_told: bool,
    /// So long is it remembered, because whoever is away may come back, and what was told may be lost with a link.
    until: Millis,
}

impl Core {
    pub(super) fn refuse(&mut self, now: Millis, session: SessionKey, failure: Failure) {
        let refused = Refused { code: failure.code, message: failure.message };
        self.refusals.insert(session, Refusal { refused, is_told: false, until: now + self.settings.hold });
        self.tell_refused(now, session);
    }

    /// Tells a session that it was refused, if it does not know and can be reached.
    pub(super) fn tell_refused(&mut self, now: Millis, session: SessionKey) {
        let (Some(seat), Some(refusal)) = (self.seats.get(&session), self.refusals.get_mut(&session)) else { return };
        let until = now + self.settings.hold;
        if !std::mem::replace(&mut refusal.is_told, true) {
            refusal.until = until;
            let signal = LiveSignal::Refused(refusal.refused.clone());
            self.out.push_back(Out::Signal(seat.place, signal, Owed::Refused(session)));
        }
    }

    /// Tells all that could not be told.
    pub(super) fn tell_refused_again(&mut self, now: Millis) {
        let untold = self.refusals.iter().filter(|(_, refusal)| !refusal.is_told);
        let untold: Vec<_> = untold.map(|(session, _)| *session).collect();
        untold.into_iter().for_each(|session| self.tell_refused(now, session));
    }

    /// What a session was told of it did not arrive. Whether there was something.
    pub(super) fn refusal_not_told(&mut self, session: SessionKey) -> bool {
        self.refusals.get_mut(&session).map(|refusal| refusal.is_told = false).is_some()
    }

    pub(super) fn refusals_due(&self) -> Option<Millis> {
        let waits = |session: &SessionKey, refusal: &Refusal| !refusal.is_told && self.seats.contains_key(session);
        self.refusals.iter().filter(|(session, refusal)| !waits(session, refusal)).map(|(_, refusal)| refusal.until).min()
    }

    /// Forgets those who have heard, or have not come back.
    pub(super) fn forget_refusals(&mut self, now: Millis) {
        let seats = &self.seats;
        self.refusals.retain(|session, refusal| refusal.until > now || (!refusal.is_told && seats.contains_key(session)));
    }
}
