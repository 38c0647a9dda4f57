//! A server with live streams, and those who broadcast and watch.

use std::collections::VecDeque;
use std::net::SocketAddr;

use samewire_protocol::rooms::merge;
use samewire_server::Config;
use samewire_server::auth::Grants;
use samewire_tests::live::raw::{Heard, Raw};
use samewire_tests::live::{settings, token_with, within};
use serde_json::{Value, json};

/// The stream that most tests are about.
pub(crate) const STREAM: &str = "stage";

pub(crate) fn config() -> Config {
    settings()
}

/// A token that grants a role in the streams of this pattern.
pub(crate) fn token(user: &str, streams: &str, role: &str) -> String {
    let grants = Grants::default().live(streams.parse().expect("a pattern"), role.parse().expect("a role"));
    token_with(user, grants)
}

/// Somebody in the room of a stream.
pub(crate) struct Somebody {
    pub(crate) raw: Raw,
    stream: String,
    calls: u64,
    /// What was heard and not asked for yet: signals and events of the room.
    heard: VecDeque<Value>,
    /// The last signal and the last event.
    seq: u64,
    place: Option<(String, u64)>,
    /// The room's state, patched by what was heard.
    pub(crate) state: Value,
}

impl Somebody {
    /// Comes with a token for all streams, and joins the room.
    pub(crate) async fn new(addr: SocketAddr, user: &str, role: &str) -> Self {
        Self::of(addr, user, role, STREAM).await
    }

    pub(crate) async fn of(addr: SocketAddr, user: &str, role: &str, stream: &str) -> Self {
        let raw = Raw::session(addr, Some(&token(user, "*", role))).await;
        let mut somebody = Self::with(raw, stream);
        somebody.join().await;
        somebody
    }

    /// Somebody who is not in the room yet.
    pub(crate) fn with(raw: Raw, stream: &str) -> Self {
        Self { raw, stream: stream.into(), calls: 0, heard: VecDeque::new(), seq: 0, place: None, state: Value::Null }
    }

    /// Joins, where it was, with what it knows.
    pub(crate) async fn join(&mut self) {
        self.try_join().await.expect("may join");
    }

    pub(crate) async fn try_join(&mut self) -> Result<(), Value> {
        let room = format!("live:{}", self.stream);
        let mut join = json!({"type": "join", "room": room, "signals": self.seq});
        if let Some((epoch, offset)) = &self.place {
            join["epoch"] = epoch.clone().into();
            join["offset"] = (*offset).into();
        }
        self.raw.send(&join).await;
        loop {
            let frame = self.frame().await;
            match frame["type"].as_str() {
                Some("joined") => {
                    self.place = Some((text(&frame["epoch"]), frame["offset"].as_u64().expect("an offset")));
                    if !frame["state"].is_null() {
                        self.state = frame["state"].clone();
                    }
                    return Ok(());
                }
                Some("left") => return Err(frame["error"].clone()),
                _ => self.note(frame),
            }
        }
    }

    /// The link is lost and made anew, and the room joined again.
    pub(crate) async fn cut(&mut self, addr: SocketAddr) {
        self.come_back(addr).await;
        self.join().await;
    }

    /// A new link of the same session. The link before is simply gone.
    pub(crate) async fn come_back(&mut self, addr: SocketAddr) {
        let (raw, welcome) = Raw::resume(addr, &self.raw.ticket.clone()).await;
        assert_eq!(welcome["continuity"], "kept", "{welcome}");
        self.raw = raw;
    }

    async fn frame(&mut self) -> Value {
        loop {
            match self.raw.next().await {
                Heard::Text(frame) => return frame,
                Heard::Binary(_) => {}
                end => panic!("waited for something, and heard {end:?}"),
            }
        }
    }

    /// Keeps what the room says.
    fn note(&mut self, frame: Value) {
        match frame["type"].as_str() {
            Some("event") => {
                if let (Some((_, known)), Some(offset)) = (&mut self.place, frame["offset"].as_u64()) {
                    assert_eq!(offset, *known + 1, "events come in order: {frame}");
                    *known = offset;
                }
                if !frame["state"].is_null() {
                    self.state = frame["state"].clone();
                }
                if frame["patch"].is_object() {
                    merge(&mut self.state, frame["patch"].clone());
                }
                self.heard.push_back(frame);
            }
            Some("signal") => {
                let seq = frame["seq"].as_u64().expect("a number");
                if seq > self.seq {
                    self.seq = seq;
                    self.heard.push_back(frame);
                }
            }
            Some("skipped") => {
                if let (Some((_, known)), Some(offset)) = (&mut self.place, frame["offset"].as_u64()) {
                    *known = offset;
                }
                self.state = frame["state"].clone();
            }
            _ => {}
        }
    }

    pub(crate) async fn call(&mut self, method: &str, mut params: Value) -> Result<Value, Value> {
        self.calls += 1;
        let id = self.calls;
        params["stream"] = self.stream.clone().into();
        let call = json!({"type": "call", "id": id, "method": format!("live/{method}"), "payload": params});
        self.raw.send(&call).await;
        loop {
            let frame = self.frame().await;
            match frame["type"].as_str() {
                Some("result") if frame["id"] == id => return Ok(frame["payload"].clone()),
                Some("failure") if frame["id"] == id => return Err(frame["error"].clone()),
                _ => self.note(frame),
            }
        }
    }

    pub(crate) async fn start(&mut self) -> Value {
        self.call("start", json!({})).await.expect("may start")
    }

    pub(crate) async fn watch(&mut self) -> Value {
        self.call("watch", json!({})).await.expect("may watch")
    }

    /// The next thing of this name that the room says, to all or to this one; others before it stay to be asked for.
    pub(crate) async fn hears(&mut self, name: &str) -> Value {
        let mut at = 0;
        within(&format!("`{name}`"), async {
            loop {
                while at < self.heard.len() {
                    if self.heard[at]["name"] == name {
                        return self.heard.remove(at).expect("it is there")["payload"].take();
                    }
                    at += 1;
                }
                let frame = self.frame().await;
                self.note(frame);
            }
        })
        .await
    }

    /// Waits until the room's state is so.
    pub(crate) async fn sees(&mut self, what: &str, holds: impl Fn(&Value) -> bool) {
        within(what, async {
            while !holds(&self.state) {
                let frame = self.frame().await;
                self.note(frame);
            }
        })
        .await;
    }

    /// Everything that was heard and not asked for, by name. What the server has said before it answers is heard.
    pub(crate) async fn rest(&mut self) -> Vec<String> {
        self.call("get", json!({})).await.expect("may look");
        self.heard.drain(..).map(|frame| text(&frame["name"])).collect()
    }
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The code of what must fail.
pub(crate) fn code(result: Result<Value, Value>) -> String {
    text(&result.expect_err("it must not succeed")["code"])
}

/// A message of this kind, which tells itself from others.
pub(crate) fn message(kind: &str, mark: &str) -> Value {
    match kind {
        "candidates" => json!({"type": kind, "round": 1, "candidates": [{"candidate": mark, "sdpMid": "0"}]}),
        _ => json!({"type": kind, "round": 1, "sdp": format!("v=0\r\n{mark}")}),
    }
}

pub(crate) fn signal(viewer: Option<&Value>, negotiation: &Value, message: Value) -> Value {
    match viewer {
        Some(viewer) => json!({"viewer": viewer, "negotiation": negotiation, "message": message}),
        None => json!({"negotiation": negotiation, "message": message}),
    }
}
