//! A session's hold on a stream that its client sends.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use samewire_protocol::{Code, Digest, Failure, StreamId};

use super::end::Memory;
use super::entry::{Entry, Inner, Phase, Wake};
use super::{Notice, Shared, StreamState};
use crate::store::now_ms;

/// The one who sends a stream's bytes. A newer attachment to the same stream fences this one off: what it still says is
/// ignored. Dropping it detaches.
pub struct Attachment {
    /// Bytes that were durable when it was made: the sender goes on from here.
    pub offset: u64,
    /// Where the sender must stop until a [`Notice::Durable`] says more.
    pub limit: u64,
    /// How far the stream was. A whole or committed one takes no more bytes; its `end` is answered at once.
    pub state: StreamState,
    pub(super) shared: Arc<Shared>,
    pub(super) entry: Arc<Entry>,
    epoch: u64,
}

impl Attachment {
    pub(super) fn new(shared: Arc<Shared>, entry: Arc<Entry>, epoch: u64) -> Self {
        Self { offset: 0, limit: 0, state: StreamState::Open, shared, entry, epoch }
    }

    /// The stream.
    #[must_use]
    pub fn id(&self) -> StreamId {
        self.entry.id
    }

    /// Takes the next bytes, which begin at `offset`. Never blocks; the bytes are kept as they are, without a copy.
    ///
    /// # Errors
    /// `bad-offset` for a gap, an overlap or bytes after the end, `size-mismatch` for more bytes than were declared, and
    /// `beyond-credit`. Nothing is stored then, and the stream can be continued.
    pub fn push(&self, offset: u64, bytes: Bytes) -> Result<(), Failure> {
        let wake = {
            let mut inner = self.entry.inner.lock();
            if inner.epoch != self.epoch {
                return Ok(());
            }
            let limit = inner.limit();
            let (durable, size) = (inner.durable, inner.size);
            let receiving = match &mut inner.phase {
                Phase::Open(receiving) if receiving.end.is_none() => receiving,
                Phase::Gone(_) => return Ok(()),
                _ => return Err(Failure::new(Code::BadOffset, "the stream has ended; nothing can be added to it")),
            };
            let received = receiving.on_disk(durable) + receiving.queued;
            if offset != received {
                let told = format!("the next byte of the stream is number {received}, and {offset} came");
                return Err(Failure::new(Code::BadOffset, told));
            }
            let len = bytes.len() as u64;
            if let Some(size) = size.filter(|size| len > size.saturating_sub(received)) {
                let told = format!("{size} bytes were declared, and more came; declare the right size or none");
                return Err(Failure::new(Code::SizeMismatch, told));
            }
            if len > limit.saturating_sub(received) {
                let told = format!("the stream has credit up to byte {limit}; wait for more before sending on");
                return Err(Failure::new(Code::BeyondCredit, told));
            }
            if bytes.is_empty() {
                return Ok(());
            }
            receiving.queue.push_back(bytes);
            receiving.queued += len;
            receiving.schedule(durable, size)
        };
        self.shared.wake(&self.entry, wake);
        Ok(())
    }

    /// Says that all bytes were pushed. [`Notice::Finished`] or [`Notice::Aborted`] follows. A sender that knows no digest takes the
    /// server's.
    pub fn end(&self, size: u64, digest: Option<Digest>) {
        let wake = {
            let mut inner = self.entry.inner.lock();
            if inner.epoch != self.epoch {
                return;
            }
            if let Phase::Whole { digest: known, .. } = inner.phase {
                return self.answer_repeated_end(&inner, size == inner.durable && digest.is_none_or(|digest| digest == known));
            }
            let (durable, declared) = (inner.durable, inner.size);
            let Phase::Open(receiving) = &mut inner.phase else {
                return;
            };
            receiving.end.get_or_insert((size, digest));
            receiving.schedule(durable, declared)
        };
        self.shared.wake(&self.entry, wake);
    }

    pub(super) fn is_current(&self, inner: &Inner) -> bool {
        inner.epoch == self.epoch
    }

    /// The stream is whole already: the sender did not hear of it, or means another one.
    fn answer_repeated_end(&self, inner: &Inner, same: bool) {
        let notice = match inner.state() {
            StreamState::Whole { size, digest } | StreamState::Committed { size, digest } if same => {
                Notice::Finished { size, digest }
            }
            _ => {
                let told = "the stream is whole already, with another size or digest; open a new one for other bytes";
                Notice::Aborted(Failure::new(Code::DigestMismatch, told))
            }
        };
        if let Some(observer) = inner.observer.clone() {
            self.shared.runtime.spawn(async move { observer(notice) });
        }
    }

    /// Gives the stream up: its bytes are deleted and its quota is free at once. Whoever attached is not told, because that is
    /// who calls this; handlers that wait for the stream get the failure. A committed stream stays what it is.
    pub fn abort(&self, failure: Failure) {
        let given_up = {
            let mut inner = self.entry.inner.lock();
            if inner.epoch != self.epoch {
                return;
            }
            inner.observer = None;
            self.shared.take_down(&self.entry, &mut inner, &failure)
        };
        if let Some(given_up) = given_up {
            self.shared.clean_up(&self.entry, given_up, failure, Memory::Reason);
        }
    }

    /// Lets go of the stream, which stays as it is until its idle time is over. What was pushed is still written; a part that is not
    /// proven is dropped.
    pub fn detach(&self) {
        let wake = {
            let mut inner = self.entry.inner.lock();
            if inner.epoch != self.epoch {
                return;
            }
            inner.epoch += 1;
            inner.attached = false;
            inner.observer = None;
            inner.active_ms = now_ms();
            let (durable, size) = (inner.durable, inner.size);
            match &mut inner.phase {
                Phase::Open(receiving) => {
                    receiving.share = None;
                    receiving.drop_part();
                    receiving.flush = !receiving.queue.is_empty();
                    let wake = receiving.schedule(durable, size);
                    receiving.rest();
                    wake
                }
                _ => Wake::Nothing,
            }
        };
        self.shared.wake(&self.entry, wake);
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.detach();
    }
}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attachment")
            .field("id", &self.entry.id)
            .field("offset", &self.offset)
            .field("limit", &self.limit)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
