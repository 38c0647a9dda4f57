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

    #[tokio::test(start_paused = true)]
    async fn it_is_due_when_it_is_time_and_not_before() {
        let mut timer = Timer::default();
        let begun = tokio::time::Instant::now();
        let at = |seconds| Some(begun.into_std() + Duration::from_secs(seconds));
        let mut look = async |at: Option<Instant>| poll_fn(|context| Poll::Ready(timer.poll(at, context))).await;
        assert!(!look(None).await && !look(at(9)).await);
        // Another time takes the place of the one before.
        assert!(!look(at(3)).await);
        tokio::time::advance(Duration::from_secs(4)).await;
        assert!(!look(at(5)).await && look(at(3)).await);
        poll_fn(|context| if timer.poll(at(5), context) { Poll::Ready(()) } else { Poll::Pending }).await;
        assert_eq!(begun.elapsed().as_secs(), 5);
    }
}
