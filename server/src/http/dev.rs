//! Only in development: tokens for the asking.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::HeaderMap;
use samewire_protocol::{Code, Failure};
use serde::{Deserialize, Serialize};

use super::{Problem, origin};
use crate::app::App;
use crate::auth::JwtAuthenticator;

#[derive(Deserialize)]
pub(crate) struct Wanted {
    name: String,
}

#[derive(Serialize)]
pub(crate) struct Minted {
    token: String,
}

/// Mints a token for the name, good for a day.
pub(crate) async fn token(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    wanted: Result<Json<Wanted>, JsonRejection>,
) -> Result<Json<Minted>, Problem> {
    let minted = origin::allowed(&app.config, &headers).and_then(|()| {
        let Json(wanted) = wanted.map_err(|error| Failure::new(Code::BadRequest, error.body_text()))?;
        let minter = app.states.get::<Arc<JwtAuthenticator>>().ok_or_else(|| {
            Failure::new(Code::MethodNotFound, "this server has an authenticator of its own and mints no tokens")
        })?;
        let day = Duration::from_secs(24 * 60 * 60);
        minter.mint(&wanted.name, day).map_err(|error| Failure::new(Code::BadName, error.to_string()))
    });
    minted.map(|token| Json(Minted { token })).map_err(|failure| Problem::new(&failure))
}
