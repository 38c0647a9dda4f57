//! `/api/libraries` and what is below it, views left out.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::json;

use super::Rest;
use super::answer::{Answer, At, Body, User, created, json, named};
use crate::portal::model::{LibraryId, MemberRole};
use crate::portal::tables::no_library;

/// What a library is made of.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewLibrary {
    name: String,
}

/// What a member is to be.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRole {
    role: MemberRole,
}

pub(super) async fn list(State(rest): State<Rest>, User(user): User) -> Answer {
    let libraries = rest.portal.libraries(&user).await?;
    Ok(json(StatusCode::OK, &json!({"libraries": libraries})))
}

pub(super) async fn create(State(rest): State<Rest>, User(user): User, Body(new): Body<NewLibrary>) -> Answer {
    let library = rest.portal.create_library(&user, &new.name).await?;
    Ok(created(format!("/api/libraries/{}", library.id), &library))
}

pub(super) async fn read(State(rest): State<Rest>, User(user): User, At(at): At) -> Answer {
    Ok(json(StatusCode::OK, &rest.portal.library(&user, library(&at)?).await?))
}

pub(super) async fn remove(State(rest): State<Rest>, User(user): User, At(at): At) -> Answer {
    rest.portal.remove_library(&user, library(&at)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) async fn members(State(rest): State<Rest>, User(user): User, At(at): At) -> Answer {
    let members = rest.portal.members(&user, library(&at)?).await?;
    Ok(json(StatusCode::OK, &json!({"members": members})))
}

pub(super) async fn set_member(State(rest): State<Rest>, User(user): User, At(at): At, Body(new): Body<NewRole>) -> Answer {
    let (member, is_new) = rest.portal.set_member(&user, library(&at)?, member(&at), new.role).await?;
    Ok(json(if is_new { StatusCode::CREATED } else { StatusCode::OK }, &member))
}

pub(super) async fn remove_member(State(rest): State<Rest>, User(user): User, At(at): At) -> Answer {
    rest.portal.remove_member(&user, library(&at)?, member(&at)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) fn library(at: &[String]) -> Result<LibraryId, samewire_protocol::Failure> {
    named(at.first(), no_library)
}

fn member(at: &[String]) -> &str {
    at.get(1).map_or("", String::as_str)
}
