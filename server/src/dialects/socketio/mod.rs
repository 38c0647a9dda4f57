//! Socket.IO at `/socket.io/`, the namespace `/file-processing`: what becomes of files, to who subscribes to them.
//!
//! Engine.IO, with WebSocket and long polling and the change from one to the other, is spoken here: `engine.rs` has its packets,
//! `polling.rs` answers requests, `trial.rs` tries a WebSocket while long polling goes on, and `transport.rs` is what the task of
//! a client (`party.rs`) hears and says them by; `gate.rs` and `requests.rs` stand between that task and the requests. The
//! library `engineioxide` closes a client whose WebSocket comes to nothing after its handshake, takes a body of long polling
//! apart into many times its size, and drops what no request has fetched when a connection ends. The packets of Socket.IO are
//! taken apart by the parser of `socketioxide`. The crate `socketioxide` itself is not used: it runs each handler in a task of
//! its own, which loses the order of what a client says; it cannot say more than a message to who may not come in; and it tells
//! clients to leave, after which they do not come back, where they are to come back.

mod clients;
mod engine;
mod gate;
mod heartbeat;
mod outbox;
mod packet;
mod party;
mod polling;
mod requests;
mod told;
mod transport;
mod trial;
mod update;
mod visit;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderName, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use samewire_protocol::{Code, Failure};
use serde::Deserialize;
use socketioxide_core::Sid;
use tower_http::cors::{AllowOrigin, CorsLayer};

use self::clients::{Clients, Seat, Seated};
use self::engine::PATH;
use self::gate::Gate;
use self::party::Party;
use self::polling::{Refused, most};
use super::guest::Entry;
use crate::app::App;
use crate::http::origin;
use crate::websocket::Handshake;

/// So many clients may be connected at a time that have not come in yet.
const MOST_OUTSIDE: usize = 2_048;

/// To be merged beside what other pages may ask of the server: here they may bring their cookies, as the clients of Socket.IO can
/// be told to.
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
    clients: Arc<Clients>,
}

/// What an address says.
#[derive(Deserialize)]
struct Asked {
    #[serde(rename = "EIO")]
    version: Option<String>,
    transport: Option<String>,
    sid: Option<String>,
}

async fn serve(State(front): State<Front>, request: Request) -> Response {
    front.answer(request).await.unwrap_or_else(IntoResponse::into_response)
}

impl Front {
    fn new(app: &Arc<App>) -> Self {
        Self { app: app.clone(), clients: Clients::new(app.config.limits.max_sessions, MOST_OUTSIDE) }
    }

    async fn answer(&self, request: Request) -> Result<Response, Refused> {
        origin::allowed(&self.app.config, request.headers())
            .map_err(|failure| Refused(StatusCode::FORBIDDEN, 4, failure.message))?;
        let asked = Query::<Asked>::try_from_uri(request.uri()).map(|Query(asked)| asked);
        let asked = asked.map_err(|_| Refused::bad("Bad request"))?;
        if asked.version.as_deref() != Some("4") {
            let told = "Unsupported protocol version: this server speaks Engine.IO 4, that is Socket.IO 3 and 4";
            return Err(Refused(StatusCode::BAD_REQUEST, 5, told.to_owned()));
        }
        let gate = asked.sid.as_deref().map(|sid| self.find(sid)).transpose()?;
        match (asked.transport.as_deref(), request.method(), gate) {
            (Some("websocket"), &Method::GET, None) => self.open_websocket(request),
            (Some("websocket"), &Method::GET, Some(gate)) => self.try_websocket(request, &gate),
            (Some("polling"), &Method::GET, None) => self.open_polling(&request),
            (Some("polling"), &Method::GET, Some(gate)) => polling::poll(&gate).await,
            (Some("polling"), &Method::POST, Some(gate)) => polling::post(&self.app, &gate, request.into_body()).await,
            (Some("websocket" | "polling"), ..) => Err(Refused(StatusCode::BAD_REQUEST, 2, "Bad handshake method".to_owned())),
            _ => Err(Refused(StatusCode::BAD_REQUEST, 0, "Transport unknown".to_owned())),
        }
    }

    fn find(&self, sid: &str) -> Result<Arc<Gate>, Refused> {
        let sid: Sid = sid.parse().map_err(|_| Refused::unknown())?;
        self.clients.find(sid).ok_or_else(Refused::unknown)
    }

    /// A place for somebody new.
    fn seat(&self) -> Result<Seat, Refused> {
        let unavailable = |failure: Failure| Refused(StatusCode::SERVICE_UNAVAILABLE, 3, failure.message);
        if *self.app.draining.borrow() {
            return Err(unavailable(App::restarting()));
        }
        let failure = Failure::new(Code::TooManySessions, "as many clients are connected as this server takes; try again");
        let Some(Seated { seat, displaced }) = self.clients.seat() else {
            self.app.metrics.refused(&failure);
            return Err(unavailable(failure));
        };
        if let Some(gate) = displaced {
            self.app.metrics.refused(&failure);
            gate.close();
        }
        Ok(seat)
    }

    /// Who comes with a request, where the handshake of Socket.IO does not say.
    fn came(&self, request: &Request) -> Result<Entry, Failure> {
        super::entry(self.app.config.dialects.socketio.anonymous, request.uri(), request.headers())
    }

    fn open_polling(&self, request: &Request) -> Result<Response, Refused> {
        let seat = self.seat()?;
        let welcome = engine::open(seat.gate().sid, &["websocket"], &self.app.config.limits);
        let party = Party::new(self.app.clone(), seat, self.came(request), None);
        self.app.links.spawn(party.run(None));
        Ok(polling::told(welcome))
    }

    fn open_websocket(&self, mut request: Request) -> Result<Response, Refused> {
        let handshake = handshake(&mut request)?;
        let (seat, came) = (self.seat()?, self.came(&request));
        let (response, socket) = handshake.grant(&self.app, most(&self.app), false);
        let app = self.app.clone();
        self.app.links.spawn(async move {
            if let Some(socket) = socket.await {
                let welcome = engine::open(seat.gate().sid, &[], &app.config.limits);
                Party::new(app, seat, came, Some(socket)).run(Some(welcome)).await;
            }
        });
        Ok(response)
    }

    /// Tries a WebSocket for somebody who polls.
    fn try_websocket(&self, mut request: Request, gate: &Arc<Gate>) -> Result<Response, Refused> {
        let handshake = handshake(&mut request)?;
        let trial = gate.try_line().ok_or_else(|| Refused::bad("this client has a WebSocket already"))?;
        let (response, socket) = handshake.grant(&self.app, most(&self.app), false);
        let patience = self.app.config.limits.hello_timeout;
        self.app.links.spawn(async move {
            if let Some(socket) = socket.await {
                trial::run(trial, socket, patience).await;
            }
        });
        Ok(response)
    }
}

fn handshake(request: &mut Request) -> Result<Handshake, Refused> {
    Handshake::check(request, None).map_err(|_| Refused::bad("this is no handshake for a WebSocket"))
}
