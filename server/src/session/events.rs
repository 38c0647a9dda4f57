//! What the machine tells the server, and what the server does about it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use samewire_protocol::accept::{Event, Resumed};
use samewire_protocol::streams::{StreamSpec, Want};
use samewire_protocol::{Code, Failure, Link, StreamId, StreamNo};

use super::Session;
use crate::calls;
use crate::streams::{Attachment, Notice, Observer, StreamState};

impl Session {
    /// Acts on an event. Never waits: what takes time becomes a task.
    pub(crate) fn act(self: &Arc<Self>, event: Event) {
        match event {
            Event::Call { id, method, payload, timeout } => calls::run(self, id, &method, payload, timeout),
            Event::Cancel { id } => {
                let mut core = self.core.lock();
                let task = core.running.remove(&id);
                drop(core);
                if let Some(task) = task {
                    task.abort();
                }
                self.wake_parts();
            }
            Event::PartsTaken { .. } => self.wake_parts(),
            Event::Open { stream, spec } => self.take_up(stream, spec),
            Event::Data { stream, offset, bytes } => {
                let mut core = self.core.lock();
                let pushed = core.incoming.get(&stream).map(|attachment| attachment.push(offset, bytes));
                if let Some(Err(failure)) = pushed {
                    let attachment = core.incoming.remove(&stream);
                    core.machine.abort(self.app.now(), stream, &failure);
                    drop(core);
                    if let Some(attachment) = attachment {
                        attachment.abort(failure);
                    }
                    self.wake();
                }
            }
            Event::End { stream, size, digest } => {
                if let Some(attachment) = self.core.lock().incoming.get(&stream) {
                    attachment.end(size, digest);
                }
            }
            Event::Attach { stream, id, offset, limit } => self.go_on(stream, id, offset, limit),
            Event::Want(want) => self.read(want),
            Event::Delivered { stream, .. } => {
                if let Some(outgoing) = self.core.lock().outgoing.remove(&stream) {
                    outgoing.finished();
                }
            }
            Event::Aborted { stream, id, failure } => self.let_go(stream, id, failure),
            _ => {}
        }
    }

    fn wake_parts(&self) {
        let parts = std::mem::take(&mut self.core.lock().part_wakers);
        parts.into_iter().for_each(std::task::Waker::wake);
    }

    /// A client begins a stream or goes on with it.
    fn take_up(self: &Arc<Self>, stream: StreamNo, spec: StreamSpec) {
        if self.taking_up.load(Ordering::Acquire) >= 2 * self.app.config.limits.max_streams {
            let failure =
                Failure::new(Code::Overloaded, "too many streams are being opened at once; open them one after another");
            return self.machine(|machine, now| machine.abort(now, stream, &failure));
        }
        let link = self.core.lock().link;
        // Counted here and not in the task: a call right behind the frame must know that a stream is on its way.
        let underway = Underway::new(self);
        let session = self.clone();
        tokio::spawn(async move {
            let _underway = underway;
            let _turn = session.opening.lock().await;
            if !session.is_current(link) {
                return;
            }
            let observer = session.observer(stream);
            let streams = &session.app.streams;
            let wanted = crate::streams::StreamSpec { name: spec.name, media: spec.media, size: spec.size };
            match streams.accept(session.identity.owner(), session.id, spec.id, wanted, observer).await {
                Ok(attachment) => session.taken_up(link, stream, attachment),
                Err(failure) => session.machine(|machine, now| machine.abort(now, stream, &failure)),
            }
        });
    }

    fn taken_up(&self, link: Link, stream: StreamNo, attachment: Attachment) {
        let mut core = self.core.lock();
        if core.link != link || core.ended {
            drop(core);
            attachment.detach();
            return;
        }
        let now = self.app.now();
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

    /// A client goes on reading a stream that this session does not know: the server was started anew.
    fn go_on(&self, stream: StreamNo, id: StreamId, offset: u64, limit: u64) {
        let outgoing = match self.app.streams.outgoing(self.identity.owner(), self.id, id) {
            Ok(outgoing) => Arc::new(outgoing),
            Err(failure) => return self.machine(|machine, now| machine.refuse_stream(now, stream, &failure)),
        };
        let mut core = self.core.lock();
        core.machine.resume_stream(
            self.app.now(),
            Resumed {
                stream,
                spec: super::handle::spec(&outgoing),
                size: outgoing.size(),
                digest: outgoing.digest(),
                offset,
                limit,
            },
        );
        core.outgoing.insert(stream, outgoing);
        drop(core);
        self.wake();
    }

    /// A stream to the client wants bytes.
    fn read(self: &Arc<Self>, want: Want) {
        let Some(outgoing) = self.core.lock().outgoing.get(&want.stream).cloned() else { return };
        let session = self.clone();
        tokio::spawn(async move {
            let bytes = outgoing.read(want.offset, want.max).await;
            session.machine(|machine, now| match bytes {
                Ok(bytes) => machine.provide(now, want.stream, want.offset, &bytes),
                Err(failure) => machine.abort(now, want.stream, &failure),
            });
        });
    }

    /// The client gave a stream up, or broke a rule.
    fn let_go(&self, stream: StreamNo, id: StreamId, failure: Failure) {
        let mut core = self.core.lock();
        let incoming = core.incoming.remove(&stream);
        let outgoing = core.outgoing.remove(&stream);
        drop(core);
        match (incoming, outgoing) {
            (Some(attachment), _) => attachment.abort(failure),
            (None, Some(outgoing)) => outgoing.abort(),
            (None, None) => self.app.streams.give_up(self.identity.owner(), id, failure),
        }
    }
}

/// A stream is being taken up.
struct Underway(Arc<Session>);

impl Underway {
    fn new(session: &Arc<Session>) -> Self {
        session.taking_up.fetch_add(1, Ordering::AcqRel);
        Self(session.clone())
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.0.taking_up.fetch_sub(1, Ordering::AcqRel);
        self.0.taken_up.notify_waiters();
    }
}
