//! Wakes a session's link without touching the session.

use std::sync::Weak;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::task::Waker;

use futures_util::task::AtomicWaker;

use super::Session;

/// What others hold of a session to wake its link.
#[derive(Debug)]
pub(crate) struct Bell {
    session: Weak<Session>,
    waker: AtomicWaker,
    /// The machine has something to say.
    dirty: AtomicBool,
    /// Rooms have something to say.
    rooms: AtomicBool,
}

impl Bell {
    pub(super) fn new(session: Weak<Session>) -> Self {
        Self { session, waker: AtomicWaker::new(), dirty: AtomicBool::new(false), rooms: AtomicBool::new(false) }
    }

    /// Whose bell it is, if it is still there.
    pub(crate) fn session(&self) -> Option<std::sync::Arc<Session>> {
        self.session.upgrade()
    }

    /// The machine has something to say.
    pub(super) fn ring(&self) {
        self.dirty.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// A room has something to say. To be called after [`Bell::fence`]. A link that has not come to it since the last ring is not
    /// woken once more.
    pub(crate) fn ring_for_rooms(&self) {
        if !self.rooms.load(Ordering::Relaxed) && !self.rooms.swap(true, Ordering::AcqRel) {
            self.waker.wake();
        }
    }

    /// Between what a room has to say and the bells of all who hear it: either a link sees what is new when it looks, or its bell
    /// is seen to be silent.
    pub(crate) fn fence() {
        fence(Ordering::SeqCst);
    }

    /// Whether rooms may have something to say.
    pub(super) fn rings_for_rooms(&self) -> bool {
        self.rooms.load(Ordering::Relaxed)
    }

    /// The link looks now at what rooms have to say.
    pub(super) fn hush(&self) {
        self.rooms.store(false, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// The link will look again without being woken.
    pub(super) fn ring_silently(&self) {
        self.rooms.store(true, Ordering::Release);
    }

    /// Registers a link's task; tells whether the bell has rung for the machine since it looked last.
    pub(super) fn register(&self, waker: &Waker) -> bool {
        self.waker.register(waker);
        self.dirty.load(Ordering::Acquire) && self.dirty.swap(false, Ordering::AcqRel)
    }
}
