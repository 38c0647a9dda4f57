//! The sessions of a server, by id.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use samewire_protocol::{Failure, SessionId};

use super::Session;

#[derive(Default)]
pub(crate) struct Sessions(Mutex<HashMap<SessionId, Arc<Session>>>);

impl Sessions {
    pub(crate) fn len(&self) -> usize {
        self.0.lock().len()
    }

    pub(crate) fn find(&self, id: SessionId) -> Option<Arc<Session>> {
        self.0.lock().get(&id).cloned()
    }

    /// Adds a session, unless there are `most` already. One of the same id that came first stays, and is returned.
    pub(crate) fn add(&self, session: Arc<Session>, most: usize) -> Option<Arc<Session>> {
        let mut sessions = self.0.lock();
        if sessions.len() >= most && !sessions.contains_key(&session.id) {
            return None;
        }
        Some(sessions.entry(session.id).or_insert(session).clone())
    }

    /// Ends a session now.
    pub(crate) fn end(&self, id: SessionId) {
        let session = self.0.lock().remove(&id);
        if let Some(session) = session {
            session.end();
        }
    }

    /// Lets a session go whose client is gone for good, and with it all that is in memory only. What its owner has stays.
    pub(crate) fn forget(&self, id: SessionId) {
        let session = self.0.lock().remove(&id);
        if let Some(session) = session {
            session.replace();
        }
    }

    /// Ends a session now and tells its client why. It should not come back.
    pub(crate) fn expel(&self, session: &Arc<Session>, failure: Failure) {
        let mut sessions = self.0.lock();
        // One of the same id that was made anew is another.
        if sessions.get(&session.id).is_some_and(|known| Arc::ptr_eq(known, session)) {
            sessions.remove(&session.id);
        }
        drop(sessions);
        session.dismiss(failure, None);
        session.end();
    }

    /// Ends the sessions whose clients have been away for longer than `ttl`.
    pub(crate) fn sweep(&self, ttl: Duration) {
        let expired: Vec<_> = self.0.lock().extract_if(|_, session| session.expired(ttl)).collect();
        for (_, session) in expired {
            session.end();
        }
    }

    /// Forgets all sessions, without ending them.
    pub(crate) fn clear(&self) {
        let sessions = std::mem::take(&mut *self.0.lock());
        // Dropped without the lock: what they let go of may look for it.
        drop(sessions);
    }

    pub(crate) fn all(&self) -> Vec<Arc<Session>> {
        self.0.lock().values().cloned().collect()
    }
}
