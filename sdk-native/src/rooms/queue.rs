//! What happened in a room and the app has not taken yet.

use std::collections::VecDeque;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::event::RoomEvent;

/// How many events wait for an app that does not take them.
pub const MOST_WAITING: usize = 4_096;

/// How many bytes of them, counted roughly.
pub const MOST_WAITING_BYTES: usize = 16 * 1024 * 1024;

/// The events of one handle. Bounded: when it is full the oldest is dropped, and that is told in its place.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    /// Rings when there is something to take.
    filled: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    events: VecDeque<RoomEvent>,
    bytes: usize,
    /// What was dropped from the front, and not told yet.
    dropped: Dropped,
    over: bool,
}

/// How much was dropped.
#[derive(Clone, Copy, Debug, Default)]
enum Dropped {
    #[default]
    Nothing,
    Counted(u64),
    Unknown,
}

impl Dropped {
    fn and(self, event: &RoomEvent) -> Self {
        let more = match event {
            RoomEvent::Message(_) | RoomEvent::Signal(_) => Some(1),
            RoomEvent::Lost { missed } => *missed,
            RoomEvent::Recovered | RoomEvent::Refused(_) => Some(0),
        };
        match (self, more) {
            (Self::Unknown, _) | (_, None) => Self::Unknown,
            (Self::Nothing, Some(more)) => Self::Counted(more),
            (Self::Counted(count), Some(more)) => Self::Counted(count.saturating_add(more)),
        }
    }
}

impl Queue {
    pub(crate) fn push(&self, event: RoomEvent) {
        {
            let mut waiting = self.waiting.lock();
            if waiting.over {
                return;
            }
            waiting.bytes += event.weight();
            waiting.events.push_back(event);
            while waiting.events.len() > MOST_WAITING || waiting.bytes > MOST_WAITING_BYTES && waiting.events.len() > 1 {
                let Some(oldest) = waiting.take() else { break };
                waiting.dropped = waiting.dropped.and(&oldest);
            }
        }
        self.filled.notify_waiters();
    }

    /// Nothing more comes.
    pub(crate) fn end(&self) {
        self.waiting.lock().over = true;
        self.filled.notify_waiters();
    }

    /// The next event; `None` after the last.
    pub(crate) async fn next(&self) -> Option<RoomEvent> {
        loop {
            let mut filled = std::pin::pin!(self.filled.notified());
            filled.as_mut().enable();
            if let Some(next) = self.waiting.lock().next() {
                return next;
            }
            filled.await;
        }
    }
}

impl Waiting {
    fn take(&mut self) -> Option<RoomEvent> {
        let event = self.events.pop_front()?;
        self.bytes -= event.weight();
        Some(event)
    }

    /// `None` while there is nothing to tell.
    fn next(&mut self) -> Option<Option<RoomEvent>> {
        match std::mem::take(&mut self.dropped) {
            Dropped::Nothing => match self.take() {
                None if !self.over => None,
                next => Some(next),
            },
            Dropped::Counted(missed) => Some(Some(RoomEvent::Lost { missed: Some(missed) })),
            Dropped::Unknown => Some(Some(RoomEvent::Lost { missed: None })),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::rooms::Message;

    fn message(offset: u64, len: usize) -> RoomEvent {
        RoomEvent::Message(Message::for_tests(offset, &"x".repeat(len)))
    }

    fn take(queue: &Queue) -> Vec<String> {
        std::iter::from_fn(|| match queue.next().now_or_never()?? {
            RoomEvent::Message(message) => message.offset.map(|offset| offset.to_string()),
            RoomEvent::Lost { missed } => Some(format!("lost {missed:?}")),
            other => Some(format!("{other:?}")),
        })
        .collect()
    }

    #[test]
    fn events_come_out_in_their_order_and_the_end_comes_last() {
        let queue = Queue::default();
        assert!(queue.next().now_or_never().is_none(), "there is nothing yet");
        for offset in 1..=3 {
            queue.push(message(offset, 1));
        }
        queue.end();
        queue.push(message(4, 1));
        assert_eq!(take(&queue), ["1", "2", "3"]);
        assert!(queue.next().now_or_never().expect("the end").is_none());
    }

    #[test]
    fn what_is_too_much_is_dropped_from_the_front_and_told_there() {
        let queue = Queue::default();
        for offset in 1..=MOST_WAITING as u64 + 10 {
            queue.push(message(offset, 1));
        }
        let told = take(&queue);
        assert_eq!(told[..2], ["lost Some(10)".to_owned(), "11".to_owned()]);
        assert_eq!(told.len(), 1 + MOST_WAITING);
        for offset in 1..=5 {
            queue.push(message(offset, MOST_WAITING_BYTES / 2));
        }
        assert_eq!(take(&queue), ["lost Some(4)", "5"]);
        queue.push(message(6, 2 * MOST_WAITING_BYTES));
        assert_eq!(take(&queue), ["6"], "one that is too big alone is not lost");
    }

    #[test]
    fn losses_that_are_dropped_are_told_with_the_others() {
        let queue = Queue::default();
        queue.push(RoomEvent::Lost { missed: Some(7) });
        queue.push(RoomEvent::Recovered);
        for offset in 1..=MOST_WAITING as u64 {
            queue.push(message(offset, 1));
        }
        assert_eq!(take(&queue)[..2], ["lost Some(7)".to_owned(), "1".to_owned()]);
        queue.push(RoomEvent::Lost { missed: None });
        for offset in 1..=MOST_WAITING as u64 + 1 {
            queue.push(message(offset, 1));
        }
        assert_eq!(take(&queue)[..2], ["lost None".to_owned(), "2".to_owned()]);
    }
}
