//! Who owns which stream, credit from what is durable, and where the bytes go.
//!
//! A stream belongs to an [`Owner`] and, among the owner's sessions, to the one that opened or last continued it; one that was
//! opened or last continued over HTTP, without a session, to all of the owner's. Look-ups are always by owner and id: somebody else's id is simply not there, and every way of not being there is told in the same words.
//!
//! *Durable* means handed to the operating system: it survives a kill of the process. Before a stream counts as whole, and so
//! before a file is made of it, its bytes and their name in the folder are synced to the disk itself, and size and digest have
//! been compared.

mod accept;
mod attachment;
mod concat;
mod end;
mod entry;
mod excerpt;
mod incoming;
mod intake;
mod look;
mod outgoing;
mod parts;
mod reader;
mod recover;
mod refusal;
mod shares;
mod sweep;
mod turns;
mod upload;
mod writer;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use samewire_protocol::{Digest, Failure, Limits, SessionId, StreamId};
use tokio::sync::Semaphore;

use crate::auth::{Access, Owner};
use crate::limits::{Allowance, Quota};
use crate::store::{Store, StoreError};

pub use attachment::Attachment;
pub use excerpt::Excerpt;
pub use incoming::{Incoming, Progress};
pub use intake::{Candidate, HEAD, Intake, Plan};
pub use look::UploadStatus;
pub use outgoing::{MAX_READ, Outgoing};
pub use reader::Reader;
pub(crate) use refusal::no_file;
pub use refusal::{no_upload, not_found};
pub use upload::Upload;

use entry::Entry;
use outgoing::OutEntry;
use shares::Shares;
use turns::Turns;

/// Streams that one owner may have at once, over all sessions.
pub const MAX_PER_OWNER: usize = 256;

/// Failed streams of one owner whose reason is remembered, for calls that name them.
const MAX_FALLEN: usize = 64;

/// The longest note of a stream, in bytes.
pub const MAX_NOTE: usize = 8 * 1024;

/// Room on the disk that streams leave to the records.
pub(crate) const SPARE_DISK: u64 = 16 << 20;

/// What a client says of a stream that it opens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamSpec {
    /// Its name; a file that is made of it gets this one unless the call gives another.
    pub name: Option<String>,
    /// Its media type.
    pub media: Option<String>,
    /// Its size in bytes, where it is known.
    pub size: Option<u64>,
    /// What the door that opens it wants to remember of it, at most [`MAX_NOTE`] bytes. Nothing else reads it.
    pub note: Option<String>,
}

/// How far a stream is that a client sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamState {
    /// Bytes may still come.
    Open,
    /// All bytes are there and verified.
    Whole {
        /// How many bytes.
        size: u64,
        /// Their digest.
        digest: Digest,
    },
    /// A file was made of it.
    Committed {
        /// How many bytes.
        size: u64,
        /// Their digest.
        digest: Digest,
    },
}

/// What the one who attached to a stream is told. After `Finished` or `Aborted` a `Durable` that was under way may still come;
/// it says nothing new.
#[derive(Clone, Debug)]
pub enum Notice {
    /// Bytes up to `offset` are durable, and the sender may go up to `limit`.
    Durable {
        /// Bytes that are durable.
        offset: u64,
        /// Where the sender must stop.
        limit: u64,
    },
    /// All bytes are there and verified.
    Finished {
        /// How many bytes.
        size: u64,
        /// Their digest.
        digest: Digest,
    },
    /// The stream is over, and its bytes are deleted.
    Aborted(Failure),
}

/// Receives [`Notice`]s, on whatever thread they come up; must not block. No lock of the registry is held meanwhile.
pub type Observer = Arc<dyn Fn(Notice) + Send + Sync>;

