//! What the requests of one client and the task that serves it share: what was said in a request, what is to be told in one, and the
//! WebSocket that takes their place.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Context;

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use socketioxide_core::Sid;
use tokio::sync::Notify;

use super::engine::{Body, CLOSE, joined};
use super::outbox::Outbox;
use crate::websocket::Socket;

/// One client, while it is connected. See the [module](self).
pub(super) struct Gate {
    pub(super) sid: Sid,
    closed: AtomicBool,
    state: Mutex<State>,
    task: AtomicWaker,
    /// For requests, and for a WebSocket that is not taken over yet.
    news: Notify,
}

#[derive(Default)]
struct State {
    /// What was said and is not being heard yet.
    body: Option<Body>,
    /// Nothing is heard any more, and what is said is dropped.
    is_deaf: bool,
    is_in: bool,
    /// What waits for a request, and whether one took something since that was asked last.
    out: Outbox,
    moved: bool,
    /// Nothing more comes after that, and whether the client knows.
    is_over: bool,
    knows: bool,
    /// Whether a request waits for something to be told, and whether one with a body is on its way.
    polls: bool,
    posts: bool,
    line: Line,
    socket: Option<Box<Socket>>,
}

/// Whether there is a WebSocket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Line {
    #[default]
    None,
    /// One is tried.
    Tried,
    /// It works, and the client is about to go on there, or will never hear that it works.
    Works,
    /// All goes over it.
    Taken,
}

/// What there is to tell in the answer to a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    Packets(String),
    /// The client goes on over a WebSocket.
    Elsewhere,
    /// Nothing yet; the client may wait for just that to go on over a WebSocket.
    Nothing {
        is_expected: bool,
    },
}

impl Gate {
    pub(super) fn new(sid: Sid) -> Self {
        let (closed, state) = (AtomicBool::new(false), Mutex::default());
        Self { sid, closed, state, task: AtomicWaker::new(), news: Notify::new() }
    }

    fn stir(&self) {
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

    /// The WebSocket that the client goes on over, and what no request fetched before.
    pub(super) fn change(&self) -> Option<(Box<Socket>, Outbox)> {
        let mut state = self.state.lock();
        let socket = state.socket.take()?;
        Some((socket, std::mem::take(&mut state.out)))
    }

    /// A request for what is to be told, if no other waits.
    pub(super) fn poll(self: &Arc<Self>) -> Option<Polling> {
        let is_first = !std::mem::replace(&mut self.state.lock().polls, true);
        is_first.then(|| Polling(self.clone()))
    }

    /// A request with something that is said, if no other is on its way.
    pub(super) fn post(self: &Arc<Self>) -> Option<Posting> {
        let is_first = !std::mem::replace(&mut self.state.lock().posts, true);
        is_first.then(|| Posting(self.clone()))
    }

    /// A WebSocket that is to be tried, if the client has no other.
    pub(super) fn try_line(self: &Arc<Self>) -> Option<Trial> {
        let mut state = self.state.lock();
        if state.line != Line::None {
            return None;
        }
        state.line = Line::Tried;
        drop(state);
        Some(Trial(self.clone()))
    }

    /// Whether the client goes on over a WebSocket.
    pub(super) fn has_line(&self) -> bool {
        self.state.lock().line == Line::Taken
    }
}

/// A request that waits for something to be told; dropped also when it breaks off.
pub(super) struct Polling(Arc<Gate>);

impl Polling {
    /// For when there may be something to be told. To be called before that is asked.
    pub(super) fn news(&self) -> impl Future<Output = ()> + '_ {
        self.0.news.notified()
    }

    pub(super) fn take(&self) -> Told {
        let mut state = self.0.state.lock();
        if state.line == Line::Taken {
            return Told::Elsewhere;
        }
        if !state.out.is_empty() {
            let packets = std::mem::take(&mut state.out);
            state.moved = true;
            drop(state);
            self.0.task.wake();
            return Told::Packets(joined(packets.into_packets()));
        }
        if state.is_over || self.0.is_closed() {
            // By itself: a client of Socket.IO passes over what comes in one answer with it.
            state.knows = true;
            drop(state);
            self.0.task.wake();
            return Told::Packets(CLOSE.to_string());
        }
        Told::Nothing { is_expected: state.line == Line::Works }
    }
}

impl Drop for Polling {
    fn drop(&mut self) {
        self.0.state.lock().polls = false;
    }
}

/// Something that is being said in a request; dropped also when it breaks off.
pub(super) struct Posting(Arc<Gate>);

impl Posting {
    /// Waits until what was said before is heard.
    pub(super) async fn has_room(&self) {
        loop {
            let news = self.0.news.notified();
            if self.0.state.lock().body.is_none() || self.0.is_closed() {
                return;
            }
            news.await;
        }
    }

