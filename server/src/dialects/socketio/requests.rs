//! What the requests of one client do at its gate, each for as long as it lasts: some wait for something to be told, some say
//! something, and one brings a WebSocket.

use std::sync::Arc;

use super::engine::{Body, CLOSE, joined};
use super::gate::{Gate, Line};
use crate::websocket::Socket;

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
    use socketioxide_core::Sid;
    use tokio_tungstenite::tungstenite::Utf8Bytes;

    use super::super::outbox::Outbox;
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
