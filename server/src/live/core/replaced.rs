//! Broadcasters that were replaced: each hears so, and one that was away meanwhile takes nothing back unasked.

use std::collections::VecDeque;

use samewire_protocol::live::{LiveSignal, Superseded};

use super::{Core, Out, Owed};
use crate::session::SessionKey;

/// So many are remembered. Beyond that, who was replaced first is forgotten.
const MOST: usize = 16;

/// Who was replaced since the stream started, the first one first.
#[derive(Debug, Default)]
pub(super) struct Replaced(VecDeque<Before>);

/// One who was.
#[derive(Debug)]
struct Before {
    session: SessionKey,
    is_told: bool,
    /// It does not know, and may ask for the stream as if it were still its own.
    is_unaware: bool,
}

impl Replaced {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Nothing of it counts any more.
    pub(super) fn forget(&mut self, session: SessionKey) {
        self.0.retain(|before| before.session != session);
    }

    /// Whether this session may believe that it broadcasts. Asked once: whoever asks is told.
    pub(super) fn takes_it_for_its_own(&mut self, session: SessionKey) -> bool {
        let is_unaware = self.0.iter().any(|before| before.session == session && before.is_unaware);
        if is_unaware {
            self.forget(session);
        }
        is_unaware
    }

    /// What it was told did not arrive.
    pub(super) fn not_told(&mut self, session: SessionKey) -> bool {
        let before = self.0.iter_mut().find(|before| before.session == session);
        before.map(|before| (before.is_told, before.is_unaware) = (false, true)).is_some()
    }
}

impl Core {
    /// A session broadcasts no longer, because another one does.
    pub(super) fn replace(&mut self, session: SessionKey) {
        let is_unaware = self.seats.get(&session).is_none_or(|seat| seat.away.is_some());
        self.replaced.forget(session);
        self.replaced.0.push_back(Before { session, is_told: false, is_unaware });
        if self.replaced.0.len() > MOST {
            self.replaced.0.pop_front();
        }
        self.tell_replaced();
    }

    /// Tells those who were replaced, as far as they can be reached.
    pub(super) fn tell_replaced(&mut self) {
        let by = &self.record.broadcaster;
        for before in self.replaced.0.iter_mut().filter(|before| !before.is_told) {
            if let Some(seat) = self.seats.get(&before.session) {
                before.is_told = true;
                let superseded = LiveSignal::Superseded(Superseded { by: by.clone() });
                self.out.push_back(Out::Signal(seat.place, superseded, Owed::Superseded(before.session)));
            }
        }
    }
}
