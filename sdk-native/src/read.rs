//! Streams from the server.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use samewire_protocol::{Code, Digest, Failure, StreamId, StreamNo};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

use crate::bridge::{Chunk, Shared};

/// How long to wait for a stream that a result names and the server has not begun yet.
const PATIENCE: Duration = Duration::from_secs(10);

/// A stream from the server. The server sends on as the bytes are taken, at most a window (4 MiB) ahead. Dropping it gives the
/// stream up.
#[derive(Debug)]
pub struct Download {
    shared: Arc<Shared>,
    no: StreamNo,
    chunks: mpsc::UnboundedReceiver<Result<Chunk, Failure>>,
    /// A stream's name for people.
    pub name: Option<String>,
    /// The media type of its content.
    pub media: Option<String>,
    /// Its size, where it is known.
    pub size: Option<u64>,
    digest: Option<Digest>,
    over: bool,
}

impl Download {
    pub(crate) async fn take(shared: &Arc<Shared>, id: StreamId) -> Result<Self, Failure> {
        let wait = async {
            loop {
                let mut offered = std::pin::pin!(shared.offered.notified());
                offered.as_mut().enable();
                if let Some(found) = Self::find(shared, id) {
                    return found;
                }
                offered.await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.map_err(|_| {
            Failure::new(Code::StreamNotFound, "the server began no such stream on this session, or it was taken already")
        })
    }

    fn find(shared: &Arc<Shared>, id: StreamId) -> Option<Self> {
        let mut core = shared.core.lock();
        let no = *core.reading.iter().find(|(_, reading)| reading.id == id && reading.taker.is_some())?.0;
        let reading = core.reading.get_mut(&no)?;
        Some(Self {
            shared: shared.clone(),
            no,
            chunks: reading.taker.take()?,
            name: reading.name.clone(),
            media: reading.media.clone(),
            size: reading.size,
            digest: None,
            over: false,
        })
    }

    /// The next bytes; `None` after the last, when the digest of the whole is verified.
    pub async fn next(&mut self) -> Option<Result<Bytes, Failure>> {
        if self.over {
            return None;
        }
        match self.chunks.recv().await {
            Some(Ok(Chunk::Bytes { end, bytes })) => {
                self.shared.change(|core, now| core.session.consume(now, self.no, end));
                Some(Ok(bytes))
            }
            Some(Ok(Chunk::End(digest))) => {
                self.digest = Some(digest);
                self.finish();
                None
            }
            Some(Err(failure)) => {
                self.finish();
                Some(Err(failure))
            }
            None => {
                self.finish();
                Some(Err(crate::call::closed()))
            }
        }
    }

    /// The digest of the whole, once all of it was taken.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// Takes all of it into memory.
    pub async fn bytes(mut self) -> Result<Vec<u8>, Failure> {
        let mut all = Vec::new();
        while let Some(bytes) = self.next().await {
            all.extend_from_slice(&bytes?);
        }
        Ok(all)
    }

    /// Writes all of it; returns the size and the verified digest.
    pub async fn write_to(mut self, out: &mut (impl AsyncWrite + Unpin)) -> Result<(u64, Digest), Failure> {
        let broken =
            |error: std::io::Error| Failure::new(Code::StreamAborted, format!("the bytes could not be written: {error}"));
        let mut count = 0;
        while let Some(bytes) = self.next().await {
            let bytes = bytes?;
            out.write_all(&bytes).await.map_err(broken)?;
            count += bytes.len() as u64;
        }
        out.flush().await.map_err(broken)?;
        self.digest.map(|digest| (count, digest)).ok_or_else(crate::call::closed)
    }

    fn finish(&mut self) {
        self.over = true;
        self.shared.core.lock().reading.remove(&self.no);
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        if !self.over {
            let failure = Failure::new(Code::Canceled, "the reader gave the stream up");
            self.shared.change(|core, now| core.session.abort(now, self.no, failure));
        }
    }
}
