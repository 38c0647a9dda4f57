//! The sessions of a server, by id.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use samewire_protocol::{Code, Failure, SessionId};
use serde_json::value::RawValue;

use super::Session;
use crate::auth::Owner;

#[derive(Default)]
pub(crate) struct Sessions {
    /// The sweep locks sessions while it has this: whoever has locked a session must not lock it.
    known: Mutex<Known>,
    count: AtomicUsize,
}

#[derive(Default)]
struct Known {
    sessions: HashMap<SessionId, Arc<Session>>,
    /// How many sessions each owner has.
    owners: HashMap<Owner, usize>,
}

impl Known {
    fn insert(&mut self, session: Arc<Session>) {
        *self.owners.entry(session.identity.owner().clone()).or_default() += 1;
        self.sessions.insert(session.id, session);
    }

    fn remove(&mut self, id: SessionId) -> Option<Removed> {
        let session = self.sessions.remove(&id)?;
        let mut is_last = true;
        if let Some(count) = self.owners.get_mut(session.identity.owner()) {
            *count -= 1;
            is_last = *count == 0;
            if is_last {
                self.owners.remove(session.identity.owner());
            }
        }
        Some(Removed { session, is_last })
    }
}

/// A session that is not here any more, and whether it was its owner's last one.
struct Removed {
    session: Arc<Session>,
    is_last: bool,
}

impl Removed {
    fn end(self) {
        self.session.end(self.is_last);
    }
}

/// What a refusal says besides, where it is its user who has as many sessions as one may.
const OF_USER: &str = r#"{"limit":"max_sessions_per_user"}"#;

/// Whether somebody was refused for as long as the same user has other sessions; not because of what others do.
pub(crate) fn is_users_own(failure: &Failure) -> bool {
    failure.code == Code::TooManySessions && failure.data.as_ref().is_some_and(|data| data.get() == OF_USER)
}

/// How many sessions there may be.
pub(crate) struct Most {
    pub(crate) all: usize,
    pub(crate) user: usize,
}

impl Sessions {
    /// How many there are. May be asked while a session is locked.
    pub(crate) fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Known) -> T) -> T {
        let mut known = self.known.lock();
        let result = change(&mut known);
        self.count.store(known.sessions.len(), Ordering::Relaxed);
        result
    }

    pub(crate) fn find(&self, id: SessionId) -> Option<Arc<Session>> {
        self.known.lock().sessions.get(&id).cloned()
    }

    /// Adds a session, unless there are as many as there may be. One of the same id that came first stays, and is returned.
    pub(crate) fn add(&self, session: Arc<Session>, most: &Most) -> Result<Arc<Session>, Failure> {
        self.change(|known| {
            // Nothing is dropped here: what a session lets go of may look for others.
            if let Some(known) = known.sessions.get(&session.id) {
                return Ok(Arc::clone(known));
            }
            if known.sessions.len() >= most.all {
                let told = format!("this server holds {} sessions, as many as it may; try again later", most.all);
                return Err(Failure::new(Code::TooManySessions, told));
            }
            if known.owners.get(session.identity.owner()).is_some_and(|count| *count >= most.user) {
                let told = format!("this user has {} sessions, as many as one may; close some of them", most.user);
                let failure = Failure::new(Code::TooManySessions, told);
                return Err(Failure { data: RawValue::from_string(OF_USER.to_owned()).ok(), ..failure });
            }
            known.insert(Arc::clone(&session));
            Ok(Arc::clone(&session))
        })
    }

    /// Ends a session now.
    pub(crate) fn end(&self, id: SessionId) {
        let removed = self.change(|known| known.remove(id));
        if let Some(removed) = removed {
            removed.end();
        }
    }

    /// Lets a session go whose client is gone for good, and with it all that is in memory only. What its owner has stays.
    pub(crate) fn forget(&self, id: SessionId) {
        let removed = self.change(|known| known.remove(id));
        if let Some(removed) = removed {
            removed.session.replace();
        }
    }

    /// Ends a session now and tells its client why. It should not come back.
    pub(crate) fn expel(&self, session: &Arc<Session>, failure: Failure) {
        let removed = self.change(|known| {
            // One of the same id that was made anew is another.
            let is_here = known.sessions.get(&session.id).is_some_and(|known| Arc::ptr_eq(known, session));
            if is_here { known.remove(session.id) } else { None }
        });
        session.dismiss(failure, None);
        session.end(removed.is_some_and(|removed| removed.is_last));
    }

    /// Ends the sessions whose clients have been away for longer than `ttl`.
    pub(crate) fn sweep(&self, ttl: Duration) {
        let expired: Vec<_> = self.change(|known| {
            let expired: Vec<_> =
                known.sessions.values().filter(|session| session.expired(ttl)).map(|session| session.id).collect();
            expired.into_iter().filter_map(|id| known.remove(id)).collect()
        });
        for removed in expired {
            removed.end();
        }
    }

    /// Forgets all sessions, without ending them.
    pub(crate) fn clear(&self) {
        let known = self.change(std::mem::take);
        // Dropped without the lock: what they let go of may look for it.
        drop(known);
    }

    pub(crate) fn all(&self) -> Vec<Arc<Session>> {
        self.known.lock().sessions.values().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::Sessions;

    #[test]
    fn sessions_are_counted_while_they_are_swept() {
        let sessions = std::sync::Arc::new(Sessions::default());
        let swept = sessions.known.lock();
        let (tell, told) = mpsc::channel();
        let counted = std::sync::Arc::clone(&sessions);
        let thread = std::thread::spawn(move || tell.send(counted.len()));
        let count = told.recv_timeout(Duration::from_secs(60));
        drop(swept);
        assert_eq!(count, Ok(0), "a session that asks for the crowd holds up the sweep that waits for it");
        assert!(thread.join().is_ok());
    }
}
