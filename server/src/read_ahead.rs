//! Reads in small pieces from a socket that is quiet, and in large ones from a socket that pours.
//!
//! The WebSocket library reads as much at a time as the buffer it holds for ever: a large one costs every idle session its
//! memory, a small one costs an upload a system call for each kilobyte. Here the large buffer exists only while bytes pour.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// One chunk of a stream with its headers, and half of the next.
const AHEAD: usize = 96 * 1024;

#[derive(Debug)]
pub(crate) struct ReadAhead<S> {
    inner: S,
    buffer: Option<Box<Buffer>>,
}

#[derive(Debug)]
struct Buffer {
    bytes: Vec<u8>,
    start: usize,
}

impl<S> ReadAhead<S> {
    pub(crate) fn new(inner: S) -> Self {
        Self { inner, buffer: None }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ReadAhead<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let Some(buffer) = &mut this.buffer else {
            let asked = out.remaining();
            ready!(Pin::new(&mut this.inner).poll_read(context, out))?;
            if out.remaining() == 0 && asked > 0 {
                // It took all there was room for: there is more.
                this.buffer = Some(Box::new(Buffer { bytes: Vec::with_capacity(AHEAD), start: 0 }));
            }
            return Poll::Ready(Ok(()));
        };
        if buffer.start == buffer.bytes.len() {
            buffer.bytes.clear();
            buffer.start = 0;
            let read = tokio_util::io::poll_read_buf(Pin::new(&mut this.inner), context, &mut buffer.bytes);
            let read = match read {
                Poll::Ready(read) => read?,
                Poll::Pending => {
                    // Nothing is in it while the socket waits, and it may wait for long.
                    this.buffer = None;
                    return Poll::Pending;
                }
            };
            if read == 0 {
                return Poll::Ready(Ok(()));
            }
        }
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
