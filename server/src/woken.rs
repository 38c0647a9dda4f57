//! Tells a task why it runs.
//!
//! A link that is woken because a room has news, which is by far the most frequent reason, need not ask its socket and its timer
//! whether they are why: they wake it through a [`Woken`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};

use futures_util::task::AtomicWaker;

/// Passes wakes on to a task, and remembers that there was one.
#[derive(Debug)]
pub(crate) struct Woken {
    task: AtomicWaker,
    woken: AtomicBool,
}

impl Woken {
    /// Woken from the start: a task looks at everything when it runs for the first time.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { task: AtomicWaker::new(), woken: AtomicBool::new(true) })
    }

    /// Whether there was a wake since it was last taken.
    pub(crate) fn is_woken(&self) -> bool {
        self.woken.load(Ordering::Acquire)
    }

    /// Takes note of the wakes so far; those that come wake this task, which looks at everything after this.
    pub(crate) fn take(&self, task: &Waker) {
        // In this order: a wake takes the registration away, and one that comes in between must not be forgotten with it gone.
        self.woken.store(false, Ordering::SeqCst);
        self.task.register(task);
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.task.wake();
    }
}
