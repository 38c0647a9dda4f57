//! `POST /api/revocations`: another server takes back what a user, a session or a token may do.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use samewire_protocol::limits::MAX_SAFE_INTEGER;
use samewire_protocol::{Code, Failure, SessionId};
use serde::{Deserialize, Serialize};

use super::api_key::ApiKey;
use super::{Problem, body};
use crate::app::App;
use crate::auth::{MAX_TOKEN_ID, Revocation, check_user};
use crate::store::now_ms;

const MAX_BODY: usize = 4096;

#[derive(Deserialize)]
struct Wanted {
    user: Option<String>,
    session: Option<SessionId>,
    token: Option<String>,
    until: Option<u64>,
}

/// What follows at once.
#[derive(Serialize)]
pub(crate) struct Revoked {
    /// How many sessions were ended.
    sessions: usize,
}

pub(crate) async fn revoke(State(app): State<Arc<App>>, key: ApiKey, request: Body) -> Result<Json<Revoked>, Problem> {
    let revoked = async {
        let request = body::read(request, MAX_BODY, "send one revocation at a time").await?;
        let (revocation, until) = read(&request)?;
        let sessions = app.revoke(&revocation, until).await?;
        let kind = match revocation {
            Revocation::User(_) => "user",
            Revocation::Session(_) => "session",
            Revocation::Token(_) => "token",
        };
        tracing::info!(by = %key.0, kind, sessions, "something was revoked");
        Ok(Json(Revoked { sessions }))
    };
    revoked.await.map_err(|failure: Failure| Problem::new(&failure))
}

fn read(request: &[u8]) -> Result<(Revocation, Option<u64>), Failure> {
    let wrong = |told: String| Failure::new(Code::BadParams, told);
    let wanted: Wanted = serde_json::from_slice(request)
        .map_err(|error| wrong(format!("the body is not {{user | session | token, until?}}: {error}")))?;
    let revocation = match (wanted.user, wanted.session, wanted.token) {
        (Some(user), None, None) => {
            check_user(&user).map_err(|error| wrong(error.to_string()))?;
            Revocation::User(user.into())
        }
        (None, Some(session), None) => Revocation::Session(session),
        (None, None, Some(token)) if (1..=MAX_TOKEN_ID).contains(&token.len()) => Revocation::Token(token.into()),
        (None, None, Some(_)) => return Err(wrong(format!("a token's id has 1 to {MAX_TOKEN_ID} bytes"))),
        _ => return Err(wrong("name one of `user`, `session` and `token`".to_owned())),
    };
    if wanted.until.is_some_and(|until| until <= now_ms() || until > MAX_SAFE_INTEGER) {
        return Err(wrong("`until` is a time to come, in milliseconds since 1970-01-01 UTC".to_owned()));
    }
    Ok((revocation, wanted.until))
}
