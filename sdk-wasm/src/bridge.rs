//! What the package's JavaScript calls.
//!
//! Payloads cross as text, which the engine's own JSON reads and writes; what else crosses are numbers, texts and bytes.

#![expect(
    missing_docs,
    reason = "wasm-bindgen copies docs into the JavaScript that every page loads; these are for its authors"
)]

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use js_sys::Function;
use samewire_protocol::method::{self, Route, RouteKind};
use samewire_protocol::rooms::methods;
use samewire_protocol::session::{CallRequest, Config, Input, JoinRequest, OpenStream};
use samewire_protocol::streams::{Source, StreamSpec};
use samewire_protocol::wire::{Cast, payload};
use samewire_protocol::{CallId, Code, Digest, Failure, Link, Method, StreamNo, files, system};
use wasm_bindgen::prelude::*;

use crate::driver::Driver;
use crate::listener::Listener;

/// A Blob answers a read of any size after some milliseconds, so much is asked for at a time.
const READ_AHEAD: u64 = 1024 * 1024;
/// Names the SDK in the server's log.
const AGENT: &str = concat!("samewire-js/", env!("CARGO_PKG_VERSION"));

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues)]
    fn fill_random(bytes: &mut [u8]);
}

// A session with a server.
#[wasm_bindgen]
pub struct Session(Rc<Driver>);

#[wasm_bindgen]
impl Session {
    // A session that is not connected yet. `ticket`: that of a page before this one, whose place it takes.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(url: String, token: Option<String>, ticket: Option<String>, listener: Listener) -> Self {
        let seed = random();
        let agent = Some(AGENT.to_owned());
        let config = Config { token, ticket, agent, seed, read_ahead: READ_AHEAD, refreshes: true, ..Config::default() };
        Self(Driver::new(url, config, listener))
    }

    // Connects now.
    pub fn connect(&self) {
        self.0.connect();
    }

    // Ends the session for good.
    pub fn close(&self) {
        self.0.act(|session, now| session.close(now));
    }

    // Loses the present connection, as a network that fails would; with `stay` there is none until `connect`.
    pub fn cut(&self, stay: bool) {
        self.0.cut(stay);
    }

    // Sets the token of the next hello, and tells it to the server now if the session is live.
    #[wasm_bindgen(js_name = setToken)]
    pub fn set_token(&self, token: Option<String>) {
        self.0.act(|session, now| session.set_token(now, token));
    }

    // The app has no other token.
    #[wasm_bindgen(js_name = noToken)]
    pub fn no_token(&self) {
        self.0.act(|session, now| session.no_token(now));
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

    // Makes a call with JSON params and, where there are such, a timeout in milliseconds and bytes that belong to the params.
    // `undefined` when the params are not JSON.
    pub fn call(
        &self,
        method: String,
        params: Option<String>,
        timeout: Option<f64>,
        idempotent: bool,
        attachment: Option<Vec<u8>>,
    ) -> Option<f64> {
        let payload = match params {
            Some(params) => Some(payload(&params)?.to_owned()),
            None => None,
        };
        let timeout = timeout.map(|millis| Duration::from_millis(millis as u64));
        let request = CallRequest { method, payload, attachment: attachment.map(Bytes::from), timeout, idempotent };
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

    // Joins a room, now and after each reconnect. False when this is no room's name.
    pub fn join(&self, room: &str, presence: bool, info: Option<String>) -> bool {
        let Ok(room) = room.parse() else { return false };
        let info = info.as_deref().and_then(payload).map(ToOwned::to_owned);
        self.0.act(|session, now| session.join(now, JoinRequest { room, presence, info }));
        true
    }

    // Leaves a room.
    pub fn leave(&self, room: &str) {
        self.0.act(|session, now| session.leave(now, room));
    }

    // Says something ephemeral in a room, if it is heard at present. Returns the error of what is too large.
    pub fn cast(
        &self,
        room: &str,
        name: &str,
        payload: Option<String>,
        key: Option<String>,
        attachment: Option<Vec<u8>>,
    ) -> JsValue {
        let payload = payload.as_deref().and_then(self::payload);
        let cast = Cast { room: room.into(), name: name.into(), payload, key: key.map(Into::into) };
        let said = self.0.act(|session, now| session.cast(now, cast, attachment.as_deref()));
        said.err().map_or(JsValue::UNDEFINED, |failure| self.0.listener().shown(&failure))
    }
}

/// 64 random bits.
pub(crate) fn random() -> u64 {
    let mut seed = [0; 8];
    fill_random(&mut seed);
    u64::from_le_bytes(seed)
}

// Whether JSON params name a stream.
#[wasm_bindgen(js_name = namesStream)]
#[must_use]
pub fn names_stream(params: &str) -> bool {
    method::names_stream(params)
}

// The digest of bytes, as streams have it.
#[wasm_bindgen(js_name = digestOf)]
#[must_use]
pub fn digest_of(bytes: &[u8]) -> String {
    Digest::of(bytes).to_string()
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
        .or_else(|| traits::<files::Get>(method))
        .or_else(|| traits::<files::Process>(method))
        .or_else(|| traits::<files::Cancel>(method))
        .or_else(|| traits::<files::Link>(method))
        .or_else(|| traits::<methods::Publish>(method))
        .or_else(|| traits::<methods::Send>(method))
        .or_else(|| traits::<methods::History>(method))
        .or_else(|| traits::<methods::WhoIsThere>(method))
        .or_else(|| traits::<methods::State>(method))
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
