//! Reads a stream's bytes as they arrive.

use std::fmt;
use std::fs::File;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::try_unfold;
use rustix::buffer::spare_capacity;
use samewire_protocol::Failure;
use tokio::io::{AsyncRead, ReadBuf};
use tokio_util::io::StreamReader;

use super::entry::{Entry, Published, PublishedState};
use super::incoming::until;
use crate::store::{Blobs, StoreError};

/// How much is read at a time.
const PIECE: u64 = 256 * 1024;

type Pieces = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// The bytes of an [`Incoming`](super::Incoming), in order, followed until the stream's end. A stream that is given up ends
/// with an error that holds its [`Failure`].
pub struct Reader(StreamReader<Pieces, Bytes>);

impl Reader {
    pub(super) fn new(blobs: Blobs, entry: Arc<Entry>) -> Self {
        let start = Position { blobs, entry, file: None, at: 0 };
        Self(StreamReader::new(Box::pin(try_unfold(start, Position::next))))
    }
}

struct Position {
    blobs: Blobs,
    entry: Arc<Entry>,
    file: Option<Arc<File>>,
    at: u64,
}

impl Position {
    async fn next(mut self) -> io::Result<Option<(Bytes, Self)>> {
        let at = self.at;
        let further =
            |now: &Published| now.durable > at || !matches!(now.state, PublishedState::Open | PublishedState::Opening);
        let now = until(&self.entry, further).await.map_err(|error| io::Error::other(Failure::from(error)))?;
        if let PublishedState::Gone(failure) = now.state {
            return Err(io::Error::other(failure));
        }
        if now.durable <= at {
            return Ok(None);
        }
        let len = usize::try_from((now.durable - at).min(PIECE)).unwrap_or_default();
        let (blobs, entry, file) = (self.blobs.clone(), Arc::clone(&self.entry), self.file.take());
        let read = move || {
            let file = match file {
                Some(file) => file,
                None => Arc::new(entry.read(&blobs)?),
            };
            let bytes = read_at(&file, at, len)?;
            Ok::<_, io::Error>((file, bytes))
        };
        let (file, bytes) = tokio::task::spawn_blocking(read).await.map_err(io::Error::other)??;
        self.file = Some(file);
        self.at += bytes.len() as u64;
        Ok(Some((bytes, self)))
    }
}

/// Reads exactly `len` bytes at this place.
pub(super) fn read_at(file: &File, offset: u64, len: usize) -> io::Result<Bytes> {
    let mut bytes = Vec::with_capacity(len);
    while bytes.len() < len {
        let read = {
            let at = offset + bytes.len() as u64;
            rustix::io::pread(file, spare_capacity(&mut bytes), at)
        };
        match read {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    // A vector's capacity may be more than was asked for.
    bytes.truncate(len);
    Ok(bytes.into())
}

/// What a client is told when a blob cannot be read.
pub(super) fn unreadable(error: io::Error) -> Failure {
    StoreError::Io(error).into()
}

impl AsyncRead for Reader {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}
