//! Parts that count as a whole or not at all.
//!
//! The bytes of a part are written behind those that count. Before the first of them, the records know where the part begins; so a
//! server that is killed meanwhile cuts them off when it comes back.

use super::Shared;
use super::entry::{Ask, Entry, Part, Phase, Receiving, Sink};
use super::not_found;
use super::writer::{Fault, digest_so_far};
use crate::store::StoreError;

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
