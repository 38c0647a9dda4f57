//! A client as plain as can be: it believes what it is told, and checks that nothing is told twice or left out.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use samewire_protocol::SessionId;
use samewire_protocol::rooms::{Epoch, Member, merge};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use super::super::{Author, Budget, Core, Joiner, Message, Millis, Pulled, Reader, Tally};
use crate::auth::Identity;
use crate::rooms::policy::{KindPolicy, role};

pub(super) fn core(policy: KindPolicy) -> Core {
    Core::new("test:1".parse().unwrap(), Epoch::from_random(7), Arc::new(policy), None, 0)
}

pub(super) fn user(id: &str) -> Identity {
    Identity::user(id).unwrap()
}

pub(super) fn anonymous(n: u8) -> Identity {
    Identity::anonymous(SessionId::from_random([n; 16]))
}

pub(super) fn member(id: &str) -> Joiner {
    Joiner { session: None, identity: user(id), role: role("member"), info: None, presence: true, from: None, signals: None }
}

pub(super) fn raw(json: Value) -> Box<RawValue> {
    to_raw_value(&json).unwrap()
}

pub(super) fn message(name: &str, payload: Value) -> Message {
    Message { payload: Some(raw(payload)), ..Message::new(name.parse().unwrap()) }
}

/// What a client makes of the frames it gets.
#[derive(Clone, Debug, Default)]
pub(super) struct Client {
    pub(super) joined: Value,
    pub(super) left: Value,
    pub(super) recovered: Option<bool>,
    pub(super) missed: Option<u64>,
    pub(super) offset: u64,
    pub(super) state: Option<Value>,
    pub(super) presence: BTreeMap<String, Value>,
    pub(super) counts: (u64, u64),
    pub(super) presence_frames: Vec<Value>,
    pub(super) heard: Vec<Value>,
    pub(super) skipped: u64,
    pub(super) signals: u64,
    pub(super) frames: usize,
}

impl Client {
    pub(super) fn ids(&self) -> Vec<&str> {
        self.presence.keys().map(String::as_str).collect()
    }

    pub(super) fn take(&mut self, frame: &[u8]) {
        self.frames += 1;
        let (payload, is_text) = unframe(frame);
        let (text, attachment) = if is_text {
            (payload, None)
        } else {
            let head = u32::from_be_bytes(payload[4..8].try_into().unwrap()) as usize;
            (&payload[16..16 + head], Some(&payload[16 + head..]))
        };
        let mut frame: Value = serde_json::from_slice(text).expect("a frame is JSON");
        assert_eq!(frame["room"], "test:1");
        if let Some(bytes) = attachment {
            frame["attachment"] = json!(bytes);
        }
        match frame["type"].as_str().expect("a type") {
            "joined" => self.take_joined(frame),
            "left" => self.left = frame,
            "event" => self.take_event(frame),
            "events" => frame["events"].as_array().expect("events").iter().for_each(|event| self.take_event(event.clone())),
            "skipped" => {
                let (offset, count) = (frame["offset"].as_u64().unwrap(), frame["count"].as_u64().unwrap());
                assert_eq!(self.offset + count, offset, "what is left out is what comes next");
                (self.offset, self.skipped) = (offset, self.skipped + count);
                self.take_state(&frame);
            }
            "presence" => {
                for entry in frame["set"].as_array().into_iter().flatten() {
                    self.presence.insert(entry["id"].as_str().unwrap().to_owned(), entry.clone());
                }
                for id in frame["gone"].as_array().into_iter().flatten() {
                    self.presence.remove(id.as_str().unwrap());
                }
                self.take_counts(&frame);
                self.presence_frames.push(frame);
            }
            "signal" => {
                let seq = frame["seq"].as_u64().unwrap();
                assert!(seq > self.signals, "signals come in their order, and each once");
                self.signals = seq;
            }
            other => panic!("a frame of type {other}"),
        }
    }

    fn take_joined(&mut self, frame: Value) {
        let offset = frame["offset"].as_u64().unwrap();
        let recovered = frame["recovered"].as_bool().unwrap();
        if recovered {
            assert_eq!(offset, self.offset, "a client that is recovered goes on where it was");
        }
        (self.offset, self.recovered, self.missed) = (offset, Some(recovered), frame["missed"].as_u64());
        self.take_state(&frame);
        self.presence.clear();
        if let Some(presence) = frame.get("presence") {
            for entry in presence["entries"].as_array().into_iter().flatten() {
                self.presence.insert(entry["id"].as_str().unwrap().to_owned(), entry.clone());
            }
            self.take_counts(presence);
        }
        self.joined = frame;
    }

    fn take_event(&mut self, event: Value) {
        if let Some(offset) = event["offset"].as_u64() {
            assert_eq!(offset, self.offset + 1);
            self.offset = offset;
            if let Some(patch) = event.get("patch") {
                merge(self.state.as_mut().expect("a state to patch"), patch.clone());
            }
            self.take_state(&event);
        }
        self.heard.push(event);
    }

    fn take_state(&mut self, frame: &Value) {
        if let Some(state) = frame.get("state") {
            self.state = Some(state.clone());
        }
    }

    fn take_counts(&mut self, presence: &Value) {
        self.counts = (presence["users"].as_u64().unwrap(), presence["members"].as_u64().unwrap());
    }
}

fn unframe(frame: &[u8]) -> (&[u8], bool) {
    let at = match frame[1] {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    assert!(matches!(frame[0], 0x81 | 0x82));
    (&frame[at..], frame[0] == 0x81)
}

/// A client with its place in the room.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) id: String,
    pub(super) member: Member,
    pub(super) reader: Option<Reader>,
    pub(super) client: Client,
}

impl Peer {
    pub(super) fn of(reader: Reader) -> Self {
        Self { id: String::new(), member: reader.member(), reader: Some(reader), client: Client::default() }
    }

    pub(super) fn join(room: &mut Core, now: Millis, id: &str) -> Self {
        Self { id: id.to_owned(), ..Self::of(room.join(now, member(id)).expect("joined")) }
    }

    pub(super) fn author(&self) -> Author<'static> {
        Author::Member(self.member)
    }

    /// Pulls until nothing is left.
    pub(super) fn pull(&mut self, room: &mut Core, now: Millis) -> Pulled {
        loop {
            let pulled = self.pull_some(room, now, Budget::default());
            if pulled != Pulled::More {
                return pulled;
            }
        }
    }

    pub(super) fn pull_some(&mut self, room: &mut Core, now: Millis, mut budget: Budget) -> Pulled {
        let Some(reader) = &mut self.reader else { return Pulled::Drained };
        let mut frames = VecDeque::new();
        let pulled = room.pull(now, reader, &mut frames, &mut budget, &mut Tally::default());
        frames.iter().for_each(|frame| self.client.take(frame));
        pulled
    }

    /// Its link is lost, with everything that was not pulled.
    pub(super) fn cut(&mut self, room: &mut Core, now: Millis) {
        self.reader = None;
        room.away(now, self.member);
    }

    /// It comes back with what it knows; as a new member if it was away for too long.
    pub(super) fn come_back(&mut self, room: &mut Core, now: Millis) {
        let joiner = Joiner {
            from: self.client.recovered.map(|_| (room.epoch(), self.client.offset)),
            signals: Some(self.client.signals),
            ..member(if self.id.is_empty() { "ada" } else { &self.id })
        };
        let reader = match room.rejoin(now, self.member, joiner.clone()) {
            Some(reader) => reader,
            None => room.join(now, joiner).expect("joined"),
        };
        self.member = reader.member();
        self.reader = Some(reader);
    }
}
