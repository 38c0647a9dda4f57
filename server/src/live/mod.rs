//! Live video: an app on rooms and their signals.
//!
//! A live stream is a room, `live:STREAM`, whose state is the stream's [record](samewire_protocol::live::LiveRecord). Media goes from
//! the broadcaster to each viewer without the server, which tells them of each other, passes their offers, answers and candidates to
//! exactly one of them, and counts who watches.
//!
//! One stream by itself is in `core`, with the time as an argument. [`Live`] has them all: methods and what the rooms' kind hears of
//! their members change a stream, and what follows is told by whoever is at it, in order. One task does what is due.
//!
//! ```
//! use samewire_server::{Config, Server};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let data = tempfile::tempdir()?;
//! let server = Server::builder().config(Config { dev: true, data: data.path().into(), ..Config::default() }).build().await?;
//! let stage = "stage".parse()?;
//! assert_eq!(server.live().get(&stage).viewer_count, 0);
//! assert!(!server.live().end(&stage));
//! # Ok(())
//! # }
//! ```

mod core;
mod ice;
mod list;
mod methods;
mod metrics;
mod over;
mod rest;
mod role;
mod room;
mod stream;
mod streams;
mod telling;

use std::sync::Arc;

use samewire_protocol::live::{EndReason, IceConfig, LiveRecord, LiveState, StreamName};
use samewire_protocol::rooms::Role;
use samewire_protocol::{Code, Failure};
use tokio_util::task::AbortOnDropHandle;

pub use ice::Ice;
pub(crate) use methods::methods;
pub(crate) use metrics::Metrics;
pub(crate) use rest::router;
pub(crate) use room::{LiveRooms, policy};
pub(crate) use streams::Streams;

use crate::auth::{Access, Identity};
use crate::rooms::Rooms;
use crate::store::now_ms;

/// The live streams of a server. Cheap to clone.
#[derive(Clone)]
pub struct Live(Arc<Inner>);

struct Inner {
    streams: Arc<Streams>,
    rooms: Rooms,
    ice: Ice,
    bookmarks: list::Bookmarks,
    _ticker: AbortOnDropHandle<()>,
}

impl Live {
    /// Tells these rooms, whose kind `live` must be [`LiveRooms`] of the same streams, and starts the task that does what is due.
    pub(crate) fn start(streams: Arc<Streams>, rooms: Rooms, ice: Ice) -> Self {
        let ticker = AbortOnDropHandle::new(tokio::spawn(telling::run(Arc::downgrade(&streams), rooms.clone())));
        Self(Arc::new(Inner { streams, rooms, ice, bookmarks: list::Bookmarks::new(), _ticker: ticker }))
    }

    /// How a stream is; one that nobody has started is `offline`.
    #[must_use]
    pub fn get(&self, stream: &StreamName) -> LiveRecord {
        self.0.streams.record(stream)
    }

    /// Ends a stream, as an operator does. False when it was not live.
    pub fn end(&self, stream: &StreamName) -> bool {
        let Some(there) = self.0.streams.find(stream) else { return false };
        self.act(&there, |core, now| core.end(now, EndReason::EndedByOperator)).unwrap_or(false)
    }

    /// What somebody may be in a stream's room.
    ///
    /// # Errors
    /// Why it may not come in at all.
    pub async fn role(&self, access: &Access, stream: &StreamName) -> Result<Role, Failure> {
        self.0.rooms.kind(stream.room())?.role(access, stream.room()).await
    }

    /// How many streams are in this state, and how many watch them.
    #[must_use]
    pub fn census(&self, state: LiveState) -> Census {
        self.0.streams.census(state)
    }

    /// What somebody makes peer connections with in a stream. Only for a peer are credentials made: a stream's name is not the
    /// server's, and who could ask for one name after another would have as many users at the TURN server.
    fn ice(&self, stream: &StreamName, who: &Identity, is_peer: bool) -> IceConfig {
        if !is_peer {
            return self.0.ice.without_credentials();
        }
        let ice = self.0.ice.config(stream, who, now_ms());
        if ice.expires_at.is_some() {
            self.metrics().credentials();
        }
        ice
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.streams.metrics
    }
}

/// Streams in one state.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Census {
    /// How many streams.
    pub streams: u64,
    /// How many viewers of all of them.
    pub viewers: u64,
    /// How many of the one that has the most.
    pub largest: u64,
}

fn not_live(stream: &StreamName) -> Failure {
    Failure::new(Code::LiveNotFound, format!("there is no live stream {stream} that you may see"))
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").finish_non_exhaustive()
    }
}
