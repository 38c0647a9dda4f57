//! What the machine tells the server, and what the server does about it.

use std::sync::Arc;

use samewire_protocol::accept::{Event, Resumed};
use samewire_protocol::streams::Want;
use samewire_protocol::{Failure, Link, StreamId, StreamNo};

use super::Session;
use super::errands::Errand;
use super::room_errands::RoomErrand;
use crate::calls;

impl Session {
    /// Acts on an event of this link. Never waits: what takes time becomes a task.
    pub(crate) fn act(self: &Arc<Self>, link: Link, event: Event) {
        match event {
            Event::Call { id, method, payload, timeout, attachment } => {
                calls::run(self, id, &method, calls::Params { payload, attachment }, timeout);
            }
            Event::Cancel { id } => {
                let mut core = self.core.lock();
                let task = core.running.remove(&id);
                core.attached.remove(&id);
                drop(core);
                if let Some(task) = task {
                    task.abort();
                    self.app.metrics.canceled();
                }
                self.wake_parts();
            }
            Event::PartsTaken { .. } => self.wake_parts(),
            Event::Join(joining) => self.run_room_errand(RoomErrand::Join(link, Box::new(joining))),
            Event::Leave { room } => self.run_room_errand(RoomErrand::Leave(link, room)),
            Event::Cast(casting) => self.run_room_errand(RoomErrand::Cast(Box::new(casting))),
            Event::Open { stream, spec } => self.open(link, stream, spec),
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
                    attachment.end(size, Some(digest));
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
            Event::Token { token } => self.newer_token(token),
            _ => {}
        }
    }

    fn wake_parts(&self) {
        let parts = std::mem::take(&mut self.core.lock().part_wakers);
        parts.into_iter().for_each(std::task::Waker::wake);
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
    fn let_go(self: &Arc<Self>, stream: StreamNo, id: StreamId, failure: Failure) {
        let mut core = self.core.lock();
        let incoming = core.incoming.remove(&stream);
        let outgoing = core.outgoing.remove(&stream);
        drop(core);
        match (incoming, outgoing) {
            (Some(attachment), _) => attachment.abort(failure),
            (None, Some(outgoing)) => outgoing.abort(),
            // It may be on its way to be taken up.
            (None, None) => self.run_errand(Errand::GiveUp { id, failure }),
        }
    }
}
