//! What the package's JavaScript is told.

#![expect(
    missing_docs,
    reason = "wasm-bindgen copies docs into the JavaScript that every page loads; these are for its authors"
)]

use bytes::Bytes;
use js_sys::Uint8Array;
use samewire_protocol::session::{Event, RoomNews, RoomNewsKind, Status};
use samewire_protocol::wire::Continuity;
use samewire_protocol::{Failure, Ran};
use wasm_bindgen::prelude::*;
use web_sys::WebSocket;

use crate::alarm::now;

#[wasm_bindgen]
extern "C" {
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
    fn result(this: &Listener, call: f64, payload: &str, attachment: Option<Uint8Array>);
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
    fn news(this: &Listener, room: &str, kind: &str, text: &str, attachment: Option<Uint8Array>);
    #[wasm_bindgen(method)]
    fn left(this: &Listener, room: &str, error: JsValue);
    // Answered with `setToken` or `noToken`.
    #[wasm_bindgen(method, js_name = tokenWanted)]
    fn token_wanted(this: &Listener, reason: &str);
    #[wasm_bindgen(method)]
    fn trouble(this: &Listener, error: JsValue);
    // Makes the error object that the other methods are given.
    #[wasm_bindgen(method)]
    pub(crate) fn error(this: &Listener, code: &str, message: &str, retryable: bool, ran: &str, data: Option<&str>) -> JsValue;
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
            Event::CallSettled { id, result: Ok(payload), attachment } => {
                self.result(id.0 as f64, payload.get(), array(attachment));
            }
            Event::CallSettled { id, result: Err(failure), .. } => self.failed(id.0 as f64, self.shown(&failure)),
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
            Event::StreamAborted { stream, failure } => self.aborted(stream.0, self.shown(&failure)),
            Event::Room(news) => self.tell_room(news),
            Event::RoomLeft { room, failure } => {
                self.left(room.as_str(), failure.map_or(JsValue::UNDEFINED, |failure| self.shown(&failure)));
            }
            Event::RoomError { failure, .. } | Event::ServerError(failure) => self.trouble(self.shown(&failure)),
            Event::TokenWanted(reason) => self.token_wanted(reason.as_str()),
            // An event of a newer protocol crate that this SDK does not show yet.
            _ => {}
        }
    }

    /// The error object that the package's JavaScript makes of a failure.
    pub(crate) fn shown(&self, failure: &Failure) -> JsValue {
        let ran = match failure.ran {
            Ran::No => "no",
            Ran::Yes => "yes",
            Ran::Maybe => "maybe",
        };
        let data = failure.data.as_ref().map(|data| data.get());
        self.error(failure.code.as_str(), &failure.message, failure.retryable, ran, data)
    }

    fn tell_room(&self, RoomNews { room, kind, text, attachment }: RoomNews) {
        let kind = match kind {
            RoomNewsKind::Joined => "joined",
            RoomNewsKind::Event => "event",
            RoomNewsKind::Skipped => "skipped",
            RoomNewsKind::Presence => "presence",
            RoomNewsKind::Signal => "signal",
        };
        self.news(room.as_str(), kind, &text, array(attachment));
    }

    fn tell_status(&self, status: &Status) {
        let (state, retry_in, why) = match status {
            Status::Idle => ("idle", None, JsValue::UNDEFINED),
            Status::Connecting => ("connecting", None, JsValue::UNDEFINED),
            Status::Live => ("live", None, JsValue::UNDEFINED),
            Status::Waiting { retry_at } => ("waiting", Some(retry_at.millis_after(now()) as f64), JsValue::UNDEFINED),
            Status::Closed { why } => ("closed", None, self.shown(why)),
            _ => return,
        };
        self.status(state, retry_in, why);
    }
}

fn array(bytes: Option<Bytes>) -> Option<Uint8Array> {
    bytes.map(|bytes| Uint8Array::from(&bytes[..]))
}
