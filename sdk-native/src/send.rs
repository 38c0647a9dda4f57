//! Streams to the server.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use samewire_protocol::session::OpenStream;
use samewire_protocol::streams::{Source as Kind, StreamSpec, Want};
use samewire_protocol::{Code, Digest, Failure, StreamId, StreamNo, StreamRef};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::{mpsc, watch};

use crate::bridge::{Sending, Shared};

/// How a stream ended, once it has.
pub(crate) type Outcome = Option<Result<(u64, Digest), Failure>>;

/// Where a stream's bytes come from.
pub struct Source {
    size: Option<u64>,
    kind: SourceKind,
}

enum SourceKind {
    File(Arc<std::fs::File>),
    Bytes(Bytes),
    Reader(Pin<Box<dyn AsyncRead + Send>>),
}

impl Source {
    /// A file. It is read again from where the server has got to when a connection is lost.
    pub async fn file(path: impl AsRef<Path>) -> io::Result<Self> {
        let file = tokio::fs::File::open(path).await?.into_std().await;
        let size = file.metadata()?.len();
        Ok(Self { size: Some(size), kind: SourceKind::File(Arc::new(file)) })
    }

    /// Bytes in memory.
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { size: Some(bytes.len() as u64), kind: SourceKind::Bytes(bytes) }
    }

    /// Anything that can be read once. What the server has not made durable is kept in memory, at most a window (4 MiB) of it.
    pub fn reader(reader: impl AsyncRead + Send + 'static, size: Option<u64>) -> Self {
        Self { size, kind: SourceKind::Reader(Box::pin(reader)) }
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("size", &self.size).finish_non_exhaustive()
    }
}

/// What to say about a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamOptions {
    /// A name for people; a file made of the stream gets it. Default: none.
    pub name: Option<String>,
    /// The media type of the content. Default: none.
    pub media: Option<String>,
}

impl StreamOptions {
    /// A stream with a name.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), media: None }
    }
}

/// How far a stream has got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that the server has made durable.
    pub durable: u64,
    /// The size of the whole, where it is known.
    pub size: Option<u64>,
}

/// A stream that is whole on the server, its digest verified there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uploaded {
    /// The size of the whole.
    pub size: u64,
    /// The digest of the whole.
    pub digest: Digest,
}

/// A stream to the server. It goes on when this handle is dropped; [`Upload::cancel`] ends it.
#[derive(Clone, Debug)]
pub struct Upload {
    shared: Arc<Shared>,
    no: StreamNo,
    reference: StreamRef,
    progress: watch::Receiver<Progress>,
    outcome: watch::Receiver<Outcome>,
}

impl Upload {
    pub(crate) fn begin(shared: &Arc<Shared>, id: Option<StreamId>, source: Source, options: StreamOptions) -> Self {
        let mut bits = [0; 16];
        let drawn = if id.is_none() { getrandom::fill(&mut bits) } else { Ok(()) };
        let spec = StreamSpec {
            id: id.unwrap_or_else(|| StreamId::from_random(bits)),
            name: options.name,
            media: options.media,
            size: source.size,
        };
        let kind = match source.kind {
            SourceKind::Reader(_) => Kind::Once,
            SourceKind::File(_) | SourceKind::Bytes(_) => Kind::Seekable,
        };
        let (wants, asked) = mpsc::unbounded_channel();
        let (progress, progress_seen) = watch::channel(Progress { durable: 0, size: source.size });
        let (outcome, outcome_seen) = watch::channel(None);
        let (no, reference) = shared.change(|core, now| {
            let (no, reference) = core.session.open_stream(now, OpenStream { spec, source: kind });
            core.sending.insert(no, Sending { wants, progress, outcome });
            if drawn.is_err() {
                let failure = Failure::new(Code::Internal, "the system gives no randomness, so the stream has no safe id");
                core.session.abort(now, no, failure);
            }
            (no, reference)
        });
        tokio::spawn(feed(shared.clone(), no, source.kind, asked));
        Self { shared: shared.clone(), no, reference, progress: progress_seen, outcome: outcome_seen }
    }

    /// The stream, to be named in calls.
    #[must_use]
    pub fn stream(&self) -> StreamRef {
        self.reference
    }

