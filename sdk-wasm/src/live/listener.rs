//! What the package's JavaScript is told of a peer connection.

#![expect(
    missing_docs,
    reason = "wasm-bindgen copies docs into the JavaScript that every page loads; these are for its authors"
)]

use js_sys::Array;
use samewire_protocol::live::peer::PeerState;
use samewire_protocol::live::{Negotiation, PeerMessage};
use wasm_bindgen::prelude::*;

use super::{message, view, web};

#[wasm_bindgen]
extern "C" {
    // Whom a peer tells what happens, from tasks of their own. Its methods must not throw.
    pub type PeerListener;

    // Whoever is told has to close it when this instance no longer can, and nothing else.
    #[wasm_bindgen(method)]
    fn opened(this: &PeerListener, connection: &web::Connection);
    // `live/signal`; what is refused comes back by `refused`.
    #[wasm_bindgen(method)]
    fn send(this: &PeerListener, negotiation: f64, message: JsValue);
    // `live/renegotiate`; the answer comes back by `begin` or `refused`.
    #[wasm_bindgen(method)]
    fn rebuild(this: &PeerListener, negotiation: f64);
    // `failure`: `{ code, message, retryable, ran }`, of `failed`.
    #[wasm_bindgen(method)]
    fn state(this: &PeerListener, state: &str, failure: JsValue);
    // At a viewer: the newest connection has begun to show these tracks.
    #[wasm_bindgen(method)]
    fn media(this: &PeerListener, tracks: Array);
}

/// Something to tell.
pub(crate) enum News {
    Opened(web::Connection),
    Send(Negotiation, PeerMessage),
    Rebuild(Negotiation),
    State(PeerState),
    Media(Array),
}

impl PeerListener {
    pub(crate) fn tell(&self, news: News) {
        match news {
            News::Opened(connection) => self.opened(&connection),
            News::Send(negotiation, message) => self.send(negotiation.number() as f64, message::shown(&message)),
            News::Rebuild(negotiation) => self.rebuild(negotiation.number() as f64),
            News::State(state) => {
                let failure = match &state {
                    PeerState::Failed(failure) => view::shown(failure),
                    _ => JsValue::UNDEFINED,
                };
                self.state(state.name(), failure);
            }
            News::Media(tracks) => self.media(tracks),
        }
    }
}
