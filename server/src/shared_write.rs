//! Lets frames that were encoded once for many sockets go out between those that the WebSocket library writes, without a copy.
//!
//! The library copies what it sends into a buffer of each socket. What a room tells a thousand members is the same thousand
//! times, frame header included, since a server does not mask (RFC 6455, section 5.1): it is handed to the system from where it
//! lies, many frames in one call. Only several small ones are put side by side before, which costs less than telling the system
//! of each. A frame of one kind never lands inside one of the other: while shared frames are partly
//! written, the library's writes wait, and while the library's are, [`SharedWrite::is_torn`] says so.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How many frames are handed over in one call.
const SLICES: usize = 64;
/// Frames that are no larger than this together are copied into one piece.
const SMALL: usize = 16 * 1024;

thread_local! {
    /// Small frames side by side; empty between writes.
    static PIECE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

#[derive(Debug)]
pub(crate) struct SharedWrite<S> {
    inner: S,
    /// Shared frames of which the socket has not taken everything yet.
    left: VecDeque<Bytes>,
    /// The library's last write was taken in part.
    torn: bool,
    /// How many bytes of shared frames the socket has taken.
    taken: u64,
    /// How many bytes were read, and written for the library.
    heard: u64,
    said: u64,
}

impl<S> SharedWrite<S> {
    pub(crate) fn new(inner: S) -> Self {
        Self { inner, left: VecDeque::new(), torn: false, taken: 0, heard: 0, said: 0 }
    }

    pub(crate) fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Whether the library is in the middle of a frame: flush it before shared frames are written.
    pub(crate) fn is_torn(&self) -> bool {
        self.torn
    }

    /// Whether the socket has not taken all shared frames that it was given.
    pub(crate) fn has_left(&self) -> bool {
        !self.left.is_empty()
    }

    /// How many bytes of shared frames the socket has taken so far.
    pub(crate) fn taken(&self) -> u64 {
        self.taken
    }

    /// How many bytes were read so far, of frames that are not whole too.
    pub(crate) fn heard(&self) -> u64 {
        self.heard
    }

    /// How many bytes of the library's the socket has taken so far.
    pub(crate) fn said(&self) -> u64 {
        self.said
    }
}

impl<S: AsyncWrite + Unpin> SharedWrite<S> {
    /// Writes frames, and empties `frames`. Ready when the socket has taken all of them; what it has no room for is kept, and goes
    /// out before anything else. Not to be called while [`SharedWrite::is_torn`].
    pub(crate) fn poll_write_shared(
        &mut self,
        context: &mut Context<'_>,
        frames: &mut VecDeque<Bytes>,
    ) -> Poll<io::Result<()>> {
        let mut written = self.poll_left(context);
        if matches!(written, Poll::Ready(Ok(()))) {
            written = poll_write_all(Pin::new(&mut self.inner), context, frames, &mut self.taken);
        }
        // Mostly there is nothing left, and then nothing is kept for it.
        self.left.extend(frames.drain(..));
        written
    }

    fn poll_left(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.left.is_empty() {
            return Poll::Ready(Ok(()));
        }
        ready!(poll_write_all(Pin::new(&mut self.inner), context, &mut self.left, &mut self.taken))?;
        // An idle socket keeps no memory for a crowd that it once had.
        self.left = VecDeque::new();
        Poll::Ready(Ok(()))
    }
}

fn poll_write_all<S: AsyncWrite>(
    mut socket: Pin<&mut S>,
    context: &mut Context<'_>,
    frames: &mut VecDeque<Bytes>,
    total: &mut u64,
) -> Poll<io::Result<()>> {
    while let Some(first) = frames.front() {
        let mut taken = ready!(match frames.len() {
            1 => socket.as_mut().poll_write(context, first),
            _ if frames.iter().map(Bytes::len).sum::<usize>() <= SMALL => poll_write_piece(socket.as_mut(), context, frames),
            _ => poll_write_slices(socket.as_mut(), context, frames),
        })?;
        if taken == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        *total += taken as u64;
        while let Some(frame) = frames.front_mut() {
            if frame.len() > taken {
                frame.advance(taken);
                break;
            }
            taken -= frame.len();
            frames.pop_front();
        }
    }
    Poll::Ready(Ok(()))
}

fn poll_write_piece<S: AsyncWrite>(
    socket: Pin<&mut S>,
    context: &mut Context<'_>,
    frames: &VecDeque<Bytes>,
) -> Poll<io::Result<usize>> {
    PIECE.with_borrow_mut(|piece| {
        frames.iter().for_each(|frame| piece.extend_from_slice(frame));
        let taken = socket.poll_write(context, piece);
        piece.clear();
        taken
    })
}

fn poll_write_slices<S: AsyncWrite>(
    socket: Pin<&mut S>,
    context: &mut Context<'_>,
    frames: &VecDeque<Bytes>,
) -> Poll<io::Result<usize>> {
    let mut slices = [IoSlice::new(&[]); SLICES];
    let mut count = 0;
    for (slice, frame) in slices.iter_mut().zip(frames.iter()) {
        *slice = IoSlice::new(frame);
        count += 1;
    }
    socket.poll_write_vectored(context, slices.get(..count).unwrap_or_default())
}

impl<S: AsyncRead + Unpin> AsyncRead for SharedWrite<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = out.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(context, out);
        self.heard += (out.filled().len() - before) as u64;
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for SharedWrite<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        ready!(this.poll_left(context))?;
        let taken = ready!(Pin::new(&mut this.inner).poll_write(context, bytes))?;
        this.torn = taken < bytes.len();
        this.said += taken as u64;
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(this.poll_left(context))?;
        Pin::new(&mut this.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(this.poll_left(context))?;
        Pin::new(&mut this.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use proptest::prelude::*;

    use super::*;

    /// A socket that takes so many bytes at each write, and then none until it is given new room.
    #[derive(Default)]
    struct Narrow {
        room: usize,
        taken: Vec<u8>,
    }

    impl AsyncWrite for Narrow {
        fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            self.as_mut().poll_write_vectored(context, &[IoSlice::new(bytes)])
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            slices: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            let bytes = slices.iter().flat_map(|slice| slice.iter().copied()).collect::<Vec<_>>();
            let count = bytes.len().min(self.room);
            if count == 0 {
                return Poll::Pending;
            }
            self.room -= count;
            self.taken.extend_from_slice(&bytes[..count]);
            Poll::Ready(Ok(count))
        }

        fn is_write_vectored(&self) -> bool {
            true
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Room(usize),
        Own(u8),
        Shared(Vec<u8>),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            (1usize..60).prop_map(Step::Room),
            (3u8..20).prop_map(Step::Own),
            prop::collection::vec(3u8..20, 1..80).prop_map(Step::Shared),
        ];
        prop::collection::vec(step, 1..60)
    }

    /// A frame says how long it is, and which one.
    fn frame(count: &mut u8, size: u8) -> Vec<u8> {
        *count = count.wrapping_add(1);
        let mut frame = vec![*count; usize::from(size)];
        frame[0] = size;
        frame
    }

    proptest! {
        #[test]
        fn no_frame_lands_inside_another(steps in steps()) {
            let mut context = Context::from_waker(Waker::noop());
            let mut socket = SharedWrite::new(Narrow::default());
            let (mut own, mut count, mut given) = (Vec::new(), 0, 0);
            for step in steps.into_iter().chain([Step::Room(1_000_000)]) {
                match step {
                    Step::Room(room) => socket.inner.room += room,
                    Step::Own(size) => {
                        own.extend(frame(&mut count, size));
                        given += 1;
                    }
                    Step::Shared(_) if socket.is_torn() => {}
                    Step::Shared(sizes) => {
                        given += sizes.len();
                        let mut frames = sizes.into_iter().map(|size| Bytes::from(frame(&mut count, size))).collect();
                        let _ = socket.poll_write_shared(&mut context, &mut frames);
                        prop_assert!(frames.is_empty());
                    }
                }
                // The library offers all that it has, until the socket takes no more.
                while !own.is_empty() {
                    match Pin::new(&mut socket).poll_write(&mut context, &own) {
                        Poll::Ready(taken) => drop(own.drain(..taken.unwrap())),
                        Poll::Pending => break,
                    }
                }
                let _ = Pin::new(&mut socket).poll_flush(&mut context);
            }
            prop_assert!(own.is_empty() && !socket.has_left() && !socket.is_torn());
            let mut rest = &socket.inner.taken[..];
            for _ in 0..given {
                let (frame, after) = rest.split_at(usize::from(rest[0]));
                prop_assert!(frame[1..].iter().all(|byte| *byte == frame[1]), "{frame:?}");
                rest = after;
            }
            prop_assert!(rest.is_empty());
        }
    }
}
