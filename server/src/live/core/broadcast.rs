//! The broadcaster: one at a time, held for a while when its link is lost, replaced by a takeover.

use samewire_protocol::live::methods::{Peer, StartParams};
use samewire_protocol::live::{
    EndReason, LeaveReason, LiveEvent, LiveRecord, LiveSignal, LiveState, StreamEnded, StreamPaused, StreamResumed,
    StreamStarted,
};
use samewire_protocol::{Code, Failure};
use serde_json::json;

use super::counts::Told;
use super::peers::renewal;
use super::quality::Measured;
use super::{Change, Core, Out, Owed, Place, forbidden};
use crate::auth::Identity;
use crate::live::role::{BROADCASTER, Part};
use crate::rooms::core::Millis;
use crate::session::SessionKey;

/// Who broadcasts.
#[derive(Debug)]
pub(super) struct Broadcaster {
    pub(super) session: SessionKey,
    pub(super) identity: Identity,
    /// The member that hears for it, if it has one now.
    pub(super) place: Option<Place>,
    /// Since when it is away.
    away: Option<Millis>,
    /// The session is over or has left: what it had is lost, and it may only start anew.
    is_lost: bool,
    /// It has not been told of all its viewers.
    pub(super) is_behind: bool,
    pub(super) measured: Measured,
    /// When it said last that it has none of its peer connections.
    renewed: Option<Millis>,
}

/// How things are for who broadcasts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Broadcasting {
    pub(crate) record: LiveRecord,
    pub(crate) peers: Vec<Peer>,
    pub(crate) resumed: bool,
}

impl Core {
    /// Starts the stream, goes on with it, or takes it over.
    ///
    /// # Errors
    /// `not-joined`, `forbidden`, `live-taken`; `rate-limited` for who begins `anew` within a second of the last time, and where the stream is
    /// started and taken over all the time.
    pub(crate) fn start(&mut self, now: Millis, session: SessionKey, params: &StartParams) -> Result<Broadcasting, Failure> {
        let seat = self.seat(session)?.clone();
        if seat.part != Part::Broadcaster {
            return Err(forbidden(format!(
                "starting {} takes the role {BROADCASTER}; ask for a token that grants it",
                self.record.stream_id
            )));
        }
        let resumed = match &self.broadcaster {
            None => {
                self.may_begin(now)?;
                false
            }
            Some(before) if before.session == session && !before.is_lost => {
                let renewed = if params.anew { Some(renewal(now, before.renewed)?) } else { before.renewed };
                self.describe(params);
                self.broadcaster_back(now, session, seat.place);
                if let Some(broadcaster) = &mut self.broadcaster {
                    broadcaster.renewed = renewed;
                }
                if params.anew {
                    self.connect_anew();
                }
                true
            }
            Some(before) => {
                let same_user = before.identity == seat.identity;
                let is_unaware = self.replaced.takes_it_for_its_own(session);
                if !params.takeover && (!same_user || is_unaware) {
                    let told = "somebody else broadcasts this stream; wait until it ends, or start with `takeover`";
                    return Err(Failure::new(Code::LiveTaken, told));
                }
                self.may_begin(now)?;
                self.describe(params);
                self.take_over(now, session, seat.place, seat.identity.clone());
                true
            }
        };
        if !resumed {
            self.begin(now, session, seat.place, seat.identity, params);
        }
        self.refusals.remove(&session);
        if let Some(broadcaster) = &mut self.broadcaster {
            // The answer has them all.
            broadcaster.is_behind = false;
        }
        self.tell_description(now);
        self.count(now);
        Ok(Broadcasting { record: self.record(now), peers: self.peers(), resumed })
    }

