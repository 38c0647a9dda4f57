//! Metacom over HTTP: a packet to `/api`, or a call by its address, `/api/unit/method`. Each request stands by itself, so what needs a
//! connection is refused with the address of one.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use samewire_protocol::method::names_stream;
use samewire_protocol::{Code, Failure, SessionId};
use serde_json::value::RawValue;
use tower::ServiceExt;

use super::form::{Form, number};
use super::methods::{self, Own, RestoreArgs, Target};
use super::packet::{self, Call, PING, Packet};
use super::session::{SIGNED_OUT, credential, is_about_tokens, logged, not_logged, token_of};
use crate::app::App;
use crate::auth::{Access, unauthenticated};
use crate::dialects::guest::Entry;
use crate::http::{bearer, body, cors, origin};
use crate::session::{admit, random};

/// The cookie that holds a token.
const COOKIE: &str = "token";
/// How many blanks a body may begin with before it is told from a chunk.
const BLANKS: usize = 1024;
const NO_COOKIE: &str = "token=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict";

/// `POST /api`: one packet.
pub(super) async fn packet(app: &Arc<App>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if parts.method != Method::POST {
        let told = format!("packets are sent here by POST, and connections are opened at {}", address(&parts.headers));
        return refused(Form::Third, None, &Failure::new(Code::Forbidden, told));
    }
    let text = match read(app, &parts.headers, body).await {
        Ok(text) => text,
        Err(failure) => return refused(Form::Third, None, &failure),
    };
    match packet::read(&text) {
        Ok((_, Packet::Ping)) => json_text(PING.to_owned()),
        Ok((form, Packet::Call(call))) => answer(app, form.unwrap_or_default(), &parts.headers, &parts.method, call).await,
        // No number: a client would take it for that of a call.
        Ok((form, Packet::Stream(..))) => refused(form.unwrap_or_default(), None, &misdirected(&parts.headers)),
        Err(failure) => refused(Form::Third, None, &failure),
    }
}

/// Answers calls at `/api/unit/method`, also where an address of the server's own looks like one: no file is called `upload`.
pub(crate) async fn layer(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let method = request.uri().path().strip_prefix("/api/").filter(|method| methods::find(&app, method).is_ok());
    // A live stream may be called as a method is.
    let is_stream = |method: &str| request.method() == Method::GET && method.starts_with("live/");
    if method.is_none_or(is_stream) {
        return next.run(request).await;
    }
    let router = Router::new().fallback(call).layer(cors(&app)).with_state(app);
    router.oneshot(request).await.into_response()
}

/// A call by its address.
pub(super) async fn call(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let method = parts.uri.path().strip_prefix("/api/").unwrap_or_default().to_owned();
    let refused = |failure: &Failure| refused(Form::Third, Some(0), failure);
    if !matches!(parts.method, Method::GET | Method::POST) {
        return refused(&Failure::new(Code::BadRequest, "calls are made by GET or POST"));
    }
    let text = match read(&app, &parts.headers, body).await {
        Ok(text) => text,
        Err(failure) => return refused(&failure),
    };
    if methods::signs_in(&method) && parts.uri.query().is_some_and(|query| !query.is_empty()) {
        let told = "the arguments of this call go in the body: addresses are kept in logs and histories";
        return refused(&Failure::new(Code::BadParams, told));
    }
    let args = match args(parts.uri.query(), &text) {
        Ok(args) => args,
        Err(failure) => return refused(&failure),
    };
    answer(&app, Form::Third, &parts.headers, &parts.method, Call { no: 0, method, args }).await
}

/// The parameters of the address, and over them the members of the body.
fn args(query: Option<&str>, body: &str) -> Result<Box<RawValue>, Failure> {
    let bad = |error: &dyn std::fmt::Display| Failure::new(Code::BadParams, format!("the arguments cannot be read: {error}"));
    let uri = format!("/?{}", query.unwrap_or_default()).parse().map_err(|error| bad(&error))?;
    let Query(query) = Query::<Vec<(String, String)>>::try_from_uri(&uri).map_err(|error| bad(&error))?;
    let body = body.trim_ascii();
    if body.starts_with('[') && query.is_empty() {
        return serde_json::from_str(body).map_err(|error| bad(&error));
    }
    let mut members: serde_json::Map<String, serde_json::Value> =
        if body.is_empty() { serde_json::Map::new() } else { serde_json::from_str(body).map_err(|error| bad(&error))? };
    for (name, value) in query {
        members.entry(name).or_insert_with(|| value.into());
    }
    serde_json::value::to_raw_value(&members).map_err(|error| bad(&error))
}

