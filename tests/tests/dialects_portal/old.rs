//! A client of the old format, which keeps the view as frontends of the old system did.

use samewire_protocol::rooms::merge;
use samewire_server::Config;
use samewire_tests::live::raw::{Heard, Raw, opcode};
use samewire_tests::live::{settings, token};
use serde_json::{Value, json};

use crate::stage::Stage;

/// A server that speaks this format and no other one.
pub(crate) async fn stage() -> Stage {
    Stage::with(config()).await
}

pub(crate) fn config() -> Config {
    let mut config = settings();
    config.dialects.portal_views.enabled = true;
    config
}

pub(crate) struct Old {
    pub(crate) raw: Raw,
    /// The view, by what was told of it.
    pub(crate) view: Value,
    /// All that was heard.
    pub(crate) heard: Vec<Value>,
}

impl Old {
    /// A connection to this address, which a server always takes before it says whether it wants it.
    pub(crate) async fn dial(stage: &Stage, path: &str) -> Self {
        Self::dial_with(stage, path, &[]).await
    }

    pub(crate) async fn dial_with(stage: &Stage, path: &str, headers: &[(&str, &str)]) -> Self {
        let raw = Raw::dial_at(stage.host.addr(), path, headers).await.expect("a handshake");
        Self { raw, view: Value::Null, heard: Vec::new() }
    }

    /// Somebody's connection, of whom nothing is known yet.
    pub(crate) async fn begin(stage: &Stage, user: &str, view: u64) -> Self {
        Self::dial(stage, &format!("/ws/portal-view/{view}?token={}", token(user))).await
    }

    /// Somebody who has the view.
    pub(crate) async fn open(stage: &Stage, user: &str, view: u64) -> Self {
        let mut old = Self::begin(stage, user, view).await;
        old.expect("connected").await;
        old.expect("portal-view-update").await;
        old
    }

    pub(crate) async fn say(&mut self, kind: &str, payload: Value) {
        self.raw.send(&json!({"type": kind, "payload": payload})).await;
    }

    pub(crate) async fn text(&mut self, text: &str) {
        self.raw.frame(opcode::TEXT, true, text.as_bytes()).await;
    }

    /// The next message.
    pub(crate) async fn next(&mut self) -> Value {
        match self.raw.next().await {
            Heard::Text(message) => {
                self.take(message.clone());
                message
            }
            end => panic!("waited for a message, and heard {end:?} after {:?}", self.heard.last()),
        }
    }

    /// The next message of this type.
    pub(crate) async fn expect(&mut self, kind: &str) -> Value {
        loop {
            let message = self.next().await;
            if message["type"] == kind {
                return message;
            }
        }
    }

    /// The code of the next error.
    pub(crate) async fn error(&mut self) -> String {
        let error = self.expect("error").await;
        assert!(error["message"].as_str().is_some_and(|message| message.len() > 10), "{error}");
        error["code"].as_str().unwrap_or_default().to_owned()
    }

    /// Its changes are stored, and it was told what became of them: what was said comes before the answer to a ping.
    pub(crate) async fn settled(&mut self) -> Vec<Value> {
        let before = self.heard.len();
        self.raw.send(&json!({"type": "ping"})).await;
        let pong = self.expect("pong").await;
        assert!(pong["timestamp"].as_u64().is_some_and(|time| time > 1_700_000_000_000), "{pong}");
        self.heard[before..self.heard.len() - 1].to_vec()
    }

    /// What it is told of the room up to now, when this controller says something.
    pub(crate) async fn hears(&mut self, controller: &mut Self) -> Vec<Value> {
        let before = self.heard.len();
        let mark = json!({"mark": controller.heard.len()});
        controller.settled().await;
        controller.say("typing", mark.clone()).await;
        while self.next().await["payload"] != mark {}
        self.heard[before..].iter().filter(|told| told["payload"].get("mark").is_none()).cloned().collect()
    }

    /// The close code and its reason. What is said before is heard.
    pub(crate) async fn end(&mut self) -> (u16, String) {
        loop {
            match self.raw.next().await {
                Heard::Text(message) => self.take(message),
                Heard::Odd(text) => self.heard.push(text.into()),
                Heard::Close(code, reason) => return (code, reason),
                other => panic!("waited for the end, and heard {other:?} after {:?}", self.heard.last()),
            }
        }
    }

    fn take(&mut self, message: Value) {
        let payload = message["payload"].clone();
        match message["type"].as_str().unwrap_or_default() {
            "portal-view-update" | "sync-response" if payload.get("id").is_some() => self.view = payload,
            "portal-view-update" => merge(&mut self.view, payload),
            "item-update" => {
                let mut item = payload;
                let id = item["id"].take().to_string();
                let is_gone = item["removed"] == true;
                merge(&mut self.view["items"], json!({id: if is_gone { Value::Null } else { item }}));
            }
            _ => {}
        }
        if let Some(version) = message.get("version") {
            self.view["version"] = version.clone();
        }
        self.heard.push(message);
    }
}

/// A view but for the time of its last change, which is not told with each.
pub(crate) fn timeless(view: &Value) -> Value {
    let mut view = view.clone();
    view["updated"].take();
    view
}
