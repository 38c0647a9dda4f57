//! Socket.IO at `/socket.io/`, the namespace `/file-processing`: what becomes of files, to who subscribes to them.
//!
//! Engine.IO, with WebSocket and long polling and the change from one to the other, is spoken by the library `engineioxide`, and the
//! packets of Socket.IO are taken apart by the parser of `socketioxide`. Their layer above, the crate `socketioxide` itself, is not
//! used: it runs each handler in a task of its own, which loses the order of what a client says; it cannot say more than a message to
//! who may not come in; and it tells clients to leave, after which they do not come back, where they are to come back.

mod engine;
mod gate;
mod line;
mod packet;
mod party;
mod seats;
mod told;
mod update;
mod visit;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use engineioxide::socket::Sid;
use hyper_util::rt::TokioIo;
use samewire_protocol::{Code, Failure};
use serde::Deserialize;
use serde_json::json;
use tower_http::cors::{AllowOrigin, CorsLayer};

use self::engine::{Engine, PATH, Service, most};
use self::gate::Gate;
use self::line::Line;
use self::seats::Seats;
use crate::app::App;
use crate::http::{body, origin};
use crate::metrics::Metered;
use crate::websocket::Handshake;

/// So many clients may be connected at a time that have not come in yet.
const MOST_OUTSIDE: usize = 2_048;

/// To be merged beside what other pages may ask of the server: here they may bring their cookies, as the clients of Socket.IO can be
/// told to.
pub(crate) fn router(app: &Arc<App>) -> Router {
    let front = Front::new(app);
    let allowed = app.clone();
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |_, parts| origin::allowed(&allowed.config, &parts.headers).is_ok()))
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, HeaderName::from_static("x-requested-with")])
        .max_age(std::time::Duration::from_secs(600));
    Router::new().route(PATH, any(serve)).route(&format!("{PATH}/"), any(serve)).with_state(front).layer(cors)
}

/// What requests of Engine.IO come to.
#[derive(Clone)]
struct Front {
    app: Arc<App>,
    engine: Arc<Engine>,
    service: Service,
    seats: Arc<Seats>,
    /// Of those who have not come in.
    outside: Arc<Seats>,
}

/// What an address says.
#[derive(Deserialize)]
struct Asked {
    #[serde(rename = "EIO")]
    version: Option<String>,
    transport: Option<String>,
    sid: Option<String>,
}

/// A refusal, with a code of Engine.IO.
struct Refused(StatusCode, u8, String);

impl Refused {
    fn unknown() -> Self {
        Self(StatusCode::BAD_REQUEST, 1, "Session ID unknown".to_owned())
    }

