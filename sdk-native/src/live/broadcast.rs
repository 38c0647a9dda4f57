//! Who broadcasts a stream.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use samewire_protocol::live::methods::{Peer, Peers as AskPeers, Start, StartParams, Started, Stop};
use samewire_protocol::live::stats::Summary;
use samewire_protocol::live::{
    IceConfig, LiveEvent, LiveRecord, LiveSignal, LiveState, Media, Negotiation, PeerMessage, PeerRef, StreamName, Superseded,
    ViewerId, ViewerLeft,
};
use samewire_protocol::{Code, Failure};
use serde_json::Value;

use super::peers::Peers;
use super::stand::{Heard, Stand, ended};
use crate::client::Client;
use crate::rooms::Room;

/// How a stream is broadcast.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BroadcastOptions {
    /// Take the stream from another user's session that broadcasts it. Default false; from a session of the same user it is always
    /// taken.
    pub takeover: bool,
    /// How many may watch at once. Default and most: what the server allows.
    pub max_viewers: Option<u64>,
    /// What to call the stream, at most 128 characters. Default nothing.
    pub title: Option<String>,
    /// What else to say of it, at most 1 KiB of JSON. Default nothing.
    pub info: Option<Value>,
    /// What it is made of. Default: not said.
    pub media: Option<Media>,
}

/// What a broadcaster hears.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum BroadcastEvent {
    /// Begin a peer connection to this viewer and make it an offer. Where there is one to it, that one is to be replaced.
    Begin(Peer),
    /// This viewer is gone: close its peer connection; where only its session was lost, when that breaks.
    Left(ViewerLeft),
    /// What the viewer says in the peer connection that counts.
    Message(PeerRef, PeerMessage),
    /// Something that the whole stream is told. `stream_ended` is the last thing.
    Stream(LiveEvent),
    /// Another session broadcasts now, and this one is over: close all peer connections. The last thing.
    Superseded(Superseded),
}

/// A stream that this program broadcasts, or did. Cheap to clone: clones share what they take with [`Broadcast::next`], so that one
/// task may read while others signal. When the last one is gone, the stream ends.
#[derive(Clone)]
pub struct Broadcast {
    inner: Arc<Inner>,
}

struct Inner {
    stand: Stand,
    params: StartParams,
    ice: Mutex<IceConfig>,
    state: tokio::sync::Mutex<State>,
    peers: Mutex<Peers>,
}

struct State {
    /// What has to be told before anything else is heard.
    waiting: VecDeque<BroadcastEvent>,
    /// Whether the viewers have to be asked for.
    doubtful: bool,
    /// The record that the broadcast began with: an end from before it was that of another broadcast.
    since: LiveRecord,
    over: bool,
}

