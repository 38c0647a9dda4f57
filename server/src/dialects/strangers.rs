//! Connections that are nobody's: a place for each, and not too many.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;

/// The most connections that are nobody's.
const MOST: usize = 2048;

/// So many places. Who came first has to go when there is none for who comes.
pub(crate) struct Strangers {
    most: usize,
    places: Mutex<Places>,
}

#[derive(Default)]
struct Places {
    count: u64,
    /// In the order in which they were taken; each is told by the end of its sender that it is one's no more.
    taken: BTreeMap<u64, oneshot::Sender<()>>,
}

/// A place, until it is dropped.
pub(super) struct Place {
    strangers: Arc<Strangers>,
    number: u64,
}

impl Strangers {
    /// As many as sessions, and never more than a server can hear without knowing who they are.
    pub(crate) fn new(sessions: usize) -> Arc<Self> {
        Arc::new(Self { most: sessions.min(MOST), places: Mutex::default() })
    }

    /// A place, and what resolves when it has to be left.
    pub(super) fn take(self: &Arc<Self>) -> (Place, oneshot::Receiver<()>) {
        let (holds, lost) = oneshot::channel();
        let mut places = self.places.lock();
        if places.taken.len() >= self.most {
            places.taken.pop_first();
        }
        let number = places.count;
        places.count += 1;
        places.taken.insert(number, holds);
        (Place { strangers: self.clone(), number }, lost)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.strangers.places.lock().taken.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_came_first_gives_way() {
        let strangers = Strangers::new(2);
        let [mut one, two, mut three] = std::array::from_fn(|_| strangers.take());
        let is_lost = |lost: &mut oneshot::Receiver<()>| lost.try_recv() == Err(oneshot::error::TryRecvError::Closed);
        assert!(is_lost(&mut one.1));
        // One that has lost its place frees nobody else's when it goes, and one that leaves does.
        drop(one);
        drop(two);
        let (_four, mut lost) = strangers.take();
        assert!(!is_lost(&mut three.1) && !is_lost(&mut lost));
        let _five = strangers.take();
        assert!(is_lost(&mut three.1) && !is_lost(&mut lost));
    }
}
