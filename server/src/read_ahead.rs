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
    /// Whether the last read brought much. Then the next one will too, even if the socket was empty for a moment in between.
    pours: bool,
}

#[derive(Debug)]
struct Buffer {
    bytes: Vec<u8>,
    start: usize,
}

impl<S> ReadAhead<S> {
    pub(crate) fn new(inner: S) -> Self {
        Self { inner, buffer: None, pieces: None, pours: false }
    }

    /// The same, where the WebSocket's large binary messages come in [`Pieces`].
    pub(crate) fn in_pieces(inner: S) -> Self {
        Self { pieces: Some(Box::default()), ..Self::new(inner) }
    }

    /// How large a message may be that is not cut, where messages are; see [`Pieces::limit`]. With a limit little is read at a time.
    pub(crate) fn limit(&mut self, most: Option<usize>) {
        if let Some(pieces) = &mut self.pieces {
            pieces.limit(most);
        }
    }

    fn is_limited(&self) -> bool {
        self.pieces.as_ref().is_some_and(|pieces| pieces.is_limited())
    }
}

impl<S: AsyncRead + Unpin> ReadAhead<S> {
    /// Fills the buffer, where everything in it is used up. Not at all at the end.
    fn poll_fill(&mut self, context: &mut Context<'_>, first: usize) -> Poll<io::Result<()>> {
        let is_limited = self.is_limited();
        let buffer = self.buffer.get_or_insert_with(|| Box::new(Buffer { bytes: Vec::with_capacity(first), start: 0 }));
        if buffer.start < buffer.bytes.len() {
            return Poll::Ready(Ok(()));
        }
        if !is_limited && buffer.bytes.len() == buffer.bytes.capacity() && buffer.bytes.len() < AHEAD {
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
        read.map_ok(|count| self.pours = count >= FIRST)
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
            if let Some(excess) = pieces.excess() {
                // What is behind it is of no account.
                self.pieces = None;
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, excess)));
            }
            let first = if self.pours && !self.is_limited() { AHEAD } else { FIRST };
            ready!(self.poll_fill(context, first))?;
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

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::task::Waker;

    use super::*;

    /// A socket on which so many bytes arrive at a time, with a wait at each `None`.
    struct Bursts {
        coming: VecDeque<Option<usize>>,
        /// How many bytes each read had room for.
        rooms: Vec<usize>,
    }

    impl AsyncRead for Bursts {
        fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            self.rooms.push(out.remaining());
            let Some(count) = self.coming.pop_front().flatten() else { return Poll::Pending };
            out.put_slice(&vec![0; count]);
            Poll::Ready(Ok(()))
        }
    }

    /// Reads until nothing comes any more.
    fn rooms(coming: &[Option<usize>]) -> Vec<usize> {
        let waits = coming.iter().filter(|burst| burst.is_none()).count();
        let mut socket = ReadAhead::in_pieces(Bursts { coming: coming.iter().copied().collect(), rooms: Vec::new() });
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..=waits {
            let mut bytes = vec![0; 2 * AHEAD];
            while Pin::new(&mut socket).poll_read(&mut context, &mut ReadBuf::new(&mut bytes)).is_ready() {}
            assert!(socket.buffer.is_none(), "memory is held for a socket on which nothing comes");
        }
        socket.inner.rooms
    }

    #[test]
    fn a_socket_that_pours_is_read_in_large_pieces_from_the_first_on() {
        let rooms = rooms(&[Some(FIRST), Some(50_000), None, Some(30_000), None, Some(100), None, Some(50)]);
        assert_eq!(rooms, [FIRST, AHEAD, AHEAD, AHEAD, AHEAD, AHEAD, AHEAD, FIRST, FIRST]);
    }

    #[test]
    fn a_quiet_socket_is_read_in_small_pieces() {
        assert_eq!(rooms(&[Some(100), None, Some(FIRST - 1), None, Some(100)]), [FIRST; 6]);
    }
}
