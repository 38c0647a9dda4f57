//! `/api/portal-views`, and those of a library.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use samewire_protocol::Failure;
use serde_json::{Map, Value, json};

use super::Rest;
use super::answer::{Answer, At, Body, IfMatch, User, created, json, named, versioned};
use super::libraries::library;
use crate::portal::change::{NewItem, NewView};
use crate::portal::model::{ItemId, ViewId};
use crate::portal::tables::{no_item, no_view};

pub(super) async fn list(State(rest): State<Rest>, User(user): User, At(at): At) -> Answer {
    let views = rest.portal.views(&user, library(&at)?).await?;
    Ok(json(StatusCode::OK, &json!({"portalViews": views})))
}

pub(super) async fn create(State(rest): State<Rest>, User(user): User, At(at): At, Body(new): Body<NewView>) -> Answer {
    let view = rest.portal.create_view(&user, library(&at)?, new).await?;
    Ok(versioned(created(format!("/api/portal-views/{}", view.id), &view), view.version))
}

pub(super) async fn read(State(rest): State<Rest>, User(user): User, At(at): At) -> Answer {
    let view = rest.portal.view(&user, self::view(&at)?).await?;
    Ok(versioned(json(StatusCode::OK, &view), view.version))
}

pub(super) async fn change(
    State(rest): State<Rest>,
    User(user): User,
    At(at): At,
    IfMatch(versions): IfMatch,
    Body(patch): Body<Map<String, Value>>,
) -> Answer {
    let view = rest.portal.change_view(&user, self::view(&at)?, patch, versions).await?;
    Ok(versioned(json(StatusCode::OK, &view), view.version))
}

pub(super) async fn remove(State(rest): State<Rest>, User(user): User, At(at): At) -> Answer {
    rest.portal.remove_view(&user, self::view(&at)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) async fn add_item(State(rest): State<Rest>, User(user): User, At(at): At, Body(new): Body<NewItem>) -> Answer {
    let (id, view) = rest.portal.add_item(&user, self::view(&at)?, new).await?;
    let body = json!({"id": id, "item": view.items.get(&id), "version": view.version});
    Ok(versioned(created(format!("/api/portal-views/{}/items/{id}", view.id), &body), view.version))
}

pub(super) async fn change_item(
    State(rest): State<Rest>,
    User(user): User,
    At(at): At,
    IfMatch(versions): IfMatch,
    Body(patch): Body<Map<String, Value>>,
) -> Answer {
    let (id, view) = (item(&at)?, self::view(&at)?);
    let view = rest.portal.change_item(&user, view, id, Value::Object(patch), versions).await?;
    let body = json!({"id": id, "item": view.items.get(&id), "version": view.version});
    Ok(versioned(json(StatusCode::OK, &body), view.version))
}

pub(super) async fn remove_item(State(rest): State<Rest>, User(user): User, At(at): At, IfMatch(versions): IfMatch) -> Answer {
    rest.portal.change_item(&user, self::view(&at)?, item(&at)?, Value::Null, versions).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn view(at: &[String]) -> Result<ViewId, Failure> {
    named(at.first(), no_view)
}

fn item(at: &[String]) -> Result<ItemId, Failure> {
    named(at.get(1), no_item)
}
