//! A client that speaks the wire by hand, and says what no SDK would say.
//!
//! It makes its WebSocket frames itself (RFC 6455, section 5.2), so that they can be wrong too. While it writes it goes on
//! reading, so that a server that answers a flood cannot wait for a client that waits for it.

use std::io;
use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The kinds of WebSocket frames.
pub mod opcode {
    /// More of the message before.
    pub const CONTINUATION: u8 = 0;
    /// A text message.
    pub const TEXT: u8 = 1;
    /// A binary message.
    pub const BINARY: u8 = 2;
    /// The end.
    pub const CLOSE: u8 = 8;
    /// A sign of life that asks for one.
    pub const PING: u8 = 9;
    /// The answer.
    pub const PONG: u8 = 10;
}

/// What a server said.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// A text message.
    Text(Value),
    /// A text message that is not JSON, or too deep for this client.
    Odd(String),
    /// A binary message.
    Binary(Vec<u8>),
    /// The end, with its code and reason.
    Close(u16, String),
    /// The connection is gone.
    Gone,
}

/// A connection.
#[derive(Debug)]
pub struct Raw {
    socket: TcpStream,
    buffer: Vec<u8>,
    /// A message of which more is to come.
    begun: Option<(u8, Vec<u8>)>,
    /// What came in and was not asked for: everything that [`Raw::expect`] passed over.
    pub skipped: Vec<Value>,
    /// The resume ticket of the last welcome.
    pub ticket: String,
}

/// The answer to a handshake that came to nothing.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The HTTP status.
    pub status: u16,
    /// The body as JSON.
    pub body: Value,
}

impl Raw {
    /// Makes a WebSocket connection for sessions, with these headers besides those that every handshake has.
    ///
    /// # Panics
    /// When the server cannot be reached or does not speak HTTP.
    pub async fn dial(addr: SocketAddr, headers: &[(&str, &str)]) -> Result<Self, Refused> {
        Self::dial_at(addr, "/session", headers).await
    }

    /// The same at another address of the server: a path, and what follows it.
    ///
    /// # Panics
    /// As for [`Raw::dial`].
    pub async fn dial_at(addr: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Result<Self, Refused> {
        let socket = TcpStream::connect(addr).await.expect("a connection");
        socket.set_nodelay(true).expect("a socket");
        let mut raw = Self { socket, buffer: Vec::new(), begun: None, skipped: Vec::new(), ticket: String::new() };
        let mut request = format!(
            "GET {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        );
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        raw.write(request.as_bytes()).await;
        let head = loop {
            if let Some(end) = raw.buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&raw.buffer[..end]).into_owned();
                raw.buffer.drain(..end + 4);
                break head;
            }
            assert!(raw.fill().await, "the connection ended before the handshake did");
        };
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        if status == 101 {
            return Ok(raw);
        }
        let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        while raw.buffer.len() < length.unwrap_or(0) && raw.fill().await {}
        Err(Refused { status, body: serde_json::from_slice(&raw.buffer).unwrap_or_default() })
    }

    /// A connection that has said nothing yet.
    pub async fn connect(addr: SocketAddr) -> Self {
        Self::dial(addr, &[("Sec-WebSocket-Protocol", "samewire.v1")]).await.expect("a handshake")
    }

    /// A session: with this token, or anonymous.
    pub async fn session(addr: SocketAddr, token: Option<&str>) -> Self {
        let mut raw = Self::connect(addr).await;
        raw.hello(json!({"token": token})).await;
        raw
    }

    /// A session that goes on.
    pub async fn resume(addr: SocketAddr, ticket: &str) -> (Self, Value) {
        let mut raw = Self::connect(addr).await;
        let welcome = raw.hello(json!({"ticket": ticket})).await;
        (raw, welcome)
    }

    /// Says hello and takes the welcome.
    ///
    /// # Panics
    /// When the answer is another.
    pub async fn hello(&mut self, mut hello: Value) -> Value {
        hello["type"] = "hello".into();
        self.send(&hello).await;
        let welcome = self.expect("welcome").await;
        self.ticket = welcome["ticket"].as_str().unwrap_or_default().to_owned();
        welcome
    }

