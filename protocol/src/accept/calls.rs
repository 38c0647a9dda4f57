//! The server's side of calls: each runs once, and its answer is kept until the caller has it.

use std::collections::{BTreeMap, VecDeque};

use serde_json::value::RawValue;

use super::Load;
use crate::code::Code;
use crate::failure::{Failure, Ran};
use crate::id::CallId;
use crate::limits::PART_WINDOW;
use crate::wire::{Call, ServerFrame, Text};

/// How many bytes of answers are kept for one session before the oldest are let go.
const KEPT_BYTES: usize = 4 * 1024 * 1024;
/// How many calls are remembered for one session whose client does not say which are settled.
const KEPT_RECORDS: usize = 16 * 1024;

#[derive(Debug, Default)]
pub(super) struct Calls {
    records: BTreeMap<CallId, Record>,
    /// Every call below this one is settled at the caller.
    done: u64,
    running: usize,
    kept_bytes: usize,
}

#[derive(Debug)]
enum Record {
    Running(Box<Parts>),
    Answered(Text, Box<Parts>),
    /// It ran, and its answer was let go to bound memory.
    Lost,
}

#[derive(Debug, Default)]
struct Parts {
    /// Parts that the caller has not acknowledged.
    unacked: VecDeque<Text>,
    /// How many it has acknowledged.
    acked: u64,
}

/// What a call met.
pub(super) enum Met {
    /// It is new: run it.
    New,
    /// It ran or runs: these frames bring the caller up to date.
    Known(Vec<Text>),
    /// It cannot be run.
    Refused(Failure),
}

impl Calls {
    /// Looks a call up and books a new one. Calls that run although their caller has settled them go to `given_up`.
    pub(super) fn meet(&mut self, call: &Call<'_>, max_calls: usize, given_up: &mut Vec<CallId>) -> Met {
        if let Some(done) = call.done {
            self.forget_below(done, given_up);
        }
        if call.id.0 < self.done {
            return Met::Refused(
                Failure::new(Code::BadNumber, "the caller has settled this call; use a new number").ran(Ran::Maybe),
            );
        }
        if let Some(record) = self.records.get_mut(&call.id) {
            return match record {
                Record::Running(parts) => Met::Known(parts.from(call.parts)),
                Record::Answered(answer, parts) => {
                    let mut texts = parts.from(call.parts);
                    texts.push(answer.clone());
                    Met::Known(texts)
                }
                Record::Lost => Met::Refused(answer_lost()),
            };
        }
        if self.running >= max_calls {
            let message = format!("{max_calls} calls of this session are under way; wait for some of them");
            return Met::Refused(Failure::new(Code::TooManyCalls, message));
        }
        self.running += 1;
        self.records.insert(call.id, Record::Running(Box::default()));
        Met::New
    }

    pub(super) fn answered(&mut self, id: CallId, text: Text) -> bool {
        let Some(record) = self.records.get_mut(&id) else { return false };
        let Record::Running(parts) = record else { return false };
        self.kept_bytes += text.len();
        let parts = std::mem::take(parts);
        *record = Record::Answered(text, parts);
        self.running -= 1;
        self.bound_memory(id);
        true
    }

    pub(super) fn part(&mut self, id: CallId, payload: &RawValue) -> Option<Text> {
        let Some(Record::Running(parts)) = self.records.get_mut(&id) else { return None };
        if parts.unacked.len() as u64 >= PART_WINDOW {
            return None;
        }
        let seq = parts.acked + parts.unacked.len() as u64;
        let text = ServerFrame::Part { id, seq, payload }.encode();
        parts.unacked.push_back(text.clone());
        Some(text)
    }

    pub(super) fn part_room(&self, id: CallId) -> Option<u64> {
        match self.records.get(&id) {
            Some(Record::Running(parts)) => Some(PART_WINDOW.saturating_sub(parts.unacked.len() as u64)),
            _ => None,
        }
    }

    pub(super) fn ack(&mut self, id: CallId, count: u64) {
        if let Some(Record::Running(parts) | Record::Answered(_, parts)) = self.records.get_mut(&id) {
            parts.ack(count);
        }
    }

    /// The caller has given the call up. Whether it ran until now, and the answer, which tells the caller that this is known.
    pub(super) fn cancel(&mut self, id: CallId) -> (bool, Text) {
        let ran = if self.records.contains_key(&id) { Ran::Maybe } else { Ran::No };
        let error = Failure::new(Code::Canceled, "the caller cancelled the call").ran(ran);
        let text = ServerFrame::Failure { id, error }.encode();
        (self.answered(id, text.clone()), text)
    }

    pub(super) fn load(&self) -> Load {
        Load { calls_running: self.running, calls_kept: self.records.len(), bytes_kept: self.kept_bytes, ..Load::default() }
    }

    pub(super) fn running(&self) -> Vec<CallId> {
        self.records.iter().filter(|(_, record)| matches!(record, Record::Running(_))).map(|(id, _)| *id).collect()
    }

    fn forget_below(&mut self, done: CallId, given_up: &mut Vec<CallId>) {
        self.done = self.done.max(done.0);
        while let Some(entry) = self.records.first_entry() {
            if *entry.key() >= done {
                break;
            }
            let (id, record) = entry.remove_entry();
            match record {
                // The caller has given it up, by its deadline for one.
                Record::Running(_) => {
                    self.running -= 1;
                    given_up.push(id);
                }
                Record::Answered(text, _) => self.kept_bytes -= text.len(),
                Record::Lost => {}
            }
        }
    }

    fn bound_memory(&mut self, newest: CallId) {
        while self.records.len() > KEPT_RECORDS
            && let Some(first) = self.records.first_entry().filter(|first| !matches!(first.get(), Record::Running(_)))
        {
            let (id, record) = first.remove_entry();
            self.done = self.done.max(id.0 + 1);
            if let Record::Answered(text, _) = record {
                self.kept_bytes -= text.len();
            }
        }
        if self.kept_bytes <= KEPT_BYTES {
            return;
        }
        for (id, record) in &mut self.records {
            if self.kept_bytes <= KEPT_BYTES || *id == newest {
                break;
            }
            if let Record::Answered(text, _) = record {
                self.kept_bytes -= text.len();
                *record = Record::Lost;
            }
        }
    }
}

impl Parts {
    fn ack(&mut self, count: u64) {
        while self.acked < count && self.unacked.pop_front().is_some() {
            self.acked += 1;
        }
    }

    /// The parts that a caller with `count` of them does not have.
    fn from(&mut self, count: u64) -> Vec<Text> {
        self.ack(count);
        self.unacked.iter().cloned().collect()
    }
}

fn answer_lost() -> Failure {
    Failure::new(Code::AnswerLost, "the call ran, but its answer was too large to be kept until you came back").ran(Ran::Yes)
}