impl Broadcast {
    pub(super) async fn begin(client: &Client, stream: StreamName, options: BroadcastOptions) -> Result<Self, Failure> {
        let BroadcastOptions { takeover, max_viewers, title, info, media } = options;
        let title = title.map(Into::into);
        // A handle of before may have had peer connections in this place; this one has none.
        let params = StartParams { stream: stream.clone(), takeover, anew: true, max_viewers, title, info, media };
        let stand = Stand::enter(client, stream).await?;
        let Started { record, ice, peers, .. } = stand.ask::<Start>(&params).await?;
        let mut known = Peers::default();
        let waiting = known.reconcile(peers).into();
        let state = State { waiting, doubtful: false, since: record, over: false };
        let inner = Inner {
            stand,
            params: StartParams { takeover: false, anew: false, ..params },
            ice: Mutex::new(ice),
            state: tokio::sync::Mutex::new(state),
            peers: Mutex::new(known),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The stream.
    #[must_use]
    pub fn stream(&self) -> &StreamName {
        self.inner.stand.stream()
    }

    /// The stream as it is now, whatever was taken of what happened to it.
    pub fn record(&self) -> Result<LiveRecord, Failure> {
        self.inner.stand.record()
    }

    /// What to make peer connections with, as it was told last.
    #[must_use]
    pub fn ice(&self) -> IceConfig {
        self.inner.ice.lock().clone()
    }

    /// Asks for fresh credentials, before those of [`Broadcast::ice`] expire.
    pub async fn renew_ice(&self) -> Result<IceConfig, Failure> {
        let ice = self.inner.stand.ice().await?;
        *self.inner.ice.lock() = ice.clone();
        Ok(ice)
    }

    /// The viewers as far as they were told by [`Broadcast::next`] or are about to be, by id.
    #[must_use]
    pub fn peers(&self) -> Vec<Peer> {
        self.inner.peers.lock().list()
    }

    /// The next thing that happens; `None` when the broadcast is over. Fails when this program may not broadcast any more, and when
    /// the session is over. Viewers that are there already come first.
    pub async fn next(&self) -> Result<Option<BroadcastEvent>, Failure> {
        let mut state = self.inner.state.lock().await;
        loop {
            if let Some(event) = state.waiting.pop_front() {
                return Ok(Some(event));
            }
            if state.over {
                return Ok(None);
            }
            if state.doubtful {
                self.inner.reconcile(&mut state).await?;
                continue;
            }
            match self.inner.stand.next().await? {
                Some(heard) => {
                    let event = self.inner.hear(&mut state, heard);
                    state.waiting.extend(event);
                }
                None => state.over = true,
            }
        }
    }

    /// Says something to a viewer in a peer connection to it. Fails with `stale-negotiation` when another one has taken its place, and
    /// with `peer-not-found` when the viewer is gone; both are also told as events.
    pub async fn signal(&self, viewer: ViewerId, negotiation: Negotiation, message: &PeerMessage) -> Result<(), Failure> {
        self.inner.stand.signal(Some(viewer), negotiation, message).await
    }

    /// Asks for a new peer connection in place of this one, which did not come about or broke. The new one is told both ends: here as
    /// [`BroadcastEvent::Begin`].
    pub async fn renegotiate(&self, viewer: ViewerId, negotiation: Negotiation) -> Result<Negotiation, Failure> {
        self.inner.stand.renegotiate(Some(viewer), negotiation).await
    }

    /// Reports how well the media flows: to one viewer, or the best of all, which makes the stream's quality. Every five seconds.
    pub async fn report(&self, viewer: Option<ViewerId>, summary: Summary) -> Result<(), Failure> {
        self.inner.stand.report(viewer, summary).await
    }

    /// Ends the stream, for everybody.
    pub async fn stop(&self) -> Result<(), Failure> {
        self.inner.stand.ask::<Stop>(&self.inner.stand.params()).await.map(drop)
    }

    /// The stream's room.
    #[must_use]
    pub fn room(&self) -> &Room {
        self.inner.stand.room()
    }
}

impl Inner {
    fn hear(&self, state: &mut State, heard: Heard) -> Option<BroadcastEvent> {
        let mut peers = self.peers.lock();
        match heard {
            Heard::Event(event) => {
                state.over = matches!(&event, LiveEvent::Ended(ended) if ended.timestamp >= state.since.timestamp);
                Some(BroadcastEvent::Stream(event))
            }
            Heard::Back | Heard::Signal(LiveSignal::PeersChanged) => {
                state.doubtful = true;
                None
            }
            Heard::Signal(LiveSignal::ViewerJoined(joined)) => {
                peers.begin(Peer { viewer: joined.viewer, negotiation: joined.negotiation, user: joined.user })
            }
            Heard::Signal(LiveSignal::ViewerLeft(left)) => peers.leave(left),
            Heard::Signal(LiveSignal::Peer(peer)) => peers.anew(peer),
            // A viewer says nothing in a peer connection before this end was told of it: what is not of the one that counts is late.
            Heard::Signal(LiveSignal::Message(peer, message)) => {
                let counts = peers.counts(peer.viewer) == Some(peer.negotiation);
                counts.then_some(BroadcastEvent::Message(peer, message))
            }
            Heard::Signal(LiveSignal::Superseded(by)) => {
                state.over = true;
                Some(BroadcastEvent::Superseded(by))
            }
            Heard::Signal(_) => None,
        }
    }

    /// Asks how things are after what may have been missed.
    async fn reconcile(&self, state: &mut State) -> Result<(), Failure> {
        let refused = match self.stand.ask::<AskPeers>(&self.stand.params()).await {
            Ok(now) => {
                state.doubtful = false;
                state.waiting.extend(self.peers.lock().reconcile(now.peers));
                return Ok(());
            }
            Err(failure) if !matches!(failure.code, Code::Forbidden | Code::LiveNotFound | Code::PeerNotFound) => {
                return Err(failure);
            }
            Err(refused) => refused,
        };
        let record = self.stand.look().await?;
        match record.state {
            // The word of it may be lost with the connection.
            LiveState::Live => state.end(BroadcastEvent::Superseded(Superseded { by: record.broadcaster })),
            LiveState::Ended => state.end(BroadcastEvent::Stream(ended(record))),
            // Nobody has it: it is held for another session of this user's, or the server was started anew.
            LiveState::Paused | LiveState::Offline => match self.stand.ask::<Start>(&self.params).await {
                Ok(Started { record, ice, peers, .. }) => {
                    (state.doubtful, state.since, *self.ice.lock()) = (false, record, ice);
                    state.waiting.extend(self.peers.lock().reconcile(peers));
                }
                Err(failure) if failure.code == Code::LiveTaken => {
                    state.end(BroadcastEvent::Superseded(Superseded { by: None }));
                }
                Err(failure) => return Err(failure),
            },
            _ => return Err(refused),
        }
        Ok(())
    }
}

impl State {
    fn end(&mut self, last: BroadcastEvent) {
        (self.over, self.doubtful) = (true, false);
        self.waiting.push_back(last);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if !self.state.get_mut().over {
            self.stand.tell::<Stop>(&self.stand.params());
        }
    }
}

impl fmt::Debug for Broadcast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Broadcast").field(self.stream()).finish()
    }
}
