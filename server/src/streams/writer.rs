//! Bytes from the queue to the disk, in order, on threads that may block.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use samewire_protocol::{Code, Digest, Digester, Failure};

use super::end::Memory;
use super::entry::{Ask, Entry, Phase, Receiving, Sink, Wake};
use super::refusal::too_big;
use super::turns::Turn;
use super::{Notice, Shared, not_found};
use crate::limits::next_reservation;
use crate::store::{Blobs, Buffer, Reserved, StoreError, now_ms};

/// The most that is written at once, so that durable bytes are told steadily.
const MAX_BATCH: u64 = 1024 * 1024;

/// How long a small rest may wait for more bytes.
const REST: Duration = Duration::from_millis(1);

/// How much of a recovered stream is read at a time for its digest.
const READ: usize = 1024 * 1024;

enum Step {
    Write(Vec<Bytes>, u64, Sink),
    Aside(Aside),
    Stop(Wake),
}

/// What is no writing.
enum Aside {
    /// What an earlier process wrote is taken into the digest.
    CatchUp(u64),
    /// More came than is reserved.
    Reserve,
    /// A part begins, is proven, or is cut off again.
    Part(Ask, Sink),
    Finish(u64, Option<Digest>, Sink),
}

/// Why a stream cannot go on. What is the server's own fault is logged when it becomes a [`Failure`].
pub(super) enum Fault {
    Senders(Failure),
    Stores(StoreError),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Stores(error)
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Stores(StoreError::Io(error))
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Senders(failure) => failure,
            Fault::Stores(error) => error.into(),
        }
    }
}

impl Shared {
    /// Does what was decided under the lock.
    pub(super) fn wake(self: &Arc<Self>, entry: &Arc<Entry>, wake: Wake) {
        let (shared, entry) = (Arc::clone(self), Arc::clone(entry));
        match wake {
            Wake::Nothing => {}
            Wake::Writer => match self.turns.try_take() {
                Some(turn) => drop(self.runtime.spawn_blocking(move || shared.write(&entry, turn))),
                None => drop(self.runtime.spawn(async move {
                    if let Some(turn) = shared.turns.take().await {
                        tokio::task::spawn_blocking(move || shared.write(&entry, turn));
                    }
                })),
            },
            Wake::Timer => drop(self.runtime.spawn(async move {
                tokio::time::sleep(REST).await;
                let wake = {
                    let mut inner = entry.inner.lock();
                    let (durable, size) = (inner.durable, inner.size);
                    let Phase::Open(receiving) = &mut inner.phase else {
                        return;
                    };
                    receiving.timer = false;
                    receiving.flush = true;
                    receiving.schedule(durable, size)
                };
                shared.wake(&entry, wake);
            })),
        }
    }

    /// Writes until nothing is due or it is another stream's turn, and then verifies the whole when its end has come. Only writing
    /// takes a turn: all else waits for something else than the disk's next free moment, or is rare.
    fn write(self: &Arc<Self>, entry: &Arc<Entry>, turn: Turn) {
        let mut turn = Some(turn);
        loop {
            let Some(mut own) = turn.take().or_else(|| self.turns.try_take()) else {
                return self.wake(entry, Wake::Writer);
            };
            let outcome = match self.next_step(entry) {
                Step::Stop(wake) => {
                    drop(own);
                    return self.wake(entry, wake);
                }
                Step::Write(batch, len, sink) => {
                    let appended = append(self.store.blobs(), entry, batch, sink, &mut own.buffer);
                    turn = own.unless_wanted();
                    appended.map(|sink| self.written(entry, len, sink)).map_err(Fault::from)
                }
                Step::Aside(aside) => {
                    drop(own);
                    self.do_aside(entry, aside)
                }
            };
            // The bytes of a stream that was given up meanwhile are gone; that is no fault.
            if let Err(fault) = outcome
                && !entry.is_gone()
            {
                self.give_up(entry, fault.into(), Memory::Reason);
            }
        }
    }

    fn do_aside(&self, entry: &Entry, aside: Aside) -> Result<(), Fault> {
        match aside {
            Aside::CatchUp(durable) => self.catch_up(entry, durable),
            Aside::Reserve => self.reserve_or_refuse(entry),
            Aside::Part(ask, sink) => self.part(entry, ask, sink),
            Aside::Finish(size, digest, sink) => {
                self.verify(entry, size, digest, sink).map(|digest| self.finished(entry, digest))
            }
        }
    }

