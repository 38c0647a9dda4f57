//! HTTP/1.1 by hand: requests to the last byte as a test says, and every message that comes back, interim ones included.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::live::within;

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    addr: SocketAddr,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    /// A request without headers and body.
    #[must_use]
    pub fn new(addr: SocketAddr, method: &str, path: &str) -> Self {
        Self { addr, method: method.to_owned(), path: path.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Leaves a header out.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    /// With this body, whose length is told.
    #[must_use]
    pub fn body(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self.header("content-length", &body.len().to_string())
    }

    /// Sends the head alone, over a connection of its own.
    pub async fn open(&self) -> Open {
        self.clone().header("connection", "close").open_kept().await
    }

    /// The same over a connection that can serve others after it.
    ///
    /// # Panics
    /// When there is no connection.
    pub async fn open_kept(&self) -> Open {
        let socket = within("a connection", TcpStream::connect(self.addr)).await.expect("a connection");
        let mut open = Open { socket, came: Vec::new(), is_head: self.method == "HEAD" };
        open.write(self.head().as_bytes()).await;
        open
    }

    fn head(&self) -> String {
        let mut head = format!("{} {} HTTP/1.1\r\nhost: {}\r\n", self.method, self.path, self.addr);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        head
    }

    /// Sends all of it and takes the answer.
    pub async fn send(&self) -> Response {
        let mut open = self.open().await;
        open.write(&self.body).await;
        open.response().await
    }
}

/// A request that is being sent.
#[derive(Debug)]
pub struct Open {
    socket: TcpStream,
    came: Vec<u8>,
    is_head: bool,
}

impl Open {
    /// Sends bytes of the body. A server that has stopped listening is no fault here: it says so in its answer.
    pub async fn write(&mut self, bytes: &[u8]) {
        let _ = within("room for the request", self.socket.write_all(bytes)).await;
    }

    /// Sends another request over the same connection.
    pub async fn next(&mut self, request: &Request) {
        self.is_head = request.method == "HEAD";
        self.write(request.head().as_bytes()).await;
        self.write(&request.body).await;
    }

    /// Takes the next message, which is an interim one or the head of the last.
    ///
    /// # Panics
    /// When none comes, or what comes is none.
    pub async fn message(&mut self) -> Message {
        let end = loop {
            if let Some(at) = self.came.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at + 4;
            }
            assert!(self.more().await, "the connection ended after {:?}", String::from_utf8_lossy(&self.came));
        };
        let head: Vec<u8> = self.came.drain(..end).collect();
        let head = String::from_utf8(head).expect("a head is text");
        let mut lines = head.split("\r\n").filter(|line| !line.is_empty());
        let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")).and_then(|line| line.get(..3));
        let headers = lines.map(|line| line.split_once(':').expect("a header"));
        Message {
            status: status.and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("not a status line: {head:?}")),
            headers: headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect(),
        }
    }

    /// Takes everything up to the end of the answer.
    ///
    /// # Panics
    /// When it does not come.
    pub async fn response(&mut self) -> Response {
        let mut interims = Vec::new();
        let head = loop {
            match self.message().await {
                message if message.status < 200 => interims.push(message),
                message => break message,
            }
        };
        let none = self.is_head || matches!(head.status, 204 | 304);
        let length = head.get("content-length").filter(|_| !none).map(|length| length.parse::<usize>().expect("a length"));
        if length.is_none() && !none && head.get("transfer-encoding").is_some() {
            panic!("the answer has no length: {head:?}");
        }
        let length = length.unwrap_or(0);
        while self.came.len() < length && self.more().await {}
        assert!(self.came.len() >= length, "{} of {length} bytes came of {head:?}", self.came.len());
        Response { interims, head, body: self.came.drain(..length).collect() }
    }

    /// Waits until the server ends the connection.
    pub async fn ended(&mut self) {
        while self.more().await {}
    }

    async fn more(&mut self) -> bool {
        let read = within("an answer", self.socket.read_buf(&mut self.came)).await;
        read.is_ok_and(|count| count > 0)
    }
}

/// A message's status and headers.
#[derive(Clone, Debug)]
pub struct Message {
    /// The status.
    pub status: u16,
    headers: Vec<(String, String)>,
}

impl Message {
    /// The one header of this name.
    ///
    /// # Panics
    /// When there are several.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let value = values.next();
        assert!(values.next().is_none(), "{name} is there twice: {self:?}");
        value
    }
}

/// An answer.
#[derive(Clone)]
pub struct Response {
    /// The interim responses before it.
    pub interims: Vec<Message>,
    /// Its head.
    pub head: Message,
    /// Its body.
    pub body: Vec<u8>,
}

impl Response {
    /// The status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// The one header of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.head.get(name)
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {:?}", String::from_utf8_lossy(&self.body)))
    }

    /// The status and the code of a problem document.
    ///
    /// # Panics
    /// When it is none, or has another status.
    #[must_use]
    pub fn problem(&self) -> (u16, String) {
        assert_eq!(self.get("content-type"), Some("application/problem+json"), "{self:?}");
        let body = self.json();
        assert_eq!(body["status"], self.status(), "{body}");
        assert!(body["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{body}");
        (self.status(), body["code"].as_str().expect("a code").to_owned())
    }
}

impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let body = String::from_utf8_lossy(self.body.get(..1_000).unwrap_or(&self.body)).into_owned();
        f.debug_struct("Response").field("interims", &self.interims).field("head", &self.head).field("body", &body).finish()
    }
}
