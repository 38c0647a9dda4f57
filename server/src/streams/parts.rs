//! Parts that count as a whole or not at all.
//!
//! The bytes of a part are written behind those that count. Before the first of them, the records know where the part begins; so a
//! server that is killed meanwhile cuts them off when it comes back.

use std::sync::Arc;

use samewire_protocol::{Code, Failure};

use super::entry::{Ask, Entry, Part, Phase, Receiving, Sink, Wake};
use super::refusal::superseded;
use super::writer::{Fault, digest_so_far};
use super::{Shared, Upload, not_found};
use crate::store::StoreError;

impl Upload {
    /// Begins a part: the bytes that come from here on count only once [`Upload::commit_part`] says so. When the hold is lost before
    /// that, or the server dies, it is as if they had never come.
    ///
    /// # Errors
    /// Like those of [`Upload::write`]; `conflict` when a part is begun already, or the upload is whole.
    pub async fn begin_part(&mut self) -> Result<(), Failure> {
        let begin = |receiving: &Receiving| match receiving.part {
            None => Ok(()),
            Some(_) => Err(Failure::new(Code::Conflict, "a part of the upload is begun already; end it first")),
        };
        self.ask(Some(Ask::Begin), begin).await
    }

    /// The part's bytes are what was sent: they count. Says how many bytes are durable now.
    ///
    /// # Errors
    /// Like those of [`Upload::write`]; `conflict` when no part is begun.
    pub async fn commit_part(&mut self) -> Result<u64, Failure> {
        self.ask(Some(Ask::Prove), is_begun).await?;
        Ok(self.inner().durable)
    }

    /// The part's bytes are not what was sent: they are cut off, and the upload goes on where the part began.
    ///
    /// # Errors
    /// Like those of [`Upload::commit_part`].
    pub async fn discard_part(&mut self) -> Result<u64, Failure> {
        self.ask(Some(Ask::Discard), is_begun).await?;
        let durable = self.inner().durable;
        self.received = durable;
        Ok(durable)
    }

    /// Asks for something about a part, or only that all be written, and waits until that is done.
    pub(super) async fn ask(
        &mut self,
        ask: Option<Ask>,
        may: impl FnOnce(&Receiving) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.check()?;
        let entry = Arc::clone(&self.attachment.entry);
        let wake = {
            let mut inner = entry.inner.lock();
            if !self.attachment.is_current(&inner) {
                return Err(superseded());
            }
            let (durable, size) = (inner.durable, inner.size);
            let wake = match &mut inner.phase {
                Phase::Open(receiving) => {
                    may(receiving)?;
                    match ask {
                        Some(Ask::Discard) => receiving.drop_part(),
                        Some(ask) => receiving.ask = Some(ask),
                        None => {}
                    }
                    receiving.flush = !receiving.queue.is_empty();
                    receiving.schedule(durable, size)
                }
                _ if ask.is_some() => return Err(Failure::new(Code::Conflict, "the upload is whole; it has no more parts")),
                _ => Wake::Nothing,
            };
            entry.publish(&inner);
            wake
        };
        self.attachment.shared.wake(&entry, wake);
        let mut published = entry.published.subscribe();
        tokio::select! {
            _ = published.wait_for(|now| !now.busy) => {}
            _ = self.told.wait_for(|told| told.over.is_some()) => {}
        }
        self.check()?;
        // The one who took it over is told of after it was taken.
        if self.attachment.is_current(&entry.inner.lock()) { Ok(()) } else { Err(superseded()) }
    }
}

fn is_begun(receiving: &Receiving) -> Result<(), Failure> {
    match receiving.part {
        Some(_) => Ok(()),
        None => Err(Failure::new(Code::Conflict, "no part of the upload is begun")),
    }
}

impl Shared {
    /// Does what was asked about a part, on a thread that may block. The queue is empty.
    pub(super) fn part(&self, entry: &Entry, ask: Ask, sink: Sink) -> Result<(), Fault> {
        match ask {
            Ask::Begin => self.begin_part(entry, sink),
            Ask::Prove => self.prove_part(entry, sink),
            Ask::Discard => self.discard_part(entry, sink),
        }
    }

    fn begin_part(&self, entry: &Entry, sink: Sink) -> Result<(), Fault> {
        let durable = entry.inner.lock().durable;
        let before = match sink.digester {
            Some(digester) => digester,
            None => digest_so_far(self.store.blobs(), entry, durable)?,
        };
        self.mark(entry, Some(durable))?;
        settled(entry, |receiving, _| {
            receiving.sink = Sink { digester: Some(before.clone()), ..sink };
            receiving.part = Some(Part { written: 0, before });
            receiving.ask.take_if(|ask| *ask == Ask::Begin);
        });
        Ok(())
    }

    fn prove_part(&self, entry: &Entry, sink: Sink) -> Result<(), Fault> {
        self.mark(entry, None)?;
        settled(entry, |receiving, durable| {
            receiving.sink = sink;
            *durable += receiving.part.take().map_or(0, |part| part.written);
            // A newer holder may have asked to discard it: too late.
            receiving.ask = None;
        });
        self.give_credit(entry, None);
        Ok(())
    }

    fn discard_part(&self, entry: &Entry, sink: Sink) -> Result<(), Fault> {
        let (durable, begun) = {
            let inner = entry.inner.lock();
            (inner.durable, matches!(&inner.phase, Phase::Open(receiving) if receiving.part.is_some()))
        };
        let sink = if begun {
            drop(sink);
            self.store.blobs().cut(entry.blob, durable).map_err(StoreError::Io)?;
            self.mark(entry, None)?;
            None
        } else {
            Some(sink)
        };
        settled(entry, |receiving, _| {
            let before = receiving.part.take().map(|part| part.before);
            // What was granted was so much ahead of bytes that are gone.
            receiving.granted = 0;
            receiving.sink = sink.unwrap_or(Sink { file: None, digester: before });
            receiving.ask = None;
        });
        self.give_credit(entry, None);
        Ok(())
    }

    fn mark(&self, entry: &Entry, part: Option<u64>) -> Result<(), Fault> {
        let known = self.store.records().mark_part(entry.owner.clone(), entry.id, part).wait()?;
        if known { Ok(()) } else { Err(Fault::Senders(not_found(entry.id))) }
    }
}

/// Books what was done, unless the stream was given up meanwhile.
fn settled(entry: &Entry, book: impl FnOnce(&mut Receiving, &mut u64)) {
    let mut inner = entry.inner.lock();
    let mut durable = inner.durable;
    if let Phase::Open(receiving) = &mut inner.phase {
        book(receiving, &mut durable);
    }
    inner.durable = durable;
    entry.publish(&inner);
}
