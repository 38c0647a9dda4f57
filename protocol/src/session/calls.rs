//! The caller's side of calls: what waits for an answer, what may be asked again after a cut.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use serde_json::value::RawValue;

use crate::code::Code;
use crate::failure::{Failure, Ran};
use crate::id::CallId;
use crate::limits::{MAX_SAFE_INTEGER, PART_ACK_BYTES, PART_WINDOW};
use crate::table::Table;
use crate::time::Instant;
use crate::wire::{Call, ClientFrame, Continuity, Frame, Text};

/// A call to make.
#[derive(Debug)]
pub struct CallRequest {
    /// The method's name.
    pub method: String,
    /// The params; `null` when absent.
    pub payload: Option<Box<RawValue>>,
    /// Bytes that belong to the params.
    pub attachment: Option<Bytes>,
    /// How long to wait for the answer, also told to the server. No end when absent.
    pub timeout: Option<Duration>,
    /// Whether the call may run twice without harm; then it is made again even when the server cannot say whether it ran.
    pub idempotent: bool,
}

#[derive(Debug)]
struct Pending {
    request: CallRequest,
    deadline: Option<Instant>,
    /// Whether it ever went on a wire.
    sent: bool,
    /// Whether it went on this link.
    under_way: bool,
    parts: u64,
    acked: u64,
    /// Bytes of parts that came since the last acknowledgement.
    untold_bytes: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Calls {
    last: u64,
    pending: Table<CallId, Box<Pending>>,
    deadlines: Table<(Instant, CallId), ()>,
    /// What is to be sent on this link, in order.
    queue: VecDeque<CallId>,
    /// How many were sent on this link and have no answer.
    under_way: usize,
    /// Cancelled, and the server has not said that it knows.
    untold: Vec<CallId>,
}

impl Calls {
    pub(crate) fn add(&mut self, now: Instant, request: CallRequest) -> CallId {
        self.last += 1;
        let id = CallId(self.last);
        let deadline = request.timeout.map(|timeout| now + timeout);
        if let Some(deadline) = deadline {
            self.deadlines.insert((deadline, id), ());
        }
        self.pending.insert(
            id,
            Box::new(Pending { request, deadline, sent: false, under_way: false, parts: 0, acked: 0, untold_bytes: 0 }),
        );
        self.queue.push_back(id);
        id
    }

    /// The next call to send on a live link.
    pub(crate) fn next_frame(&mut self, now: Instant, max_calls: usize) -> Option<(CallId, Frame)> {
        if self.under_way >= max_calls {
            return None;
        }
        let done = self.pending.first_key();
        while let Some(id) = self.queue.pop_front() {
            let Some(call) = self.pending.get_mut(id) else { continue };
            call.sent = true;
            call.under_way = true;
            call.acked = call.parts;
            call.untold_bytes = 0;
            self.under_way += 1;
            let timeout = call.deadline.map(|at| at.millis_after(now).clamp(1, MAX_SAFE_INTEGER));
            let frame = ClientFrame::Call(Call {
                id,
                method: call.request.method.as_str().into(),
                payload: call.request.payload.as_deref(),
                timeout,
                done,
                parts: call.parts,
            });
            return Some((id, Frame::new(frame.encode(), call.request.attachment.as_deref())));
        }
        None
    }

    /// Takes a part of a result. `None` when it is not wanted; else the acknowledgement, if one is due.
    pub(crate) fn part(&mut self, id: CallId, seq: u64, bytes: usize) -> Option<Option<Text>> {
        let call = self.pending.get_mut(id)?;
        if seq != call.parts {
            return None;
        }
        call.parts += 1;
        call.untold_bytes += bytes;
        let due = call.parts - call.acked >= PART_WINDOW / 2 || call.untold_bytes >= PART_ACK_BYTES;
        if due {
            call.acked = call.parts;
            call.untold_bytes = 0;
        }
        Some(due.then(|| ClientFrame::Ack { id, parts: call.parts }.encode()))
    }

    /// The call has its answer, or is given up. False when nobody waits for it any more: then the server knows of its cancel.
    pub(crate) fn settle(&mut self, id: CallId) -> bool {
        let waited = self.take(id).is_some();
        if !waited {
            self.untold.retain(|untold| *untold != id);
        }
        waited
    }

    fn take(&mut self, id: CallId) -> Option<Box<Pending>> {
        let call = self.pending.remove(id)?;
        if let Some(deadline) = call.deadline {
            self.deadlines.remove((deadline, id));
        }
        if call.under_way {
            self.under_way = self.under_way.saturating_sub(1);
        }
        if self.pending.len() == 0 {
            self.queue.clear();
        }
        Some(call)
    }

    /// Gives a call up. `None` when it is settled already; else whether the server has to be told, and what the caller gets.
    pub(crate) fn give_up(&mut self, id: CallId, code: Code, message: &str, live: bool) -> Option<(Option<Text>, Failure)> {
        let call = self.take(id)?;
        let ran = if call.sent { Ran::Maybe } else { Ran::No };
        let frame = (call.sent && live).then(|| ClientFrame::Cancel { id }.encode());
        if call.sent {
            self.untold.push(id);
        }
        Some((frame, Failure::new(code, message).ran(ran)))
    }

    pub(crate) fn len(&self) -> usize {
        self.pending.len()
    }

    pub(crate) fn untold(&self) -> usize {
        self.untold.len()
    }

    /// The next call whose deadline has passed.
    pub(crate) fn expired(&self, now: Instant) -> Option<CallId> {
        self.deadlines.first_key().filter(|(at, _)| *at <= now).map(|(_, id)| id)
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first_key().map(|(at, _)| at)
    }

    /// The link is gone: what has no answer waits for the next one.
    pub(crate) fn suspend(&mut self) {
        self.queue = self.pending.keys().collect();
        self.under_way = 0;
        self.pending.values_mut().for_each(|call| call.under_way = false);
    }

    /// A new link is live. Returns the cancels that the server may have missed, and the calls that cannot be made again.
    pub(crate) fn resume(&mut self, continuity: Continuity) -> (Vec<Text>, Vec<CallId>) {
        if continuity == Continuity::Kept {
            return (self.untold.iter().map(|id| ClientFrame::Cancel { id: *id }.encode()).collect(), Vec::new());
        }
        self.untold.clear();
        let lost = |call: &Pending| call.sent && (!call.request.idempotent || call.parts > 0);
        let lost: Vec<_> = self.pending.iter().filter(|(_, call)| lost(call)).map(|(id, _)| id).collect();
        for id in &lost {
            self.take(*id);
        }
        self.queue = self.pending.keys().collect();
        (Vec::new(), lost)
    }

    /// The session is over: gives up every call. With `resumable`, the server is told should the client come back after all.
    pub(crate) fn drain(&mut self, resumable: bool) -> Vec<(CallId, Ran)> {
        let all = std::mem::take(self);
        self.last = all.last;
        if resumable {
            self.untold = all.untold;
            self.untold.extend(all.pending.iter().filter(|(_, call)| call.sent).map(|(id, _)| id));
        }
        all.pending.iter().map(|(id, call)| (id, if call.sent { Ran::Maybe } else { Ran::No })).collect()
    }
}
