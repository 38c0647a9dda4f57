//! Only in development: `POST /dev/portal`, a library to begin with.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::Rest;
use super::answer::{Answer, Body, json};
use crate::portal::{MemberRole, ViewId};

/// Who is to be a member, and whether the view must be a new one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    #[serde(default = "everybody")]
    users: BTreeMap<String, MemberRole>,
    #[serde(default)]
    fresh: bool,
}

fn everybody() -> BTreeMap<String, MemberRole> {
    let users = [
        ("olga", MemberRole::Owner),
        ("edgar", MemberRole::Editor),
        ("vera", MemberRole::Viewer),
        ("viktor", MemberRole::Viewer),
    ];
    users.map(|(user, role)| (user.to_owned(), role)).into()
}

pub(super) async fn make(State(rest): State<Rest>, headers: HeaderMap, Body(wanted): Body<Wanted>) -> Answer {
    rest.gate.origin(&headers)?;
    let view = rest.portal.demo(&wanted.users, wanted.fresh).await?;
    Ok(json(
        StatusCode::OK,
        &json!({
            "library": view.library,
            "portalView": view.id,
            "room": room(view.id),
            "users": wanted.users,
        }),
    ))
}

fn room(view: ViewId) -> String {
    format!("portal:{view}")
}
