//! What the two ends of a peer connection say to each other: checked, and passed on to exactly one.

use samewire_protocol::live::methods::{Peer, RenegotiateParams};
use samewire_protocol::live::{LiveSignal, Negotiation, PeerMessage, PeerRef, ViewerId};
use samewire_protocol::{Code, Failure};
use serde_json::json;
use serde_json::value::to_raw_value;

use super::viewers::{BURST, RATE, Viewer};
use super::{Core, Place, forbidden};
use crate::rooms::core::Millis;
use crate::session::SessionKey;

/// So often may a peer connection be begun anew.
const RENEWED_EVERY: Millis = 1_000;

/// Which end of a peer connection somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Broadcaster,
    Viewer,
}

impl Core {
    /// The broadcaster's viewers.
    ///
    /// # Errors
    /// `not-joined`, `live-not-found`, `forbidden`.
    pub(crate) fn peers_for(&self, session: SessionKey) -> Result<Vec<Peer>, Failure> {
        self.seat(session)?;
        if !self.record.state.is_on() {
            return Err(self.not_found());
        }
        if !self.is_broadcaster(session) {
            return Err(forbidden("only the broadcaster is told who watches"));
        }
        Ok(self.peers())
    }

    /// Whether somebody has peer connections now: the broadcaster, and a viewer that is let in.
    ///
    /// # Errors
    /// `not-joined`, `forbidden`.
    pub(crate) fn is_peer(&self, session: SessionKey) -> Result<bool, Failure> {
        if !self.seat(session)?.part.may_watch() {
            return Err(forbidden("only who may watch the stream needs servers for peer connections"));
        }
        Ok(self.is_broadcaster(session) || self.viewer_of(session).is_some())
    }

    /// Whom a message is for, and as what it goes there.
    ///
    /// # Errors
    /// `not-joined`, `live-not-found`, `forbidden`, `bad-params`, `peer-not-found`, `stale-negotiation`; `rate-limited`;
    /// `overloaded` while the other end is cut off.
    pub(crate) fn route(
        &mut self,
        now: Millis,
        from: SessionKey,
        viewer: Option<ViewerId>,
        negotiation: Negotiation,
        message: PeerMessage,
    ) -> Result<(Place, LiveSignal), Failure> {
        let (end, viewer) = self.end_of(from, viewer)?;
        let broadcaster = self.broadcaster.as_ref().and_then(|broadcaster| broadcaster.place);
        let there = self.viewers.get_mut(&viewer).ok_or_else(|| no_peer(viewer))?;
        if there.negotiation != negotiation {
            return Err(stale(there));
        }
        let [to, by] = &mut there.buckets;
        let bucket = if end == End::Broadcaster { to } else { by };
        if end == End::Viewer {
            (there.is_told, there.has_heard) = (true, true);
        }
        bucket.take(now, RATE, BURST).map_err(|wait| {
            let told = format!("{RATE} messages a second may pass between two peers; the next one in {wait} ms");
            Failure::new(Code::RateLimited, told)
        })?;
        let other = if end == End::Broadcaster { there.place() } else { broadcaster };
        let place = other.ok_or_else(|| {
            let told = "the other end is cut off for the moment; say it again when it is back, or has been given up";
            Failure::new(Code::Overloaded, told)
        })?;
        Ok((place, LiveSignal::Message(PeerRef { viewer, negotiation }, message)))
    }

    /// Begins a new peer connection in place of this one; for one that was replaced already, the number of that which counts.
    ///
    /// # Errors
    /// `not-joined`, `live-not-found`, `forbidden`, `bad-params`, `peer-not-found`; `rate-limited` within a second of the last time.
    pub(crate) fn renegotiate(
        &mut self,
        now: Millis,
        from: SessionKey,
        params: &RenegotiateParams,
    ) -> Result<Negotiation, Failure> {
        let (_, viewer) = self.end_of(from, params.viewer)?;
        let there = self.viewers.get(&viewer).ok_or_else(|| no_peer(viewer))?;
        if there.negotiation != params.negotiation {
            return Ok(there.negotiation);
        }
        let negotiation = self.renew(now, viewer)?;
        self.tell_number(viewer);
        Ok(negotiation)
    }

    /// Gives a viewer's peer connection a new number, of which the broadcaster is told.
    pub(super) fn renew(&mut self, now: Millis, viewer: ViewerId) -> Result<Negotiation, Failure> {
        let there = self.viewers.get_mut(&viewer).ok_or_else(|| no_peer(viewer))?;
        there.renewed = Some(renewal(now, there.renewed)?);
        let negotiation = self.next_negotiation();
        if let Some(there) = self.viewers.get_mut(&viewer) {
            there.negotiation = negotiation;
        }
        self.tell_broadcaster(LiveSignal::Peer(PeerRef { viewer, negotiation }));
        Ok(negotiation)
    }

    /// Which end of which peer connection somebody is who names this viewer, or none.
    pub(super) fn end_of(&self, from: SessionKey, named: Option<ViewerId>) -> Result<(End, ViewerId), Failure> {
        self.seat(from)?;
        if !self.record.state.is_on() {
            return Err(self.not_found());
        }
        if self.is_broadcaster(from) {
            let told = "a broadcaster has many peers; name the one that is meant in `viewer`";
            return named.map(|viewer| (End::Broadcaster, viewer)).ok_or_else(|| Failure::new(Code::BadParams, told));
        }
        let own = self.viewer_of(from);
        match (own, named) {
            (_, Some(named)) if own != Some(named) => {
                Err(forbidden("this session speaks for itself only, and the broadcaster's is another one; leave out `viewer`"))
            }
            (Some(own), _) => Ok((End::Viewer, own)),
            (None, _) => Err(Failure::new(Code::PeerNotFound, "this session does not watch the stream; watch it first")),
        }
    }
}

/// Notes that something is begun anew now, unless it was so a moment ago.
pub(super) fn renewal(now: Millis, before: Option<Millis>) -> Result<Millis, Failure> {
    if before.is_some_and(|at| now < at + RENEWED_EVERY) {
        let told = "a peer connection is begun anew once a second at most; wait a moment";
        return Err(Failure::new(Code::RateLimited, told));
    }
    Ok(now)
}

fn no_peer(viewer: ViewerId) -> Failure {
    Failure::new(Code::PeerNotFound, format!("there is no viewer {viewer} any more; ask `live/peers` who there is"))
}

fn stale(there: &Viewer) -> Failure {
    let present = there.negotiation;
    let told = format!("another peer connection has taken this one's place; its number is {present}");
    let mut failure = Failure::new(Code::StaleNegotiation, told);
    failure.data = to_raw_value(&json!({ "negotiation": present })).ok();
    failure
}
