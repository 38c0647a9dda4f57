//! Only in development: `POST /dev/portal`, a view to begin with.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::json;

use super::Rest;
use super::answer::{Answer, Body, json};
use crate::portal::demo::Demo;
use crate::portal::{MemberRole, ViewId};

/// What is asked for; each part may be left out, and all of the body.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    #[serde(default)]
    view: Option<ViewId>,
    #[serde(default)]
    fresh: bool,
    #[serde(default)]
    users: BTreeMap<String, MemberRole>,
}

pub(super) async fn make(State(rest): State<Rest>, headers: HeaderMap, Body(wanted): Body<Wanted>) -> Answer {
    rest.gate.origin(&headers)?;
    let access = match headers.contains_key(header::AUTHORIZATION) {
        true => Some(rest.gate.access(&headers).await?),
        false => None,
    };
    let asker = access.as_ref().filter(|access| !access.identity.is_anonymous()).map(|access| access.identity.id());
    let Wanted { view, fresh, users } = wanted;
    let view = rest.portal.demo(asker, Demo { view, fresh, users }).await?;
    let told = json!({"view": view.id, "room": format!("portal:{}", view.id), "library": view.library});
    Ok(json(StatusCode::OK, &told))
}
