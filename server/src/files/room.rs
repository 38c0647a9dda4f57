//! The rooms of files, `file:ID`: their state is the file's record, as of the newest event.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use samewire_protocol::rooms::{Role, RoomName};
use samewire_protocol::{Code, Failure, FileId};
use serde_json::Value;

use crate::rooms::{Deciding, Joining, KindPolicy, Kinds, RoomKind};
use crate::store::{Store, StoreError};

/// The kind of rooms that files have.
#[derive(Clone, Debug)]
pub(crate) struct FileRooms {
    store: Store,
    opening: Arc<Opening>,
}

impl FileRooms {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, opening: Arc::default() }
    }

    /// Files whose rooms are being made.
    pub(super) fn opening(&self) -> Arc<Opening> {
        self.opening.clone()
    }
}

impl RoomKind for FileRooms {
    fn policy(&self) -> KindPolicy {
        let kinds = Kinds::default().with_built_in(false);
        kinds.get(samewire_protocol::files::ROOM_KIND).map(|policy| (**policy).clone()).unwrap_or_default()
    }

    /// The owner comes in without a grant. Who may not come in gets what he would get if there were no such file.
    fn join<'a>(&'a self, joining: Joining<'a>) -> Deciding<'a, Role> {
        Box::pin(async move {
            let id = file_id(joining.room)?;
            let (owner, _) = self.store.records().any_file(id).done().await?.ok_or_else(no_room)?;
            match joining.by_policy() {
                Ok(role) => Ok(role),
                Err(_) if owner == *joining.access.identity.owner() => Ok(joining.policy.role.clone()),
                Err(_) => Err(no_room()),
            }
        })
    }

    fn load<'a>(&'a self, room: &'a RoomName) -> Deciding<'a, Option<Value>> {
        Box::pin(async move {
            let id = file_id(room)?;
            // Before the file is looked at, so that nothing happens to it in between unheard.
            self.opening.begin(id);
            let (_, file) = self.store.records().any_file(id).done().await?.ok_or_else(no_room)?;
            serde_json::to_value(file).map(Some).map_err(|error| StoreError::Io(error.into()).into())
        })
    }
}

fn file_id(room: &RoomName) -> Result<FileId, Failure> {
    room.rest().parse().map_err(|_| no_room())
}

fn no_room() -> Failure {
    Failure::new(
        Code::RoomNotFound,
        "there is no such file, or you may not watch it: its owner may, and whom a token grants the room",
    )
}

/// So long may it take to make a room whose state was loaded.
const MAKING: Duration = Duration::from_secs(10);

/// Files whose state was loaded a moment ago, for a room that is not there yet. What happens to them is told as if it were.
#[derive(Debug, Default)]
pub(super) struct Opening(Mutex<Recent>);

#[derive(Debug, Default)]
struct Recent {
    files: HashMap<FileId, Instant>,
    swept: Option<Instant>,
}

impl Opening {
    fn begin(&self, file: FileId) {
        let now = Instant::now();
        let mut recent = self.0.lock();
        if recent.swept.is_none_or(|swept| now.duration_since(swept) > MAKING) {
            recent.files.retain(|_, since| now.duration_since(*since) <= MAKING);
            recent.swept = Some(now);
        }
        recent.files.insert(file, now);
    }

    pub(super) fn has(&self, file: FileId) -> bool {
        self.0.lock().files.get(&file).is_some_and(|since| since.elapsed() <= MAKING)
    }
}
