//! What the transports of one client and the task that serves it share: the packets that came and were not heard yet, and the news
//! that there is room for more, on either side.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::packet::Word;
use super::seats::Seat;

/// So many packets may wait before nothing more is taken from the network. What a transport has read by then comes on top: 4 KiB of a
/// WebSocket, one body of long polling.
const MOST_WAITING: usize = 32;

/// One client, while it is connected. See the [module](self).
#[derive(Debug)]
pub(super) struct Gate {
    words: Mutex<VecDeque<Word>>,
    /// How many of them there are.
    waiting: AtomicUsize,
    closed: AtomicBool,
    task: AtomicWaker,
    /// The task has something to say, and the transport had no room for it.
    stuck: AtomicBool,
    /// The WebSocket's two sides.
    reader: AtomicWaker,
    writer: AtomicWaker,
    has_line: AtomicBool,
    cut: AtomicBool,
    /// Whether a request of this client with a body is under way.
    posting: AtomicBool,
    room: Notify,
    /// Among those who have not come in yet.
    outside: Mutex<Option<Seat>>,
    _seat: Seat,
}

impl Gate {
    /// With a place among all who are connected, and one among those who have not come in.
    pub(super) fn new(seat: Seat, outside: Seat) -> Self {
        Self {
            words: Mutex::default(),
            waiting: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            task: AtomicWaker::new(),
            stuck: AtomicBool::new(false),
            reader: AtomicWaker::new(),
            writer: AtomicWaker::new(),
            has_line: AtomicBool::new(false),
            cut: AtomicBool::new(false),
            posting: AtomicBool::new(false),
            room: Notify::new(),
            outside: Mutex::new(Some(outside)),
            _seat: seat,
        }
    }

    /// The client said something.
    pub(super) fn hear(&self, word: Word) {
        if self.is_closed() {
            return;
        }
        let mut words = self.words.lock();
        words.push_back(word);
        self.waiting.store(words.len(), Ordering::SeqCst);
        drop(words);
        self.task.wake();
    }

    /// The task is woken when there is something to hear, room to say something, or nobody any more. To be called before any of it
    /// is asked for.
    pub(super) fn register(&self, context: &Context<'_>) {
        self.task.register(context.waker());
    }

    /// What the client said next, if there is something.
    pub(super) fn next_word(&self) -> Option<Word> {
        if self.waiting.load(Ordering::SeqCst) == 0 {
            return None;
        }
        let mut words = self.words.lock();
        let word = words.pop_front();
        let left = words.len();
        self.waiting.store(left, Ordering::SeqCst);
        drop(words);
        if left + 1 == MOST_WAITING {
            self.reader.wake();
            self.room.notify_waiters();
        }
        word
    }

    /// Whether the client is gone.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// The client has come in.
    pub(super) fn come_in(&self) {
        *self.outside.lock() = None;
    }

    /// There is no transport any more.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.task.wake();
        self.reader.wake();
        self.room.notify_waiters();
    }

    fn is_full(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) >= MOST_WAITING && !self.is_closed()
    }

    /// Whether the network may be read.
    pub(super) fn poll_room(&self, context: &Context<'_>) -> Poll<()> {
        self.reader.register(context.waker());
        if self.is_full() && !self.is_cut() { Poll::Pending } else { Poll::Ready(()) }
    }

    /// Waits until there is room for a request's packets.
    pub(super) async fn has_room(&self) {
        loop {
            let room = self.room.notified();
            if !self.is_full() {
                return;
            }
            room.await;
        }
    }

    /// The transport has no room; [`Gate::moved`] wakes the task. To be asked once more after this.
    pub(super) fn wait_for_transport(&self) {
        self.stuck.store(true, Ordering::SeqCst);
    }

    /// Whether the transport took nothing since.
    pub(super) fn waits_for_transport(&self) -> bool {
        self.stuck.load(Ordering::SeqCst)
    }

    /// The transport took something.
    pub(super) fn moved(&self) {
        if self.stuck.load(Ordering::SeqCst) && self.stuck.swap(false, Ordering::SeqCst) {
            self.task.wake();
        }
    }

    /// Whether this is the client's first WebSocket. It has one at most.
    pub(super) fn take_line(&self) -> bool {
        !self.has_line.swap(true, Ordering::AcqRel)
    }

    /// Ends the WebSocket, whatever waits for it.
    pub(super) fn cut(&self) {
        self.cut.store(true, Ordering::Release);
        self.reader.wake();
        self.writer.wake();
    }

    pub(super) fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Acquire)
    }

    /// The WebSocket's writing side waits for the network.
    pub(super) fn await_cut(&self, context: &Context<'_>) {
        self.writer.register(context.waker());
    }

    /// A body of this client is on its way, if no other is.
    pub(super) fn post(self: &Arc<Self>) -> Option<Posting> {
        let is_first = !self.posting.swap(true, Ordering::AcqRel);
        is_first.then(|| Posting(self.clone()))
    }
}

/// A body on its way; dropped also when its request breaks off.
pub(super) struct Posting(Arc<Gate>);

impl Drop for Posting {
    fn drop(&mut self) {
        self.0.posting.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::super::seats::Seats;
    use super::*;

    fn gate() -> Gate {
        let seats = Seats::new(2);
        Gate::new(seats.take().expect("a seat"), seats.take().expect("a seat"))
    }

    #[test]
    fn a_full_gate_holds_the_network_back_until_it_is_heard() {
        let (gate, context) = (gate(), Context::from_waker(Waker::noop()));
        for _ in 0..MOST_WAITING {
            assert!(gate.poll_room(&context).is_ready());
            gate.hear(Word::Binary(bytes::Bytes::new()));
        }
        assert!(gate.poll_room(&context).is_pending());
        assert!(gate.next_word().is_some());
        assert!(gate.poll_room(&context).is_ready());
    }

    #[test]
    fn what_is_said_is_heard_in_order_and_nothing_after_the_end() {
        let gate = gate();
        for text in ["a", "b"] {
            gate.hear(Word::Text(text.into()));
        }
        assert!(matches!(gate.next_word(), Some(Word::Text(text)) if text == "a"));
        gate.close();
        gate.hear(Word::Text("c".into()));
        assert!(gate.is_closed());
        assert!(matches!(gate.next_word(), Some(Word::Text(text)) if text == "b"));
        assert!(gate.next_word().is_none());
    }

    #[test]
    fn one_websocket_and_one_body_at_a_time() {
        let gate = Arc::new(gate());
        assert!(gate.take_line() && !gate.take_line());
        let post = gate.post();
        assert!(post.is_some() && gate.post().is_none());
        drop(post);
        assert!(gate.post().is_some());
    }
}
