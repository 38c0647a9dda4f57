//! A point in time that a task waits for among other things.

use std::future::Future;
use std::pin::Pin;
use std::task::Context;
use std::time::Instant;

use tokio::time::Sleep;

#[derive(Debug, Default)]
pub(super) struct Timer(Option<(Instant, Pin<Box<Sleep>>)>);

impl Timer {
    /// Whether it is so late; if not, the task is woken then.
    pub(super) fn poll(&mut self, at: Option<Instant>, context: &mut Context<'_>) -> bool {
        let Some(at) = at else {
            self.0 = None;
            return false;
        };
        if self.0.as_ref().is_none_or(|(armed, _)| *armed != at) {
            self.0 = Some((at, Box::pin(tokio::time::sleep_until(at.into()))));
        }
        let is_due = self.0.as_mut().is_some_and(|(_, sleep)| sleep.as_mut().poll(context).is_ready());
        if is_due {
            self.0 = None;
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn it_is_due_when_it_is_time_and_not_before() {
        let mut timer = Timer::default();
        let now = Instant::now();
        let past = now.checked_sub(Duration::from_secs(1)).expect("the machine runs for longer");
        let never = now + Duration::from_secs(3_600);
        let mut look = async |at: Option<Instant>| poll_fn(|context| Poll::Ready(timer.poll(at, context))).await;
        assert!(!look(None).await && !look(Some(never)).await);
        // Another time takes the place of the one before, and is told once.
        assert!(look(Some(past)).await && !look(None).await && !look(Some(never)).await);
        let soon = Instant::now() + Duration::from_millis(20);
        poll_fn(|context| if timer.poll(Some(soon), context) { Poll::Ready(()) } else { Poll::Pending }).await;
        assert!(Instant::now() >= soon);
    }
}
