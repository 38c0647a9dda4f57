//! A connection that is nobody's: for how long, and how many of them.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use samewire_protocol::{Code, Failure};

use super::strangers::Place;
use crate::app::App;

/// The largest text of a connection that is nobody's: more than a sign-in has.
pub(super) const MOST_TEXT: usize = 64 * 1024;

/// The time of a connection on which nobody has come in, and its place among them. What guests have, their sessions look after; these
/// have nothing.
pub(super) struct Alone {
    over: Pin<Box<dyn Future<Output = Failure> + Send>>,
    _place: Place,
}

impl Alone {
    pub(super) fn new(app: &Arc<App>, patience: Duration) -> Self {
        let (place, lost) = app.strangers.take();
        let told = format!("nobody signed in over this connection within {patience:?}; connect again");
        let outstayed = outstayed(app, patience, told);
        let over = async move {
            tokio::select! {
                failure = outstayed => failure,
                _ = lost => {
                    let told = "too many connections wait for somebody to sign in, and this one was the first of them; come with a token, \
                                or try again later";
                    Failure::new(Code::TooManySessions, told)
                }
            }
        };
        Self { over: Box::pin(over), _place: place }
    }

    /// Why it is over.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Failure> {
        self.over.as_mut().poll(context)
    }
}

/// When a connection has had so much time in which nobody came in, for which this is `told`, or the server stops.
pub(super) fn outstayed(app: &App, patience: Duration, told: String) -> impl Future<Output = Failure> + Send + use<> {
    let mut draining = app.draining.subscribe();
    async move {
        let drained = async {
            // The sender lives as long as the server.
            let _ = draining.wait_for(|draining| *draining).await;
        };
        tokio::select! {
            () = tokio::time::sleep(patience) => Failure::new(Code::HandshakeTimeout, told),
            () = drained => App::restarting(),
        }
    }
}
