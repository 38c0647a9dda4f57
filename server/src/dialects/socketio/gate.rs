//! What the requests of one client and the task that serves it share: what was said in a request, what is to be told in one, and
//! the WebSocket that takes their place.

use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Context;

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use socketioxide_core::Sid;
use tokio::sync::Notify;

use super::engine::Body;
use super::outbox::Outbox;
use crate::websocket::Socket;

/// One client, while it is connected. See the [module](self).
pub(super) struct Gate {
    pub(super) sid: Sid,
    closed: AtomicBool,
    pub(super) state: Mutex<State>,
    pub(super) task: AtomicWaker,
    /// For requests, and for a WebSocket that is not taken over yet.
    pub(super) news: Notify,
}

#[derive(Default)]
pub(super) struct State {
    /// What was said and is not being heard yet.
    pub(super) body: Option<Body>,
    /// Nothing is heard any more, and what is said is dropped.
    pub(super) is_deaf: bool,
    pub(super) is_in: bool,
    /// What waits for a request, and whether one took something since that was asked last.
    pub(super) out: Outbox,
    pub(super) moved: bool,
    /// Nothing more comes after that, and whether the client knows.
    pub(super) is_over: bool,
    pub(super) knows: bool,
    /// Whether a request waits for something to be told, and whether one with a body is on its way.
    pub(super) polls: bool,
    pub(super) posts: bool,
    pub(super) line: Line,
    pub(super) socket: Option<Box<Socket>>,
}

/// Whether there is a WebSocket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Line {
    #[default]
    None,
    /// One is tried.
    Tried,
    /// It works, and the client is about to go on there, or will never hear that it works.
    Works,
    /// All goes over it.
    Taken,
}

impl Gate {
    pub(super) fn new(sid: Sid) -> Self {
        let (closed, state) = (AtomicBool::new(false), Mutex::default());
        Self { sid, closed, state, task: AtomicWaker::new(), news: Notify::new() }
    }

    pub(super) fn stir(&self) {
        self.task.wake();
        self.news.notify_waiters();
    }

    /// The task is woken by whatever happens here. To be called before any of it is asked for.
    pub(super) fn register(&self, context: &Context<'_>) {
        self.task.register(context.waker());
    }

    /// Whether the client is gone, or is to go.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.stir();
    }

    /// Waits until the client is gone.
    pub(super) async fn gone(&self) {
        loop {
            let news = self.news.notified();
            if self.is_closed() {
                return;
            }
            news.await;
        }
    }

    /// The client has come in.
    pub(super) fn come_in(&self) {
        self.state.lock().is_in = true;
    }

    pub(super) fn is_in(&self) -> bool {
        self.state.lock().is_in
    }

    /// What was said in the next request.
    pub(super) fn next_body(&self) -> Option<Body> {
        let body = self.state.lock().body.take();
        if body.is_some() {
            self.news.notify_waiters();
        }
        body
    }

    /// Nothing more is heard.
    pub(super) fn stop_hearing(&self) {
        let mut state = self.state.lock();
        (state.is_deaf, state.body) = (true, None);
        drop(state);
        self.news.notify_waiters();
    }

    /// Nothing more is told than what waits here. Whether the client has fetched that, and the word that it is over.
    pub(super) fn finish(&self) -> bool {
        let mut state = self.state.lock();
        let (is_new, knows) = (!std::mem::replace(&mut state.is_over, true), state.knows);
        drop(state);
        if is_new {
            self.news.notify_waiters();
        }
        knows
    }

    /// Takes over what there is room for. Whether the client takes what it is told: nothing waits, or less than before.
    pub(super) fn put(&self, out: &mut Outbox) -> bool {
        let mut state = self.state.lock();
        let is_new = !out.is_empty() && !state.out.is_full();
        while !state.out.is_full()
            && let Some(packet) = out.pop()
        {
            state.out.push(packet);
        }
        let moves = std::mem::take(&mut state.moved) || state.out.is_empty();
        drop(state);
        if is_new {
            self.news.notify_waiters();
        }
        moves
    }

    /// Whether all that was [put](Self::put) here was fetched.
    pub(super) fn is_told(&self) -> bool {
        self.state.lock().out.is_empty()
    }

    /// The WebSocket that the client goes on over, and what no request fetched before.
    pub(super) fn change(&self) -> Option<(Box<Socket>, Outbox)> {
        let mut state = self.state.lock();
        let socket = state.socket.take()?;
        Some((socket, std::mem::take(&mut state.out)))
    }

    /// Whether the client goes on over a WebSocket.
    pub(super) fn has_line(&self) -> bool {
        self.state.lock().line == Line::Taken
    }
}
