//! The browser's WebSocket: written through web-sys, read through gloo-net.
//!
//! gloo-net would send binary frames as Blobs, which takes several times as long, and hides how much is still to be sent.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::{Rc, Weak};

use futures_util::{Sink, StreamExt};
use gloo_net::websocket::{Message, WebSocketError, futures::WebSocket as Incoming};
use samewire_protocol::Link;
use samewire_protocol::session::Input;
use samewire_protocol::wire::SUBPROTOCOL;
use wasm_bindgen_futures::spawn_local;
use web_sys::WebSocket;

use crate::driver::Driver;

pub(crate) struct Socket {
    pub(crate) link: Link,
    socket: WebSocket,
    /// Whether bytes of a stream were sent since somebody asked.
    sent: Cell<bool>,
}

impl Socket {
    /// Begins to open a socket and reads it for the driver. `None` when the browser does not even try.
    pub(crate) fn open(url: &str, link: Link, driver: &Rc<Driver>) -> Option<Self> {
        let socket = WebSocket::new_with_str(url, SUBPROTOCOL).ok()?;
        let incoming = Incoming::try_from(socket.clone()).ok()?;
        spawn_local(receive(Rc::downgrade(driver), link, socket.clone(), incoming));
        Some(Self { link, socket, sent: Cell::new(false) })
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
        let _ = self.socket.close();
    }
}

async fn receive(driver: Weak<Driver>, link: Link, socket: WebSocket, mut incoming: Incoming) {
    // Ready when the socket is open, and also when it could not be opened.
    let _ = poll_fn(|context| Pin::new(&mut incoming).poll_ready(context)).await;
    if socket.ready_state() == WebSocket::OPEN
        && let Some(driver) = driver.upgrade()
    {
        if socket.protocol() == SUBPROTOCOL {
            driver.input(link, Input::Opened);
        } else {
            driver.closed(link, 1003);
        }
    }
    while let Some(message) = incoming.next().await {
        let Some(driver) = driver.upgrade() else { continue };
        match message {
            Ok(Message::Text(text)) => driver.input(link, Input::Text(&text)),
            Ok(Message::Bytes(bytes)) => driver.input(link, Input::Binary(bytes.into())),
            Err(WebSocketError::ConnectionClose(close)) => driver.closed(link, close.code),
            // Says nothing of what went wrong; the close follows.
            Err(_) => {}
        }
    }
}
