//! What the server answers over HTTP: calls, health, the development token and the demo's files.

mod api_key;
pub(crate) mod body;
mod dev;
mod gate;
mod metrics;
pub(crate) mod origin;
mod problem;
mod revocations;
mod rooms;
mod rpc;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::response::Response;
use axum::routing::{any, get, post};
use samewire_protocol::wire::{SESSION_HEADER, SESSION_PATH};
use tower_http::cors::{AllowOrigin, CorsLayer};
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

pub(crate) use api_key::ApiKey;
pub use gate::Gate;
pub(crate) use gate::bearer;
pub use problem::Problem;

use crate::app::App;
use crate::server::Pages;
use crate::{dialects, files, jobs, live, portal, uploads};

/// The routes of a server.
pub(crate) fn router(app: &Arc<App>, pages: &Pages) -> Router {
    let mut router = Router::new()
        .route(SESSION_PATH, any(session))
        .route("/rpc/{*method}", post(rpc::call))
        .route("/healthz", get(health))
        .route("/metrics", get(metrics::metrics))
        .route("/api/revocations", post(revocations::revoke))
        .route("/api/publish", post(rooms::publish_all))
        .route("/api/rooms/{room}", get(rooms::overview))
        .route("/api/rooms/{room}/publish", post(rooms::publish));
    if app.config.dev {
        router = router.route("/dev/token", post(dev::token));
    }
    let router = router.method_not_allowed_fallback(async || Problem::wrong_method());
    let router = router.with_state(app.clone()).merge(portal::router(app.portal.clone(), Gate::new(app)));
    let router = router.merge(jobs::router(app)).merge(live::router(app)).merge(dialects::router(app));
    let mut router = router.layer(cors(app)).merge(files::rest::router(app));
    if app.config.speaks(app.config.dialects.socketio.enabled) {
        router = router.merge(dialects::socketio::router(app));
    }
    if app.config.uploads.tus {
        router = router.merge(uploads::tus::router(app));
    }
    if let Some(package) = &pages.package {
        router = router.nest_service("/pkg", ServeDir::new(package));
    }
    if let Some(demo) = &pages.demo {
        router = router.fallback_service(ServeDir::new(demo));
    }
    if app.config.speaks(app.config.dialects.metacom.enabled) {
        router = router.layer(axum::middleware::from_fn_with_state(app.clone(), dialects::metacom::layer));
    }
    let security = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        // The demo needs what any page with the npm package needs: its own scripts, and WebAssembly.
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self' ws: wss:; img-src 'self' data: blob:; \
             media-src 'self' blob:; style-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'self'",
        ),
        // A package under development changes between two loads of a page.
        (header::CACHE_CONTROL, "no-cache"),
    ];
    for (name, value) in security {
        router = router.layer(SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value)));
    }
    router
}

async fn session(State(app): State<Arc<App>>, request: Request) -> Response {
    crate::link::upgrade(app, request)
}

async fn health(State(app): State<Arc<App>>) -> axum::Json<serde_json::Value> {
    let status = if *app.draining.borrow() { "draining" } else { "ok" };
    axum::Json(serde_json::json!({
        "status": status,
        "version": env!("CARGO_PKG_VERSION"),
        "sessions": app.sessions.len(),
        "streams": app.streams.count(),
        "ffmpeg": app.ffmpeg,
    }))
}

/// Pages of the allowed origins may call over HTTP.
pub(crate) fn cors(app: &Arc<App>) -> CorsLayer {
    let app = app.clone();
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |_, parts| origin::allowed(&app.config, &parts.headers).is_ok()))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers(allowed())
        .expose_headers(exposed())
        .max_age(std::time::Duration::from_secs(600))
}

/// Headers that pages may send.
fn allowed() -> Vec<HeaderName> {
    let own = [SESSION_HEADER, rpc::TIMEOUT_HEADER].map(HeaderName::from_static);
    let known = [
        header::AUTHORIZATION,
        header::CONTENT_TYPE,
        header::CONTENT_DISPOSITION,
        header::RANGE,
        header::IF_MATCH,
        header::IF_NONE_MATCH,
        header::IF_RANGE,
    ];
    known.into_iter().chain(own).chain(uploads::draft::HEADERS).collect()
}

/// Headers that pages may read.
fn exposed() -> Vec<HeaderName> {
    let known = [
        header::ETAG,
        header::LOCATION,
        header::ACCEPT_RANGES,
        header::CONTENT_DISPOSITION,
        header::CONTENT_LENGTH,
        header::CONTENT_RANGE,
        uploads::FILE_HEADER,
    ];
    known.into_iter().chain(uploads::draft::HEADERS).collect()
}
