//! Where a client's bytes go, and where those to a client come from.

use samewire_protocol::accept::Resumed;
use samewire_protocol::streams::{StreamSpec, Want};
use samewire_protocol::{Code, Digest, Failure, SessionId, StreamId, StreamNo};

use super::{Due, Held, Owner, Server};
use crate::net::{Happening, Net};

/// How far a stream from a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Bytes come.
    Receiving,
    /// The client said that this is all.
    Ending(u64, Digest),
    /// All of it is durable and verified.
    Whole(u64, Digest),
}

/// A stream from a client.
#[derive(Debug)]
pub struct Stored {
    /// The session that it belongs to.
    pub session: SessionId,
    /// What the client said of it.
    pub spec: StreamSpec,
    /// The bytes that came.
    pub content: Vec<u8>,
    /// How many of them outlive the process.
    pub durable: u64,
    /// How far it is.
    pub phase: Phase,
    /// How far the client may send.
    limit: u64,
    stream: StreamNo,
    /// Every byte that was ever written, and those that a restart lost.
    written: u64,
    lost: u64,
    flushing: bool,
}

impl Stored {
    /// Whether a byte was ever stored twice.
    #[must_use]
    pub fn stored_twice(&self) -> bool {
        self.written - self.lost != self.content.len() as u64
    }

    pub(super) fn restarted(&mut self) {
        self.lost += self.content.len() as u64 - self.durable;
        self.content.truncate(usize::try_from(self.durable).unwrap_or(usize::MAX));
        self.flushing = false;
        if let Phase::Ending(..) = self.phase {
            self.phase = Phase::Receiving;
        }
    }
}

impl Server {
    pub(super) fn opening(&mut self, net: &mut Net, held: &mut Held, stream: StreamNo, spec: StreamSpec) {
        let key = (held.owner.clone(), spec.id);
        let session = held.machine.id();
        held.incoming.insert(stream, spec.id);
        let stored = self.streams.entry(key).or_insert_with(|| Stored {
            session,
            spec: spec.clone(),
            content: Vec::new(),
            durable: 0,
            phase: Phase::Receiving,
            limit: 0,
            stream,
            written: 0,
            lost: 0,
            flushing: false,
        });
        if stored.spec.size != spec.size {
            let failure = Failure::new(Code::SizeMismatch, "the stream was begun with another size");
            held.incoming.remove(&stream);
            return held.machine.abort(net.now, stream, &failure);
        }
        stored.session = session;
        stored.stream = stream;
        if let Phase::Ending(..) = stored.phase {
            stored.phase = Phase::Receiving;
        }
        if self.open_time.is_zero() {
            self.looked_up(net, held, stream);
        } else {
            let due = Due::Opened { life: self.life, session, stream };
            net.at(net.now + self.open_time, Happening::Server(due));
        }
    }

    pub(super) fn looked_up(&mut self, net: &mut Net, held: &mut Held, stream: StreamNo) {
        let Some(id) = held.incoming.get(&stream) else { return };
        let Some(stored) = self.streams.get_mut(&(held.owner.clone(), *id)) else { return };
        stored.durable = stored.content.len() as u64;
        stored.limit = stored.durable + self.config.limits.window;
        held.machine.opened(net.now, stream, stored.durable, stored.limit);
        if let Phase::Whole(size, digest) = stored.phase {
            held.machine.finished(net.now, stream, size, digest);
            held.incoming.remove(&stream);
        }
    }

    pub(super) fn data(&mut self, net: &mut Net, held: &mut Held, stream: StreamNo, offset: u64, bytes: &[u8]) {
        let Some(id) = held.incoming.get(&stream).copied() else {
            return self.faults.push(format!("bytes of stream {stream}, which is not open"));
        };
        let Some(stored) = self.streams.get_mut(&(held.owner.clone(), id)) else { return };
        if offset != stored.content.len() as u64 {
            self.faults.push(format!("bytes of {id} at {offset}, expected {}", stored.content.len()));
            return;
        }
        stored.content.extend_from_slice(bytes);
        stored.written += bytes.len() as u64;
        if stored.content.len() as u64 > stored.limit {
            self.faults.push(format!("{id} went beyond its credit of {}", stored.limit));
        }
        if stored.phase != Phase::Receiving {
            self.faults.push(format!("{id} went on after its end"));
        }
        if !std::mem::replace(&mut stored.flushing, true) {
            let due = Due::Flush { life: self.life, owner: held.owner.clone(), id };
            net.at(net.now + self.flush_time, Happening::Server(due));
        }
    }

    pub(super) fn flush(&mut self, net: &mut Net, owner: Owner, id: StreamId) {
        let Some(stored) = self.streams.get_mut(&(owner.clone(), id)) else { return };
        stored.flushing = false;
        stored.durable = stored.content.len() as u64;
        let window = self.config.limits.window;
        let (session, stream) = (stored.session, stored.stream);
        self.with(net, session, |server, held, net| {
            let Some(stored) = server.streams.get_mut(&(owner.clone(), id)) else { return };
            // While the stream is being looked up on a new link, the answer to that says how far it is.
            if held.incoming.get(&stream) == Some(&id) {
                stored.limit = stored.limit.max(stored.durable + window);
                held.machine.durable(net.now, stream, stored.durable, stored.limit);
            }
            if let Phase::Ending(size, digest) = stored.phase {
                server.verify(net, held, stream, id, size, digest);
            }
        });
    }