/// What the registry goes by.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Bytes that a sender may be ahead of what is durable, for each stream.
    pub window: u64,
    /// Bytes that all senders together may be ahead of what is durable.
    pub memory: u64,
    /// The largest stream that a client may send, unless its token says so.
    pub max_upload: u64,
    /// How long a stream that nobody is attached to is kept.
    pub idle_ttl: Duration,
    /// How long any stream is kept after it was opened.
    pub absolute_ttl: Duration,
    /// Bytes that one owner may have in files and streams, unless the owner's token says so.
    pub quota: Quota,
    /// Whether files of one owner with the same content share their bytes.
    pub dedupe: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self::new(&crate::config::Streams::default(), &crate::config::Files::default(), &Limits::default())
    }
}

impl Settings {
    /// What an owner may keep and send whose token does not say so.
    fn allowance_of(&self, owner: &Owner) -> Allowance {
        Allowance { quota: self.quota.of(owner), max_upload: self.max_upload }
    }

    /// Takes what concerns streams out of a configuration.
    #[must_use]
    pub fn new(streams: &crate::config::Streams, files: &crate::config::Files, limits: &Limits) -> Self {
        Self {
            window: limits.window,
            memory: streams.memory,
            max_upload: limits.max_upload,
            idle_ttl: streams.idle_ttl,
            absolute_ttl: streams.absolute_ttl,
            quota: streams.quota(),
            dedupe: files.dedupe,
        }
    }
}

/// The registry of streams. Cheap to clone.
#[derive(Clone)]
pub struct Streams(Arc<Shared>);

struct Shared {
    store: Store,
    settings: Settings,
    intake: Arc<dyn Intake>,
    /// Lock order: this one, then a stream's own.
    owners: Mutex<HashMap<Owner, Owned>>,
    turns: Turns,
    shares: Shares,
    /// How many uploads are made of others at once: until one is recorded, its copy is on the disk beside the parts.
    joins: Semaphore,
    /// Places for excerpts that are read for their digests.
    excerpts: Arc<Semaphore>,
    /// Streams are also given up where no runtime is entered, as in a `Drop`.
    runtime: tokio::runtime::Handle,
}

/// What one owner has in memory.
#[derive(Default)]
struct Owned {
    slots: HashMap<StreamId, Slot>,
    fallen: VecDeque<Fallen>,
}

impl Owned {
    fn remember(&mut self, fallen: Fallen) {
        if self.fallen.len() == MAX_FALLEN {
            self.fallen.pop_front();
        }
        self.fallen.push_back(fallen);
    }
}

#[derive(Clone)]
enum Slot {
    In(Arc<Entry>),
    Out(Arc<OutEntry>),
}

impl Slot {
    fn is(&self, entry: &Arc<Entry>) -> bool {
        matches!(self, Self::In(other) if Arc::ptr_eq(other, entry))
    }
}

/// Why a stream is no more, for calls of its session that still name it.
struct Fallen {
    id: StreamId,
    session: Option<SessionId>,
    failure: Failure,
    at_ms: u64,
}

impl Streams {
    /// Opens the registry over this store, with all streams that were under way when the last server ended. Their idle time
    /// begins anew, because nobody could reach them meanwhile. `intake` looks at what becomes a file.
    ///
    /// # Errors
    /// What the disk or the database says.
    pub async fn start(store: Store, settings: Settings, intake: Arc<dyn Intake>) -> Result<Self, StoreError> {
        let runtime = tokio::runtime::Handle::current();
        let shared = Arc::new(Shared {
            store,
            settings,
            intake,
            owners: Mutex::default(),
            turns: Turns::new(),
            shares: Shares::default(),
            joins: Semaphore::new(concat::AT_ONCE),
            excerpts: Arc::new(Semaphore::new(excerpt::AT_ONCE)),
            runtime,
        });
        recover::recover(&shared).await?;
        Ok(Self(shared))
    }

    /// The store behind the registry.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// What the holder of this access may keep and send.
    #[must_use]
    pub fn allowance(&self, access: &Access) -> Allowance {
        access.grants.allowance(self.0.settings.allowance_of(access.identity.owner()))
    }

    /// How many streams are under way.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.owners.lock().values().map(|owned| owned.slots.len()).sum()
    }
}

impl Shared {
    /// How far each sender may be ahead of what is durable at the moment.
    fn window(&self) -> u64 {
        self.shares.size(self.settings.memory, self.settings.window)
    }
}
