//! A server, somebody with a token, and requests to the last byte as the test says.

use std::net::SocketAddr;

use samewire_server::auth::Grants;
use samewire_tests::live::{Child, token, token_with, within};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A server with small limits. Nothing expires while a test runs, however busy the machine is.
pub(crate) async fn server() -> Child {
    server_with(&[]).await
}

/// The same with other settings for some.
pub(crate) async fn server_with(settings: &[(&str, &str)]) -> Child {
    let defaults = [("LIMITS_MAX_UPLOAD", "16 GiB"), ("STREAMS_QUOTA", "1 GiB"), ("LIMITS_WINDOW", "256 KiB")];
    let kept = defaults.into_iter().filter(|(name, _)| !settings.iter().any(|(other, _)| other == name));
    Child::start(&kept.chain(settings.iter().copied()).collect::<Vec<_>>()).await
}

/// Somebody who uploads.
#[derive(Clone)]
pub(crate) struct Person {
    addr: SocketAddr,
    token: String,
}

impl Person {
    pub(crate) fn new(server: &Child, name: &str) -> Self {
        Self::at(server.addr(), name)
    }

    /// The same with a token that allows only this method.
    pub(crate) fn allowed(server: &Child, name: &str, method: &str) -> Self {
        let grants = Grants::default().method(method.parse().expect("a pattern"));
        Self { addr: server.addr(), token: token_with(name, grants) }
    }

    /// The same over another way to the server.
    pub(crate) fn at(addr: SocketAddr, name: &str) -> Self {
        Self { addr, token: token(name) }
    }

    /// A request with what every request by tus has.
    pub(crate) fn tus(&self, method: &str, path: &str) -> Ask {
        self.plain(method, path).header("Tus-Resumable", "1.0.0")
    }

    /// A request with a token and nothing else.
    pub(crate) fn plain(&self, method: &str, path: &str) -> Ask {
        Ask::new(self.addr, method, path).header("Authorization", &format!("Bearer {}", self.token))
    }

    /// Begins an upload of this size and answers its address.
    pub(crate) async fn create(&self, size: u64) -> String {
        let answer = self.tus("POST", "/tus/").header("Upload-Length", &size.to_string()).send().await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.location()
    }

    /// Begins an upload that is to become a part of another.
    pub(crate) async fn create_partial(&self, size: usize) -> String {
        let ask = self.tus("POST", "/tus/").header("Upload-Concat", "partial");
        let answer = ask.header("Upload-Length", &size.to_string()).send().await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.location()
    }

    /// A `PATCH` without its body.
    pub(crate) fn patch(&self, path: &str, offset: u64) -> Ask {
        let ask = self.tus("PATCH", path).header("Content-Type", "application/offset+octet-stream");
        ask.header("Upload-Offset", &offset.to_string())
    }

    /// Sends bytes and answers how far the upload is then.
    pub(crate) async fn append(&self, path: &str, offset: u64, bytes: &[u8]) -> u64 {
        let answer = self.patch(path, offset).body(bytes).send().await;
        assert_eq!(answer.status, 204, "{answer:?}");
        answer.offset()
    }

    /// How far an upload is.
    pub(crate) async fn offset(&self, path: &str) -> u64 {
        let answer = self.tus("HEAD", path).send().await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.offset()
    }

    /// The person's files.
    pub(crate) async fn files(&self) -> Vec<Value> {
        let answer = self.plain("POST", "/rpc/files/list").send().await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["files"].as_array().expect("a list").clone()
    }

    /// How many bytes are free of this quota, as the server counts: an upload of so many can be begun, and none that is a byte longer.
    pub(crate) async fn has_left(&self, bytes: u64) {
        let ask = |size: u64| self.tus("POST", "/tus/").header("Upload-Length", &size.to_string()).send();
        let answer = ask(bytes + 1).await;
        assert_eq!((answer.status, answer.problem().as_str()), (413, "quota-exceeded"), "with {bytes} bytes left");
        let answer = ask(bytes).await;
        assert_eq!(answer.status, 201, "with {bytes} bytes left: {answer:?}");
        assert_eq!(self.tus("DELETE", &answer.location()).send().await.status, 204);
    }
}