    pub(super) fn ended(&mut self, net: &mut Net, held: &mut Held, stream: StreamNo, size: u64, digest: Digest) {
        let Some(id) = held.incoming.get(&stream).copied() else {
            return self.faults.push(format!("the end of stream {stream}, which is not open"));
        };
        let Some(stored) = self.streams.get_mut(&(held.owner.clone(), id)) else { return };
        if stored.phase != Phase::Receiving {
            self.faults.push(format!("{id} ended twice"));
        }
        stored.phase = Phase::Ending(size, digest);
        if stored.durable == stored.content.len() as u64 {
            self.verify(net, held, stream, id, size, digest);
        }
    }

    fn verify(&mut self, net: &mut Net, held: &mut Held, stream: StreamNo, id: StreamId, size: u64, digest: Digest) {
        let Some(stored) = self.streams.get_mut(&(held.owner.clone(), id)) else { return };
        if stored.content.len() as u64 == size && Digest::of(&stored.content) == digest {
            stored.phase = Phase::Whole(size, digest);
            held.machine.finished(net.now, stream, size, digest);
        } else {
            let failure = Failure::new(Code::DigestMismatch, "what arrived is not what was sent");
            self.streams.remove(&(held.owner.clone(), id));
            held.machine.abort(net.now, stream, &failure);
            self.dropped.push((held.owner.clone(), id, failure));
        }
        held.incoming.remove(&stream);
        self.wake(held, id);
    }

    /// Handlers that wait for this stream go on.
    fn wake(&mut self, held: &Held, id: StreamId) {
        let waits = |handler: &super::calls::Handler| handler.stream == Some(id);
        self.ready.extend(held.handlers.iter().filter(|(_, handler)| waits(handler)).map(|(call, _)| *call));
    }

    pub(super) fn given_up(&mut self, held: &mut Held, stream: StreamNo, id: StreamId, failure: Failure) {
        held.incoming.remove(&stream);
        held.outgoing.remove(&stream);
        let key = (held.owner.clone(), id);
        // What another session of the same person goes on with is not this one's to give up.
        let session = held.machine.id();
        let own = |stored: &Stored| stored.session == session || !self.sessions.contains_key(&stored.session);
        if self.streams.get(&key).is_some_and(|stored| own(stored) && !matches!(stored.phase, Phase::Whole(..))) {
            self.streams.remove(&key);
        }
        self.sending.remove(&key);
        self.dropped.push((held.owner.clone(), id, failure));
        self.wake(held, id);
    }

    /// The server gives a client's stream up.
    pub(crate) fn drop_stream(&mut self, net: &mut Net, owner: &str, id: StreamId, failure: &Failure) {
        let Some(stored) = self.streams.remove(&(owner.to_owned(), id)) else { return };
        self.with(net, stored.session, |server, held, net| {
            held.incoming.remove(&stored.stream);
            held.machine.abort(net.now, stored.stream, failure);
            server.wake(held, id);
        });
    }

    // To the client.

    /// Begins a stream to the client with a file's content.
    pub(super) fn begin_sending(&mut self, net: &Net, held: &mut Held, file: usize) -> Option<StreamId> {
        let content = self.files.get(file)?;
        let size = content.len() as u64;
        let id = self.rng.stream_id();
        let spec = StreamSpec { id, name: Some(format!("file-{file}")), media: None, size: Some(size) };
        let (stream, _) = held.machine.open_stream(net.now, spec, size, Digest::of(content))?;
        held.outgoing.insert(stream, id);
        self.sending.insert((held.owner.clone(), id), file);
        Some(id)
    }

    pub(super) fn wanted(&mut self, net: &mut Net, held: &mut Held, want: Want) {
        let Some(id) = held.outgoing.get(&want.stream) else {
            return self.faults.push(format!("{want:?} of a stream that is not open"));
        };
        let Some(file) = self.sending.get(&(held.owner.clone(), *id)) else { return };
        let content = &self.files[*file];
        let start = usize::try_from(want.offset).unwrap_or(usize::MAX).min(content.len());
        let bytes = content.slice(start..start.saturating_add(want.max).min(content.len()));
        held.machine.provide(net.now, want.stream, want.offset, &bytes);
    }

    pub(super) fn attached(&mut self, net: &Net, held: &mut Held, stream: StreamNo, id: StreamId, offset: u64, limit: u64) {
        let file = self.sending.get(&(held.owner.clone(), id)).filter(|_| self.keeps_downloads);
        let Some(content) = file.and_then(|file| self.files.get(*file)) else {
            let failure = Failure::new(Code::StreamNotFound, "there is no such stream");
            return held.machine.refuse_stream(net.now, stream, &failure);
        };
        let size = content.len() as u64;
        let spec = StreamSpec { id, name: None, media: None, size: Some(size) };
        let digest = Digest::of(content);
        held.outgoing.insert(stream, id);
        held.machine.resume_stream(net.now, Resumed { stream, spec, size, digest, offset, limit });
    }

    pub(super) fn arrived_whole(&mut self, held: &mut Held, stream: StreamNo, id: StreamId) {
        held.outgoing.remove(&stream);
        self.sending.remove(&(held.owner.clone(), id));
        self.delivered += 1;
    }
}
