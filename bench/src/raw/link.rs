//! One socket: dialled, upgraded, read and written without blocking.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use super::frame::{self, CLOSE, PING, PONG, TEXT};
use crate::Outcome;

/// What a socket gave.
pub(crate) enum Heard<'a> {
    /// The upgrade was agreed to.
    Opened,
    Text(&'a [u8]),
    /// The server closes, with this code.
    Closed(u16),
}

pub(crate) struct Link {
    socket: TcpStream,
    opened: bool,
    /// The beginning of a frame whose rest has not come.
    partial: Vec<u8>,
    pub(crate) out: Out,
}

/// What is to be sent.
#[derive(Default)]
pub(crate) struct Out {
    bytes: Vec<u8>,
}

impl Out {
    pub(crate) fn text(&mut self, text: &[u8]) {
        frame::put(&mut self.bytes, TEXT, text);
    }
}

impl Link {
    /// Begins to connect; the request is sent as soon as the network takes it.
    pub(crate) fn dial(address: SocketAddr, path: &str, subprotocol: Option<&str>, to: (&Registry, Token)) -> Outcome<Self> {
        let mut socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        to.0.register(&mut socket, to.1, Interest::READABLE | Interest::WRITABLE)?;
        let mut request = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\n"
        );
        if let Some(subprotocol) = subprotocol {
            request.push_str(&format!("Sec-WebSocket-Protocol: {subprotocol}\r\n"));
        }
        request.push_str("\r\n");
        Ok(Self { socket, opened: false, partial: Vec::new(), out: Out { bytes: request.into_bytes() } })
    }

    /// Sends what waits, as far as the network takes it. The rest goes when the socket is said to be writable.
    pub(crate) fn flush(&mut self) -> Outcome {
        while !self.out.bytes.is_empty() {
            match self.socket.write(&self.out.bytes) {
                Ok(sent) if sent == self.out.bytes.len() => self.out.bytes.clear(),
                Ok(sent) => drop(self.out.bytes.drain(..sent)),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Reads until nothing is left, and tells what came; false when the other side is gone.
    pub(crate) fn read(&mut self, buffer: &mut [u8], mut each: impl FnMut(&mut Out, Heard<'_>)) -> Outcome<bool> {
        loop {
            let length = match self.socket.read(buffer) {
                Ok(0) => return Ok(false),
                Ok(length) => length,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => return Ok(true),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused) => {
                    return Ok(false);
                }
                Err(error) => return Err(error.into()),
            };
            let mut joined;
            let mut bytes = &buffer[..length];
            if !self.partial.is_empty() {
                joined = std::mem::take(&mut self.partial);
                joined.extend_from_slice(bytes);
                bytes = &joined;
            }
            if !self.opened && upgraded(&mut bytes)? {
                self.opened = true;
                each(&mut self.out, Heard::Opened);
            }
            while self.opened
                && let Some(frame) = frame::take(&mut bytes)
            {
                match frame.opcode {
                    TEXT => each(&mut self.out, Heard::Text(frame.payload)),
                    PING => frame::put(&mut self.out.bytes, PONG, frame.payload),
                    CLOSE => each(&mut self.out, Heard::Closed(code(frame.payload))),
                    _ => {}
                }
            }
            self.partial.extend_from_slice(bytes);
            // A read that did not fill the buffer has emptied the socket, and the next bytes are told anew (epoll(7)).
            if length < buffer.len() {
                return Ok(true);
            }
        }
    }

    /// Lets the socket be: nothing is read from it any more, although it stays open.
    pub(crate) fn stall(&mut self, registry: &Registry) -> Outcome {
        Ok(registry.deregister(&mut self.socket)?)
    }
}

fn code(payload: &[u8]) -> u16 {
    payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code))
}

/// Takes the answer to the upgrade off the bytes; false while it is not whole.
fn upgraded(bytes: &mut &[u8]) -> Outcome<bool> {
    const END: &[u8] = b"\r\n\r\n";
    let Some(end) = bytes.windows(END.len()).position(|window| window == END) else { return Ok(false) };
    let (head, rest) = bytes.split_at(end + END.len());
    if !head.starts_with(b"HTTP/1.1 101") {
        let line = String::from_utf8_lossy(head.split(|byte| *byte == b'\r').next().unwrap_or_default()).into_owned();
        return Err(format!("the upgrade was answered with {line}").into());
    }
    *bytes = rest;
    Ok(true)
}
