//! An old client, and a server for it.

use samewire_server::Config;
use samewire_server::config::Secret;
use samewire_tests::live::raw::{Heard, Raw, opcode};
use samewire_tests::live::{Host, SECRET, settings};
use serde_json::{Value, json};
use tokio::sync::watch;

/// A server that speaks Metacom with anybody.
pub(crate) fn config() -> Config {
    let mut config = settings();
    config.dialects.metacom.enabled = true;
    config.dialects.metacom.anonymous = true;
    config
}

/// One that speaks it with those who have a token only.
pub(crate) fn closed() -> Config {
    let mut config = config();
    config.dialects.metacom.anonymous = false;
    config.auth.anonymous = false;
    config.auth.secret = Some(Secret::new(SECRET));
    config
}

pub(crate) async fn host() -> Host {
    Host::start(config()).await
}

samewire_tests::contract!(
    /// A method that answers when the test says so.
    pub(crate) Wait, "tests/wait", "Answer when the test says so", true
);

/// A server with [`Wait`], and what lets it answer.
pub(crate) async fn host_that_waits(config: Config) -> (Host, watch::Sender<bool>) {
    let (go, wait) = watch::channel(false);
    let host = Host::with(config, move |builder| {
        let wait = wait.clone();
        builder.method::<Wait, _, _>(move |args: Value| {
            let mut wait = wait.clone();
            async move {
                drop(wait.wait_for(|go| *go).await);
                Ok(args)
            }
        })
    })
    .await;
    (host, go)
}

/// A client of Metacom 3.
pub(crate) struct Old {
    pub(crate) raw: Raw,
    /// What came and was not asked for.
    pub(crate) heard: Vec<Value>,
    /// Chunks that came: their streams' numbers, and bytes.
    pub(crate) chunks: Vec<(i32, Vec<u8>)>,
}

impl Old {
    pub(crate) async fn connect(host: &Host) -> Self {
        Self::connect_at(host, "/api", &[]).await
    }

    pub(crate) async fn connect_at(host: &Host, path: &str, headers: &[(&str, &str)]) -> Self {
        let raw = Raw::dial_at(host.addr(), path, headers).await.expect("a handshake");
        Self { raw, heard: Vec::new(), chunks: Vec::new() }
    }

    pub(crate) async fn send(&mut self, packet: &Value) {
        self.raw.send(packet).await;
    }

    pub(crate) async fn say(&mut self, text: &str) {
        self.raw.frame(opcode::TEXT, true, text.as_bytes()).await;
    }

    /// The next packet.
    pub(crate) async fn next(&mut self) -> Value {
        loop {
            match self.raw.next().await {
                Heard::Text(packet) => return packet,
                Heard::Binary(chunk) => {
                    let (no, bytes) = chunk.split_first_chunk().expect("a stream's number");
                    self.chunks.push((i32::from_be_bytes(*no), bytes.to_vec()));
                }
                end => panic!("waited for a packet, and heard {end:?} after {:?}", self.heard),
            }
        }
    }

    /// The next packet that is meant; others are put aside.
    pub(crate) async fn expect(&mut self, meant: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.heard.iter().position(&meant) {
            return self.heard.remove(at);
        }
        loop {
            let packet = self.next().await;
            if meant(&packet) {
                return packet;
            }
            self.heard.push(packet);
        }
    }

    pub(crate) async fn ask(&mut self, id: u64, method: &str, args: Value) {
        self.send(&json!({"type": "call", "id": id, "method": method, "args": args})).await;
    }

    /// The answer to a call: the result, or the error.
    pub(crate) async fn answer(&mut self, id: u64) -> Result<Value, Value> {
        let packet = self.expect(|packet| packet["type"] == "callback" && packet["id"] == id).await;
        match packet.get("error") {
            Some(error) => Err(error.clone()),
            None => Ok(packet["result"].clone()),
        }
    }

    pub(crate) async fn call(&mut self, id: u64, method: &str, args: Value) -> Result<Value, Value> {
        self.ask(id, method, args).await;
        self.answer(id).await
    }

    pub(crate) async fn event(&mut self, name: &str) -> Value {
        self.expect(|packet| packet["type"] == "event" && packet["name"] == name).await["data"].clone()
    }

    pub(crate) async fn open(&mut self, id: i32, size: u64) {
        self.send(&json!({"type": "stream", "id": id, "name": "a file", "size": size})).await;
    }

    pub(crate) async fn chunk(&mut self, id: i32, bytes: &[u8]) {
        let mut frame = id.to_be_bytes().to_vec();
        frame.extend_from_slice(bytes);
        self.raw.frame(opcode::BINARY, true, &frame).await;
    }

    pub(crate) async fn end(&mut self, id: i32) {
        self.send(&json!({"type": "stream", "id": id, "status": "end"})).await;
    }

    /// Sends a stream as a client does.
    pub(crate) async fn upload(&mut self, id: i32, bytes: &[u8]) {
        self.open(id, bytes.len() as u64).await;
        for piece in bytes.chunks(64 * 1024) {
            self.chunk(id, piece).await;
        }
        self.end(id).await;
    }

    /// Everything that the server has said up to now.
    pub(crate) async fn all(&mut self) -> Vec<Value> {
        self.say("{}").await;
        let mut all = std::mem::take(&mut self.heard);
        loop {
            let packet = self.next().await;
            if packet == json!({}) {
                return all;
            }
            all.push(packet);
        }
    }

    /// What the server says of a stream, up to now.
    pub(crate) async fn told_of(&mut self, id: i32) -> Vec<Value> {
        let all = self.all().await;
        all.into_iter().filter(|packet| packet["id"] == id || packet["data"]["streamId"] == id).collect()
    }
}

/// Bytes that follow from a seed.
pub(crate) fn bytes(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        })
        .collect()
}
