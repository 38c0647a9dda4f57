//! Only in development: tokens for the asking.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::HeaderMap;
use samewire_protocol::{Code, Failure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Problem, origin};
use crate::app::App;
use crate::auth::{Grants, JwtAuthenticator, MintError, NewToken};

/// How long a token is good that nobody asks to be good for less or more.
const DAY: u64 = 24 * 60 * 60 * 1000;

#[derive(Deserialize)]
pub(crate) struct Wanted {
    name: String,
    /// What it allows, in the form of the claim `samewire`.
    grants: Option<Value>,
    /// How long it is good, in milliseconds, of which it counts whole seconds.
    ttl: Option<u64>,
    id: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct Minted {
    token: String,
}

/// Mints a token for the name, good for a day where nothing else is asked for.
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
        let mut token = NewToken::new(wanted.name, Duration::from_millis(wanted.ttl.unwrap_or(DAY)));
        if let Some(claim) = &wanted.grants {
            let grants = Grants::from_claim(claim);
            token = token.grants(grants.map_err(|error| Failure::new(Code::BadParams, error.to_string()))?);
        }
        if let Some(id) = wanted.id {
            token = token.id(id);
        }
        minter.sign(&token).map_err(|error| {
            let code = if matches!(error, MintError::User(_)) { Code::BadName } else { Code::BadParams };
            Failure::new(code, error.to_string())
        })
    });
    minted.map(|token| Json(Minted { token })).map_err(|failure| Problem::new(&failure))
}
