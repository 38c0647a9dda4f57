//! A stream and its room, both pure, and what the sessions in it hear.

use std::collections::HashMap;
use std::sync::Arc;

use samewire_protocol::live::methods::{ReportParams, StartParams, WatchParams};
use samewire_protocol::live::stats::Summary;
use samewire_protocol::live::{Description, LiveEvent, LiveRecord, LiveSignal, Negotiation, PeerMessage, StreamName, ViewerId};
use samewire_protocol::rooms::{Epoch, Member, merge};
use samewire_protocol::{Failure, SessionId};
use serde_json::Value;

use super::super::broadcast::Broadcasting;
use super::super::viewers::Watching;
use super::super::{Change, Core, Out, Place, Settings};
use crate::auth::Identity;
use crate::rooms::core::{self as room, Joiner, Millis, What};
use crate::rooms::policy::role;
use crate::session::SessionKey;

pub(super) const LINGER: Millis = 10_000;
pub(super) const HOLD: Millis = 30_000;
pub(super) const PAUSE: Millis = 2_000;
/// The fewest that the tests need to find the room full.
pub(super) const MOST: u64 = 3;

pub(super) type Who = usize;

/// What somebody said to somebody.
pub(super) type Said = (Who, LiveSignal);

pub(super) struct Stage {
    pub(super) now: Millis,
    pub(super) core: Core,
    room: room::Core,
    /// The present member of each session, while its client has joined.
    members: HashMap<Who, Member>,
    who: HashMap<Member, Who>,
    lives: HashMap<Who, u64>,
    /// What the room holds for members whose link is lost.
    held: HashMap<Member, Vec<LiveSignal>>,
    /// Whose inbox takes nothing.
    pub(super) jammed: Vec<Who>,
    /// What was told to single ones since this was taken last.
    pub(super) said: Vec<Said>,
    pub(super) events: Vec<LiveEvent>,
    /// The room's state.
    pub(super) state: Value,
}

pub(super) fn name() -> StreamName {
    "stage".parse().expect("a name")
}

impl Stage {
    pub(super) fn new() -> Self {
        Self::with(MOST)
    }

    pub(super) fn with(max_viewers: u64) -> Self {
        let now = 1_000_000;
        let settings = Settings { hold: HOLD, pause_after: PAUSE, max_viewers };
        let policy = Arc::new(crate::live::policy(false));
        let mut room = room::Core::new(name().room().clone(), Epoch::from_random(9), policy, None, now);
        room.listen();
        let core = Core::new(name(), settings, 7, now);
        let state = serde_json::to_value(core.record(now)).expect("JSON");
        Self {
            now,
            core,
            room,
            members: HashMap::new(),
            who: HashMap::new(),
            lives: HashMap::new(),
            held: HashMap::new(),
            jammed: Vec::new(),
            said: Vec::new(),
            events: Vec::new(),
            state,
        }
    }

    pub(super) fn key(&self, who: Who) -> SessionKey {
        let life = self.lives.get(&who).copied().unwrap_or_default();
        SessionKey { id: SessionId::from_random((who as u128).to_be_bytes()), life }
    }

    // What happens to sessions.

    /// Joins, on a first link or on a new one.
    pub(super) fn join(&mut self, who: Who, user: &str, as_role: &str) {
        let joiner = Joiner {
            session: Some(self.key(who)),
            identity: Identity::user(user).expect("a user"),
            role: role(as_role),
            info: None,
            presence: false,
            from: None,
            signals: None,
        };
        let again = self.members.get(&who).and_then(|member| self.room.rejoin(self.now, *member, joiner.clone()));
        if again.is_some() {
            let held = self.members.get(&who).and_then(|member| self.held.remove(member));
            self.said.extend(held.into_iter().flatten().map(|signal| (who, signal)));
        } else {
            let member = self.room.join(self.now, joiner).expect("joined").member();
            self.members.insert(who, member);
            self.who.insert(member, who);
        }
        self.settle();
    }

    pub(super) fn cut(&mut self, who: Who) {
        if let Some(member) = self.members.get(&who) {
            self.room.away(self.now, *member);
            self.held.entry(*member).or_default();
        }
        self.settle();
    }

    /// Leaves the room, or ends its session; `anew`, it begins another life.
    pub(super) fn go(&mut self, who: Who, anew: bool) {
        if let Some(member) = self.members.remove(&who) {
            self.room.leave(self.now, member);
        }
        self.settle();
        if anew {
            *self.lives.entry(who).or_default() += 1;
        }
    }

    pub(super) fn put_out(&mut self, who: Who, failure: Failure) {
        if let Some(member) = self.members.remove(&who) {
            self.room.remove(self.now, member, failure);
        }
        self.settle();
    }

