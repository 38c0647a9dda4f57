//! Which leg of the way fails, for the package's JavaScript.

#![expect(
    missing_docs,
    reason = "wasm-bindgen copies docs into the JavaScript that every page loads; these are for its authors"
)]

use js_sys::Array;
use samewire_protocol::live::diagnosis::{self, Device, Finding, Flow, IceError, Leg, Observation, OfPeer, Seen, Viewing};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;

use super::web::{get, number, object, text};

// Takes observations and says what follows from them.
#[wasm_bindgen]
#[derive(Default)]
pub struct Diagnosis(diagnosis::Diagnosis);

#[wasm_bindgen]
impl Diagnosis {
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    // An observation: an object, by its `kind`.
    pub fn add(&mut self, observation: &JsValue) {
        self.0.add(read(observation));
    }

    // `{ ok, legs: [{ leg, ok, told }] }`
    #[must_use]
    pub fn told(&self) -> JsValue {
        let findings = self.0.findings();
        let legs: Array = findings.legs.iter().map(shown).collect();
        object(&[("ok", findings.ok.into()), ("legs", legs.into())])
    }
}

fn read(seen: &JsValue) -> Observation {
    match text(seen, "kind").as_deref() {
        Some("page") => Observation::Page { secure: flag(seen, "secure"), webrtc: flag(seen, "webrtc") },
        Some("session") => Observation::Session { state: words(seen, "state").unwrap_or_default() },
        Some("camera") => Observation::Camera(Device {
            supported: flag(seen, "supported"),
            cameras: number(seen, "cameras").map(|cameras| cameras as u32),
            permission: words(seen, "permission"),
            error: words(seen, "error"),
        }),
        Some("servers") => Observation::Servers { known: flag(seen, "known") },
        Some("server") => {
            let urls = words(seen, "urls").map_or_else(|| all(seen, "urls", name), |url| vec![url]);
            Observation::Server { urls, seen: read_seen(seen) }
        }
        Some("host") => Observation::Host(read_seen(seen)),
        Some("loopback") => Observation::Loopback { connected: flag(seen, "connected"), error: words(seen, "error") },
        Some("media") => Observation::Media(Viewing {
            side: words(seen, "side").unwrap_or_default(),
            state: words(seen, "state"),
            stats: read_flow(&get(seen, "stats")),
            peers: all(seen, "peers", |peer| OfPeer { state: words(peer, "state").unwrap_or_default() }),
        }),
        _ => Observation::Unknown,
    }
}

fn read_seen(seen: &JsValue) -> Seen {
    let error = |error: &JsValue| IceError {
        url: words(error, "url"),
        code: number(error, "code").unwrap_or_default() as u32,
        text: words(error, "text"),
    };
    Seen { candidates: all(seen, "candidates", name), errors: all(seen, "errors", error), error: words(seen, "error") }
}

fn read_flow(stats: &JsValue) -> Option<Flow> {
    stats.is_object().then(|| Flow { bitrate: number(stats, "bitrate"), relay: get(stats, "relay").as_bool() })
}

fn shown(finding: &Finding) -> JsValue {
    let leg = match finding.leg {
        Leg::Page => "page",
        Leg::Session => "session",
        Leg::Camera => "camera",
        Leg::Stun => "stun",
        Leg::Turn => "turn",
        Leg::Udp => "udp",
        Leg::Peer => "peer",
        Leg::Media => "media",
    };
    let ok = finding.ok.map_or(JsValue::NULL, JsValue::from);
    object(&[("leg", leg.into()), ("ok", ok), ("told", JsValue::from(finding.told.as_str()))])
}

fn flag(object: &JsValue, name: &str) -> bool {
    get(object, name).is_truthy()
}

fn words(object: &JsValue, name: &str) -> Option<Box<str>> {
    text(object, name).map(Into::into)
}

fn name(value: &JsValue) -> Box<str> {
    value.as_string().unwrap_or_default().into()
}

/// The items of a member that is an array.
fn all<T>(object: &JsValue, name: &str, read: impl Fn(&JsValue) -> T) -> Vec<T> {
    let items = get(object, name).dyn_into::<Array>();
    items.map(|items| items.iter().map(|item| read(&item)).collect()).unwrap_or_default()
}
