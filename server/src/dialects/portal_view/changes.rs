//! The changes of a client: which is being stored, which wait, and of which it is still to hear.

use std::time::{Duration, Instant};

use samewire_protocol::{CallId, Failure};

use super::backlog::{Backlog, Waiting};
use super::own::Own;

/// Who changes more than it may is tried again so soon.
const AGAIN: Duration = Duration::from_millis(50);
/// So many may come at once, as rooms have it. Of who has always another one the rest waits, also where it is the store that takes
/// longer than they do.
const BURST: usize = 100;

#[derive(Default)]
pub(super) struct Changes {
    /// The one that is being stored. There is one at a time, so that all stay in order.
    asked: Option<(CallId, Waiting)>,
    /// The client changes more in a second than it may: what waits for that, and when it is tried again.
    backlog: Backlog,
    again: Option<Instant>,
    /// How many came without a pause.
    in_a_row: usize,
    own: Own,
    /// The newest event of the room that the client knows of, and the newest of those since it was told everything that is its own.
    newest: u64,
    newest_own: u64,
}

impl Changes {
    /// One more. It is given back where it can be asked for at once.
    ///
    /// # Errors
    /// `rate-limited`.
    pub(super) fn put(&mut self, next: Waiting) -> Result<Option<Waiting>, Failure> {
        if self.backlog.is_empty() && self.again.is_none() {
            self.in_a_row += 1;
            self.own.made();
            return Ok(Some(next));
        }
        if self.backlog.put(next)? {
            self.own.made();
        }
        Ok(None)
    }

    /// Whether some of them wait.
    pub(super) fn wait(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// Whether there is room for another one.
    pub(super) fn is_ready(&self) -> bool {
        self.asked.is_none() || self.wait()
    }

    /// When the next one can be asked for.
    pub(super) fn due(&self) -> Option<Instant> {
        self.again
    }

    /// The next one, where it is time for it.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Waiting> {
        self.again.take_if(|at| *at <= now)?;
        self.backlog.pop()
    }

    /// The next one, where none is on its way or waits for its time.
    pub(super) fn take_next(&mut self) -> Option<Waiting> {
        if self.asked.is_some() || self.again.is_some() {
            return None;
        }
        self.backlog.pop()
    }

    /// This call asks for it.
    pub(super) fn asked(&mut self, call: CallId, change: Waiting) {
        self.asked = Some((call, change));
    }

    /// Whether this call asked for one, and for which.
    pub(super) fn answered(&mut self, call: CallId) -> Option<Waiting> {
        self.asked.take_if(|(asked, _)| *asked == call).map(|(_, change)| change)
    }

    /// It is an event of the room.
    pub(super) fn stored(&mut self, offset: u64) {
        // Among those that the client was too slow for.
        if (self.newest_own + 1..=self.newest).contains(&offset) {
            self.own.refused();
        }
        if self.in_a_row >= BURST && self.backlog.is_empty() {
            self.again = Some(Instant::now() + AGAIN);
        }
    }

    /// The client says nothing more for now.
    pub(super) fn rest(&mut self) {
        if self.asked.is_none() && self.backlog.is_empty() {
            self.in_a_row = 0;
        }
    }

    /// It is too early for it.
    pub(super) fn too_early(&mut self, change: Waiting) {
        if !self.backlog.put_back(change) {
            self.own.refused();
        }
        self.again = Some(Instant::now() + AGAIN);
    }

    /// It came to nothing.
    pub(super) fn refused(&mut self) {
        self.own.refused();
    }

    /// As [`Backlog::ping`].
    pub(super) fn ping(&mut self) -> Result<bool, Failure> {
        self.backlog.ping()
    }

    /// The room tells a change. Whether the client has to hear of it.
    pub(super) fn came(&mut self, offset: u64, is_own: bool) -> bool {
        self.newest = offset;
        if is_own {
            self.newest_own = offset;
            return self.own.came();
        }
        self.own.other_came();
        true
    }

    /// The client is told how the view is up to this event. Not where it knows more already.
    pub(super) fn told_state(&mut self, offset: u64) -> bool {
        let is_news = offset >= self.newest;
        if is_news {
            self.own.other_came();
        }
        is_news
    }

    /// The room has told how the view is up to this event, in place of the events.
    pub(super) fn begin_anew(&mut self, offset: u64) {
        self.own.begin_anew(self.backlog.len() + usize::from(self.asked.is_some()));
        (self.newest, self.newest_own) = (offset, 0);
    }

    /// The client is gone. Whether one of its changes is still to be stored: all that wait are one now.
    pub(super) fn linger(&mut self) -> bool {
        self.backlog.join();
        self.asked.is_some() || self.wait()
    }
}

#[cfg(test)]
mod tests {
    use samewire_protocol::Code;
    use serde_json::json;

    use super::*;
    use crate::dialects::portal_view::change::Change;

    fn item(id: u64, health: u64) -> Waiting {
        let payload = json!({"id": id, "health": health}).as_object().cloned().unwrap_or_default();
        Waiting::new(Change::of_item(id, payload), 40)
    }

    /// What is asked for, one after the other.
    fn rest(changes: &mut Changes) -> Vec<(u64, u64, usize)> {
        let later = Instant::now() + AGAIN;
        std::iter::from_fn(|| changes.take_due(later).or_else(|| changes.take_next()))
            .map(|next| {
                let field = |name| next.change.payload().get(name).and_then(serde_json::Value::as_u64).unwrap_or_default();
                (field("id"), field("health"), next.pings)
            })
            .collect()
    }

