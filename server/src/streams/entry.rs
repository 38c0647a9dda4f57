//! One stream from a client, in memory.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use samewire_protocol::{Digest, Digester, Failure, SessionId, StreamId};
use tokio::sync::watch;

use super::shares::Share;
use super::{Observer, StreamSpec, StreamState};
use crate::auth::Owner;
use crate::limits::Allowance;
use crate::store::{Appender, BlobId, Blobs, now_ms};

/// Bytes are written in batches of at least this size while they come fast; smaller ones wait a moment for more, so that a peer that
/// sends little frames does not wake a thread for each. Half of the least that a sender may have on its way (`LEAST` in `shares.rs`): the
/// other half comes while this one is written.
pub(super) const BATCH: u64 = 128 * 1024;

pub(super) struct Entry {
    pub(super) owner: Owner,
    pub(super) id: StreamId,
    /// As it was when the stream was opened; a size may have been declared since.
    pub(super) spec: StreamSpec,
    pub(super) blob: BlobId,
    pub(super) opened_ms: u64,
    pub(super) inner: Mutex<Inner>,
    /// A copy of what others wait for. Changed under the lock of `inner` only, which must not be taken by whoever borrows it.
    pub(super) published: watch::Sender<Published>,
}

pub(super) struct Inner {
    pub(super) phase: Phase,
    /// None for a stream that was last held over HTTP: every session of its owner may name it.
    pub(super) session: Option<SessionId>,
    /// What the one who was last attached may keep and send.
    pub(super) allowance: Allowance,
    /// Counts attachments; those of an older count are fenced off.
    pub(super) epoch: u64,
    pub(super) attached: bool,
    pub(super) observer: Option<Observer>,
    pub(super) active_ms: u64,
    /// Bytes that count. Those of a part that is not proven are on the disk behind them, and do not.
    pub(super) durable: u64,
    pub(super) size: Option<u64>,
    /// The blob that the file has which was made of it, where that is another file's.
    pub(super) lent: Option<BlobId>,
}

pub(super) enum Phase {
    /// It is being recorded; nobody is attached yet.
    Opening,
    /// Bytes come.
    Open(Box<Receiving>),
    /// All bytes are there, verified and synced.
    Whole { digest: Digest, committed: bool },
    /// It is over, and its bytes are deleted.
    Gone(Failure),
}

/// What exists only while bytes come.
#[derive(Default)]
pub(super) struct Receiving {
    pub(super) queue: VecDeque<Bytes>,
    pub(super) queued: u64,
    pub(super) reserved: u64,
    /// How far the sender may go as far as memory is concerned.
    pub(super) granted: u64,
    /// Held while somebody is attached.
    pub(super) share: Option<Share>,
    pub(super) sink: Sink,
    /// A thread is writing; it looks at the queue again before it ends.
    pub(super) writing: bool,
    /// A timer runs, after which a small rest is written too.
    pub(super) timer: bool,
    /// Somebody waits until the queue is empty.
    pub(super) flush: bool,
    /// Without a digest, the server's own counts.
    pub(super) end: Option<(u64, Option<Digest>)>,
    /// All that can be reserved is used. There is credit for one byte more: only a sender that goes on sends it.
    pub(super) exhausted: bool,
    pub(super) part: Option<Part>,
    /// What to do about a part once the queue is empty.
    pub(super) ask: Option<Ask>,
}

/// A run of bytes that counts as a whole or not at all.
pub(super) struct Part {
    /// Bytes of it that are on the disk.
    pub(super) written: u64,
    /// The digest of what counts.
    pub(super) before: Digester,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// What comes from here on is a part.
    Begin,
    /// The part counts.
    Prove,
    /// The part never was. What is queued is of it.
    Discard,
}

/// Where bytes go. Without a digester, that of the bytes so far is computed when it is first needed.
#[derive(Default)]
pub(super) struct Sink {
    pub(super) file: Option<Appender>,
    pub(super) digester: Option<Digester>,
}

#[derive(Clone)]
pub(super) struct Published {
    pub(super) durable: u64,
    pub(super) busy: bool,
    pub(super) state: PublishedState,
}

#[derive(Clone)]
pub(super) enum PublishedState {
    Opening,
    Open,
    Whole(Digest),
    Gone(Failure),
}

/// What to do after the lock is released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wake {
    Nothing,
    Timer,
    Writer,
}

impl Entry {
    pub(super) fn new(
        (owner, id): (Owner, StreamId),
        session: Option<SessionId>,
        spec: StreamSpec,
        blob: BlobId,
        opened_ms: u64,
        allowance: Allowance,
        (phase, durable): (Phase, u64),
    ) -> Arc<Self> {
        let inner = Inner {
            phase,
            session,
            allowance,
            epoch: 0,
            attached: false,
            observer: None,
            active_ms: now_ms(),
            durable,
            size: spec.size,
            lent: None,
        };
        let (published, _) = watch::channel(inner.published());
        Arc::new(Self { owner, id, spec, blob, opened_ms, inner: Mutex::new(inner), published })
    }