    /// The stream's public id.
    #[must_use]
    pub fn id(&self) -> StreamId {
        self.reference.id()
    }

    /// How far the stream has got: what counts is what is durable on the server.
    #[must_use]
    pub fn progress(&self) -> Progress {
        *self.progress.borrow()
    }

    /// Watches how far the stream has got.
    #[must_use]
    pub fn watch_progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// Stops sending; the server keeps what it has until the stream expires.
    pub fn pause(&self) {
        self.shared.change(|core, now| core.session.pause_stream(now, self.no, true));
    }

    /// Goes on sending.
    pub fn resume(&self) {
        self.shared.change(|core, now| core.session.pause_stream(now, self.no, false));
    }

    /// Gives the stream up; the server deletes what it has of it.
    pub fn cancel(&self) {
        let failure = Failure::new(Code::Canceled, "the sender cancelled the stream");
        self.shared.change(|core, now| core.session.abort(now, self.no, failure));
    }

    /// Waits until the stream is whole on the server and its digest is verified there.
    pub async fn finished(&self) -> Result<Uploaded, Failure> {
        let mut outcome = self.outcome.clone();
        let ended = outcome.wait_for(Option::is_some).await.map_err(|_| crate::call::closed())?;
        match &*ended {
            Some(Ok((size, digest))) => Ok(Uploaded { size: *size, digest: *digest }),
            Some(Err(failure)) => Err(failure.clone()),
            None => Err(crate::call::closed()),
        }
    }
}

/// Answers what the machine wants of a source.
async fn feed(shared: Arc<Shared>, no: StreamNo, mut source: SourceKind, mut asked: mpsc::UnboundedReceiver<Want>) {
    // What a reader gave for a want that a cut made void: it gives each byte once, so they are kept for the next want.
    let mut kept = Bytes::new();
    while let Some(want) = asked.recv().await {
        let read = match &mut source {
            SourceKind::Bytes(bytes) => Ok(slice(bytes, want)),
            SourceKind::File(file) => read_at(file.clone(), want).await,
            SourceKind::Reader(_) if !kept.is_empty() => Ok(kept.split_to(want.max.min(kept.len()))),
            SourceKind::Reader(reader) => read_some(reader, want.max).await,
        };
        let unused = shared.change(|core, now| match read {
            Ok(bytes) if bytes.is_empty() => {
                core.session.source_ended(now, no);
                None
            }
            Ok(bytes) => (!core.session.provide(now, no, want.offset, &bytes)).then_some(bytes),
            Err(error) => {
                let failure = Failure::new(Code::StreamAborted, format!("the source could not be read: {error}"));
                core.session.abort(now, no, failure);
                None
            }
        });
        if let (SourceKind::Reader(_), Some(unused)) = (&source, unused) {
            kept = if kept.is_empty() { unused } else { [&unused[..], &kept[..]].concat().into() };
        }
    }
}

fn slice(bytes: &Bytes, want: Want) -> Bytes {
    let start = usize::try_from(want.offset).unwrap_or(usize::MAX).min(bytes.len());
    bytes.slice(start..start.saturating_add(want.max).min(bytes.len()))
}

async fn read_at(file: Arc<std::fs::File>, want: Want) -> io::Result<Bytes> {
    let read = tokio::task::spawn_blocking(move || {
        let mut bytes = vec![0; want.max];
        let mut count = 0;
        while count < bytes.len() {
            let free = &mut bytes[count..];
            match pread(&file, free, want.offset + count as u64) {
                Ok(0) => break,
                Ok(read) => count += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        bytes.truncate(count);
        Ok(Bytes::from(bytes))
    });
    read.await.map_err(io::Error::other)?
}

#[cfg(unix)]
fn pread(file: &std::fs::File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, bytes, offset)
}

#[cfg(windows)]
fn pread(file: &std::fs::File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, bytes, offset)
}

async fn read_some(reader: &mut Pin<Box<dyn AsyncRead + Send>>, most: usize) -> io::Result<Bytes> {
    let mut bytes = Vec::with_capacity(most.min(64 * 1024));
    reader.take(most as u64).read_buf(&mut bytes).await?;
    Ok(bytes.into())
}
