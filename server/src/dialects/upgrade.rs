//! The way in: the handshake of a WebSocket on which a dialect is spoken.

use std::sync::Arc;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use prometheus_client::metrics::gauge::Gauge;
use samewire_protocol::Failure;

use super::desk::{Desk, Dialect};
use super::guest::Entry;
use super::socket::Driver;
use crate::app::App;
use crate::http::origin;
use crate::websocket::Handshake;

/// Answers the upgrade to a WebSocket on which a dialect is spoken. `most` is the size of the largest frame of a client.
pub(crate) fn upgrade<D: Dialect>(app: &Arc<App>, request: Request, dialect: D, entry: Option<Entry>, most: usize) -> Response {
    let allowed = origin::allowed(&app.config, request.headers());
    answer(app, request, dialect, allowed.map(|()| entry), most)
}

/// The same for who is only told why not, for clients that learn it by the close code.
pub(crate) fn turn_away<D: Dialect>(app: &Arc<App>, request: Request, dialect: D, failure: Failure) -> Response {
    answer(app, request, dialect, Err(failure), LITTLE)
}

/// The largest frame of who is not let in.
const LITTLE: usize = 4 * 1024;

fn answer<D: Dialect>(
    app: &Arc<App>,
    mut request: Request,
    dialect: D,
    entry: Result<Option<Entry>, Failure>,
    most: usize,
) -> Response {
    let handshake = match Handshake::check(&mut request, None) {
        Ok(handshake) => handshake,
        Err(problem) => return problem.into_response(),
    };
    let (response, socket) = handshake.grant(app, most, D::IN_PIECES);
    let app = app.clone();
    app.clone().links.spawn(async move {
        let Some(socket) = socket.await else { return };
        let _counted = Counted::new(app.metrics.guests(D::NAME));
        let (allowed, wanted) = entry.map_or_else(|failure| (Err(failure), None), |entry| (Ok(()), entry));
        let desk = Desk::new(app, wanted);
        Driver::new(socket, dialect, desk).run(allowed).await;
    });
    response
}

/// A connection that counts for as long as this is there, also when its task breaks.
pub(super) struct Counted(Gauge);

impl Counted {
    pub(super) fn new(connections: Gauge) -> Self {
        connections.inc();
        Self(connections)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_counts_until_its_task_ends_or_breaks() {
        let mut counted = Vec::new();
        let gauge = Gauge::default();
        for _ in 0..3 {
            counted.push(Counted::new(gauge.clone()));
        }
        assert_eq!(gauge.get(), 3);
        let broken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _counted = counted.pop();
            panic!("a fault");
        }));
        assert!(broken.is_err());
        assert_eq!(gauge.get(), 2);
    }
}