    fn next_step(&self, entry: &Entry) -> Step {
        let mut inner = entry.inner.lock();
        let (durable, size, attached) = (inner.durable, inner.size, inner.attached);
        let Phase::Open(receiving) = &mut inner.phase else {
            return Step::Stop(Wake::Nothing);
        };
        if !receiving.is_due(durable, size) {
            receiving.writing = false;
            receiving.flush = receiving.flush && !receiving.queue.is_empty();
            if !attached {
                receiving.sink.file = None;
            }
            let wake = receiving.schedule(durable, size);
            entry.publish(&inner);
            return Step::Stop(wake);
        }
        if receiving.is_beyond(durable, size) {
            return Step::Aside(Aside::Reserve);
        }
        if receiving.sink.digester.is_none() && durable > 0 && !receiving.queue.is_empty() {
            return Step::Aside(Aside::CatchUp(durable));
        }
        let sink = std::mem::take(&mut receiving.sink);
        if let Some(ask) = receiving.ask
            && receiving.queue.is_empty()
        {
            return Step::Aside(Aside::Part(ask, sink));
        }
        let mut batch = Vec::new();
        let mut len = 0;
        while len < MAX_BATCH
            && let Some(bytes) = receiving.queue.pop_front()
        {
            len += bytes.len() as u64;
            batch.push(bytes);
        }
        match receiving.end {
            Some((size, digest)) if batch.is_empty() => Step::Aside(Aside::Finish(size, digest, sink)),
            _ => Step::Write(batch, len, sink),
        }
    }

    fn catch_up(&self, entry: &Entry, durable: u64) -> Result<(), Fault> {
        let digester = digest_so_far(self.store.blobs(), entry, durable)?;
        if let Phase::Open(receiving) = &mut entry.inner.lock().phase {
            receiving.sink.digester = Some(digester);
        }
        Ok(())
    }

    /// Books what is durable now, gives credit and tells the sender.
    fn written(&self, entry: &Entry, len: u64, sink: Sink) {
        let more = {
            let mut inner = entry.inner.lock();
            inner.active_ms = now_ms();
            let (mut durable, size, allowance) = (inner.durable, inner.size, inner.allowance);
            let Phase::Open(receiving) = &mut inner.phase else {
                return;
            };
            receiving.queued -= len;
            receiving.sink = sink;
            match &mut receiving.part {
                Some(part) => part.written += len,
                None => durable += len,
            }
            let next =
                next_reservation(receiving.on_disk(durable), receiving.reserved, self.settings.window, allowance.max_upload);
            inner.durable = durable;
            entry.publish(&inner);
            next.filter(|_| size.is_none()).map(|want| (want, allowance.quota))
        };
        let reserved = more.and_then(|(want, quota)| {
            match self.store.records().reserve(entry.owner.clone(), entry.id, want, quota).wait() {
                Ok(Reserved::Up(reserved)) => Some(reserved),
                Ok(Reserved::Gone) => None,
                Err(error) => {
                    tracing::error!(%error, "cannot reserve room for a stream");
                    None
                }
            }
        });
        self.give_credit(entry, reserved);
    }

    /// The sender of a stream of unknown length goes on beyond what is reserved: room was made meanwhile, or the stream is over.
    fn reserve_or_refuse(&self, entry: &Entry) -> Result<(), Fault> {
        let (on_disk, reserved, allowance) = {
            let inner = entry.inner.lock();
            let Phase::Open(receiving) = &inner.phase else {
                return Ok(());
            };
            (receiving.on_disk(inner.durable), receiving.reserved, inner.allowance)
        };
        let Some(want) = next_reservation(on_disk, reserved, self.settings.window, allowance.max_upload) else {
            return Err(Fault::Senders(too_big(allowance.max_upload)));
        };
        let quota = allowance.quota;
        match self.store.records().reserve(entry.owner.clone(), entry.id, want, quota).wait()? {
            Reserved::Up(more) if more > reserved => {
                self.give_credit(entry, Some(more));
                Ok(())
            }
            Reserved::Up(_) => {
                let told = format!("your files and streams fill your {quota} bytes, and this one goes on; remove some first");
                Err(Fault::Senders(Failure::new(Code::QuotaExceeded, told)))
            }
            Reserved::Gone => Err(Fault::Senders(not_found(entry.id))),
        }
    }