/// A request.
#[derive(Clone)]
pub(crate) struct Ask {
    addr: SocketAddr,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Ask {
    pub(crate) fn new(addr: SocketAddr, method: &str, path: &str) -> Self {
        Self { addr, method: method.to_owned(), path: path.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    /// Adds a header, or replaces it.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self = self.without(name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    pub(crate) fn body(mut self, bytes: &[u8]) -> Self {
        self.body = bytes.to_vec();
        self.header("Content-Length", &bytes.len().to_string())
    }

    /// Sends all of it and takes the answer.
    pub(crate) async fn send(self) -> Answer {
        let body = self.body.clone();
        let mut open = self.begin().await;
        open.write(&body).await;
        open.answer().await
    }

    /// Sends the head; the body is the caller's.
    pub(crate) async fn begin(self) -> Open {
        let mut head = format!("{} {} HTTP/1.1\r\nHost: {}\r\n", self.method, self.path, self.addr);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += "\r\n";
        let mut socket = within("a connection", TcpStream::connect(self.addr)).await.expect("a connection");
        socket.write_all(head.as_bytes()).await.expect("a head that is taken");
        Open { socket, without_body: self.method == "HEAD" }
    }
}

/// A request whose head is sent.
pub(crate) struct Open {
    socket: TcpStream,
    without_body: bool,
}

impl Open {
    /// Sends bytes of the body. The server may have had enough of them; then its answer says why.
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        let _ = within("bytes to be taken", self.socket.write_all(bytes)).await;
    }

    /// Closes the connection in the middle of things.
    pub(crate) fn cut(self) {
        drop(self);
    }

    pub(crate) async fn answer(self) -> Answer {
        within("an answer", self.read()).await.expect("an answer")
    }

    /// The answer, or none when the connection ends without one.
    pub(crate) async fn read(mut self) -> Option<Answer> {
        let mut got = Vec::new();
        let head = loop {
            if let Some(end) = got.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            if self.socket.read_buf(&mut got).await.unwrap_or(0) == 0 {
                return None;
            }
        };
        let text = String::from_utf8_lossy(&got[..head]).into_owned();
        let mut lines = text.split("\r\n");
        let status = lines.next().unwrap_or_default().to_owned();
        let mut words = status.splitn(3, ' ').skip(1);
        let headers = lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_lowercase(), value.into()));
        let mut answer = Answer {
            status: words.next().and_then(|word| word.parse().ok()).expect("a status"),
            reason: words.next().unwrap_or_default().to_owned(),
            headers: headers.collect(),
            body: String::new(),
        };
        let size = if self.without_body { None } else { answer.header("content-length") };
        let size: usize = size.and_then(|size| size.parse().ok()).unwrap_or(0);
        let mut body = got.split_off(head + 4);
        while body.len() < size {
            if self.socket.read_buf(&mut body).await.unwrap_or(0) == 0 {
                break;
            }
        }
        answer.body = String::from_utf8_lossy(&body).into_owned();
        Some(answer)
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) reason: String,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// The code of a problem document, which every answer is that is none of what was asked for.
    pub(crate) fn problem(&self) -> String {
        let document = self.json();
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        assert_eq!(document["status"], self.status, "{self:?}");
        assert!(document["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{self:?}");
        document["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The path of the upload that was begun with a request to `/tus/`.
    pub(crate) fn location(&self) -> String {
        let location = self.header("location").unwrap_or_else(|| panic!("no location: {self:?}"));
        assert!(location.starts_with("st_"), "{location}");
        format!("/tus/{location}")
    }

    pub(crate) fn offset(&self) -> u64 {
        let offset = self.header("upload-offset").and_then(|offset| offset.parse().ok());
        offset.unwrap_or_else(|| panic!("no offset: {self:?}"))
    }

    /// The file that the upload became.
    pub(crate) fn file(&self) -> String {
        self.header("samewire-file").unwrap_or_else(|| panic!("no file: {self:?}")).to_owned()
    }
}
