//! Portal views as plain JSON at `/ws/portal-view/{id}`: a controller changes a view, viewers see it. Each connection is of one view.

mod backlog;
mod change;
mod changes;
mod news;
mod own;
mod stray;
mod tell;
mod truth;
mod view;
mod wire;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use samewire_protocol::{Code, Failure};
use serde::Deserialize;

use self::view::PortalView;
use super::Entry;
use super::socket::{turn_away, upgrade};
use crate::app::App;
use crate::http::Problem;
use crate::portal::MAX_VIEW;

const PATH: &str = "/ws/portal-view/";

/// A whole view, changed at once.
const MOST: usize = MAX_VIEW + 64 * 1024;

pub(super) fn router(app: &Arc<App>) -> Router {
    Router::new().route("/ws/portal-view/{*view}", any(connect)).with_state(app.clone())
}

/// Where clients of Socket.IO come that were told of no path, on a server that does not speak it.
pub(super) fn strays(app: &Arc<App>) -> Router {
    Router::new().route("/socket.io/", any(connect)).with_state(app.clone())
}

/// What a client of Socket.IO is told that takes the address of a portal view for a namespace.
pub(super) fn meant(app: &App, namespace: &str) -> Option<Failure> {
    (namespace.starts_with(PATH) && app.config.speaks(app.config.dialects.portal_views.enabled)).then(stray::told)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Asked {
    /// Whether to tell who is there.
    presence: bool,
}

async fn connect(State(app): State<Arc<App>>, request: Request) -> Response {
    let uri = request.uri();
    if stray::comes(uri) {
        return match request.headers().contains_key(header::SEC_WEBSOCKET_KEY) {
            true => turn_away(&app, request, PortalView::stray(), stray::told()),
            false => Problem::new(&stray::told()).into_response(),
        };
    }
    let id = uri.path().strip_prefix(PATH).unwrap_or_default().to_owned();
    let asked = Query::<Asked>::try_from_uri(uri).map(|asked| asked.0).unwrap_or_default();
    let dialect = PortalView::new(id, asked.presence);
    match entry(&request) {
        Ok(entry) => upgrade(&app, request, dialect, Some(entry), MOST),
        // Clients of this format look at the close code, and pages cannot see another answer.
        Err(failure) => turn_away(&app, request, dialect, failure),
    }
}

/// Nobody is a member of a library without a token, so nobody is anonymous here.
fn entry(request: &Request) -> Result<Entry, Failure> {
    match super::entry(false, request.uri(), request.headers())? {
        Entry::Token(Some(token)) if !token.is_empty() => Ok(Entry::Token(Some(token))),
        _ => Err(Failure::new(Code::Unauthenticated, "a portal view needs a token: connect to /ws/portal-view/ID?token=JWT")),
    }
}
