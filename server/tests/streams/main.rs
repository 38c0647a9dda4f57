//! The stream registry over a real folder: one file a behaviour.
#![allow(missing_docs, clippy::unwrap_used)]

mod abuse;
mod commit;
mod concat;
mod continuing;
mod dedupe;
mod download;
mod excerpts;
mod expiry;
mod faults;
mod intake;
mod lives;
mod owners;
mod parts;
mod quota;
mod reading;
mod recovery;
mod together;
mod uploads;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use samewire_protocol::{Code, Digest, Failure, SessionId, StreamId};
use samewire_server::auth::{ANONYMOUS_PREFIX, Access, Identity, Owner};
use samewire_server::limits::Allowance;
use samewire_server::store::Store;
use samewire_server::streams::{self, Attachment, Intake, Notice, Observer, Settings, StreamSpec, Streams};
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

pub(crate) const CHUNK: usize = 64 * 1024;

/// Small windows, so that credit matters with little data.
pub(crate) fn settings() -> Settings {
    Settings { window: 256 * 1024, max_upload: 64 << 20, ..Settings::default() }
}

/// One life of a server's process over this folder. At its end the runtime is dropped and with it every task, wherever it is:
/// nothing is told to stop and nothing is put in order.
pub(crate) fn life<T, F: Future<Output = T>>(data: &Path, settings: Settings, run: impl FnOnce(Streams) -> F) -> T {
    life_with(data, settings, Arc::new(()), run)
}

/// The same, with somebody who looks at what becomes a file.
pub(crate) fn life_with<T, F: Future<Output = T>>(
    data: &Path,
    settings: Settings,
    intake: Arc<dyn Intake>,
    run: impl FnOnce(Streams) -> F,
) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let streams = Streams::start(Store::open(data).unwrap(), settings, intake).await.unwrap();
        run(streams).await
    })
}

/// One life over a new folder.
pub(crate) fn short_life<F: Future<Output = ()>>(settings: Settings, run: impl FnOnce(Streams, PathBuf) -> F) {
    let folder = folder();
    let path = folder.path().to_owned();
    life(folder.path(), settings, |streams| run(streams, path));
}

pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

pub(crate) fn maria() -> Owner {
    Identity::user("maria").unwrap().owner().clone()
}

pub(crate) fn session(n: u8) -> SessionId {
    SessionId::from_random([n; 16])
}

pub(crate) fn stream(n: u8) -> StreamId {
    StreamId::from_random([n; 16])
}

/// What the configuration allows this owner.
pub(crate) fn allowance(streams: &Streams, owner: &Owner) -> Allowance {
    let session = owner.as_str().strip_prefix(ANONYMOUS_PREFIX).map(|id| id.parse().unwrap());
    streams.allowance(&session.map_or_else(|| Access::new(Identity::user(owner.as_str()).unwrap()), Access::anonymous))
}

pub(crate) fn spec(size: Option<u64>) -> StreamSpec {
    StreamSpec { name: Some("holiday.mov".into()), media: Some("video/quicktime".into()), size, note: None }
}

/// Bytes that differ everywhere, so that nothing can be put in a wrong place unseen.
pub(crate) fn data(len: usize) -> Bytes {
    let mut state = 0x2545_f491_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0]
    };
    (0..len).map(|_| next()).collect::<Vec<_>>().into()
}

pub(crate) fn observer() -> (Observer, UnboundedReceiver<Notice>) {
    let (sender, receiver) = unbounded_channel();
    (Arc::new(move |notice| drop(sender.send(notice))), receiver)
}

/// An attachment with what it is told.
pub(crate) struct Upload {
    pub(crate) attachment: Attachment,
    pub(crate) notices: UnboundedReceiver<Notice>,
    limit: u64,
    sent: u64,
}

impl Upload {
    pub(crate) async fn open(streams: &Streams, id: StreamId, size: Option<u64>) -> Result<Self, Failure> {
        Self::open_as(streams, &maria(), session(1), id, size).await
    }

    pub(crate) async fn open_as(
        streams: &Streams,
        owner: &Owner,
        session: SessionId,
        id: StreamId,
        size: Option<u64>,
    ) -> Result<Self, Failure> {
        let (observer, notices) = observer();
        let attachment = streams.accept(owner, session, allowance(streams, owner), id, spec(size), observer).await?;
        Ok(Self { limit: attachment.limit, sent: attachment.offset, attachment, notices })
    }

    /// Sends up to this byte, as credit allows.
    pub(crate) async fn send(&mut self, data: &Bytes, to: usize) {
        while self.sent < to as u64 {
            let at = usize::try_from(self.sent).unwrap();
            let end = to.min(at + CHUNK).min(usize::try_from(self.limit).unwrap());
            if end > at {
                self.attachment.push(self.sent, data.slice(at..end)).unwrap();
                self.sent = end as u64;
            } else {
                match self.notices.recv().await.unwrap() {
                    Notice::Durable { limit, .. } => self.limit = limit,
                    other => panic!("{other:?}"),
                }
            }
        }
    }

    /// Waits until everything sent is durable.
    pub(crate) async fn settle(&mut self) {
        let mut offset = self.attachment.offset;
        while offset < self.sent {
            match self.notices.recv().await.unwrap() {
                Notice::Durable { offset: durable, limit } => (offset, self.limit) = (durable, limit),
                other => panic!("{other:?}"),
            }
        }
    }

    /// Sends all, ends, and waits for the outcome.
    pub(crate) async fn finish(&mut self, data: &Bytes) -> Result<(u64, Digest), Failure> {
        self.send(data, data.len()).await;
        self.attachment.end(data.len() as u64, Some(Digest::of(data)));
        self.outcome().await
    }

    pub(crate) async fn outcome(&mut self) -> Result<(u64, Digest), Failure> {
        loop {
            match self.notices.recv().await.unwrap() {
                Notice::Durable { .. } => {}
                Notice::Finished { size, digest } => return Ok((size, digest)),
                Notice::Aborted(failure) => return Err(failure),
            }
        }
    }
}

/// Opens an upload of hers without a session.
pub(crate) async fn begin(streams: &Streams, id: StreamId, size: Option<u64>) -> Result<streams::Upload, Failure> {
    streams.open_upload(&maria(), allowance(streams, &maria()), Some(id), spec(size)).await
}

/// Goes on with one.
pub(crate) async fn go_on(streams: &Streams, id: StreamId) -> Result<streams::Upload, Failure> {
    streams.continue_upload(&maria(), allowance(streams, &maria()), id).await
}

/// An upload of hers that has all of this.
pub(crate) async fn whole(streams: &Streams, id: StreamId, data: &Bytes) -> streams::Upload {
    let mut upload = begin(streams, id, Some(data.len() as u64)).await.unwrap();
    upload.write(data.clone()).await.unwrap();
    upload.finish(None).await.unwrap();
    upload
}

/// Every file below the folder of blobs.
pub(crate) fn blobs(data: &Path) -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { walk(&path, found) } else { found.push(path) }
        }
    }
    let mut found = Vec::new();
    walk(&data.join("blobs"), &mut found);
    found
}

/// What is deleted in the background is gone after a while.
pub(crate) async fn blobs_become(data: &Path, count: usize) {
    for _ in 0..2_000 {
        if blobs(data).len() == count {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("{count} blobs expected, and there are {:?}", blobs(data));
}

pub(crate) fn code<T: std::fmt::Debug>(result: Result<T, Failure>) -> Code {
    result.map(drop).expect_err("must fail").code
}

pub(crate) async fn poll_once<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await
}
