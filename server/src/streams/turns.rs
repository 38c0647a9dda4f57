//! Streams take turns at the disk: those whose bytes come at once get on alike, and what writing holds is bounded, however many
//! there are.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::store::Buffer;

/// How many streams write at once: some wait for the disk while others hash and copy.
const PLACES: usize = 8;

/// Who may write, in the order in which they asked.
pub(super) struct Turns {
    places: Arc<Semaphore>,
    /// Those that no turn has at the moment.
    buffers: Arc<Mutex<Vec<Buffer>>>,
}

/// A stream's turn, with what is needed to write. Over when dropped.
pub(super) struct Turn {
    pub(super) buffer: Buffer,
    buffers: Arc<Mutex<Vec<Buffer>>>,
    place: OwnedSemaphorePermit,
}

impl Turns {
    pub(super) fn new() -> Self {
        Self { places: Arc::new(Semaphore::new(PLACES)), buffers: Arc::default() }
    }

    /// A turn at once, unless others are in line.
    pub(super) fn try_take(&self) -> Option<Turn> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some(self.turn(place))
    }

    /// A turn, as soon as it has come. None never: the line is not closed while there are streams.
    pub(super) async fn take(&self) -> Option<Turn> {
        let place = Arc::clone(&self.places).acquire_owned().await.ok()?;
        Some(self.turn(place))
    }

    fn turn(&self, place: OwnedSemaphorePermit) -> Turn {
        let buffer = self.buffers.lock().pop().unwrap_or_default();
        Turn { buffer, buffers: Arc::clone(&self.buffers), place }
    }

    /// Lets go of the memory that nobody writes with at the moment.
    pub(super) fn rest(&self) {
        self.buffers.lock().clear();
    }
}

impl Turn {
    /// The same turn, unless somebody may be in line for it.
    pub(super) fn unless_wanted(self) -> Option<Self> {
        (self.place.semaphore().available_permits() > 0).then_some(self)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.buffers.lock().push(std::mem::take(&mut self.buffer));
    }
}
