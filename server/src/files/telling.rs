//! What becomes of jobs is told in the rooms of their files: the event, and the record as the new state.

use std::pin::Pin;
use std::sync::Arc;

use samewire_protocol::files::{FileEvent, FileRecord, JobState};
use samewire_protocol::{Code, Failure, FileId};
use serde_json::value::to_raw_value;
use tokio::sync::Mutex;

use super::room::{FileRooms, Opening};
use super::{gone, room_of};
use crate::auth::Owner;
use crate::jobs::Hearing;
use crate::rooms::Rooms;
use crate::rooms::core::{Change, Message, Publication};
use crate::store::Store;

/// Over so many locks are the files spread.
const TURNS: usize = 64;

/// Tells the rooms of files.
#[derive(Debug)]
pub(crate) struct Telling {
    store: Store,
    rooms: Rooms,
    opening: Arc<Opening>,
    /// A file's events are told one after the other, each with a state that is no older than the one before.
    turns: [Mutex<()>; TURNS],
}

impl Telling {
    pub(crate) fn new(store: Store, rooms: Rooms, kind: &FileRooms) -> Self {
        Self { store, rooms, opening: kind.opening(), turns: std::array::from_fn(|_| Mutex::default()) }
    }

    async fn tell(&self, owner: &Owner, event: FileEvent) -> Result<(), Failure> {
        let id = event.file_id();
        let Some(room) = room_of(id) else { return Ok(()) };
        if self.rooms.overview(&room).is_none() && !self.opening.has(id) {
            // Whoever comes later finds the record as it is then.
            return Ok(());
        }
        let _turn = self.turns[place(id)].lock().await;
        let Some(file) = self.store.file(owner, id).await? else {
            self.rooms.close(&room, &gone(id));
            return Ok(());
        };
        if is_over(&event, &file) {
            return Ok(());
        }
        let unwritable = |error: serde_json::Error| Failure::new(Code::Internal, error.to_string());
        let payload = event.payload().map_err(unwritable)?;
        let name = event.name().parse().map_err(|_| Failure::new(Code::Internal, "an event of files has no name"))?;
        let message = Message { payload: Some(payload), ..Message::new(name) };
        let change = Some(Change::State(to_raw_value(&file).map_err(unwritable)?));
        self.rooms.publish(&room, Publication { change, ..message.into() }).await.map(drop)
    }
}

impl Hearing for Telling {
    fn hear<'a>(&'a self, owner: &'a Owner, event: FileEvent) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(async move {
            let id = event.file_id();
            if let Err(failure) = self.tell(owner, event).await {
                tracing::warn!(file = %id, %failure, "what became of a file cannot be told; its room begins anew");
                if let Some(room) = room_of(id) {
                    self.rooms.close(&room, &failure);
                }
            }
        })
    }
}

/// Whether more has happened since, so that the event would tell what is not so any more.
fn is_over(event: &FileEvent, file: &FileRecord) -> bool {
    let runs = |kind: &str| file.processing.iter().any(|job| job.kind == kind && job.state == JobState::Running);
    match event {
        FileEvent::Started(started) => !runs(&started.kind),
        FileEvent::Progress(progressed) => !runs(&progressed.kind),
        _ => false,
    }
}

fn place(id: FileId) -> usize {
    let [first, ..] = id.bits();
    usize::from(first) % TURNS
}
