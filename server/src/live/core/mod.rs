//! One live stream, pure: who broadcasts, who watches, how many they are, and who may say what to whom. The time is an argument, and
//! nothing here waits.
//!
//! Deeds and [news](Core::heard) of the room's members change it; what follows for the room and for single members comes out of
//! [`Core::next`], in order. [`Core::due`] tells when it wants to be looked at again.

mod broadcast;
mod counts;
mod description;
mod knocks;
mod peers;
mod quality;
mod refusals;
mod replaced;
mod seats;
mod viewers;

use std::collections::{BTreeMap, HashMap, VecDeque};

use samewire_protocol::limits::MAX_SAFE_INTEGER;
use samewire_protocol::live::{
    EndReason, LiveEvent, LiveRecord, LiveSignal, LiveState, Negotiation, StreamEnded, StreamName, Timestamp, ViewerId,
};
use samewire_protocol::rooms::{Epoch, Member};
use samewire_protocol::{Code, Failure};
use serde_json::Value;

use self::broadcast::Broadcaster;
use self::counts::Told;
use self::description::{BEGUN_BURST, Described};
use self::knocks::Knocks;
use self::refusals::Refusals;
use self::replaced::Replaced;
use self::seats::Seat;
use self::viewers::{Viewer, Waiting};
use crate::rooms::core::{Bucket, Millis};
use crate::session::SessionKey;

/// How long the record of a stream that is over is kept when nobody is in its room.
pub(crate) const KEPT: Millis = 10 * 60 * 1_000;
/// What could not be told for want of room is told again after so long.
const AGAIN: Millis = 1_000;

/// What the configuration says of streams.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// How long a broadcaster, or a viewer, may be away.
    pub(crate) hold: Millis,
    /// How long the broadcaster may be away before the viewers hear so.
    pub(crate) pause_after: Millis,
    /// The most viewers at once.
    pub(crate) max_viewers: u64,
}

/// Where a member can be reached: its number, and the epoch of the room in which it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) epoch: Epoch,
    pub(crate) member: Member,
}

/// What follows from a deed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Out {
    /// The room is told, and its state changes.
    Event(LiveEvent, Change),
    /// The room's state changes by this merge patch, and that is all.
    Measured(Value),
    /// One member is told.
    Signal(Place, LiveSignal, Owed),
}

/// How an event changes the room's state.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    /// To this record.
    Record(Box<LiveRecord>),
    /// By this merge patch.
    Patch(Value),
}

/// Who misses what when a signal finds no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owed {
    /// Nothing that would matter later, or whoever said it is told so.
    Nothing,
    /// The broadcaster does not know its viewers any more.
    Peers,
    /// A viewer does not know that it is let in.
    Watching(ViewerId),
    /// A viewer does not know the number of its peer connection.
    Peer(ViewerId),
    /// A session does not know that it waits, or watches, in vain.
    Refused(SessionKey),
    /// A session does not know that another one broadcasts in its place.
    Superseded(SessionKey),
}

/// One live stream.
#[derive(Debug)]
pub(crate) struct Core {
    settings: Settings,
    /// Who is in the room, as far as a session stands behind the member.
    seats: HashMap<SessionKey, Seat>,
    /// The stream as it is told, its counts excepted.
    record: LiveRecord,
    /// While it is live or paused.
    broadcaster: Option<Broadcaster>,
    replaced: Replaced,
    viewers: HashMap<ViewerId, Viewer>,
    /// The viewers by their sessions.
    sessions: HashMap<SessionKey, ViewerId>,
    /// Those who wait for the stream to start, in the order in which they came.
    waiting: BTreeMap<u64, Waiting>,
    refusals: Refusals,
    knocks: Knocks,
    /// How often it may still begin or be taken over.
    begun: Bucket,
    described: Described,
    /// How many viewers are counted now.
    here: u64,
    told: Told,
    /// Rises with everybody who comes.
    order: u64,
    /// The number of the newest negotiation.
    newest: u64,
    /// From which viewers' ids are made.
    seed: u64,
    /// When to try again what could not be told.
    again: Option<Millis>,
    /// When the stream's record was of interest last.
    touched: Millis,
    /// By so much the time of deeds is ahead of what people take it for.
    ahead: Millis,
    out: VecDeque<Out>,
}

impl Core {
    /// A stream that nobody has started. `seed` is random.
    pub(crate) fn new(name: StreamName, settings: Settings, seed: u64, now: Millis) -> Self {
        Self {
            settings,
            seats: HashMap::new(),
            record: LiveRecord::offline(name, Timestamp::from_millis(now)),
            broadcaster: None,
            replaced: Replaced::default(),
            viewers: HashMap::new(),
            sessions: HashMap::new(),
            waiting: BTreeMap::new(),
            refusals: Refusals::new(),
            knocks: Knocks::default(),
            begun: Bucket::full(now, BEGUN_BURST),
            described: Described::default(),
            here: 0,
            told: Told::default(),
            order: 0,
            // A server that was started anew goes on with higher numbers, and none is mistaken for one from before.
            newest: now.min(MAX_SAFE_INTEGER),
            seed,
            again: None,
            touched: now,
            ahead: 0,
            out: VecDeque::new(),
        }
    }

    /// Sets by how much the time that deeds are given is ahead of the one that is told.
    pub(crate) fn set_ahead(&mut self, ahead: Millis) {
        self.ahead = ahead;
    }

