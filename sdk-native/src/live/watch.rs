//! Who watches a stream.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use samewire_protocol::live::methods::{Leave, Watch as AskWatch, WatchParams, Watched};
use samewire_protocol::live::stats::Summary;
use samewire_protocol::live::{
    IceConfig, LiveEvent, LiveRecord, LiveSignal, LiveState, Negotiation, PeerMessage, PeerRef, StreamName,
};
use samewire_protocol::{Code, Failure};

use super::stand::{Heard, Stand, ended};
use crate::client::Client;
use crate::rooms::Room;

/// How a stream is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchOptions {
    /// Whether to wait for a stream that is not live yet. Default true. Once it is let in, a watch goes on by itself either way: where
    /// its place was not kept, as on a server that was started anew, it waits for the broadcaster to come back, and tells so by
    /// [`WatchEvent::Waiting`].
    pub wait: bool,
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self { wait: true }
    }
}

/// What a viewer hears.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum WatchEvent {
    /// This program is a viewer: begin a peer connection, in which the broadcaster makes the offer. Where there is one, that one is to
    /// be replaced.
    Begin(PeerRef),
    /// What the broadcaster says in the peer connection that counts.
    Message(PeerRef, PeerMessage),
    /// Something that the whole stream is told. `stream_ended` is the last thing.
    Stream(LiveEvent),
    /// It was let in and is a viewer no more: the server does not know its place, and nobody broadcasts. When somebody does,
    /// [`WatchEvent::Begin`] follows. A picture that still comes over the peer connection of before need not be stopped.
    Waiting,
    /// It is not let in, after it waited or was away for long. The last thing.
    Refused(Failure),
}

/// A stream that this program watches, or waits for. Cheap to clone: clones share what they take with [`Watch::next`]. When the last
/// one is gone, it is watched no more.
#[derive(Clone)]
pub struct Watch {
    inner: Arc<Inner>,
}

struct Inner {
    stand: Stand,
    ice: Mutex<IceConfig>,
    peer: Mutex<Option<PeerRef>>,
    state: tokio::sync::Mutex<State>,
    left: tokio::sync::watch::Sender<bool>,
}

struct State {
    /// What has to be told before anything else is heard.
    waiting: VecDeque<WatchEvent>,
    /// Whether it has to be asked how things are.
    doubtful: bool,
    /// The record as it was told when this program asked: an end from before was that of another broadcast.
    since: LiveRecord,
    over: bool,
}

