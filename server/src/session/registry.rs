//! The sessions of a server, by id.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use samewire_protocol::{Failure, SessionId};

use super::Session;

#[derive(Default)]
pub(crate) struct Sessions {
    /// The sweep locks sessions while it has this: whoever has locked a session must not lock it.
    all: Mutex<HashMap<SessionId, Arc<Session>>>,
    count: AtomicUsize,
}

impl Sessions {
    /// How many there are. May be asked while a session is locked.
    pub(crate) fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    fn change<T>(&self, change: impl FnOnce(&mut HashMap<SessionId, Arc<Session>>) -> T) -> T {
        let mut all = self.all.lock();
        let result = change(&mut all);
        self.count.store(all.len(), Ordering::Relaxed);
        result
    }

    pub(crate) fn find(&self, id: SessionId) -> Option<Arc<Session>> {
        self.all.lock().get(&id).cloned()
    }

    /// Adds a session, unless there are `most` already. One of the same id that came first stays, and is returned.
    pub(crate) fn add(&self, session: Arc<Session>, most: usize) -> Option<Arc<Session>> {
        self.change(|all| {
            // Nothing is dropped here: what a session lets go of may look for others.
            if let Some(known) = all.get(&session.id) {
                return Some(Arc::clone(known));
            }
            if all.len() >= most {
                return None;
            }
            all.insert(session.id, Arc::clone(&session));
            Some(Arc::clone(&session))
        })
    }

    /// Ends a session now.
    pub(crate) fn end(&self, id: SessionId) {
        let session = self.change(|all| all.remove(&id));
        if let Some(session) = session {
            session.end();
        }
    }

    /// Lets a session go whose client is gone for good, and with it all that is in memory only. What its owner has stays.
    pub(crate) fn forget(&self, id: SessionId) {
        let session = self.change(|all| all.remove(&id));
        if let Some(session) = session {
            session.replace();
        }
    }

    /// Ends a session now and tells its client why. It should not come back.
    pub(crate) fn expel(&self, session: &Arc<Session>, failure: Failure) {
        // One of the same id that was made anew is another.
        self.change(|all| {
            all.get(&session.id).is_some_and(|known| Arc::ptr_eq(known, session)).then(|| all.remove(&session.id))
        });
        session.dismiss(failure, None);
        session.end();
    }

    /// Ends the sessions whose clients have been away for longer than `ttl`.
    pub(crate) fn sweep(&self, ttl: Duration) {
        let expired: Vec<_> = self.change(|all| all.extract_if(|_, session| session.expired(ttl)).collect());
        for (_, session) in expired {
            session.end();
        }
    }

    /// Forgets all sessions, without ending them.
    pub(crate) fn clear(&self) {
        let sessions = self.change(std::mem::take);
        // Dropped without the lock: what they let go of may look for it.
        drop(sessions);
    }

    pub(crate) fn all(&self) -> Vec<Arc<Session>> {
        self.all.lock().values().cloned().collect()
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
        let swept = sessions.all.lock();
        let (tell, told) = mpsc::channel();
        let counted = std::sync::Arc::clone(&sessions);
        let thread = std::thread::spawn(move || tell.send(counted.len()));
        let count = told.recv_timeout(Duration::from_secs(60));
        drop(swept);
        assert_eq!(count, Ok(0), "a session that asks for the crowd holds up the sweep that waits for it");
        assert!(thread.join().is_ok());
    }
}