    /// The broadcaster ends the stream.
    ///
    /// # Errors
    /// `not-joined`; `forbidden` for anybody else, `live-not-found` when it is over already.
    pub(crate) fn stop(&mut self, now: Millis, session: SessionKey) -> Result<(), Failure> {
        self.seat(session)?;
        if !self.record.state.is_on() {
            return Err(self.not_found());
        }
        if !self.is_broadcaster(session) {
            return Err(forbidden("only the broadcaster stops the stream; who may broadcast it ends it with `live/end`"));
        }
        self.end(now, EndReason::Stopped);
        Ok(())
    }

    /// Ends the stream. False when it was over already.
    pub(crate) fn end(&mut self, now: Millis, reason: EndReason) -> bool {
        if self.broadcaster.take().is_none() {
            return false;
        }
        self.dismiss_viewers();
        self.replaced.clear();
        self.here = 0;
        self.told.is_as(0, now);
        let at = self.told_as(now);
        let record = &mut self.record;
        record.state = LiveState::Ended;
        (record.paused_at, record.hold_until, record.quality) = (None, None, None);
        (record.ended_at, record.end_reason) = (Some(at), Some(reason));
        let patch = json!({
            "state": record.state, "ended_at": at, "end_reason": reason, "viewer_count": 0, "peak_viewers": self.told.peak_so_far(),
            "paused_at": null, "hold_until": null, "quality": null, "timestamp": at,
        });
        let ended = StreamEnded { stream_id: record.stream_id.clone(), reason, timestamp: at };
        let change = if self.described.is_news { self.whole(now) } else { Change::Patch(patch) };
        self.event(now, LiveEvent::Ended(ended), change);
        true
    }

    pub(super) fn is_broadcaster(&self, session: SessionKey) -> bool {
        self.broadcaster.as_ref().is_some_and(|broadcaster| broadcaster.session == session && !broadcaster.is_lost)
    }

    pub(super) fn not_found(&self) -> Failure {
        let told =
            format!("the stream {} is not live; watch it with `wait` to be let in when it starts", self.record.stream_id);
        Failure::new(Code::LiveNotFound, told)
    }

    /// Tells the broadcaster of its viewers; later, when it cannot hear now.
    pub(super) fn tell_broadcaster(&mut self, signal: LiveSignal) {
        let Some(broadcaster) = &mut self.broadcaster else { return };
        match broadcaster.place {
            Some(place) if !broadcaster.is_behind => self.out.push_back(Out::Signal(place, signal, Owed::Peers)),
            _ => broadcaster.is_behind = true,
        }
    }

    /// Tells the broadcaster that it has missed something.
    pub(super) fn catch_up(&mut self) {
        if let Some(broadcaster) = &mut self.broadcaster
            && let Some(place) = broadcaster.place
            && std::mem::take(&mut broadcaster.is_behind)
        {
            self.out.push_back(Out::Signal(place, LiveSignal::PeersChanged, Owed::Peers));
        }
    }

    // What happens to the broadcaster's link.

    /// The broadcaster is away; `reachable`, as long as its member lingers.
    pub(super) fn broadcaster_away(&mut self, now: Millis, session: SessionKey, reachable: bool) {
        let Some(broadcaster) = self.broadcaster.as_mut().filter(|broadcaster| broadcaster.session == session) else { return };
        broadcaster.away.get_or_insert(now);
        if !reachable {
            (broadcaster.place, broadcaster.is_behind) = (None, true);
        }
        self.hold(now);
    }

    /// The broadcaster has left, or its session is over.
    pub(super) fn broadcaster_left(&mut self, now: Millis, session: SessionKey) {
        self.broadcaster_away(now, session, false);
        if let Some(broadcaster) = self.broadcaster.as_mut().filter(|broadcaster| broadcaster.session == session) {
            broadcaster.is_lost = true;
        }
    }

    /// The broadcaster is back, as this member.
    pub(super) fn broadcaster_back(&mut self, now: Millis, session: SessionKey, place: Place) {
        if !self.is_broadcaster(session) {
            return;
        }
        if let Some(broadcaster) = &mut self.broadcaster {
            (broadcaster.place, broadcaster.away) = (Some(place), None);
        }
        self.catch_up();
        self.resume(now);
    }

