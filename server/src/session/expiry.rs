//! When sessions end because their tokens do: one ordered list of them all, and one task that looks at its head.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use samewire_protocol::SessionId;
use tokio::sync::Notify;

use crate::app::App;
use crate::auth::expired;
use crate::metrics::TokenEvent;
use crate::store::now_ms;

/// How long is slept at most while anything is to end: the clock of the tokens may be set meanwhile.
const LONGEST: Duration = Duration::from_millis(500);

/// When a session ends, in milliseconds since 1970-01-01 UTC; which, and in which of its lives.
pub(super) type Due = (u64, SessionId, u64);

/// The sessions that end by themselves.
#[derive(Default)]
pub(crate) struct Expiries {
    due: Mutex<BTreeSet<Due>>,
    changed: Notify,
}

impl Expiries {
    /// A session ends at another time than before, or no longer, or now does.
    pub(super) fn moved(&self, before: Option<Due>, after: Option<Due>) {
        if before == after {
            return;
        }
        let mut due = self.due.lock();
        if let Some(before) = before {
            due.remove(&before);
        }
        if let Some(after) = after {
            due.insert(after);
            if due.first() == Some(&after) {
                self.changed.notify_one();
            }
        }
    }

    /// Those whose time has come.
    fn take(&self, now_ms: u64) -> Vec<Due> {
        let mut due = self.due.lock();
        let later = due.split_off(&(now_ms + 1, SessionId::from_random([0; 16]), 0));
        std::mem::replace(&mut *due, later).into_iter().collect()
    }

    fn next(&self) -> Option<u64> {
        self.due.lock().first().map(|(at, ..)| *at)
    }
}

/// Ends the sessions whose tokens have expired, for as long as the server is there.
pub(crate) async fn expire(app: Weak<App>, expiries: Arc<Expiries>) {
    loop {
        match expiries.next() {
            None => expiries.changed.notified().await,
            Some(next) => {
                let wait = Duration::from_millis(next.saturating_sub(now_ms())).min(LONGEST);
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    () = expiries.changed.notified() => {}
                }
            }
        }
        let Some(app) = app.upgrade() else { return };
        for (_, id, life) in expiries.take(now_ms()) {
            if let Some(session) = app.sessions.find(id).filter(|session| session.life == life) {
                tracing::debug!(session = %id, "a session ends with its token");
                app.sessions.expel(&session, expired());
                app.metrics.token(TokenEvent::Expired);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_has_one_time_whatever_was_said_before() {
        let expiries = Expiries::default();
        let due = |at, session: u8| (at, SessionId::from_random([session; 16]), 7);
        for session in 0..4 {
            expiries.moved(None, Some(due(1_000, session)));
        }
        expiries.moved(Some(due(1_000, 0)), Some(due(2_000, 0)));
        expiries.moved(Some(due(1_000, 1)), None);
        expiries.moved(Some(due(1_000, 2)), Some(due(500, 2)));
        expiries.moved(Some(due(1_000, 3)), Some(due(1_000, 3)));
        assert_eq!(expiries.next(), Some(500));
        assert_eq!(expiries.take(499), []);
        assert_eq!(expiries.take(1_000), [due(500, 2), due(1_000, 3)]);
        assert_eq!((expiries.next(), expiries.take(u64::MAX - 1).len()), (Some(2_000), 1));
        assert_eq!(expiries.next(), None);
    }
}