/// The body, unless it is a chunk of a stream.
async fn read(app: &App, headers: &HeaderMap, mut body: Body) -> Result<String, Failure> {
    let mut begun = Vec::new();
    while begun.trim_ascii_start().is_empty() && begun.len() < BLANKS {
        let Some(frame) = body.frame().await else { break };
        let frame = frame.map_err(|_| Failure::new(Code::BadRequest, "the request's body broke off"))?;
        begun.extend_from_slice(&frame.into_data().unwrap_or_default());
    }
    // A chunk begins with a number in binary.
    let begins_json = |first: &u8| b"{[\"-tfn".contains(first) || first.is_ascii_digit();
    if !begun.trim_ascii_start().first().is_none_or(begins_json) {
        body::refuse(body).await;
        return Err(misdirected(headers));
    }
    let most = app.config.limits.wire().max_text.saturating_sub(begun.len());
    begun.extend_from_slice(&body::read(body, most, "send bulk as a stream, over a WebSocket").await?);
    String::from_utf8(begun).map_err(|_| Failure::new(Code::BadRequest, "the request's body is not UTF-8"))
}

async fn answer(app: &Arc<App>, form: Form, headers: &HeaderMap, verb: &Method, call: Call) -> Response {
    let mut cookie = None;
    let mut response = match make(app, headers, verb, &call, &mut cookie).await {
        Ok(result) => json_text(form.result(call.no, &result)),
        Err(failure) if failure.code == Code::Misdirected => refused(form, Some(call.no), &misdirected(headers)),
        Err(failure) => refused(form, Some(call.no), &failure),
    };
    if let Some(cookie) = cookie.and_then(|cookie| HeaderValue::from_str(&cookie).ok()) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// The result of a call. `cookie`: one to set with the answer.
async fn make(
    app: &Arc<App>,
    headers: &HeaderMap,
    verb: &Method,
    call: &Call,
    cookie: &mut Option<String>,
) -> Result<String, Failure> {
    origin::allowed(&app.config, headers)?;
    let target = methods::find(app, &call.method)?;
    if methods::needs_socket(&target) || names_stream(call.args.get()) {
        return Err(misdirected(headers));
    }
    let signs_in = methods::signs_in(&call.method);
    if signs_in && !matches!(target, Target::Own(Own::Status)) {
        check_post(headers, verb)?;
    }
    let Caller { access, stale } = who(app, headers, verb).await;
    if stale && signs_in {
        *cookie = Some(NO_COOKIE.to_owned());
    }
    let named = match &target {
        Target::Own(Own::Introspect) => return methods::introspect(app, &call.args, access.as_deref().ok()),
        Target::Own(Own::SignOut) => {
            *cookie = Some(NO_COOKIE.to_owned());
            return Ok(SIGNED_OUT.to_owned());
        }
        Target::Own(Own::Restore) => return restore(app, headers, call, cookie).await,
        Target::Own(_) => {
            return access.map(|access| logged(&access));
        }
        Target::Server(registered) => registered.info.name.as_str(),
    };
    let access = match access {
        Err(failure) if is_about_tokens(&failure) && methods::is_public(&call.method) => anonymous()?,
        access => access?,
    };
    let result = crate::calls::run_over_http(app, named, call.args.clone(), access, None, None).await;
    app.metrics.answered_over_http(&result);
    let result = result?;
    if signs_in && let Some(token) = token_of(&result) {
        accepts(app, &token).await.inspect_err(|failure| app.metrics.refused(failure))?;
        *cookie = Some(cookie_with(headers, &token));
    }
    Ok(String::from(Box::<str>::from(result)))
}

/// A page elsewhere, or a link, could otherwise make a browser take somebody else's cookie, or lose its own.
fn check_post(headers: &HeaderMap, verb: &Method) -> Result<(), Failure> {
    if verb != Method::POST {
        return Err(Failure::new(Code::BadRequest, "this call is made by POST, with its arguments in the body"));
    }
    if !is_same_site(headers, verb) {
        return Err(Failure::new(Code::OriginRefused, "this call is made by pages of this server, or of its `origins`"));
    }
    Ok(())
}

async fn restore(app: &Arc<App>, headers: &HeaderMap, call: &Call, cookie: &mut Option<String>) -> Result<String, Failure> {
    let RestoreArgs { token } = methods::args(&call.args)?;
    match accepts(app, &token).await {
        Ok(access) => {
            *cookie = Some(cookie_with(headers, &token));
            Ok(logged(&access))
        }
        Err(failure) if is_about_tokens(&failure) => {
            app.metrics.refused(&failure);
            Ok(not_logged(&failure))
        }
        Err(failure) => Err(failure),
    }
}

struct Caller {
    access: Result<Arc<Access>, Failure>,
    /// The cookie is good no more. Who has one is whoever comes without one: a browser keeps it, and no page can remove it.
    stale: bool,
}

async fn who(app: &Arc<App>, headers: &HeaderMap, verb: &Method) -> Caller {
    let known = |access| Caller { access, stale: false };
    let shown = match bearer(headers) {
        Ok(Some(token)) => {
            return known(accepts(app, token).await.inspect_err(|failure| app.metrics.refused(failure)));
        }
        Ok(None) if is_same_site(headers, verb) => cookie(headers),
        Ok(None) => None,
        Err(failure) => return known(Err(failure)),
    };
    let Some(token) = shown else { return known(anybody(app).await) };
    match accepts(app, &token).await {
        Err(failure) if is_about_tokens(&failure) => {
            app.metrics.refused(&failure);
            Caller { access: anybody(app).await.map_err(|_| failure), stale: true }
        }
        access => known(access),
    }
}

/// Who comes without a token.
async fn anybody(app: &Arc<App>) -> Result<Arc<Access>, Failure> {
    if app.config.dialects.metacom.anonymous {
        return anonymous();
    }
    match admit(app, None, None).await?.access {
        Some(access) => Ok(access),
        None => anonymous(),
    }
}

/// Nobody else is this identity, so it sees nothing of anybody's.
pub(super) fn anonymous() -> Result<Arc<Access>, Failure> {
    Ok(Arc::new(Access::anonymous(SessionId::from_random(random()?))))
}

/// What a token, or a ticket, gives.
async fn accepts(app: &Arc<App>, token: &str) -> Result<Arc<Access>, Failure> {
    let admitted = match credential(app, token.to_owned()) {
        Entry::Ticket(ticket) => admit(app, None, Some(&ticket)).await?,
        Entry::Token(_) | Entry::Anonymous => admit(app, Some(token), None).await?,
    };
    admitted.access.ok_or_else(unauthenticated)
}

/// Whether a cookie counts. A page elsewhere can make a browser send it with a `GET` that does not say where it comes from.
fn is_same_site(headers: &HeaderMap, verb: &Method) -> bool {
    let site = headers.get("sec-fetch-site").and_then(|site| site.to_str().ok());
    headers.contains_key(header::ORIGIN) || site.map_or(verb == Method::POST, |site| site == "same-origin")
}

/// The token in the cookie.
pub(super) fn cookie(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
    let pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
    pairs.filter(|(name, value)| *name == COOKIE && !value.is_empty()).map(|(_, value)| value.to_owned()).next()
}

fn cookie_with(headers: &HeaderMap, token: &str) -> String {
    let secure = if is_secure(headers) { "; Secure" } else { "" };
    format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict{secure}")
}

/// Whether a proxy says that the request came over TLS.
fn is_secure(headers: &HeaderMap) -> bool {
    headers.get("x-forwarded-proto").is_some_and(|proto| proto.as_bytes().eq_ignore_ascii_case(b"https"))
}

/// The address of the WebSocket.
fn address(headers: &HeaderMap) -> String {
    let scheme = if is_secure(headers) { "wss" } else { "ws" };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("this server");
    format!("{scheme}://{host}/api")
}

fn misdirected(headers: &HeaderMap) -> Failure {
    let told = format!(
        "streams, and calls that name one, go over one WebSocket, that at {}: send the stream there and make the call there; nothing ran",
        address(headers)
    );
    Failure::new(Code::Misdirected, told)
}

fn refused(form: Form, no: Option<u64>, failure: &Failure) -> Response {
    let status = StatusCode::from_u16(number(failure)).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, json_text(form.error(no, failure))).into_response()
}

fn json_text(text: String) -> Response {
    let json = HeaderValue::from_static("application/json");
    let stored = HeaderValue::from_static("no-store");
    ([(header::CONTENT_TYPE, json), (header::CACHE_CONTROL, stored)], text).into_response()
}
