//! Streams that a client opens and gives up: one after the other, in the order in which the client said so.
//!
//! Taking a stream up waits for the disk. Were each a task of its own, a client that opens a stream and gives it up at once, or
//! that comes back twice in a row, could overtake itself, and a stream would stay behind that nobody knows of.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use samewire_protocol::streams::StreamSpec;
use samewire_protocol::{Code, Failure, Link, StreamId, StreamNo};

use super::Session;
use crate::streams::{self, Attachment, Notice, Observer, StreamState};

/// What waits for its turn.
#[derive(Default)]
pub(super) struct Errands {
    waiting: VecDeque<Errand>,
    /// A task runs them.
    busy: bool,
}

/// What is to be done about a stream when its turn comes.
pub(super) enum Errand {
    /// The client begins it or goes on with it.
    TakeUp { link: Link, stream: StreamNo, spec: StreamSpec },
    /// The client does not want it any more.
    GiveUp { id: StreamId, failure: Failure },
}

impl Session {
    /// A client begins a stream or goes on with it.
    pub(super) fn open(self: &Arc<Self>, link: Link, stream: StreamNo, spec: StreamSpec) {
        if self.taking_up.load(Ordering::Acquire) >= 2 * self.app.config.limits.max_streams {
            let failure =
                Failure::new(Code::Overloaded, "too many streams are being opened at once; open them one after another");
            return self.machine(|machine, now| machine.abort(now, stream, &failure));
        }
        // Counted here and not in the task: a call right behind the frame must know that a stream is on its way.
        self.taking_up.fetch_add(1, Ordering::AcqRel);
        self.run_errand(Errand::TakeUp { link, stream, spec });
    }

    pub(super) fn run_errand(self: &Arc<Self>, errand: Errand) {
        let mut core = self.core.lock();
        core.errands.waiting.push_back(errand);
        if !std::mem::replace(&mut core.errands.busy, true) {
            drop(core);
            tokio::spawn(self.clone().errands());
        }
    }

    async fn errands(self: Arc<Self>) {
        loop {
            let errand = {
                let errands = &mut self.core.lock().errands;
                let errand = errands.waiting.pop_front();
                errands.busy = errand.is_some();
                errand
            };
            match errand {
                Some(Errand::TakeUp { link, stream, spec }) => {
                    self.take_up(link, stream, spec).await;
                    self.taking_up.fetch_sub(1, Ordering::AcqRel);
                    self.taken_up.notify_waiters();
                }
                Some(Errand::GiveUp { id, failure }) => self.app.streams.give_up(self.identity.owner(), id, failure),
                None => return,
            }
        }
    }

    /// A stream of a link that is gone by now is taken up all the same: a call that came with it waits for it.
    async fn take_up(self: &Arc<Self>, link: Link, stream: StreamNo, spec: StreamSpec) {
        if self.core.lock().ended {
            return;
        }
        let observer = self.observer(stream);
        let wanted = streams::StreamSpec { name: spec.name, media: spec.media, size: spec.size, note: None };
        let allowance = self.app.streams.allowance(&self.access());
        match self.app.streams.accept(self.identity.owner(), self.id, allowance, spec.id, wanted, observer).await {
            Ok(attachment) => self.taken_up(link, stream, attachment),
            Err(failure) => {
                self.app.streams.refused(self.identity.owner(), self.id, spec.id, &failure);
                let mut core = self.core.lock();
                // The client has opened it anew on a newer link, and is answered there.
                if core.link == link {
                    core.machine.abort(self.app.now(), stream, &failure);
                    drop(core);
                    self.wake();
                }
            }
        }
    }

    fn taken_up(&self, link: Link, stream: StreamNo, attachment: Attachment) {
        let mut core = self.core.lock();
        if core.ended {
            let replaced = core.replaced;
            drop(core);
            // Nobody can come back to what an anonymous session had. Dropped, a user's stream waits for another session.
            if self.identity.is_anonymous() && !replaced {
                attachment.abort(Failure::new(Code::SessionClosed, "the session of the stream is over"));
            }
            return;
        }
        if core.link != link || core.away_since.is_some() {
            return;
        }
        let now = self.app.now();
        if core.machine.incoming(stream) != Some(attachment.id()) {
            drop(core);
            // Given up meanwhile. A whole one is given up in its own turn, unless a file was made of it.
            if attachment.state == StreamState::Open {
                attachment.abort(Failure::new(Code::Canceled, "the sender gave the stream up"));
            }
            return;
        }
        core.machine.opened(now, stream, attachment.offset, attachment.limit);
        match attachment.state {
            StreamState::Whole { size, digest } | StreamState::Committed { size, digest } => {
                core.machine.finished(now, stream, size, digest);
            }
            StreamState::Open => drop(core.incoming.insert(stream, attachment)),
        }
        drop(core);
        self.wake();
    }

    /// Passes on what becomes of a stream's bytes.
    fn observer(self: &Arc<Self>, stream: StreamNo) -> Observer {
        let session = Arc::downgrade(self);
        Arc::new(move |notice| {
            let Some(session) = session.upgrade() else { return };
            let mut core = session.core.lock();
            let now = session.app.now();
            match notice {
                Notice::Durable { offset, limit } => core.machine.durable(now, stream, offset, limit),
                Notice::Finished { size, digest } => {
                    core.machine.finished(now, stream, size, digest);
                    core.incoming.remove(&stream);
                }
                Notice::Aborted(failure) => {
                    core.machine.abort(now, stream, &failure);
                    core.incoming.remove(&stream);
                }
            }
            drop(core);
            session.wake();
        })
    }
}