    pub(super) fn hold_due(&self) -> Option<Millis> {
        let since = self.broadcaster.as_ref()?.away?;
        let is_paused = self.record.state == LiveState::Paused;
        Some(since + if is_paused { self.settings.hold } else { self.settings.pause_after.min(self.settings.hold) })
    }

    /// Pauses the stream, or ends it, when its broadcaster has been away for long enough.
    pub(super) fn hold(&mut self, now: Millis) {
        let Some(since) = self.broadcaster.as_ref().and_then(|broadcaster| broadcaster.away) else { return };
        let until = since + self.settings.hold;
        if now >= until {
            self.end(now, EndReason::BroadcasterGone);
            return;
        }
        if self.record.state == LiveState::Paused || now < since + self.settings.pause_after {
            return;
        }
        let (at, hold_until) = (self.told_as(now), self.told_as(until));
        let record = &mut self.record;
        record.state = LiveState::Paused;
        (record.paused_at, record.hold_until) = (Some(at), Some(hold_until));
        let patch = json!({"state": record.state, "paused_at": at, "hold_until": hold_until, "timestamp": at});
        let paused = StreamPaused { stream_id: record.stream_id.clone(), hold_until, timestamp: at };
        self.event(now, LiveEvent::Paused(paused), Change::Patch(patch));
    }

    /// Goes on with a stream that was paused.
    fn resume(&mut self, now: Millis) {
        if self.record.state == LiveState::Paused {
            self.go_on(now);
        }
    }

    fn go_on(&mut self, now: Millis) {
        self.record.state = LiveState::Live;
        (self.record.paused_at, self.record.hold_until) = (None, None);
        let resumed = StreamResumed { stream_id: self.record.stream_id.clone(), timestamp: self.told_as(now) };
        let record = self.whole(now);
        self.event(now, LiveEvent::Resumed(resumed), record);
    }

    // Beginnings.

    fn begin(&mut self, now: Millis, session: SessionKey, place: Place, identity: Identity, params: &StartParams) {
        let at = self.told_as(now);
        self.record = LiveRecord::offline(self.record.stream_id.clone(), at);
        self.record.state = LiveState::Live;
        self.record.started_at = Some(at);
        self.record.broadcaster = user(&identity);
        self.record.max_viewers = self.settings.max_viewers;
        self.describe(params);
        self.told = Told::default();
        self.here = 0;
        self.broadcaster = Some(Broadcaster::new(session, place, identity));
        let started = StreamStarted {
            stream_id: self.record.stream_id.clone(),
            broadcaster: self.record.broadcaster.clone(),
            timestamp: at,
        };
        let record = self.whole(now);
        self.event(now, LiveEvent::Started(started), record);
        self.let_in(now, session);
    }

    fn take_over(&mut self, now: Millis, session: SessionKey, place: Place, identity: Identity) {
        self.stop_watching(session, LeaveReason::Left);
        self.record.broadcaster = user(&identity);
        let before = self.broadcaster.replace(Broadcaster::new(session, place, identity));
        self.replaced.forget(session);
        if let Some(before) = before.filter(|before| before.session != session && !before.is_lost) {
            self.replace(before.session);
        }
        self.connect_anew();
        self.described.is_news = true;
        self.resume(now);
    }
}

impl Broadcaster {
    fn new(session: SessionKey, place: Place, identity: Identity) -> Self {
        Self {
            session,
            identity,
            place: Some(place),
            away: None,
            is_lost: false,
            is_behind: false,
            measured: Measured::default(),
            renewed: None,
        }
    }
}

/// The user, if there is one.
pub(super) fn user(identity: &Identity) -> Option<Box<str>> {
    (!identity.is_anonymous()).then(|| identity.id().into())
}
