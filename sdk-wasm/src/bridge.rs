//! What the package's JavaScript calls, and what it is told.
//!
//! Payloads cross as text, which the engine's own JSON reads and writes; what else crosses are numbers, texts and bytes.

#![expect(
    missing_docs,
    reason = "wasm-bindgen copies docs into the JavaScript that every page loads; these are for its authors"
)]

use std::rc::Rc;
use std::time::Duration;

use js_sys::{Function, Uint8Array};
use samewire_protocol::method::{self, Route, RouteKind};
use samewire_protocol::session::{CallRequest, Config, Event, Input, OpenStream, Status};
use samewire_protocol::streams::{Source, StreamSpec};
use samewire_protocol::wire::{Continuity, payload};
use samewire_protocol::{CallId, Code, Failure, Link, Method, StreamNo, files, system};
use wasm_bindgen::prelude::*;
use web_sys::WebSocket;

use crate::driver::{Driver, now};
use crate::error::shown;

/// A Blob answers a read of any size after some milliseconds, so much is asked for at a time.
const READ_AHEAD: u64 = 1024 * 1024;
/// Names the SDK in the server's log.
const AGENT: &str = concat!("samewire-js/", env!("CARGO_PKG_VERSION"));

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues)]
    fn fill_random(bytes: &mut [u8]);

    // Whom the session tells what happens. Its methods must not throw.
    pub type Listener;

    /// A socket is being opened. Whoever is told may have to close it when this instance no longer can.
    #[wasm_bindgen(method)]
    pub(crate) fn dialed(this: &Listener, socket: &WebSocket);
    #[wasm_bindgen(method)]
    fn status(this: &Listener, state: &str, retry_in: Option<f64>, why: JsValue);
    #[wasm_bindgen(method)]
    fn welcomed(this: &Listener, session: &str, continuity: &str, identity: Option<&str>);
    #[wasm_bindgen(method)]
    fn part(this: &Listener, call: f64, payload: &str);
    #[wasm_bindgen(method)]
    fn result(this: &Listener, call: f64, payload: &str);
    #[wasm_bindgen(method)]
    fn failed(this: &Listener, call: f64, error: JsValue);
    #[wasm_bindgen(method)]
    fn want(this: &Listener, stream: u32, offset: f64, max: u32);
    #[wasm_bindgen(method)]
    fn progress(this: &Listener, stream: u32, durable: f64);
    #[wasm_bindgen(method)]
    fn offered(this: &Listener, stream: u32, id: &str, name: Option<&str>, media: Option<&str>, size: Option<f64>);
    #[wasm_bindgen(method)]
    fn data(this: &Listener, stream: u32, offset: f64, bytes: Uint8Array);
    #[wasm_bindgen(method)]
    fn finished(this: &Listener, stream: u32, size: f64, digest: &str);
    #[wasm_bindgen(method)]
    fn aborted(this: &Listener, stream: u32, error: JsValue);
    #[wasm_bindgen(method)]
    fn trouble(this: &Listener, error: JsValue);
    // Makes the error object that the other methods are given.
    #[wasm_bindgen(method)]
    pub(crate) fn error(this: &Listener, code: &str, message: &str, retryable: bool, ran: &str, data: Option<&str>) -> JsValue;
}

// A session with a server.
#[wasm_bindgen]
pub struct Session(Rc<Driver>);

#[wasm_bindgen]
impl Session {
    // A session that is not connected yet.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(url: String, token: Option<String>, listener: Listener) -> Self {
        let mut seed = [0; 8];
        fill_random(&mut seed);
        let seed = u64::from_le_bytes(seed);
        let config = Config { token, agent: Some(AGENT.to_owned()), seed, read_ahead: READ_AHEAD, ..Config::default() };
        Self(Driver::new(url, config, listener))
    }

    // Connects now.
    pub fn connect(&self) {
        self.0.act(|session, now| session.connect(now));
    }

    // Ends the session for good.
    pub fn close(&self) {
        self.0.act(|session, now| session.close(now));
    }

    // Loses the present connection, as a network that fails would.
    pub fn cut(&self) {
        self.0.cut();
    }

    // Sets the token of the next hello.
    #[wasm_bindgen(js_name = setToken)]
    pub fn set_token(&self, token: Option<String>) {
        self.0.act(|session, now| session.set_token(now, token));
    }

    // The credential with which a call over HTTP is one of this session.
    pub fn ticket(&self) -> Option<String> {
        self.0.read(|session| session.ticket().map(str::to_owned))
    }

    // The device's network came or went.
    pub fn network(&self, online: bool) {
        self.0.input(Link::default(), Input::Network { online });
    }

    // The page was shown or hidden.
    pub fn visibility(&self, visible: bool) {
        self.0.input(Link::default(), Input::Visibility { visible });
    }

    // Makes a call with JSON params and, where there is one, a timeout in milliseconds. `undefined` when the params are not JSON.
    pub fn call(&self, method: String, params: Option<String>, timeout: Option<f64>, idempotent: bool) -> Option<f64> {
        let payload = match params {
            Some(params) => Some(payload(&params)?.to_owned()),
            None => None,
        };
        let timeout = timeout.map(|millis| Duration::from_millis(millis as u64));
        let request = CallRequest { method, payload, attachment: None, timeout, idempotent };
        Some(self.0.act(|session, now| session.call(now, request)).0 as f64)
    }

    // Gives a call up.
    pub fn cancel(&self, call: f64) {
        self.0.act(|session, now| session.cancel(now, CallId(call as u64)));
    }

    // Opens a stream to the server. `seekable`: its bytes can be had again at any offset. `undefined` when the id is none.
    #[wasm_bindgen(js_name = openStream)]
    pub fn open_stream(
        &self,
        id: &str,
        name: Option<String>,
        media: Option<String>,
        size: Option<f64>,
        seekable: bool,
        paused: bool,
    ) -> Option<u32> {
        let spec = StreamSpec { id: id.parse().ok()?, name, media, size: size.map(|size| size as u64) };
        let source = if seekable { Source::Seekable } else { Source::Once };
        let (stream, _) = self.0.act(|session, now| {
            let opened = session.open_stream(now, OpenStream { spec, source });
            session.pause_stream(now, opened.0, paused);
            opened
        });
        Some(stream.0)
    }

    // Bytes that a stream wanted. False when it does not want them now; it will ask again.
    pub fn provide(&self, stream: u32, offset: f64, bytes: &[u8]) -> bool {
        self.0.act(|session, now| session.provide(now, StreamNo(stream), offset as u64, bytes))
    }

    // A stream's source has no more bytes.
    pub fn end(&self, stream: u32) {
        self.0.act(|session, now| session.source_ended(now, StreamNo(stream)));
    }

    // Stops sending a stream, or goes on.
    pub fn pause(&self, stream: u32, paused: bool) {
        self.0.act(|session, now| session.pause_stream(now, StreamNo(stream), paused));
    }

    // Gives a stream up.
    pub fn abort(&self, stream: u32, code: &str, message: &str) {
        let failure = Failure::new(Code::from_name(code), message);
        self.0.act(|session, now| session.abort(now, StreamNo(stream), failure));
    }

    // The app has used a stream's bytes up to this offset.
    pub fn consume(&self, stream: u32, offset: f64) {
        self.0.act(|session, now| session.consume(now, StreamNo(stream), offset as u64));
    }
}

