//! The one loop: it moves frames between the socket and the machine, and decides nothing.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use samewire_protocol::session::{Input, Output};
use samewire_protocol::{Instant, Link};
use tokio::time::Sleep;

use crate::bridge::Shared;
use crate::transport::{ABNORMAL, Dialing, Received, Socket, dial};

/// How many frames are read before what they led to is done.
const READ_BATCH: usize = 64;
/// How often the loop goes round before it lets other tasks run.
const ROUNDS: usize = 32;

pub(crate) struct Driver {
    shared: Arc<Shared>,
    url: String,
    link: Link,
    connection: Connection,
    /// An output that the socket has no room for yet.
    waiting: Option<Output>,
    timer: Option<(Instant, Pin<Box<Sleep>>)>,
}

enum Connection {
    None,
    Dialing(Dialing),
    Open(Box<Socket>),
}

impl Driver {
    pub(crate) fn new(shared: Arc<Shared>, url: String) -> Self {
        Self { shared, url, link: Link::default(), connection: Connection::None, waiting: None, timer: None }
    }

    /// Runs until the last handle of the client is gone.
    pub(crate) async fn run(mut self) {
        std::future::poll_fn(|context| self.poll(context)).await;
        if let Connection::Open(socket) = self.connection {
            socket.close(1000, "the client is gone".into()).await;
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        for _ in 0..ROUNDS {
            self.shared.poll_dirty(context);
            self.write(context);
            let moved = self.flush(context) | self.read(context) | self.poll_timer(context);
            if self.shared.abandoned.load(Ordering::Acquire) {
                return Poll::Ready(());
            }
            if !moved && !self.shared.poll_dirty(context) {
                return Poll::Pending;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Does what the machine says, while the socket takes it.
    fn write(&mut self, context: &mut Context<'_>) {
        loop {
            let output = self.waiting.take().unwrap_or_else(|| self.shared.core.lock().session.poll_output());
            match output {
                Output::Dial { link } => {
                    self.link = link;
                    self.connection = Connection::Dialing(dial(self.url.clone()));
                }
                Output::HangUp { link, code, reason } => {
                    if link == self.link
                        && let Connection::Open(socket) = std::mem::replace(&mut self.connection, Connection::None)
                    {
                        tokio::spawn(socket.close(code, reason));
                    }
                }
                Output::Event(event) => self.shared.tell(event),
                Output::Wait(at) => return self.arm(at),
                output @ (Output::SendText(_) | Output::SendBinary(_)) => {
                    let Connection::Open(socket) = &mut self.connection else { continue };
                    let sent = match socket.poll_ready(context) {
                        Poll::Pending => {
                            self.waiting = Some(output);
                            return;
                        }
                        Poll::Ready(Ok(())) => match output {
                            Output::SendText(text) => socket.send_text(text),
                            Output::SendBinary(frame) => socket.send_binary(frame),
                            _ => Ok(()),
                        },
                        Poll::Ready(Err(error)) => Err(error),
                    };
                    if sent.is_err() {
                        self.lost(ABNORMAL);
                    }
                }
            }
        }
    }

    fn flush(&mut self, context: &mut Context<'_>) -> bool {
        let Connection::Open(socket) = &mut self.connection else { return false };
        match socket.poll_flush(context) {
            Poll::Ready(Ok(true)) => {
                self.input(Input::Writable { buffered: 0 });
                true
            }
            Poll::Ready(Ok(false)) | Poll::Pending => false,
            Poll::Ready(Err(_)) => {
                self.lost(ABNORMAL);
                true
            }
        }
    }

    fn read(&mut self, context: &mut Context<'_>) -> bool {
        match &mut self.connection {
            Connection::None => false,
            Connection::Dialing(dialing) => match dialing.as_mut().poll(context) {
                Poll::Pending => false,
                Poll::Ready(Ok(socket)) => {
                    self.connection = Connection::Open(Box::new(socket));
                    self.input(Input::Opened);
                    true
                }
                Poll::Ready(Err(error)) => {
                    tracing::debug!(%error, url = self.url, "no connection");
                    self.lost(ABNORMAL);
                    true
                }
            },
            Connection::Open(socket) => {
                for count in 0..READ_BATCH {
                    let now = self.shared.now();
                    match socket.poll_receive(context) {
                        Poll::Pending => return count > 0,
                        Poll::Ready(Received::Text(text)) => {
                            self.shared.core.lock().session.handle_input(now, self.link, Input::Text(&text));
                        }
                        Poll::Ready(Received::Binary(bytes)) => {
                            self.shared.core.lock().session.handle_input(now, self.link, Input::Binary(bytes));
                        }
                        Poll::Ready(Received::Closed(code)) => {
                            self.lost(code);
                            return true;
                        }
                    }
                }
                true
            }
        }
    }

    fn lost(&mut self, code: u16) {
        self.connection = Connection::None;
        self.waiting = None;
        self.input(Input::Closed { code });
    }

    fn input(&self, input: Input<'_>) {
        self.shared.core.lock().session.handle_input(self.shared.now(), self.link, input);
    }

    fn arm(&mut self, at: Option<Instant>) {
        let Some(at) = at else { return };
        if self.timer.as_ref().is_none_or(|(armed, _)| at < *armed) {
            let deadline = self.shared.real_time(at).into();
            self.timer = Some((at, Box::pin(tokio::time::sleep_until(deadline))));
        }
    }

    fn poll_timer(&mut self, context: &mut Context<'_>) -> bool {
        let Some((_, sleep)) = &mut self.timer else { return false };
        if sleep.as_mut().poll(context).is_pending() {
            return false;
        }
        self.timer = None;
        self.shared.core.lock().session.handle_timeout(self.shared.now());
        true
    }
}
