//! The wire formats of other systems, for clients that were not written for this one. Each is a translation: its clients have sessions,
//! rooms, streams and live streams as those of an SDK have, with the same rights and limits, and meet them there.

mod alone;
mod closing;
mod desk;
mod guest;
pub(crate) mod metacom;
mod portal_view;
mod signalling;
mod socket;
pub(crate) mod socketio;
mod strangers;
mod stream_updates;
mod timer;
mod upgrade;

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::http::{HeaderMap, Uri};
use samewire_protocol::{Code, Failure};
use serde::Deserialize;

pub(crate) use guest::Entry;
pub(crate) use strangers::Strangers;

use crate::app::App;
use crate::http::bearer;

/// The addresses of the formats that are spoken.
pub(crate) fn router(app: &Arc<App>) -> Router {
    let dialects = &app.config.dialects;
    let mut router = Router::new();
    if app.config.speaks(dialects.metacom.enabled) {
        router = router.merge(metacom::router(app));
    }
    if app.config.speaks(dialects.portal_views.enabled) {
        router = router.merge(portal_view::router(app));
        if !app.config.speaks(dialects.socketio.enabled) {
            router = router.merge(portal_view::strays(app));
        }
    }
    if app.config.speaks(dialects.signalling.enabled) {
        router = router.merge(signalling::router(app));
    }
    if app.config.speaks(dialects.stream_updates.enabled) {
        router = router.merge(stream_updates::router(app));
    }
    router
}

/// Who comes with a request: whose token is in the query (`token`), where browsers can put it, or in the header. `anonymous`: whether
/// this format is spoken with anybody.
fn entry(anonymous: bool, uri: &Uri, headers: &HeaderMap) -> Result<Entry, Failure> {
    let asked = Query::<Asked>::try_from_uri(uri).map_err(|error| Failure::new(Code::BadParams, error.body_text()))?;
    let token = match asked.0.token {
        None => bearer(headers)?.map(str::to_owned),
        token => token,
    };
    Ok(match token {
        None if anonymous => Entry::Anonymous,
        token => Entry::Token(token),
    })
}

#[derive(Deserialize)]
struct Asked {
    token: Option<String>,
}