    /// Has it heard. Whether there still is somebody to hear it.
    pub(super) fn say(&self, body: Body) -> bool {
        let mut state = self.0.state.lock();
        if self.0.is_closed() || state.line == Line::Taken {
            return false;
        }
        if !state.is_deaf {
            state.body = Some(body);
        }
        drop(state);
        self.0.task.wake();
        true
    }
}

impl Drop for Posting {
    fn drop(&mut self) {
        self.0.state.lock().posts = false;
    }
}

/// A WebSocket that is tried. Where it comes to nothing, all goes on without it, and another may be tried.
pub(super) struct Trial(Arc<Gate>);

impl Trial {
    pub(super) fn gate(&self) -> &Gate {
        &self.0
    }

    /// It works.
    pub(super) fn works(&self) {
        self.0.state.lock().line = Line::Works;
        self.0.news.notify_waiters();
    }

    /// Everything goes on over it.
    pub(super) fn take_over(self, socket: Socket) {
        let mut state = self.0.state.lock();
        (state.line, state.socket) = (Line::Taken, Some(Box::new(socket)));
        drop(state);
        self.0.stir();
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        if state.line != Line::Taken {
            state.line = Line::None;
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio_tungstenite::tungstenite::Utf8Bytes;

    use super::*;

    fn gate() -> Arc<Gate> {
        Arc::new(Gate::new(Sid::new()))
    }

    fn body() -> Body {
        Body::new(Bytes::from_static(b"4a")).expect("a packet")
    }

    fn told(gate: &Gate, packets: impl IntoIterator<Item = &'static str>) -> Outbox {
        let mut out = Outbox::default();
        out.extend(packets.into_iter().map(Utf8Bytes::from_static));
        gate.put(&mut out);
        out
    }

    #[test]
    fn one_request_of_each_kind_at_a_time() {
        let gate = gate();
        let (poll, post) = (gate.poll(), gate.post());
        assert!(poll.is_some() && gate.poll().is_none() && post.is_some() && gate.post().is_none());
        drop((poll, post));
        assert!(gate.poll().is_some() && gate.post().is_some());
    }

    #[tokio::test]
    async fn a_body_waits_until_the_one_before_is_heard() {
        let gate = gate();
        let post = gate.post().expect("the first");
        post.has_room().await;
        assert!(post.say(body()));
        let mut room = std::pin::pin!(post.has_room());
        assert!(futures_util::poll!(room.as_mut()).is_pending());
        assert!(gate.next_body().is_some() && gate.next_body().is_none());
        room.await;
        gate.close();
        assert!(!post.say(body()));
    }

    #[test]
    fn a_request_that_breaks_off_loses_nothing() {
        let gate = gate();
        drop(gate.poll().expect("the first"));
        told(&gate, ["4a", "4b"]);
        let poll = gate.poll().expect("the next");
        assert_eq!(poll.take(), Told::Packets("4a\u{1e}4b".into()));
        assert_eq!(poll.take(), Told::Nothing { is_expected: false });
    }

    #[test]
    fn the_word_that_it_is_over_comes_by_itself_and_last() {
        let gate = gate();
        told(&gate, ["4a", "4b"]);
        assert!(!gate.finish());
        let poll = gate.poll().expect("it polls");
        assert_eq!(poll.take(), Told::Packets("4a\u{1e}4b".into()));
        assert!(!gate.finish());
        assert_eq!(poll.take(), Told::Packets("1".into()));
        assert!(gate.finish());
    }

    #[test]
    fn so_much_waits_for_a_request_and_no_more() {
        let gate = gate();
        let left = told(&gate, ["4a"; 10_000]);
        assert!(!left.is_empty());
        assert!(!gate.put(&mut Outbox::default()), "nobody takes it");
        assert!(matches!(gate.poll().expect("the first").take(), Told::Packets(_)));
        assert!(gate.put(&mut Outbox::default()));
    }

    #[test]
    fn a_websocket_that_comes_to_nothing_leaves_all_as_it_was() {
        let gate = gate();
        let trial = gate.try_line().expect("the first");
        assert!(gate.try_line().is_none());
        told(&gate, ["4a"]);
        trial.works();
        let poll = gate.poll().expect("it polls");
        assert_eq!(poll.take(), Told::Packets("4a".into()));
        assert_eq!(poll.take(), Told::Nothing { is_expected: true });
        drop(trial);
        assert_eq!(poll.take(), Told::Nothing { is_expected: false });
        assert!(gate.try_line().is_some() && !gate.has_line());
    }
}