    pub(super) fn change_role(&mut self, who: Who, as_role: &str) {
        if let Some(member) = self.members.get(&who) {
            self.room.change_role(self.now, *member, role(as_role));
        }
        self.settle();
    }

    /// The next moment at which something is due, until then at most; and what is due is done.
    pub(super) fn step(&mut self, until: Millis) {
        let due = [self.room.due(), self.core.due()].into_iter().flatten().filter(|due| *due > self.now).min();
        self.now = due.map_or(until, |due| due.min(until));
        self.room.tick(self.now);
        self.settle();
        self.core.tick(self.now);
        self.settle();
        let is_done = self.core.due().is_none_or(|due| due > self.now) || self.core.is_idle(self.now);
        assert!(is_done, "what is due is done, or nobody would ever rest");
    }

    pub(super) fn pass(&mut self, span: Millis) {
        let until = self.now + span;
        while self.now < until {
            self.step(until);
        }
    }

    /// What the room says of its members is heard, and what follows is told.
    pub(super) fn settle(&mut self) {
        for news in self.room.take_news() {
            if matches!(news.what, What::Left { .. }) {
                self.held.remove(&news.member);
            }
            self.core.heard(self.now, &news);
        }
        while let Some(out) = self.core.next() {
            match out {
                Out::Event(event, change) => {
                    match change {
                        Change::Record(record) => self.state = serde_json::to_value(record).expect("JSON"),
                        Change::Patch(patch) => merge(&mut self.state, patch),
                    }
                    let record: LiveRecord = serde_json::from_value(self.state.clone()).expect("the state is a record");
                    assert!(record.peak_viewers >= record.viewer_count, "{record:?}");
                    self.events.push(event);
                }
                Out::Measured(patch) => merge(&mut self.state, patch),
                Out::Signal(place, signal, owed) => match self.reached(place) {
                    Some(who) if !self.jammed.contains(&who) => match self.held.get_mut(&place.member) {
                        Some(held) => held.push(signal),
                        None => self.said.push((who, signal)),
                    },
                    _ => self.core.undelivered(self.now, owed),
                },
            }
        }
    }

    fn reached(&self, place: Place) -> Option<Who> {
        assert_eq!(place.epoch, self.room.epoch());
        self.room.role(place.member)?;
        self.who.get(&place.member).copied()
    }

    // What sessions do.

    pub(super) fn start(&mut self, who: Who, takeover: bool) -> Result<Broadcasting, Failure> {
        self.start_as(who, &StartParams { takeover, ..StartParams::new(name()) })
    }

    pub(super) fn start_as(&mut self, who: Who, params: &StartParams) -> Result<Broadcasting, Failure> {
        let key = self.key(who);
        let started = self.core.start(self.now, key, params);
        self.settle();
        started
    }

    pub(super) fn watch(&mut self, who: Who, wait: bool) -> Result<Watching, Failure> {
        self.watch_as(who, wait, false)
    }

    pub(super) fn watch_as(&mut self, who: Who, wait: bool, anew: bool) -> Result<Watching, Failure> {
        let key = self.key(who);
        let watching = self.core.watch(self.now, key, &WatchParams { stream: name(), wait, anew });
        self.settle();
        watching
    }

    pub(super) fn leave(&mut self, who: Who) {
        let key = self.key(who);
        self.core.leave(self.now, key);
        self.settle();
    }

    /// Says something to the other end; whom it reaches.
    pub(super) fn say(
        &mut self,
        who: Who,
        viewer: Option<ViewerId>,
        negotiation: Negotiation,
    ) -> Result<(Option<Who>, LiveSignal), Failure> {
        let key = self.key(who);
        let message = PeerMessage::Offer(Description { round: 1, made: None, sdp: format!("v=0 of {who}").into() });
        let (place, signal) = self.core.route(self.now, key, viewer, negotiation, message)?;
        Ok((self.reached(place), signal))
    }

    pub(super) fn report(&mut self, who: Who, viewer: Option<ViewerId>, summary: Summary) -> Result<bool, Failure> {
        let key = self.key(who);
        let reported = self.core.report(self.now, key, &ReportParams { stream: name(), viewer, summary });
        self.settle();
        reported
    }

    // What was heard.

    pub(super) fn names(&mut self) -> Vec<&'static str> {
        self.events.drain(..).map(|event| event.name()).collect()
    }

    /// What one of them was told since this was asked last, by name.
    pub(super) fn told(&mut self, who: Who) -> Vec<&'static str> {
        let is_for = |said: &mut Said| said.0 == who;
        self.said.extract_if(.., is_for).map(|(_, signal)| signal.name()).collect()
    }

    pub(super) fn counts(&self) -> (u64, u64) {
        let record = self.core.record(self.now);
        (record.viewer_count, record.peak_viewers)
    }
}
