//! The browser's WebSocket.

use std::cell::Cell;
use std::rc::{Rc, Weak};

use js_sys::{ArrayBuffer, Uint8Array};
use samewire_protocol::Link;
use samewire_protocol::session::Input;
use samewire_protocol::wire::SUBPROTOCOL;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;
use web_sys::{BinaryType, CloseEvent, Event, MessageEvent, WebSocket};

use crate::driver::Driver;

pub(crate) struct Socket {
    pub(crate) link: Link,
    socket: WebSocket,
    /// Lives as long as the socket may call it.
    hears: Closure<dyn FnMut(Event)>,
    /// Whether bytes of a stream were sent since somebody asked.
    sent: Cell<bool>,
}

impl Socket {
    /// Begins to open a socket and tells the driver what happens to it. `None` when the browser does not even try.
    pub(crate) fn open(url: &str, link: Link, driver: &Rc<Driver>) -> Option<Self> {
        let socket = WebSocket::new_with_str(url, SUBPROTOCOL).ok()?;
        socket.set_binary_type(BinaryType::Arraybuffer);
        let driver = Rc::downgrade(driver);
        let hears = Closure::new(move |event| hear(&driver, link, &event));
        let socket = Self { link, socket, hears, sent: Cell::new(false) };
        socket.listen(Some(socket.hears.as_ref().unchecked_ref()));
        Some(socket)
    }

    fn listen(&self, hears: Option<&js_sys::Function>) {
        self.socket.set_onopen(hears);
        self.socket.set_onmessage(hears);
        self.socket.set_onclose(hears);
    }

    pub(crate) fn web(&self) -> &WebSocket {
        &self.socket
    }

    pub(crate) fn protocol(&self) -> String {
        self.socket.protocol()
    }

    // What cannot be sent is refused because the socket is closing. Its close event says so to the session.

    pub(crate) fn send_text(&self, text: &str) {
        let _ = self.socket.send_with_str(text);
    }

    pub(crate) fn send_binary(&self, frame: &[u8]) {
        let _ = self.socket.send_with_u8_array(frame);
        self.sent.set(true);
    }

    pub(crate) fn close(&self, code: u16, reason: &str) {
        let _ = self.socket.close_with_code_and_reason(code, reason);
    }

    /// Bytes that the network has not taken yet.
    pub(crate) fn buffered(&self) -> u64 {
        u64::from(self.socket.buffered_amount())
    }

    /// Whether bytes of a stream were sent since the last time that this was asked.
    pub(crate) fn take_sent(&self) -> bool {
        self.sent.take()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.listen(None);
        let _ = self.socket.close();
    }
}

/// A failed dial and a broken connection both end in a close event; the error event before it says nothing.
fn hear(driver: &Weak<Driver>, link: Link, event: &Event) {
    let Some(driver) = driver.upgrade() else { return };
    // By name, because not every place with a WebSocket has the classes of its events.
    match event.type_().as_str() {
        "open" => driver.opened(link),
        "close" => driver.closed(link, event.unchecked_ref::<CloseEvent>().code()),
        _ => {
            let data = event.unchecked_ref::<MessageEvent>().data();
            match data.as_string() {
                Some(text) => driver.input(link, Input::Text(&text)),
                None => {
                    let bytes = Uint8Array::new(data.unchecked_ref::<ArrayBuffer>()).to_vec();
                    driver.input(link, Input::Binary(bytes.into()));
                }
            }
        }
    }
}
