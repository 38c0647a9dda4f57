//! Reads in small pieces from a socket that is quiet, and in large ones from a socket that pours.
//!
//! The WebSocket library reads as much at a time as the buffer it holds for ever: a large one costs every idle session its
//! memory, a small one costs an upload a system call for each kilobyte. Here the large buffer exists only while bytes pour. Where large
//! messages are to come in [`Pieces`], they are cut here.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::pieces::Pieces;

/// One chunk of a stream with its headers, and half of the next.
const AHEAD: usize = 96 * 1024;
/// The first read of a socket that was quiet, where messages are cut.
const FIRST: usize = 4 * 1024;

#[derive(Debug)]
pub(crate) struct ReadAhead<S> {
    inner: S,
    buffer: Option<Box<Buffer>>,
    pieces: Option<Box<Pieces>>,
}

#[derive(Debug)]
struct Buffer {
    bytes: Vec<u8>,
    start: usize,
}

impl<S> ReadAhead<S> {
    pub(crate) fn new(inner: S) -> Self {
        Self { inner, buffer: None, pieces: None }
    }

    /// The same, where the WebSocket's large binary messages come in [`Pieces`].
    pub(crate) fn in_pieces(inner: S) -> Self {
        Self { pieces: Some(Box::default()), ..Self::new(inner) }
    }
}

impl<S: AsyncRead + Unpin> ReadAhead<S> {
    /// Fills the buffer, where everything in it is used up. Not at all at the end.
    fn poll_fill(&mut self, context: &mut Context<'_>, first: usize) -> Poll<io::Result<()>> {
        let buffer = self.buffer.get_or_insert_with(|| Box::new(Buffer { bytes: Vec::with_capacity(first), start: 0 }));
        if buffer.start < buffer.bytes.len() {
            return Poll::Ready(Ok(()));
        }
        if buffer.bytes.len() == buffer.bytes.capacity() && buffer.bytes.len() < AHEAD {
            // It was full: there is more.
            buffer.bytes = Vec::with_capacity(AHEAD);
        }
        buffer.bytes.clear();
        buffer.start = 0;
        let read = tokio_util::io::poll_read_buf(Pin::new(&mut self.inner), context, &mut buffer.bytes);
        if read.is_pending() {
            // Nothing is in it while the socket waits, and it may wait for long.
            self.buffer = None;
        }
        read.map_ok(drop)
    }

    fn poll_cut(&mut self, context: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = out.filled().len();
        loop {
            let Some(pieces) = &mut self.pieces else { return Poll::Ready(Ok(())) };
            let buffer = self.buffer.as_deref_mut();
            let taken = pieces.cut(buffer.as_ref().map_or(&[], |buffer| &buffer.bytes[buffer.start..]), out);
            if let Some(buffer) = buffer {
                buffer.start += taken;
            }
            if out.filled().len() > before || out.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            ready!(self.poll_fill(context, FIRST))?;
            if self.buffer.as_ref().is_some_and(|buffer| buffer.bytes.is_empty()) {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ReadAhead<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.pieces.is_some() {
            return this.poll_cut(context, out);
        }
        if this.buffer.is_none() {
            let asked = out.remaining();
            ready!(Pin::new(&mut this.inner).poll_read(context, out))?;
            if out.remaining() == 0 && asked > 0 {
                // It took all there was room for: there is more.
                this.buffer = Some(Box::new(Buffer { bytes: Vec::with_capacity(AHEAD), start: 0 }));
            }
            return Poll::Ready(Ok(()));
        }
        ready!(this.poll_fill(context, AHEAD))?;
        let Some(buffer) = &mut this.buffer else { return Poll::Ready(Ok(())) };
        let ready = &buffer.bytes[buffer.start..];
        let count = ready.len().min(out.remaining());
        out.put_slice(&ready[..count]);
        buffer.start += count;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ReadAhead<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
