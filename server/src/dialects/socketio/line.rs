//! The connection below a WebSocket. The library that speaks on it reads as fast as bytes come and writes for as long as it takes;
//! this one is read only while there is room for what it says, and ends where the other side takes nothing for too long.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::gate::Gate;

pub(super) struct Line<S> {
    inner: S,
    gate: Arc<Gate>,
    patience: Duration,
    /// Runs while the other side takes nothing.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<S> Line<S> {
    pub(super) fn new(inner: S, gate: Arc<Gate>, patience: Duration) -> Self {
        Self { inner, gate, patience, waiting: None }
    }

    /// What became of a write.
    fn wrote<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if let Poll::Ready(written) = written {
            self.waiting = None;
            self.gate.moved();
            return Poll::Ready(written);
        }
        self.gate.await_cut(context);
        self.standing()?;
        let patience = self.patience;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        ready!(waiting.as_mut().poll(context));
        self.gate.cut();
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Whether the line was not cut.
    fn standing(&self) -> io::Result<()> {
        if self.gate.is_cut() { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Line<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(self.gate.poll_room(context));
        self.standing()?;
        Pin::new(&mut self.inner).poll_read(context, out)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Line<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.standing()?;
        let written = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.wrote(context, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.standing()?;
        let flushed = Pin::new(&mut self.inner).poll_flush(context);
        self.wrote(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.standing()?;
        let down = Pin::new(&mut self.inner).poll_shutdown(context);
        self.wrote(context, down)
    }
}

/// Where the WebSocket goes, the client is gone: also in the middle of the change from long polling, of which the library says nothing.
impl<S> Drop for Line<S> {
    fn drop(&mut self) {
        self.gate.close();
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::super::packet::Word;
    use super::super::seats::Seats;
    use super::*;

    fn line(room: usize) -> (Line<tokio::io::DuplexStream>, Arc<Gate>, tokio::io::DuplexStream) {
        let (near, far) = tokio::io::duplex(room);
        let seats = Seats::new(2);
        let gate = Arc::new(Gate::new(seats.take().expect("a seat"), seats.take().expect("a seat")));
        (Line::new(near, gate.clone(), Duration::from_millis(10)), gate, far)
    }

    #[tokio::test]
    async fn who_takes_nothing_is_given_up() {
        let (mut line, gate, _far) = line(4);
        let error = line.write_all(b"too much for it").await.expect_err("nobody reads");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(gate.is_cut());
        assert_eq!(line.read_u8().await.expect_err("it is cut").kind(), io::ErrorKind::BrokenPipe);
    }

    #[tokio::test]
    async fn it_is_not_read_while_nobody_hears() {
        let (mut line, gate, mut far) = line(64);
        far.write_all(b"x").await.expect("there is room");
        let mut context = Context::from_waker(Waker::noop());
        while gate.poll_room(&context).is_ready() {
            gate.hear(Word::Text("".into()));
        }
        let mut byte = [0];
        let mut read = std::pin::pin!(line.read(&mut byte));
        assert!(read.as_mut().poll(&mut context).is_pending());
        assert!(gate.next_word().is_some());
        assert_eq!(read.await.expect("a byte"), 1);
    }

    #[tokio::test]
    async fn the_client_goes_with_it() {
        let (line, gate, _far) = line(64);
        drop(line);
        assert!(gate.is_closed());
    }
}