impl Watch {
    pub(super) async fn begin(client: &Client, stream: StreamName, options: WatchOptions) -> Result<Self, Failure> {
        let stand = Stand::enter(client, stream.clone()).await?;
        // A handle of before may have had a peer connection in this place; this one has none.
        let watched = stand.ask::<AskWatch>(&WatchParams { stream, wait: options.wait, anew: true }).await?;
        let (peer, ice) = (Mutex::default(), Mutex::default());
        let state = State { waiting: VecDeque::new(), doubtful: false, since: watched.record.clone(), over: false };
        let state = tokio::sync::Mutex::new(state);
        let inner = Inner { stand, ice, peer, state, left: tokio::sync::watch::Sender::default() };
        inner.take(&mut *inner.state.lock().await, watched);
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

    /// The viewer that this program is and the peer connection that counts, as far as they were told by [`Watch::next`] or are about
    /// to be. `None` while it waits.
    #[must_use]
    pub fn peer(&self) -> Option<PeerRef> {
        *self.inner.peer.lock()
    }

    /// What to make the peer connection with, as it was told last: while it waits, only what takes anybody.
    #[must_use]
    pub fn ice(&self) -> IceConfig {
        self.inner.ice.lock().clone()
    }

    /// Asks for fresh credentials, before those of [`Watch::ice`] expire.
    pub async fn renew_ice(&self) -> Result<IceConfig, Failure> {
        let ice = self.inner.stand.ice().await?;
        *self.inner.ice.lock() = ice.clone();
        Ok(ice)
    }

    /// The next thing that happens; `None` when the watch is over. Fails when this program may not watch any more, and when the
    /// session is over.
    pub async fn next(&self) -> Result<Option<WatchEvent>, Failure> {
        let mut left = self.inner.left.subscribe();
        let mut state = self.inner.state.lock().await;
        loop {
            if let Some(event) = state.waiting.pop_front() {
                return Ok(Some(event));
            }
            if state.over || *left.borrow() {
                return Ok(None);
            }
            if state.doubtful {
                self.inner.reconcile(&mut state).await?;
                continue;
            }
            tokio::select! {
                heard = self.inner.stand.next() => match heard? {
                    Some(heard) => self.inner.hear(&mut state, heard),
                    None => state.over = true,
                },
                _ = left.wait_for(|left| *left) => state.over = true,
            }
        }
    }

    /// Says something to the broadcaster in a peer connection with it. Fails with `stale-negotiation` when another one has taken its
    /// place, which is also told as [`WatchEvent::Begin`].
    pub async fn signal(&self, negotiation: Negotiation, message: &PeerMessage) -> Result<(), Failure> {
        self.inner.stand.signal(None, negotiation, message).await
    }

    /// Asks for a new peer connection in place of this one, which did not come about or broke. The new one is told both ends: here as
    /// [`WatchEvent::Begin`].
    pub async fn renegotiate(&self, negotiation: Negotiation) -> Result<Negotiation, Failure> {
        self.inner.stand.renegotiate(None, negotiation).await
    }

    /// Reports how well the media flows. Every five seconds.
    pub async fn report(&self, summary: Summary) -> Result<(), Failure> {
        self.inner.stand.report(None, summary).await
    }

    /// Watches no more, for all clones of this handle.
    pub async fn leave(&self) -> Result<(), Failure> {
        self.inner.stand.ask::<Leave>(&self.inner.stand.params()).await?;
        self.inner.left.send_replace(true);
        Ok(())
    }

    /// The stream's room.
    #[must_use]
    pub fn room(&self) -> &Room {
        self.inner.stand.room()
    }
}

impl Inner {
    fn hear(&self, state: &mut State, heard: Heard) {
        let event = match heard {
            Heard::Event(event) => WatchEvent::Stream(event),
            Heard::Back => {
                state.doubtful = true;
                return;
            }
            // Who waited was given no passwords, where there are some to be had: the answer to who is let in has them.
            Heard::Signal(LiveSignal::Watching(_)) if self.ice.lock().expires_at.is_some() => {
                state.doubtful = true;
                return;
            }
            Heard::Signal(LiveSignal::Watching(peer) | LiveSignal::Peer(peer)) => return self.begin(state, peer),
            Heard::Signal(LiveSignal::Message(peer, message)) if *self.peer.lock() == Some(peer) => {
                WatchEvent::Message(peer, message)
            }
            Heard::Signal(LiveSignal::Refused(refused)) => WatchEvent::Refused(Failure::new(refused.code, refused.message)),
            Heard::Signal(_) => return,
        };
        state.over = match &event {
            WatchEvent::Stream(LiveEvent::Ended(ended)) => {
                ended.timestamp > state.since.timestamp || state.since.state.is_on() && ended.timestamp == state.since.timestamp
            }
            WatchEvent::Refused(_) => true,
            _ => false,
        };
        state.waiting.push_back(event);
    }

    /// A peer connection is to be begun, unless that is known or another one came after it.
    fn begin(&self, state: &mut State, peer: PeerRef) {
        let mut counts = self.peer.lock();
        if counts.is_none_or(|counts| counts.viewer != peer.viewer || counts.negotiation < peer.negotiation) {
            *counts = Some(peer);
            state.waiting.push_back(WatchEvent::Begin(peer));
        }
    }

    fn take(&self, state: &mut State, watched: Watched) {
        let Watched { viewer, negotiation, record, ice, .. } = watched;
        *self.ice.lock() = ice;
        match viewer.zip(negotiation) {
            Some((viewer, negotiation)) => self.begin(state, PeerRef { viewer, negotiation }),
            None if self.peer.lock().take().is_some() => state.waiting.push_back(WatchEvent::Waiting),
            None => {}
        }
        state.since = record;
    }

    /// Asks how things are after what may have been missed: for the same place, or a new one where it was not kept.
    async fn reconcile(&self, state: &mut State) -> Result<(), Failure> {
        let params = WatchParams { stream: self.stand.stream().clone(), wait: true, anew: false };
        match self.stand.ask::<AskWatch>(&params).await {
            // It was watched, so this is the end that this program was not told of.
            Ok(Watched { record, .. }) if record.state == LiveState::Ended && self.peer.lock().is_some() => {
                state.over = true;
                state.waiting.push_back(WatchEvent::Stream(ended(record)));
                self.stand.tell::<Leave>(&self.stand.params());
            }
            Ok(watched) => self.take(state, watched),
            Err(failure) if matches!(failure.code, Code::LiveFull | Code::Forbidden) => {
                state.over = true;
                state.waiting.push_back(WatchEvent::Refused(failure));
            }
            Err(failure) => return Err(failure),
        }
        state.doubtful = false;
        Ok(())
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Another handle of the room may keep the membership.
        self.stand.tell::<Leave>(&self.stand.params());
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("stream", self.stream()).field("peer", &self.peer()).finish()
    }
}
