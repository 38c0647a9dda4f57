//! What the browser has and web-sys does not: calls without their argument, members that are newer than it, and those of its calls
//! that throw where it says that they do not.

use js_sys::{Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use web_sys::RtcRtpSender;

#[wasm_bindgen]
extern "C" {
    /// A peer connection, by what web-sys does not know of it.
    #[wasm_bindgen(extends = web_sys::RtcPeerConnection)]
    #[derive(Clone)]
    pub(crate) type Connection;

    #[wasm_bindgen(catch, constructor, js_class = "RTCPeerConnection")]
    pub(crate) fn new(configuration: &JsValue) -> Result<Connection, JsValue>;
    // Throws where it is closed.
    #[wasm_bindgen(method, catch, js_name = setConfiguration)]
    pub(crate) fn configure(this: &Connection, configuration: &JsValue) -> Result<(), JsValue>;
    // Makes the offer or the answer, whichever is due.
    #[wasm_bindgen(method, js_name = setLocalDescription)]
    pub(crate) fn set_local(this: &Connection) -> Promise;
    #[wasm_bindgen(method, js_name = setRemoteDescription)]
    pub(crate) fn set_remote(this: &Connection, description: &JsValue) -> Promise;
    #[wasm_bindgen(method, js_name = addIceCandidate)]
    pub(crate) fn add_candidate(this: &Connection, candidate: &JsValue) -> Promise;
    // Throws what it thinks of encodings.
    #[wasm_bindgen(method, catch, js_name = addTransceiver)]
    pub(crate) fn add_transceiver(this: &Connection, track_or_kind: &JsValue, init: &JsValue) -> Result<Transceiver, JsValue>;
    #[wasm_bindgen(method, js_name = restartIce)]
    pub(crate) fn restart_ice(this: &Connection);
    #[wasm_bindgen(method, setter, js_name = onicecandidateerror)]
    pub(crate) fn set_onicecandidateerror(this: &Connection, hears: Option<&js_sys::Function>);
    // By its name: an enumeration of web-sys would bring a table of all of them.
    #[wasm_bindgen(method, getter, js_name = connectionState)]
    pub(crate) fn state(this: &Connection) -> String;
    #[wasm_bindgen(method, getter, js_name = localDescription)]
    pub(crate) fn local(this: &Connection) -> JsValue;

    pub(crate) type Transceiver;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn sender(this: &Transceiver) -> Sender;

    /// What sends one track.
    #[wasm_bindgen(extends = RtcRtpSender)]
    #[derive(Clone)]
    pub(crate) type Sender;

    #[wasm_bindgen(method, catch, js_name = getParameters)]
    pub(crate) fn parameters(this: &Sender) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, js_name = setParameters)]
    pub(crate) fn set_parameters(this: &Sender, parameters: &JsValue) -> Promise;
}

/// A member of an object; `undefined` also where there is no object.
pub(crate) fn get(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &name.into()).unwrap_or(JsValue::UNDEFINED)
}

/// A member that is a text.
pub(crate) fn text(object: &JsValue, name: &str) -> Option<String> {
    get(object, name).as_string()
}

/// A member that is a number.
pub(crate) fn number(object: &JsValue, name: &str) -> Option<f64> {
    get(object, name).as_f64()
}

/// Sets a member, if the object takes it.
pub(crate) fn set(object: &JsValue, name: &str, value: &JsValue) {
    let _ = Reflect::set(object, &name.into(), value);
}

/// An object with these members, those apart that are `undefined`.
pub(crate) fn object(members: &[(&str, JsValue)]) -> JsValue {
    let object = JsValue::from(Object::new());
    for (name, value) in members {
        if !value.is_undefined() {
            set(&object, name, value);
        }
    }
    object
}

/// What an error of the browser says.
pub(crate) fn told(error: &JsValue) -> String {
    text(error, "message").unwrap_or_default()
}