    /// Tells the sender how far it may go, with what is reserved now.
    pub(super) fn give_credit(&self, entry: &Entry, reserved: Option<u64>) {
        let (observer, notice) = {
            let mut inner = entry.inner.lock();
            let (durable, size) = (inner.durable, inner.size);
            let Phase::Open(receiving) = &mut inner.phase else {
                return;
            };
            // Two may have asked at once; the records know the larger.
            receiving.reserved = receiving.reserved.max(reserved.unwrap_or(0));
            receiving.exhausted = size.is_none() && receiving.on_disk(durable) == receiving.reserved;
            let limit = inner.grant(self.window());
            (inner.observer.clone(), Notice::Durable { offset: durable, limit })
        };
        if let Some(observer) = observer {
            observer(notice);
        }
    }

    /// Compares size and digest, syncs, and records that the stream is whole.
    fn verify(&self, entry: &Entry, size: u64, digest: Option<Digest>, sink: Sink) -> Result<Digest, Fault> {
        let (durable, declared) = {
            let inner = entry.inner.lock();
            (inner.durable, inner.size.unwrap_or(size))
        };
        if durable != size || declared != size {
            let told = format!("the stream ended after {durable} bytes, with {size} said at its end and {declared} expected");
            return Err(Fault::Senders(Failure::new(Code::SizeMismatch, told)));
        }
        let digester = match sink.digester {
            Some(digester) => digester,
            None => digest_so_far(self.store.blobs(), entry, durable)?,
        };
        let arrived = digester.digest();
        if digest.is_some_and(|said| said != arrived) {
            let told = "the bytes that arrived are not those that were sent, and were deleted; send the stream again";
            return Err(Fault::Senders(Failure::new(Code::DigestMismatch, told)));
        }
        self.store.blobs().sync(entry.blob)?;
        let recorded = self.store.records().mark_whole(entry.owner.clone(), entry.id, size, arrived).wait()?;
        if recorded { Ok(arrived) } else { Err(Fault::Senders(not_found(entry.id))) }
    }

    fn finished(&self, entry: &Entry, digest: Digest) {
        let (observer, size) = {
            let mut inner = entry.inner.lock();
            if !matches!(inner.phase, Phase::Open(_)) {
                return;
            }
            inner.phase = Phase::Whole { digest, committed: false };
            inner.active_ms = now_ms();
            entry.publish(&inner);
            (inner.observer.clone(), inner.durable)
        };
        if let Some(observer) = observer {
            observer(Notice::Finished { size, digest });
        }
    }
}

/// Appends a batch and takes it into the digest, which is that of all before.
fn append(blobs: &Blobs, entry: &Entry, batch: Vec<Bytes>, sink: Sink, buffer: &mut Buffer) -> io::Result<Sink> {
    let mut digester = sink.digester.unwrap_or_default();
    let mut file = match sink.file {
        Some(file) => file,
        None => blobs.append(entry.blob)?,
    };
    file.append(&batch, buffer, |bytes| digester.update(bytes))?;
    Ok(Sink { file: Some(file), digester: Some(digester) })
}

/// The digest of what is on the disk: nothing for a new stream, all of it for one of an earlier process.
pub(super) fn digest_so_far(blobs: &Blobs, entry: &Entry, durable: u64) -> io::Result<Digester> {
    let mut digester = Digester::default();
    if durable == 0 {
        return Ok(digester);
    }
    let mut file = blobs.read(entry.blob)?.take(durable);
    let mut piece = vec![0; READ.min(usize::try_from(durable).unwrap_or(READ))];
    loop {
        match file.read(&mut piece) {
            Ok(0) => break,
            Ok(len) => digester.update(piece.get(..len).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    if digester.count() == durable { Ok(digester) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

impl Receiving {
    /// Drops what is held open for a sender that is away.
    pub(super) fn rest(&mut self) {
        if !self.writing {
            self.sink.file = None;
        }
    }
}
