//! tus 1.0.0: <https://tus.io/protocols/resumable-upload>, with creation, creation-with-upload, creation-defer-length, checksum (also
//! as a trailer), expiration, termination and concatenation.

mod answer;
mod append;
mod checksum;
mod create;
mod head;
mod metadata;
mod note;
mod remove;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use axum::routing::any;
use samewire_protocol::wire::SESSION_HEADER;
use samewire_protocol::{Code, Failure, StreamId};
use tower::util::MapRequestLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::discovery::{Discovery, mark_discovery};
use super::{Door, FILE_HEADER};
use crate::app::App;
use crate::http::{body, origin};
use answer::{Refusal, finish, options};

/// The version of the protocol.
const VERSION: HeaderValue = HeaderValue::from_static("1.0.0");
/// What of the protocol there is besides its core.
const EXTENSIONS: HeaderValue = HeaderValue::from_static(
    "creation,creation-with-upload,creation-defer-length,checksum,checksum-trailer,expiration,termination,concatenation",
);
/// The type of a body with bytes of an upload.
const BYTES: &str = "application/offset+octet-stream";

const RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const LENGTH: HeaderName = HeaderName::from_static("upload-length");
const DEFER_LENGTH: HeaderName = HeaderName::from_static("upload-defer-length");
const METADATA: HeaderName = HeaderName::from_static("upload-metadata");
const CONCAT: HeaderName = HeaderName::from_static("upload-concat");
const CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");
const EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
const OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");

/// The routes of the door.
pub(crate) fn router(app: &Arc<App>) -> Router {
    Router::new()
        .route("/tus", any(serve))
        .route("/tus/", any(serve))
        .route("/tus/{id}", any(serve))
        .with_state(Door::new(app))
        .layer(cors(app))
        // The layer for pages takes every OPTIONS for a page's question about what it may send.
        .layer(MapRequestLayer::new(mark_discovery))
}

async fn serve(State(door): State<Door>, id: Result<Option<Path<String>>, PathRejection>, request: Request) -> Response {
    if request.extensions().get::<Discovery>().is_some() {
        return options(door.app.config.limits.max_upload);
    }
    let (head, mut body) = request.into_parts();
    // A body that the sender keeps back until it is asked for is not worth asking for when it is refused.
    let kept_back = head.headers.contains_key(header::EXPECT);
    // Relative, so that it is right behind whatever a proxy adds to addresses.
    let base = if head.uri.path().ends_with('/') { "" } else { "tus/" };
    let id = id.ok().flatten().map(|Path(id)| id);
    let refusal = match answer(&door, (base, id.as_deref()), head.method, &head.headers, &mut body).await {
        Ok(response) => return finish(response),
        Err(refusal) => refusal,
    };
    if !kept_back && refusal.lets_sender_end() {
        body::refuse(body).await;
    }
    finish(refusal.into())
}

async fn answer(
    door: &Door,
    (base, id): (&str, Option<&str>),
    method: Method,
    headers: &HeaderMap,
    body: &mut Body,
) -> Result<Response, Refusal> {
    origin::allowed(&door.app.config, headers)?;
    if headers.get(RESUMABLE) != Some(&VERSION) {
        return Err(Refusal::version());
    }
    let method = match headers.get(OVERRIDE) {
        Some(method) => {
            Method::from_bytes(method.as_bytes()).map_err(|_| bad("the header X-HTTP-Method-Override is not a method"))?
        }
        None => method,
    };
    let caller = door.who(headers).await?;
    let Some(id) = id else {
        return match method {
            Method::POST => create::create(door, &caller, base, headers, body).await,
            _ => Err(Refusal::method("POST, OPTIONS")),
        };
    };
    let id = id.parse::<StreamId>();
    match method {
        Method::HEAD => head::head(door, &caller, id.map_err(|_| nowhere())?).await,
        Method::PATCH => append::append(door, &caller, id.map_err(|_| nowhere())?, headers, body).await,
        Method::DELETE => remove::remove(door, &caller, id.map_err(|_| nowhere())?).await,
        _ => Err(Refusal::method("HEAD, PATCH, DELETE, OPTIONS")),
    }
}

fn bad(told: impl Into<String>) -> Refusal {
    Failure::new(Code::BadRequest, told).into()
}

fn nowhere() -> Refusal {
    let told = "this is not the address of an upload; begin one with POST to /tus/";
    Refusal::with(StatusCode::NOT_FOUND, Failure::new(Code::StreamNotFound, told))
}

/// The header as a whole number of bytes, where there is one.
fn number(headers: &HeaderMap, name: &HeaderName) -> Result<Option<u64>, Refusal> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let digits = value.to_str().ok().filter(|text| !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit()));
    let number = digits.and_then(|text| text.parse().ok()).filter(|number| *number < 1 << 53);
    number.map(Some).ok_or_else(|| bad(format!("the header {name} is not a whole number of bytes below 2^53")))
}

/// Pages of the allowed origins may use the door.
fn cors(app: &Arc<App>) -> CorsLayer {
    let app = app.clone();
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |_, parts| origin::allowed(&app.config, &parts.headers).is_ok()))
        .allow_methods([Method::POST, Method::HEAD, Method::PATCH, Method::DELETE, Method::GET, Method::OPTIONS])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            HeaderName::from_static(SESSION_HEADER),
            RESUMABLE,
            OFFSET,
            LENGTH,
            DEFER_LENGTH,
            METADATA,
            CONCAT,
            CHECKSUM,
            OVERRIDE,
            HeaderName::from_static("x-request-id"),
            HeaderName::from_static("x-requested-with"),
        ])
        .expose_headers([
            header::LOCATION,
            RESUMABLE,
            OFFSET,
            LENGTH,
            DEFER_LENGTH,
            METADATA,
            CONCAT,
            EXPIRES,
            HeaderName::from_static("tus-version"),
            HeaderName::from_static("tus-max-size"),
            HeaderName::from_static("tus-extension"),
            HeaderName::from_static("tus-checksum-algorithm"),
            FILE_HEADER,
        ])
        .max_age(Duration::from_secs(600))
}
