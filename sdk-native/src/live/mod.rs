//! Live streams: what goes on in them, who watches, and the signalling of peer connections.
//!
//! Media itself is no affair of this crate: a program that broadcasts or watches brings a WebRTC library of its choice, and passes
//! on what it says. Whoever wants only the events and counts of a stream needs nothing else:
//!
//! ```no_run
//! # async fn run(client: samewire::Client) -> Result<(), Box<dyn std::error::Error>> {
//! let shop = client.live().observe("shop").await?;
//! println!("{} are watching now", shop.record()?.viewer_count);
//! while let Some(event) = shop.next().await? {
//!     println!("{}: {event:?}", event.name());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A broadcaster is told whom to begin a peer connection with, and what the other ends say:
//!
//! ```no_run
//! use samewire::live::{BroadcastEvent, BroadcastOptions, Description, PeerMessage};
//!
//! # fn offer() -> Box<str> { "v=0".into() }
//! # async fn run(client: samewire::Client) -> Result<(), Box<dyn std::error::Error>> {
//! let broadcast = client.live().start("shop", BroadcastOptions::default()).await?;
//! while let Some(event) = broadcast.next().await? {
//!     match event {
//!         // A viewer came, or its peer connection is to be made anew: it is waiting for an offer.
//!         BroadcastEvent::Begin(peer) => {
//!             let offer = PeerMessage::Offer(Description { round: 1, made: None, sdp: offer() });
//!             broadcast.signal(peer.viewer, peer.negotiation, &offer).await?;
//!         }
//!         BroadcastEvent::Message(peer, message) => println!("{} says {}", peer.viewer, message.name()),
//!         BroadcastEvent::Left(left) => println!("{} is gone", left.viewer),
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A [`Broadcast`] and a [`Watch`] go on by themselves when the connection was lost, or the server started anew. What the server no
//! longer tells of the time between is asked for, and told as the same events: what stands after the last of them is so. For that
//! they have to be taken, with [`Broadcast::next`] and [`Watch::next`]. Peer connections that flow need not be touched meanwhile: only
//! [`BroadcastEvent::Begin`] and [`WatchEvent::Begin`] say that one is to be made.

mod broadcast;
mod observer;
mod peers;
mod stand;
mod watch;

use samewire_protocol::Failure;
use samewire_protocol::live::methods::{End, Get, List, ListParams, StreamParams};

use crate::client::Client;

pub use broadcast::{Broadcast, BroadcastEvent, BroadcastOptions};
pub use observer::Observer;
pub use watch::{Watch, WatchEvent, WatchOptions};

pub use samewire_protocol::live::methods::{LiveList, Peer};
pub use samewire_protocol::live::stats::Summary;
pub use samewire_protocol::live::{
    Candidate, Candidates, Description, EndReason, IceConfig, IceServer, LeaveReason, LimitedBy, LiveEvent, LiveRecord,
    LiveState, Media, Negotiation, PeerMessage, PeerRef, Quality, QualityChanged, QualityLevel, StreamEnded, StreamName,
    StreamNameError, StreamPaused, StreamResumed, StreamStarted, Superseded, Timestamp, TimestampError, ViewerCountChanged,
    ViewerId, ViewerIdError, ViewerLeft,
};

/// The live streams of a server.
#[derive(Clone, Debug)]
pub struct Live {
    client: Client,
}

impl Client {
    /// The live streams of the server.
    #[must_use]
    pub fn live(&self) -> Live {
        Live { client: self.clone() }
    }
}

impl Live {
    /// The streams that are live or paused and that this client may see, by name; `after` is [`LiveList::next`] of the page before, or
    /// the name of a stream.
    pub async fn list(&self, after: Option<&str>) -> Result<LiveList, Failure> {
        self.client.call::<List>(&ListParams { after: after.map(Into::into), limit: None }).await
    }

    /// How a stream is.
    pub async fn get(&self, stream: &str) -> Result<LiveRecord, Failure> {
        self.client.call::<Get>(&StreamParams { stream: stream.parse()? }).await
    }

    /// Ends a stream, whoever broadcasts it. For who may broadcast it.
    pub async fn end(&self, stream: &str) -> Result<(), Failure> {
        self.client.call::<End>(&StreamParams { stream: stream.parse()? }).await.map(drop)
    }

    /// Follows a stream: its record, events and counts. It need not be live. Who only observes is not counted.
    pub async fn observe(&self, stream: &str) -> Result<Observer, Failure> {
        Observer::begin(&self.client, stream.parse()?).await
    }

    /// Broadcasts a stream. Fails with `live-taken` when another user's session does.
    pub async fn start(&self, stream: &str, options: BroadcastOptions) -> Result<Broadcast, Failure> {
        Broadcast::begin(&self.client, stream.parse()?, options).await
    }

    /// Watches a stream, and is counted as a viewer of it. Fails with `live-not-found` when nobody broadcasts it and
    /// [`WatchOptions::wait`] is false, with `live-full` when as many watch it as may.
    pub async fn watch(&self, stream: &str, options: WatchOptions) -> Result<Watch, Failure> {
        Watch::begin(&self.client, stream.parse()?, options).await
    }
}
