//! Libraries, members, portal views and items over HTTP.

mod answer;
mod libraries;
mod views;

use axum::Router;
use axum::routing::{get, patch, post, put};

use super::Portal;
use crate::http::{Gate, Problem};

/// What the handlers share.
#[derive(Clone, Debug)]
struct Rest {
    portal: Portal,
    gate: Gate,
}

/// The routes below `/api`.
pub(crate) fn router(portal: Portal, gate: Gate) -> Router {
    Router::new()
        .route("/api/libraries", get(libraries::list).post(libraries::create))
        .route("/api/libraries/{library}", get(libraries::read).delete(libraries::remove))
        .route("/api/libraries/{library}/members", get(libraries::members))
        .route("/api/libraries/{library}/members/{user}", put(libraries::set_member).delete(libraries::remove_member))
        .route("/api/libraries/{library}/portal-views", get(views::list).post(views::create))
        .route("/api/portal-views/{view}", get(views::read).patch(views::change).delete(views::remove))
        .route("/api/portal-views/{view}/items", post(views::add_item))
        .route("/api/portal-views/{view}/items/{item}", patch(views::change_item).delete(views::remove_item))
        .method_not_allowed_fallback(async || Problem::wrong_method())
        .with_state(Rest { portal, gate })
}
