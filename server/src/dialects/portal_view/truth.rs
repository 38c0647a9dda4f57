//! The view as it is, for a client that asks for it or whose change was refused. It may be large, so it is not told more often than
//! a client can need it.

use std::time::{Duration, Instant};

use samewire_protocol::CallId;

/// It is told once in so long at most.
const PACE: Duration = Duration::from_millis(250);

#[derive(Debug)]
pub(super) struct Truth {
    /// As which message it is to be told.
    wanted: Option<&'static str>,
    /// The call that asks for it.
    asked: Option<(CallId, &'static str)>,
    /// When it may be asked for again.
    next: Instant,
}

impl Default for Truth {
    fn default() -> Self {
        Self { wanted: None, asked: None, next: Instant::now() }
    }
}

impl Truth {
    /// It is to be told, as this message.
    pub(super) fn want(&mut self, message: &'static str) {
        self.wanted = Some(message);
    }

    /// When it can be asked for, where it is wanted.
    pub(super) fn due(&self) -> Option<Instant> {
        (self.wanted.is_some() && self.asked.is_none()).then_some(self.next)
    }

    /// The message for which it is asked for now.
    pub(super) fn take(&mut self, now: Instant) -> Option<&'static str> {
        if self.due().is_none_or(|due| now < due) {
            return None;
        }
        self.next = now + PACE;
        self.wanted.take()
    }

    /// This call asks for it.
    pub(super) fn asked(&mut self, call: CallId, message: &'static str) {
        self.asked = Some((call, message));
    }

    /// Whether this call was for it, and for which message.
    pub(super) fn answered(&mut self, call: CallId) -> Option<&'static str> {
        self.asked.take_if(|(asked, _)| *asked == call).map(|(_, message)| message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_asked_for_at_once_and_then_at_a_pace() {
        let mut truth = Truth::default();
        let now = truth.next;
        assert_eq!((truth.due(), truth.take(now)), (None, None));
        truth.want("one");
        assert_eq!(truth.take(now), Some("one"));
        truth.asked(CallId(1), "one");
        for _ in 0..1_000 {
            truth.want("two");
            assert_eq!((truth.due(), truth.take(now + PACE)), (None, None), "it is on its way");
        }
        assert_eq!((truth.answered(CallId(2)), truth.answered(CallId(1))), (None, Some("one")));
        assert_eq!((truth.due(), truth.take(now)), (Some(now + PACE), None));
        assert_eq!((truth.take(now + PACE), truth.due()), (Some("two"), None));
    }
}