    /// A client whose first change comes too early.
    fn held_up() -> Changes {
        let mut changes = Changes::default();
        let first = changes.put(item(1, 0)).expect("room").expect("at once");
        changes.asked(CallId(1), first);
        assert!(!changes.is_ready() && changes.answered(CallId(2)).is_none());
        let first = changes.answered(CallId(1)).expect("the change");
        changes.too_early(first);
        assert!(changes.is_ready() && changes.take_next().is_none() && changes.due().is_some());
        changes
    }

    #[test]
    fn of_what_waits_the_newest_is_kept_in_the_place_of_the_first() {
        let mut changes = held_up();
        for health in 0..1_000 {
            for id in [1, 2, 3] {
                assert!(changes.put(item(id, health)).expect("room").is_none());
            }
        }
        assert_eq!(rest(&mut changes), [(1, 999, 0), (2, 999, 0), (3, 999, 0)]);
        assert!(!changes.wait());
    }

    #[test]
    fn what_is_too_early_again_takes_what_came_since_then() {
        let mut changes = held_up();
        for (id, health) in [(2, 5), (1, 6)] {
            assert!(changes.put(item(id, health)).expect("room").is_none());
        }
        let first = changes.take_due(Instant::now() + AGAIN).expect("the first");
        changes.asked(CallId(2), first);
        assert!(changes.put(item(1, 7)).expect("room").is_none() && changes.ping() == Ok(true));
        let first = changes.answered(CallId(2)).expect("the change");
        changes.too_early(first);
        // The ping came behind all of them.
        assert_eq!(rest(&mut changes), [(1, 7, 0), (2, 5, 1)]);
        assert_eq!(changes.ping(), Ok(false));
    }

    #[test]
    fn who_always_has_another_one_waits_for_a_slow_store_too() {
        let mut changes = Changes::default();
        let store = |changes: &mut Changes, health| {
            let next = changes.put(item(1, health)).expect("room");
            next.map(|next| changes.asked(CallId(health), next)).is_some_and(|()| {
                changes.answered(CallId(health)).expect("the change");
                changes.came(health, true);
                changes.stored(health);
                true
            })
        };
        for _ in 0..3 {
            assert!((1..BURST as u64).all(|health| store(&mut changes, health)) && changes.due().is_none());
            changes.rest();
        }
        assert!((0..BURST as u64).all(|health| store(&mut changes, health)));
        assert!((0..1_000).all(|health| !store(&mut changes, health)) && changes.is_ready());
        assert_eq!(rest(&mut changes), [(1, 999, 0)]);
        changes.rest();
        assert!(store(&mut changes, 7));
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut changes = held_up();
        let refused = (2..1_000).find_map(|id| changes.put(item(id, 0)).err().map(|failure| (id, failure.code)));
        assert!(matches!(refused, Some((id, Code::RateLimited)) if id > 200), "{refused:?}");
        assert!(changes.put(item(5, 1)).is_ok(), "it is waited for already");
        let refused = (0..1_000).find_map(|_| changes.ping().err());
        assert_eq!(refused.map(|failure| failure.code), Some(Code::RateLimited));

        let mut changes = held_up();
        let large = |id: u64| {
            let payload = json!({"id": id, "data": {"x": "x".repeat(10_000)}}).as_object().cloned().unwrap_or_default();
            Waiting::new(Change::of_item(id, payload), 10_050)
        };
        // Over and over the same does not add up.
        assert!((0..1_000).all(|_| changes.put(large(2)).is_ok()));
        let refused = (3..100).find_map(|id| changes.put(large(id)).err().map(|failure| (id, failure.code)));
        assert!(matches!(refused, Some((id, Code::RateLimited)) if id > 10), "{refused:?}");
        assert!(changes.take_due(Instant::now() + AGAIN).is_some() && changes.put(item(2, 1)).is_ok());
    }

    #[test]
    fn when_its_client_is_gone_all_that_waits_is_one_change() {
        let mut changes = held_up();
        for id in [2, 3] {
            assert!(changes.put(item(id, 9)).expect("room").is_none());
        }
        assert!(changes.linger() && changes.linger());
        let last = changes.take_due(Instant::now() + AGAIN).expect("a change");
        let expected = json!({"items": {"1": {"health": 0}, "2": {"health": 9}, "3": {"health": 9}}});
        assert_eq!(serde_json::Value::Object(last.change.patch()), expected);
        assert!(!changes.linger());
    }

    #[test]
    fn who_is_told_the_state_hears_of_its_own_that_came_later() {
        let mut changes = held_up();
        assert!(changes.came(4, false) && changes.told_state(4) && !changes.told_state(3));
        let first = changes.take_due(Instant::now() + AGAIN).expect("the first");
        changes.asked(CallId(2), first);
        assert!(changes.came(5, true), "somebody else's came before it");
        changes.stored(5);
        let next = changes.put(item(1, 1)).expect("room").expect("at once");
        changes.asked(CallId(3), next);
        // It is stored as event 6, which the client is not told.
        changes.begin_anew(8);
        changes.stored(6);
        assert!(changes.put(item(1, 2)).is_ok() && !changes.came(9, true));
    }
}