    /// Sends a text frame.
    pub async fn send(&mut self, frame: &Value) {
        self.frame(opcode::TEXT, true, frame.to_string().as_bytes()).await;
    }

    /// Sends bytes of a stream.
    pub async fn chunk(&mut self, stream: u32, offset: u64, bytes: &[u8]) {
        self.frame(opcode::BINARY, true, &chunk(stream, offset, bytes)).await;
    }

    /// Sends a WebSocket frame.
    pub async fn frame(&mut self, opcode: u8, last: bool, payload: &[u8]) {
        self.write(&frame(if last { 0x80 } else { 0 } | opcode, payload)).await;
    }

    /// Closes the way an SDK does when the app ends the session.
    pub async fn close(&mut self, code: u16) {
        self.frame(opcode::CLOSE, true, &code.to_be_bytes()).await;
    }

    /// Says nothing more, and does not say so: a FIN without a close frame.
    pub async fn finish(&mut self) {
        let _ = self.socket.shutdown().await;
    }

    /// Is gone, with whatever is not sent yet: a RST.
    pub fn reset(self) {
        let _ = self.socket.set_zero_linger();
    }

    /// Sends bytes as they are. What the other side no longer wants to hear is dropped; it will have said why.
    pub async fn write(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let ready = self.socket.ready(tokio::io::Interest::READABLE | tokio::io::Interest::WRITABLE);
            let Ok(ready) = super::within("room to write", ready).await else { return };
            if ready.is_readable() && self.try_fill().is_err() {
                return;
            }
            if ready.is_writable() {
                match self.socket.try_write(bytes) {
                    Ok(written) => bytes = &bytes[written..],
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(_) => return,
                }
            }
        }
    }

    /// Sends bytes without reading anything, as far as the sockets take them; says how many that were.
    pub fn write_blindly(&mut self, bytes: &[u8]) -> usize {
        self.socket.try_write(bytes).unwrap_or(0)
    }

    /// Waits until the socket takes more.
    pub async fn writable(&self) -> bool {
        self.socket.writable().await.is_ok()
    }

    fn try_fill(&mut self) -> io::Result<()> {
        let mut piece = [0; 64 * 1024];
        match self.socket.try_read(&mut piece) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                self.buffer.extend_from_slice(&piece[..read]);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn fill(&mut self) -> bool {
        let read = super::within("something to read", self.socket.read_buf(&mut self.buffer)).await;
        matches!(read, Ok(read) if read > 0)
    }

    /// The next thing that the server says, pings of the WebSocket left out.
    pub async fn next(&mut self) -> Heard {
        loop {
            if let Some((first, payload)) = self.parse() {
                let Some((opcode, payload)) = self.whole(first, payload) else { continue };
                return match opcode {
                    opcode::TEXT => serde_json::from_slice(&payload)
                        .map_or_else(|_| Heard::Odd(String::from_utf8_lossy(&payload).into_owned()), Heard::Text),
                    opcode::BINARY => Heard::Binary(payload),
                    opcode::CLOSE => {
                        let code = payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code));
                        Heard::Close(code, String::from_utf8_lossy(payload.get(2..).unwrap_or_default()).into_owned())
                    }
                    _ => continue,
                };
            }
            if !self.fill().await {
                return Heard::Gone;
            }
        }
    }

    /// The message that is whole with this frame.
    fn whole(&mut self, first: u8, payload: Vec<u8>) -> Option<(u8, Vec<u8>)> {
        let (is_last, opcode) = (first & 0x80 != 0, first & 0x0f);
        if opcode >= opcode::CLOSE {
            return Some((opcode, payload));
        }
        assert_eq!(opcode == opcode::CONTINUATION, self.begun.is_some(), "a message within another, or the rest of none");
        let (kind, mut message) = self.begun.take().unwrap_or((opcode, Vec::new()));
        message.extend(payload);
        if is_last {
            return Some((kind, message));
        }
        self.begun = Some((kind, message));
        None
    }

    /// A whole frame of the server's, which never masks: its first byte, and what is in it.
    fn parse(&mut self) -> Option<(u8, Vec<u8>)> {
        let &[first, second, ..] = self.buffer.as_slice() else { return None };
        let (len, at) = match second & 0x7f {
            126 => (u64::from(u16::from_be_bytes(*self.buffer.get(2..)?.first_chunk()?)), 4),
            127 => (u64::from_be_bytes(*self.buffer.get(2..)?.first_chunk()?), 10),
            len => (u64::from(len), 2),
        };
        let end = at + usize::try_from(len).ok()?;
        let payload = self.buffer.get(at..end)?.to_vec();
        self.buffer.drain(..end);
        Some((first, payload))
    }

    /// The next text frame of this type; others are put aside.
    ///
    /// # Panics
    /// When the connection ends before.
    pub async fn expect(&mut self, kind: &str) -> Value {
        loop {
            match self.next().await {
                Heard::Text(frame) if frame["type"] == kind => return frame,
                Heard::Text(frame) => self.skipped.push(frame),
                Heard::Binary(_) => {}
                end => {
                    let last = &self.skipped[self.skipped.len().saturating_sub(3)..];
                    panic!("waited for {kind:?}, and heard {end:?}; before that {last:?}")
                }
            }
        }
    }

    /// The code with which the server sends this client away, and the close code that follows.
    ///
    /// # Panics
    /// When the connection ends without a goodbye.
    pub async fn parting(&mut self) -> (String, u16) {
        let goodbye = self.expect("goodbye").await;
        let code = goodbye["error"]["code"].as_str().unwrap_or_default().to_owned();
        loop {
            match self.next().await {
                Heard::Close(close, reason) => {
                    assert_eq!(reason, code, "the close frame gives the code as its reason");
                    return (code, close);
                }
                Heard::Gone => panic!("a goodbye ({code}) without a close frame"),
                Heard::Text(_) | Heard::Odd(_) | Heard::Binary(_) => {}
            }
        }
    }

    /// Makes a call and takes its answer: the result, or the error.
    pub async fn call(&mut self, id: u64, method: &str, payload: Value) -> Result<Value, Value> {
        self.send(&json!({"type": "call", "id": id, "method": method, "payload": payload})).await;
        self.answer(id).await
    }

    /// The answer to a call: the result, or the error.
    ///
    /// # Panics
    /// When the connection ends before.
    pub async fn answer(&mut self, id: u64) -> Result<Value, Value> {
        loop {
            match self.next().await {
                Heard::Text(frame) if frame["id"] == id && frame["type"] == "result" => return Ok(frame["payload"].clone()),
                Heard::Text(frame) if frame["id"] == id && frame["type"] == "failure" => return Err(frame["error"].clone()),
                Heard::Text(frame) => self.skipped.push(frame),
                Heard::Binary(_) => {}
                end => panic!("waited for the answer to call {id}, and heard {end:?}"),
            }
        }
    }

    /// Opens a stream and takes the server's word for it.
    pub async fn open(&mut self, stream: u32, id: &str, size: Option<u64>) -> Value {
        self.send(&json!({"type": "open", "stream": stream, "ref": id, "name": "a file", "size": size})).await;
        self.expect("opened").await
    }

    /// The code with which a stream is aborted.
    pub async fn aborted(&mut self, stream: u32) -> String {
        loop {
            let frame = self.expect("abort").await;
            if frame["stream"] == stream {
                return frame["error"]["code"].as_str().unwrap_or_default().to_owned();
            }
            self.skipped.push(frame);
        }
    }
}

/// A binary frame of the protocol.
#[must_use]
pub fn chunk(stream: u32, offset: u64, bytes: &[u8]) -> Vec<u8> {
    let mut frame = vec![1, 0, 0, 0];
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(&offset.to_be_bytes());
    frame.extend_from_slice(bytes);
    frame
}

/// A WebSocket frame of a client: masked, as it must be.
#[must_use]
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x5a, 0xa5, 0x3c, 0xc3];
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..126 => frame.push(0x80 | len as u8),
        len @ 126..65_536 => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&(len as u16).to_be_bytes());
        }
        len => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}