    fn bad(failure: &Failure) -> Self {
        let status = StatusCode::from_u16(failure.code.status()).unwrap_or(StatusCode::BAD_REQUEST);
        Self(status, 3, failure.message.clone())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Self(status, code, message) = self;
        let mut response = (status, axum::Json(json!({"code": code, "message": message}))).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

async fn serve(State(front): State<Front>, request: Request) -> Response {
    front.answer(request).await.unwrap_or_else(IntoResponse::into_response)
}

impl Front {
    fn new(app: &Arc<App>) -> Self {
        let engine = Engine::new(app);
        let (service, seats) = (engine.service(), Arc::new(Seats::new(app.config.limits.max_sessions)));
        Self { app: app.clone(), engine, service, seats, outside: Arc::new(Seats::new(MOST_OUTSIDE)) }
    }

    async fn answer(&self, mut request: Request) -> Result<Response, Refused> {
        origin::allowed(&self.app.config, request.headers())
            .map_err(|failure| Refused(StatusCode::FORBIDDEN, 4, failure.message))?;
        let asked = Query::<Asked>::try_from_uri(request.uri()).map(|Query(asked)| asked);
        let asked = asked.map_err(|_| Refused(StatusCode::BAD_REQUEST, 3, "Bad request".to_owned()))?;
        if asked.version.as_deref() != Some("4") {
            let told = "Unsupported protocol version: this server speaks Engine.IO 4, that is Socket.IO 3 and 4";
            return Err(Refused(StatusCode::BAD_REQUEST, 5, told.to_owned()));
        }
        let gate = match asked.sid.as_deref() {
            Some(sid) => {
                let sid: Sid = sid.parse().map_err(|_| Refused::unknown())?;
                self.engine.gate(sid).ok_or_else(Refused::unknown)?
            }
            None => self.new_gate(&request)?,
        };
        match (asked.transport.as_deref(), request.method()) {
            (Some("websocket"), &Method::GET) => self.websocket(request, gate),
            (Some("polling"), &Method::POST) if asked.sid.is_some() => self.post(request, gate).await,
            (Some("polling"), &Method::GET) => {
                request.extensions_mut().insert(gate.clone());
                let response = self.call(request).await;
                gate.moved();
                Ok(response)
            }
            (Some("websocket" | "polling"), _) => Err(Refused(StatusCode::BAD_REQUEST, 2, "Bad handshake method".to_owned())),
            _ => Err(Refused(StatusCode::BAD_REQUEST, 0, "Transport unknown".to_owned())),
        }
    }

    /// A place for somebody new.
    fn new_gate(&self, request: &Request) -> Result<Arc<Gate>, Refused> {
        if request.method() != Method::GET {
            return Err(Refused(StatusCode::BAD_REQUEST, 2, "Bad handshake method".to_owned()));
        }
        let full = || {
            let failure = Failure::new(Code::TooManySessions, "as many clients are connected as this server takes; try again");
            self.app.metrics.refused(&failure);
            Refused(StatusCode::SERVICE_UNAVAILABLE, 3, failure.message)
        };
        if *self.app.draining.borrow() {
            return Err(Refused(StatusCode::SERVICE_UNAVAILABLE, 3, App::restarting().message));
        }
        let (seat, outside) = (self.seats.take().ok_or_else(full)?, self.outside.take().ok_or_else(full)?);
        Ok(Arc::new(Gate::new(seat, outside)))
    }

    /// Takes in what a client says by long polling: one body after the other, and none while it is not heard.
    async fn post(&self, request: Request, gate: Arc<Gate>) -> Result<Response, Refused> {
        let other = || Refused(StatusCode::BAD_REQUEST, 3, "another request of this client is under way".to_owned());
        let _posting = gate.post().ok_or_else(other)?;
        let time = self.app.config.limits.hello_timeout;
        let (parts, body) = request.into_parts();
        let advice = "send less at a time";
        let read = tokio::time::timeout(time, body::read(body, most(&self.app), advice)).await;
        let read = read.unwrap_or_else(|_| Err(Failure::new(Code::BadRequest, "the request's body did not come in time")));
        let body = read.map_err(|failure| {
            gate.close();
            Refused::bad(&failure)
        })?;
        gate.has_room().await;
        Ok(self.call(Request::from_parts(parts, Body::from(body))).await)
    }

    async fn call(&self, request: Request) -> Response {
        let answered = tower::Service::call(&mut self.service.clone(), request).await;
        answered.map_or_else(|never| match never {}, |response| response.map(Body::new))
    }

    /// Begins a connection with a WebSocket, or goes on with one on it.
    fn websocket(&self, mut request: Request, gate: Arc<Gate>) -> Result<Response, Refused> {
        let bad = |told: &str| Refused(StatusCode::BAD_REQUEST, 3, told.to_owned());
        let handshake = Handshake::check(&mut request, None).map_err(|_| bad("this is no handshake for a WebSocket"))?;
        if !gate.take_line() {
            return Err(bad("this client has a WebSocket already"));
        }
        let (mut parts, _) = request.into_parts();
        parts.extensions.insert(gate.clone());
        let (response, upgrade) = handshake.answer();
        let limits = &self.app.config.limits;
        let patience = limits.heartbeat_interval + limits.heartbeat_timeout;
        let (metrics, mut service) = (self.app.metrics.clone(), self.service.clone());
        self.app.links.spawn(async move {
            match upgrade.await {
                Ok(upgraded) => {
                    let line = Line::new(Metered::new(TokioIo::new(upgraded), metrics), gate, patience);
                    let begun = tower::Service::call(&mut service, (line, axum::http::Request::from_parts(parts, ()))).await;
                    if let Err(error) = begun {
                        tracing::debug!(%error, "a connection of Engine.IO could not begin");
                    }
                }
                Err(error) => {
                    tracing::debug!(%error, "an upgrade came to nothing");
                    gate.close();
                }
            }
        });
        Ok(response)
    }
}
