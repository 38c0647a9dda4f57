//! Somebody in a view's room, who speaks the wire by hand and keeps the state as a member must.

use samewire_protocol::rooms::merge;
use samewire_tests::live::raw::{Heard, Raw};
use samewire_tests::live::token;
use serde_json::{Value, json};

use crate::stage::Stage;

/// A session of somebody's, and what it hears of a room.
pub(crate) struct Seat {
    pub(crate) raw: Raw,
    pub(crate) room: String,
    /// What it may, while it is a member.
    pub(crate) role: Option<String>,
    /// The state, by `joined` and every patch since.
    pub(crate) state: Value,
    pub(crate) epoch: Value,
    /// The newest event that it has.
    pub(crate) offset: u64,
    /// The last `joined`.
    pub(crate) joined: Value,
    /// Events, in the order in which they came.
    pub(crate) events: Vec<Value>,
    /// Errors that answer no call.
    pub(crate) errors: Vec<Value>,
    /// The last `left`.
    pub(crate) left: Option<Value>,
    calls: u64,
}

impl Seat {
    /// A session that is in no room yet.
    pub(crate) async fn outside(stage: &Stage, user: &str, view: u64) -> Self {
        let raw = Raw::session(stage.host.addr(), Some(&token(user))).await;
        Self::of(raw, format!("portal:{view}"))
    }

    pub(crate) fn of(raw: Raw, room: String) -> Self {
        Self {
            raw,
            room,
            role: None,
            state: Value::Null,
            epoch: Value::Null,
            offset: 0,
            joined: Value::Null,
            events: Vec::new(),
            errors: Vec::new(),
            left: None,
            calls: 0,
        }
    }

    /// A session in the room.
    pub(crate) async fn join(stage: &Stage, user: &str, view: u64) -> Self {
        let mut seat = Self::outside(stage, user, view).await;
        seat.enter().await.expect("a membership");
        seat
    }

    /// Joins, where it was before if it was there, and says why when it is refused.
    pub(crate) async fn enter(&mut self) -> Result<(), Value> {
        let mut join = json!({"type": "join", "room": self.room});
        if !self.epoch.is_null() {
            join["epoch"] = self.epoch.clone();
            join["offset"] = self.offset.into();
        }
        self.left = None;
        self.role = None;
        self.raw.send(&join).await;
        self.until("joined or left", |seat| seat.role.is_some() || seat.left.is_some()).await;
        match &self.left {
            None => Ok(()),
            Some(left) => Err(left["error"].clone()),
        }
    }

    /// Loses its connection without a word, and comes back to its session and its room.
    pub(crate) async fn cut_and_return(self, stage: &Stage) -> Self {
        let ticket = self.raw.ticket.clone();
        drop(self.raw);
        let (raw, _) = Raw::resume(stage.host.addr(), &ticket).await;
        let mut seat = Self { raw, ..self };
        seat.enter().await.expect("a membership");
        seat
    }

    pub(crate) async fn leave(&mut self) {
        self.raw.send(&json!({"type": "leave", "room": self.room})).await;
        self.until("left", |seat| seat.left.is_some()).await;
    }

    /// Listens until it holds.
    pub(crate) async fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        self.take_skipped();
        while !holds(self) {
            match self.raw.next().await {
                Heard::Text(frame) => self.take(frame),
                end => panic!("waited for {what}, and heard {end:?}; role {:?}, events {:?}", self.role, self.events.last()),
            }
        }
    }

    /// The events of this name so far.
    pub(crate) fn heard(&self, name: &str) -> usize {
        self.events.iter().filter(|event| event["name"] == name).count()
    }

    /// Everything that was said to this session before has been heard: the answer to a call comes after it.
    pub(crate) async fn quiet(&mut self) {
        self.call("system/echo", json!(null)).await.expect("an echo");
    }

    pub(crate) async fn call(&mut self, method: &str, params: Value) -> Result<Value, Value> {
        self.calls += 1;
        let answer = self.raw.call(self.calls, method, params).await;
        self.take_skipped();
        answer
    }

    /// Sends a call and does not wait for its answer.
    pub(crate) async fn call_blindly(&mut self, method: &str, params: Value) -> u64 {
        self.calls += 1;
        let call = json!({"type": "call", "id": self.calls, "method": method, "payload": params});
        self.raw.send(&call).await;
        self.calls
    }

    /// The answers to these calls, in whatever order they come.
    pub(crate) async fn answers(&mut self, mut calls: Vec<u64>) -> Vec<Result<Value, Value>> {
        let mut answers = Vec::new();
        while !calls.is_empty() {
            let frame = match self.raw.next().await {
                Heard::Text(frame) => frame,
                end => panic!("waited for the answers to {calls:?}, and heard {end:?}"),
            };
            let Some(at) = calls.iter().position(|call| frame["id"] == *call) else {
                self.take(frame);
                continue;
            };
            calls.swap_remove(at);
            let failed = frame["type"] == "failure";
            answers.push(if failed { Err(frame["error"].clone()) } else { Ok(frame["payload"].clone()) });
        }
        answers
    }

    /// Publishes an event that says this.
    pub(crate) async fn publish(&mut self, name: &str, payload: Value) -> Result<Value, Value> {
        let room = self.room.clone();
        self.call("rooms/publish", json!({"room": room, "name": name, "payload": payload})).await
    }

    /// Publishes an event with this patch.
    pub(crate) async fn patch(&mut self, name: &str, patch: Value) -> Result<Value, Value> {
        let room = self.room.clone();
        self.call("rooms/publish", json!({"room": room, "name": name, "patch": patch})).await
    }

    /// Casts, and says what came back: nothing, or an error.
    pub(crate) async fn cast(&mut self, name: &str, payload: Value) -> Option<Value> {
        let before = self.errors.len();
        self.raw.send(&json!({"type": "cast", "room": self.room, "name": name, "payload": payload})).await;
        // What is said about the cast is said before the answer to a call behind it.
        self.quiet().await;
        self.errors.get(before).cloned()
    }

    fn take_skipped(&mut self) {
        for frame in std::mem::take(&mut self.raw.skipped) {
            self.take(frame);
        }
    }

    fn take(&mut self, mut frame: Value) {
        if frame["room"] != self.room.as_str() {
            return;
        }
        match frame["type"].as_str().unwrap_or_default() {
            "joined" => {
                self.role = frame["role"].as_str().map(str::to_owned);
                self.epoch = frame["epoch"].clone();
                self.offset = frame["offset"].as_u64().expect("an offset");
                if frame["recovered"] == false {
                    self.state = frame["state"].clone();
                }
                self.joined = frame;
            }
            "left" => {
                self.role = None;
                self.left = Some(frame);
            }
            "event" => self.event(frame),
            "events" => {
                for event in frame["events"].as_array_mut().into_iter().flatten() {
                    self.event(event.take());
                }
            }
            "error" => self.errors.push(frame["error"].clone()),
            "presence" => {}
            other => panic!("a frame {other:?} of the room: {frame}"),
        }
    }

    fn event(&mut self, event: Value) {
        if let Some(offset) = event["offset"].as_u64() {
            assert!(offset > self.offset, "event {offset} after {}", self.offset);
            self.offset = offset;
        }
        if let Some(patch) = event.get("patch") {
            merge(&mut self.state, patch.clone());
        }
        self.events.push(event);
    }
}