    /// The stream as it is now.
    pub(crate) fn record(&self, now: Millis) -> LiveRecord {
        LiveRecord {
            viewer_count: self.here,
            peak_viewers: self.told.peak_so_far(),
            timestamp: self.told_as(now),
            ..self.record.clone()
        }
    }

    /// Whether it is live or paused.
    pub(crate) fn state(&self) -> LiveState {
        self.record.state
    }

    /// The number of the newest negotiation.
    pub(crate) fn newest(&self) -> u64 {
        self.newest
    }

    /// What follows next from what was done.
    pub(crate) fn next(&mut self) -> Option<Out> {
        self.out.pop_front()
    }

    /// A signal found no room: whoever misses it is told later.
    pub(crate) fn undelivered(&mut self, now: Millis, owed: Owed) {
        let matters = match &owed {
            Owed::Nothing => false,
            Owed::Peers => self.broadcaster.as_mut().map(|broadcaster| broadcaster.is_behind = true).is_some(),
            Owed::Watching(id) => self.viewers.get_mut(id).map(Viewer::is_not_told).is_some(),
            Owed::Peer(id) => self.viewers.get_mut(id).map(|viewer| viewer.owe(false)).is_some(),
            Owed::Refused(session) => self.refusal_not_told(*session),
            Owed::Superseded(session) => self.replaced.not_told(*session),
        };
        if matters {
            self.again.get_or_insert(now + AGAIN);
        }
    }

    // Time.

    /// When something is due.
    pub(crate) fn due(&self) -> Option<Millis> {
        let gone = self.is_over().then_some(self.touched + self.kept());
        let parts = [
            self.hold_due(),
            self.viewers_due(),
            self.refusals_due(),
            self.count_due(),
            self.quality_due(),
            self.description_due(),
            self.again,
        ];
        parts.into_iter().chain([gone]).flatten().min()
    }

    /// Does what is due.
    pub(crate) fn tick(&mut self, now: Millis) {
        self.hold(now);
        self.let_go_of_the_lost(now);
        self.forget_refusals(now);
        if self.again.is_some_and(|at| at <= now) {
            self.again = None;
            self.tell_again(now);
        }
        self.tell_description(now);
        self.count(now);
        self.tell_quality(now);
    }

    /// Whether nothing of it is of interest any more.
    pub(crate) fn is_idle(&self, now: Millis) -> bool {
        self.is_over() && self.touched + self.kept() <= now
    }

    /// When the stream's record was of interest last.
    pub(crate) fn touched(&self) -> Millis {
        self.touched
    }

    /// Something in it was found broken: of what it was, only who is in the room and who waits is kept. A broadcaster that hears so
    /// starts the stream again.
    pub(crate) fn break_off(&mut self, now: Millis) {
        let mut next = Self::new(self.record.stream_id.clone(), self.settings, self.seed, now);
        (next.seats, next.waiting) = (std::mem::take(&mut self.seats), std::mem::take(&mut self.waiting));
        (next.order, next.newest, next.ahead) = (self.order, self.newest.max(next.newest), self.ahead);
        if let Some(broadcaster) = &self.broadcaster {
            let timestamp = next.told_as(now);
            let (ended_at, end_reason) = (Some(timestamp), Some(EndReason::BroadcasterGone));
            let (started_at, broadcast_by) = (self.record.started_at, self.record.broadcaster.clone());
            next.record = LiveRecord {
                state: LiveState::Ended,
                broadcaster: broadcast_by,
                started_at,
                ended_at,
                end_reason,
                ..next.record
            };
            let stream_id = next.record.stream_id.clone();
            let ended = StreamEnded { stream_id, reason: EndReason::BroadcasterGone, timestamp };
            let record = next.whole(now);
            next.event(now, LiveEvent::Ended(ended), record);
            next.out.extend(broadcaster.place.map(|place| Out::Signal(place, LiveSignal::PeersChanged, Owed::Nothing)));
        }
        *self = next;
    }

    /// Whether nobody is there, and nothing goes on.
    pub(crate) fn is_over(&self) -> bool {
        let is_empty = self.seats.is_empty() && self.waiting.is_empty() && self.refusals.is_empty();
        self.broadcaster.is_none() && is_empty && self.out.is_empty()
    }

    fn kept(&self) -> Millis {
        if self.record.state == LiveState::Offline { 0 } else { KEPT }
    }

    // For all parts.

    fn told_as(&self, at: Millis) -> Timestamp {
        Timestamp::from_millis(at.saturating_sub(self.ahead))
    }

    fn next_order(&mut self) -> u64 {
        self.order += 1;
        self.order
    }

    fn next_negotiation(&mut self) -> Negotiation {
        self.newest = (self.newest + 1).min(MAX_SAFE_INTEGER);
        Negotiation::new(self.newest).expect("it is no higher than the highest")
    }

    fn seat(&self, session: SessionKey) -> Result<&Seat, Failure> {
        self.seats.get(&session).ok_or_else(|| crate::rooms::core::not_joined(self.record.stream_id.room()))
    }

    fn event(&mut self, now: Millis, event: LiveEvent, change: Change) {
        self.record.timestamp = self.told_as(now);
        self.touched = now;
        self.out.push_back(Out::Event(event, change));
    }
}

fn forbidden(told: impl Into<String>) -> Failure {
    Failure::new(Code::Forbidden, told)
}

#[cfg(test)]
mod tests;