    /// Tells those who wait. To be called under the lock, after every change.
    pub(super) fn publish(&self, inner: &Inner) {
        self.published.send_replace(inner.published());
    }

    /// Opens its bytes to read them, wherever they are.
    pub(super) fn read(&self, blobs: &Blobs) -> io::Result<File> {
        let blob = || self.inner.lock().lent.unwrap_or(self.blob);
        match blobs.read(blob()) {
            // A file that has another's blob was made of it at this moment.
            Err(error) if error.kind() == io::ErrorKind::NotFound => blobs.read(blob()),
            opened => opened,
        }
    }

    pub(super) fn is_committed(&self) -> bool {
        matches!(self.inner.lock().phase, Phase::Whole { committed: true, .. })
    }

    pub(super) fn is_gone(&self) -> bool {
        matches!(self.inner.lock().phase, Phase::Gone(_))
    }
}

impl Inner {
    pub(super) fn state(&self) -> StreamState {
        match &self.phase {
            Phase::Whole { digest, committed: false } => StreamState::Whole { size: self.durable, digest: *digest },
            Phase::Whole { digest, committed: true } => StreamState::Committed { size: self.durable, digest: *digest },
            Phase::Opening | Phase::Open(_) | Phase::Gone(_) => StreamState::Open,
        }
    }

    /// Whether a sender that says this size means the stream as it is. Of a whole stream of undeclared length the size is known,
    /// and one that was declared later may still be left out.
    pub(super) fn fits(&self, opened: &StreamSpec, size: Option<u64>) -> bool {
        let whole = matches!(self.phase, Phase::Whole { .. });
        self.size == size || opened.size == size || whole && size.is_none_or(|size| size == self.durable)
    }

    /// Where the sender must stop.
    pub(super) fn limit(&self) -> u64 {
        match &self.phase {
            Phase::Open(receiving) => {
                let most = self.size.unwrap_or(receiving.reserved + u64::from(receiving.exhausted));
                receiving.granted.min(most)
            }
            _ => self.durable,
        }
    }

    /// Lets the sender be this far ahead of what is on the disk, and says where it must stop. Nothing is taken back that it was told
    /// before.
    pub(super) fn grant(&mut self, window: u64) -> u64 {
        let durable = self.durable;
        if let Phase::Open(receiving) = &mut self.phase {
            receiving.granted = receiving.granted.max(receiving.on_disk(durable).saturating_add(window));
        }
        self.limit()
    }

    fn published(&self) -> Published {
        let (busy, state) = match &self.phase {
            Phase::Opening => (true, PublishedState::Opening),
            Phase::Open(receiving) => (receiving.is_busy(), PublishedState::Open),
            Phase::Whole { digest, .. } => (false, PublishedState::Whole(*digest)),
            Phase::Gone(failure) => (false, PublishedState::Gone(failure.clone())),
        };
        Published { durable: self.durable, busy, state }
    }
}

impl Receiving {
    pub(super) fn new(reserved: u64) -> Self {
        Self { reserved, ..Self::default() }
    }

    pub(super) fn is_busy(&self) -> bool {
        self.writing || !self.queue.is_empty() || self.end.is_some() || self.ask.is_some()
    }

    /// How many bytes the blob has.
    pub(super) fn on_disk(&self, durable: u64) -> u64 {
        durable + self.part.as_ref().map_or(0, |part| part.written)
    }

    /// Whether more came than there is room for.
    pub(super) fn is_beyond(&self, durable: u64, size: Option<u64>) -> bool {
        size.is_none() && self.on_disk(durable) + self.queued > self.reserved
    }

    /// The one who sent the part is gone, and with him the proof.
    pub(super) fn drop_part(&mut self) {
        if self.part.is_some() || self.ask == Some(Ask::Begin) {
            self.ask = Some(Ask::Discard);
            // What is being written at this moment still counts as queued.
            self.queued -= self.queue.drain(..).map(|bytes| bytes.len() as u64).sum::<u64>();
        }
    }

    /// Whether what is queued should be written now and not wait for more to come.
    pub(super) fn is_due(&self, durable: u64, size: Option<u64>) -> bool {
        let last = size == Some(self.on_disk(durable) + self.queued) && self.queued > 0;
        self.queued >= BATCH
            || last
            || self.end.is_some()
            || self.ask.is_some()
            || (self.flush && self.queued > 0)
            || self.is_beyond(durable, size)
    }

    /// Decides who writes what is queued.
    pub(super) fn schedule(&mut self, durable: u64, size: Option<u64>) -> Wake {
        if self.writing {
            return Wake::Nothing;
        }
        if self.is_due(durable, size) {
            self.writing = true;
            return Wake::Writer;
        }
        if self.timer || self.queue.is_empty() {
            return Wake::Nothing;
        }
        self.timer = true;
        Wake::Timer
    }
}
