//! What the package's JavaScript calls of a peer connection.

#![expect(
    missing_docs,
    reason = "wasm-bindgen copies docs into the JavaScript that every page loads; these are for its authors"
)]

use std::rc::Rc;

use js_sys::Promise;
use samewire_protocol::live::Negotiation;
use samewire_protocol::live::peer::{Input, Side};
use samewire_protocol::{Code, Failure};
use wasm_bindgen::prelude::*;
use web_sys::{MediaStream, MediaStreamTrack};

use super::driver::Driver;
use super::listener::PeerListener;
use super::media::Media;
use super::message;
use super::web::{get, text};
use crate::bridge::random;

// One end of the way between a broadcaster and one viewer. Nothing of it is left when it is closed, or freed.
#[wasm_bindgen]
pub struct Peer(Rc<Driver>);

#[wasm_bindgen]
impl Peer {
    // `side`: `broadcaster` or `viewer`.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(side: &str, listener: PeerListener) -> Self {
        Self(Driver::new(read_side(side), random(), listener))
    }

    // What a broadcaster sends, before it begins. Of the options: `encodings`, `contentHint` and `degradationPreference` of the picture.
    #[wasm_bindgen(js_name = setMedia)]
    pub fn set_media(&self, stream: MediaStream, options: JsValue) {
        self.0.set_media(Media::new(stream, options));
    }

    // Begins the connection of this number, in place of one with a lower number; others are ignored. `ice` is the server's `IceConfig`.
    pub fn begin(&self, negotiation: f64, ice: &JsValue) {
        if let Some(negotiation) = Negotiation::new(negotiation as u64) {
            self.0.begin(negotiation, ice);
        }
    }

    // From now on paths are looked for with these servers, also by the connections that there are: an `IceConfig`.
    pub fn configure(&self, ice: &JsValue) {
        self.0.configure(ice);
    }

    // The signal `offer`, `answer` or `candidates`, as it came.
    pub fn hear(&self, name: &str, payload: &JsValue) {
        if let Some((negotiation, message)) = message::read(name, payload) {
            self.0.input(Input::Heard(negotiation, message));
        }
    }

    // The session has a link, or has lost it.
    pub fn link(&self, up: bool) {
        self.0.input(Input::Link(up));
    }

    // The other end is known to be away, or is back.
    pub fn away(&self, away: bool) {
        self.0.input(Input::Away(away));
    }

    // The server refused what the listener was asked to send.
    pub fn refused(&self, negotiation: f64, error: &JsValue) {
        if let Some(negotiation) = Negotiation::new(negotiation as u64) {
            self.0.input(Input::Refused(negotiation, read_failure(error)));
        }
    }

    // Resolves when the track is sent in place of the one of its kind, over all connections.
    #[wasm_bindgen(js_name = replaceTrack)]
    pub fn replace_track(&self, kind: &str, track: Option<MediaStreamTrack>) -> Promise {
        self.0.replace_track(kind, track)
    }

    // Looks for another way through the network.
    pub fn restart(&self) {
        self.0.input(Input::Restart);
    }

    // Resolves with `{ stats, summary? }`, or `undefined` where there is no connection. Meant to be asked once a second.
    pub fn stats(&self) -> Promise {
        self.0.statistics()
    }

    // Ends it.
    pub fn close(&self) {
        self.0.input(Input::Close);
    }
}

pub(crate) fn read_side(side: &str) -> Side {
    if side == "broadcaster" { Side::Broadcaster } else { Side::Viewer }
}

// An error of the package, or what the server tells of one.
pub(crate) fn read_failure(error: &JsValue) -> Failure {
    let code = text(error, "code").map_or(Code::Internal, |code| Code::from_name(&code));
    let mut failure = Failure::new(code, text(error, "message").unwrap_or_default());
    // Where it is not said, the code says it.
    failure.retryable = get(error, "retryable").as_bool().unwrap_or(failure.retryable);
    failure
}
