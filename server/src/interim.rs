//! Interim responses (RFC 9110, section 15.2), which the HTTP library has no way to send.
//!
//! They are written by the socket under the library, in the one moment when nothing can be torn apart by them: when the library
//! flushes. It does so only when it has handed over all that it had to say, so every response before is whole on its way, and the
//! response that the interim ones announce has not begun, because whoever announces is still making it. The library runs the
//! handler in the connection's own task and flushes after each of its steps, so what is announced goes out at once.
//!
//! To a socket that announces nothing, and to every WebSocket, this is one look at a flag at each flush.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::http::{Extensions, HeaderMap, StatusCode, Version};
use axum::serve::{IncomingStream, Listener};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A listener whose connections can carry interim responses.
pub(crate) struct InterimListener<L>(pub(crate) L);

impl<L: Listener> Listener for InterimListener<L> {
    type Io = InterimIo<L::Io>;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (io, addr) = self.0.accept().await;
        (InterimIo::new(io), addr)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

/// A connection's way to send interim responses.
#[derive(Clone, Debug)]
pub(crate) struct Connection(Arc<Waiting>);

impl<L: Listener> Connected<IncomingStream<'_, InterimListener<L>>> for Connection {
    fn connect_info(stream: IncomingStream<'_, InterimListener<L>>) -> Self {
        Self(stream.io().waiting.clone())
    }
}

/// What waits for the next flush.
#[derive(Debug, Default)]
struct Waiting {
    /// Whether there is something.
    any: AtomicBool,
    next: Mutex<Next>,
}

#[derive(Debug, Default)]
struct Next {
    first: Bytes,
    /// Of what is told again and again, only the newest is worth sending.
    newest: Bytes,
}

impl Waiting {
    fn change(&self, change: impl FnOnce(&mut Next)) {
        let mut next = self.next.lock();
        change(&mut next);
        self.any.store(!(next.first.is_empty() && next.newest.is_empty()), Ordering::Release);
    }

    fn take(&self) -> Bytes {
        let mut all = Bytes::new();
        self.change(|next| {
            let (first, newest) = (std::mem::take(&mut next.first), std::mem::take(&mut next.newest));
            all = if newest.is_empty() { first } else { [first, newest].concat().into() };
        });
        all
    }
}

/// Sends interim responses to one request. Dropping it takes back what was not sent: hold it for as long as the response is being
/// made, and no longer.
#[derive(Debug)]
pub(crate) struct Announcer(Arc<Waiting>);

impl Announcer {
    /// For this request, where its connection can carry interim responses and its HTTP version knows them.
    pub(crate) fn of(extensions: &Extensions, version: Version) -> Option<Self> {
        let ConnectInfo(connection) = extensions.get::<ConnectInfo<Connection>>()?;
        (version == Version::HTTP_11).then(|| Self(connection.0.clone()))
    }

    /// Sends an interim response that must not be left out.
    pub(crate) fn announce(&self, status: StatusCode, reason: &str, headers: &HeaderMap) {
        let head = head(status, reason, headers);
        self.0.change(|next| next.first = [&*next.first, &*head].concat().into());
    }

    /// Sends an interim response that replaces those of its kind that are still waiting.
    pub(crate) fn update(&self, status: StatusCode, reason: &str, headers: &HeaderMap) {
        let head = head(status, reason, headers);
        self.0.change(|next| next.newest = head);
    }
}

impl Drop for Announcer {
    fn drop(&mut self) {
        self.0.change(|next| *next = Next::default());
    }
}

fn head(status: StatusCode, reason: &str, headers: &HeaderMap) -> Bytes {
    let mut head = BytesMut::with_capacity(256);
    head.put_slice(format!("HTTP/1.1 {} {reason}\r\n", status.as_u16()).as_bytes());
    for (name, value) in headers {
        head.put_slice(name.as_str().as_bytes());
        head.put_slice(b": ");
        head.put_slice(value.as_bytes());
        head.put_slice(b"\r\n");
    }
    head.put_slice(b"\r\n");
    head.freeze()
}

/// A socket that sends what was announced.
#[derive(Debug)]
pub(crate) struct InterimIo<S> {
    inner: S,
    waiting: Arc<Waiting>,
    /// Interim responses of which the socket has not taken everything yet.
    left: Bytes,
}

impl<S> InterimIo<S> {
    fn new(inner: S) -> Self {
        Self { inner, waiting: Arc::default(), left: Bytes::new() }
    }
}

impl<S: AsyncWrite + Unpin> InterimIo<S> {
    /// Once begun, an interim response goes out to its end, whatever has become of the request.
    fn poll_left(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.left.is_empty() {
            let taken = ready!(Pin::new(&mut self.inner).poll_write(context, &self.left))?;
            if taken == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.left.advance(taken);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for InterimIo<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, out)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for InterimIo<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_left(context))?;
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_left(context))?;
        Pin::new(&mut self.inner).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_left(context))?;
            if !self.waiting.any.load(Ordering::Acquire) {
                return Pin::new(&mut self.inner).poll_flush(context);
            }
            self.left = self.waiting.take();
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_left(context))?;
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests;