impl Listener {
    pub(crate) fn tell(&self, event: Event) {
        match event {
            Event::Status(status) => self.tell_status(&status),
            Event::Welcomed { session, continuity, identity } => {
                let continuity = match continuity {
                    Continuity::Kept => "kept",
                    Continuity::Restarted => "restarted",
                    Continuity::Fresh => "fresh",
                };
                self.welcomed(&session.to_string(), continuity, identity.as_deref());
            }
            Event::CallPart { id, payload } => self.part(id.0 as f64, payload.get()),
            Event::CallSettled { id, result: Ok(payload), .. } => self.result(id.0 as f64, payload.get()),
            Event::CallSettled { id, result: Err(failure), .. } => self.failed(id.0 as f64, shown(self, &failure)),
            Event::Want(want) => self.want(want.stream.0, want.offset as f64, want.max as u32),
            Event::Progress { stream, durable } => self.progress(stream.0, durable as f64),
            Event::StreamOpened { stream, spec } => {
                let size = spec.size.map(|size| size as f64);
                self.offered(stream.0, &spec.id.to_string(), spec.name.as_deref(), spec.media.as_deref(), size);
            }
            Event::Data { stream, offset, bytes } => self.data(stream.0, offset as f64, Uint8Array::from(&bytes[..])),
            Event::StreamFinished { stream, size, digest } => {
                self.finished(stream.0, size as f64, &digest.to_string());
            }
            Event::StreamAborted { stream, failure } => self.aborted(stream.0, shown(self, &failure)),
            Event::ServerError(failure) => self.trouble(shown(self, &failure)),
            // An event of a newer protocol crate that this SDK does not show yet.
            _ => {}
        }
    }

    fn tell_status(&self, status: &Status) {
        let (state, retry_in, why) = match status {
            Status::Idle => ("idle", None, JsValue::UNDEFINED),
            Status::Connecting => ("connecting", None, JsValue::UNDEFINED),
            Status::Live => ("live", None, JsValue::UNDEFINED),
            Status::Waiting { retry_at } => ("waiting", Some(retry_at.millis_after(now()) as f64), JsValue::UNDEFINED),
            Status::Closed { why } => ("closed", None, shown(self, why)),
            _ => return,
        };
        self.status(state, retry_in, why);
    }
}

// Whether JSON params name a stream.
#[wasm_bindgen(js_name = namesStream)]
#[must_use]
pub fn names_stream(params: &str) -> bool {
    method::names_stream(params)
}

// What the contracts of the built-in methods say: 1 for a method that only the session answers, 2 for one that may run twice.
#[wasm_bindgen(js_name = methodTraits)]
#[must_use]
pub fn method_traits(method: &str) -> u32 {
    fn traits<M: Method>(method: &str) -> Option<u32> {
        let session = M::Route::ROUTE == Route::Session;
        (M::NAME == method).then_some(u32::from(session) | u32::from(M::IDEMPOTENT) << 1)
    }
    traits::<system::Introspect>(method)
        .or_else(|| traits::<system::Echo>(method))
        .or_else(|| traits::<files::Upload>(method))
        .or_else(|| traits::<files::List>(method))
        .or_else(|| traits::<files::Open>(method))
        .or_else(|| traits::<files::Remove>(method))
        .unwrap_or(0)
}

// Sets who is told of a panic. Nothing of this instance works after one; the next call into the module makes a new instance.
#[wasm_bindgen(js_name = onPanic)]
pub fn on_panic(tell: Function) {
    std::panic::set_hook(Box::new(move |info| {
        #[cfg(feature = "dev")]
        console_error_panic_hook::hook(info);
        let text = info.payload_as_str().unwrap_or("panic");
        let _ = tell.call1(&JsValue::UNDEFINED, &text.into());
        wasm_bindgen::handler::schedule_reinit();
    }));
}

// Makes the next call into the module run in a new instance.
#[wasm_bindgen]
pub fn reset() {
    wasm_bindgen::handler::schedule_reinit();
}
