//! The server's side of calls: each runs once, and its answer is kept until the caller has it.

use std::collections::{BTreeMap, VecDeque};

use serde_json::value::RawValue;

use super::Load;
use crate::code::Code;
use crate::failure::{Failure, Ran};
use crate::id::CallId;
use crate::limits::{PART_BYTES, PART_WINDOW};
use crate::wire::{Call, Frame, ServerFrame, Text};

/// How many bytes of answers are kept for one session before the oldest are let go.
const KEPT_BYTES: usize = 4 * 1024 * 1024;
/// How many answers are kept for one session, whatever their size.
const KEPT_ANSWERS: usize = 16 * 1024;

/// Calls by number. A caller sends them in the order of their numbers on each link, so that a number up to the highest one that
/// was met, of which there is no record, is one whose answer was let go.
#[derive(Debug, Default)]
pub(super) struct Calls {
    records: BTreeMap<CallId, Record>,
    /// Every call below this one is settled at the caller.
    done: u64,
    highest: u64,
    running: usize,
    kept_bytes: usize,
    /// Counts the links of the session.
    link: u32,
}

#[derive(Debug)]
enum Record {
    Running(Box<Parts>),
    Answered(Frame, Box<Parts>),
}

#[derive(Debug, Default)]
struct Parts {
    /// The link on which the caller asked last. On another one it hears nothing before it has asked there as well: an answer would
    /// overtake the parts that were lost with the link before.
    link: u32,
    /// Parts that the caller has not acknowledged.
    unacked: VecDeque<Text>,
    bytes: usize,
    /// How many it has acknowledged.
    acked: u64,
}

/// What a call met.
pub(super) enum Met {
    /// It is new: run it.
    New,
    /// It ran or runs: these frames bring the caller up to date.
    Known(Vec<Frame>),
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
                Record::Running(parts) => {
                    parts.link = self.link;
                    self.kept_bytes -= parts.ack(call.parts);
                    Met::Known(parts.unacked.iter().cloned().map(Frame::Text).collect())
                }
                Record::Answered(answer, parts) => {
                    self.kept_bytes -= parts.ack(call.parts);
                    Met::Known(parts.unacked.iter().cloned().map(Frame::Text).chain([answer.clone()]).collect())
                }
            };
        }
        if call.id.0 <= self.highest {
            return Met::Refused(answer_lost());
        }
        if self.running >= max_calls {
            let message = format!("{max_calls} calls of this session are under way; wait for some of them");
            return Met::Refused(Failure::new(Code::TooManyCalls, message));
        }
        self.running += 1;
        self.highest = call.id.0;
        let parts = Parts { link: self.link, ..Parts::default() };
        self.records.insert(call.id, Record::Running(Box::new(parts)));
        Met::New
    }

    /// The link is gone: no caller hears anything before it has asked again.
    pub(super) fn detached(&mut self) {
        self.link = self.link.wrapping_add(1);
    }

    /// Keeps a call's answer. `None` when nobody waits for it any more; else whether the caller has asked on this link.
    pub(super) fn answered(&mut self, id: CallId, frame: Frame) -> Option<bool> {
        let record = self.records.get_mut(&id)?;
        let Record::Running(parts) = record else { return None };
        self.kept_bytes += frame.len();
        let parts = std::mem::take(parts);
        let asked = parts.link == self.link;
        *record = Record::Answered(frame, parts);
        self.running -= 1;
        self.bound_memory(id);
        Some(asked)
    }

    /// Keeps a part of a call's result. `None` when there is no room for it; else the frame, if the caller has asked on this link.
    pub(super) fn part(&mut self, id: CallId, payload: &RawValue) -> Option<Option<Text>> {
        let Some(Record::Running(parts)) = self.records.get_mut(&id) else { return None };
        if parts.room() == 0 {
            return None;
        }
        let seq = parts.acked + parts.unacked.len() as u64;
        let text = ServerFrame::Part { id, seq, payload }.encode();
        parts.bytes += text.len();
        self.kept_bytes += text.len();
        parts.unacked.push_back(text.clone());
        Some((parts.link == self.link).then_some(text))
    }

    pub(super) fn part_room(&self, id: CallId) -> Option<u64> {
        match self.records.get(&id) {
            Some(Record::Running(parts)) => Some(parts.room()),
            _ => None,
        }
    }

    pub(super) fn ack(&mut self, id: CallId, count: u64) {
        if let Some(Record::Running(parts) | Record::Answered(_, parts)) = self.records.get_mut(&id) {
            self.kept_bytes -= parts.ack(count);
        }
    }

    /// The caller has given the call up. Whether it ran until now, and the answer, which tells the caller that this is known.
    pub(super) fn cancel(&mut self, id: CallId) -> (bool, Text) {
        let ran = if self.records.contains_key(&id) { Ran::Maybe } else { Ran::No };
        let error = Failure::new(Code::Canceled, "the caller cancelled the call").ran(ran);
        let text = ServerFrame::Failure { id, error }.encode();
        (self.answered(id, text.clone().into()).is_some(), text)
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
            self.kept_bytes -= record.kept();
            if let Record::Running(_) = record {
                // The caller has given it up, by its deadline for one.
                self.running -= 1;
                given_up.push(id);
            }
        }
    }

    fn bound_memory(&mut self, newest: CallId) {
        while self.kept_bytes > KEPT_BYTES || self.records.len() - self.running > KEPT_ANSWERS {
            let answered = |(id, record): &(&CallId, &Record)| matches!(record, Record::Answered(..)) && **id != newest;
            let Some(oldest) = self.records.iter().find(answered).map(|(id, _)| *id) else { break };
            self.kept_bytes -= self.records.remove(&oldest).map_or(0, |record| record.kept());
        }
    }
}

impl Record {
    /// How many bytes it keeps.
    fn kept(&self) -> usize {
        match self {
            Self::Running(parts) => parts.bytes,
            Self::Answered(frame, parts) => frame.len() + parts.bytes,
        }
    }
}

impl Parts {
    /// The caller has this many parts. Returns how many bytes need not be kept any more.
    fn ack(&mut self, count: u64) -> usize {
        let before = self.bytes;
        while self.acked < count
            && let Some(part) = self.unacked.pop_front()
        {
            self.acked += 1;
            self.bytes -= part.len();
        }
        before - self.bytes
    }

    /// How many more may be sent.
    fn room(&self) -> u64 {
        if self.bytes < PART_BYTES { PART_WINDOW.saturating_sub(self.unacked.len() as u64) } else { 0 }
    }
}

fn answer_lost() -> Failure {
    let message = "the call's answer was not kept until you came back: there were too many answers, or too large ones";
    // A call that was refused leaves no record either.
    Failure::new(Code::AnswerLost, message).ran(Ran::Maybe)
}
