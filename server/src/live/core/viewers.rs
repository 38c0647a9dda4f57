//! The viewers: let in, away for a while, and gone.

use std::mem;

use samewire_protocol::live::methods::{Peer, WatchParams};
use samewire_protocol::live::{LeaveReason, LiveRecord, LiveSignal, Negotiation, PeerRef, ViewerId, ViewerJoined, ViewerLeft};
use samewire_protocol::{Code, Failure};

use super::broadcast::user;
use super::{Core, Out, Owed, Place, forbidden};
use crate::live::role::VIEWER;
use crate::rooms::core::{Bucket, Millis};
use crate::session::SessionKey;

/// Somebody who watches.
#[derive(Debug)]
pub(super) struct Viewer {
    session: SessionKey,
    user: Option<Box<str>>,
    pub(super) negotiation: Negotiation,
    /// When the peer connection was begun anew last.
    pub(super) renewed: Option<Millis>,
    /// The last one of which it said how long it took.
    pub(super) connected: Option<Negotiation>,
    order: u64,
    link: ViewerLink,
    /// It was told that it is let in, as far as the room knows; and it has said so by what it does.
    pub(super) is_told: bool,
    pub(super) has_heard: bool,
    owes: Debt,
    /// How much may be said to it, and by it.
    pub(super) buckets: [Bucket; 2],
}

/// Whether a viewer is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ViewerLink {
    /// As this member, which may linger. It counts.
    Here(Place),
    /// Its session is cut off. It is held until then, and does not count.
    Lost(Millis),
}

/// What a viewer has not heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Debt {
    Nothing,
    Watching,
    Peer,
}

/// Somebody who waits for the stream to start.
#[derive(Debug)]
pub(super) struct Waiting {
    session: SessionKey,
    user: Option<Box<str>>,
    /// Until when it may come back, if it is cut off.
    lost: Option<Millis>,
}

/// How things are for who wants to watch.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Watching {
    /// None while it waits.
    pub(crate) peer: Option<PeerRef>,
    pub(crate) record: LiveRecord,
}

/// How many messages a second pass in one direction of a peer connection, and how many at once.
pub(super) const RATE: u32 = 20;
pub(super) const BURST: u32 = 40;

impl Viewer {
    fn new(
        now: Millis,
        session: SessionKey,
        user: Option<Box<str>>,
        negotiation: Negotiation,
        order: u64,
        link: ViewerLink,
    ) -> Self {
        let buckets = [Bucket::full(now, BURST); 2];
        Self {
            session,
            user,
            negotiation,
            renewed: None,
            connected: None,
            order,
            link,
            is_told: false,
            has_heard: false,
            owes: Debt::Nothing,
            buckets,
        }
    }

    /// It is to be told later that it is let in, or the number of its peer connection.
    pub(super) fn owe(&mut self, watching: bool) {
        // Being let in tells the number, too.
        if watching || self.owes == Debt::Nothing {
            self.owes = if watching { Debt::Watching } else { Debt::Peer };
        }
    }

    /// It has no room for word that it is let in.
    pub(super) fn is_not_told(&mut self) {
        self.is_told = self.has_heard;
        self.owe(!self.has_heard);
    }

    pub(super) fn place(&self) -> Option<Place> {
        match self.link {
            ViewerLink::Here(place) => Some(place),
            ViewerLink::Lost(_) => None,
        }
    }
}

impl Core {
    /// Lets somebody in, or has them wait. Asked again, it answers how things are.
    ///
    /// # Errors
    /// `not-joined`, `forbidden`; `live-not-found` for a stream that is not on, unless it may be waited for; `live-full`;
    /// `rate-limited` for who comes and goes all the time, or begins `anew` within a second of the last time.
    pub(crate) fn watch(&mut self, now: Millis, session: SessionKey, params: &WatchParams) -> Result<Watching, Failure> {
        let seat = self.seat(session)?.clone();
        if !seat.part.may_watch() {
            let stream = &self.record.stream_id;
            return Err(forbidden(format!("watching {stream} takes the role {VIEWER}; ask for a token that grants it")));
        }
        if self.is_broadcaster(session) {
            return Err(forbidden("this session broadcasts the stream; show its own picture without the network"));
        }
        // Whoever asks knows that it has no place, and learns of the one that it has.
        self.refusals.remove(&session);
        self.replaced.forget(session);
        let peer = match self.sessions.get(&session).copied() {
            Some(viewer) => {
                if params.anew {
                    self.renew(now, viewer)?;
                }
                self.peer_of(viewer)
            }
            None if self.record.state.is_on() => {
                self.has_room()?;
                self.knocks.knock(now, session)?;
                let link = ViewerLink::Here(seat.place);
                Some(self.admit(now, session, user(&seat.identity), link))
            }
            None if params.wait => {
                if !self.waiting.values().any(|waiting| waiting.session == session) {
                    let order = self.next_order();
                    self.waiting.insert(order, Waiting { session, user: user(&seat.identity), lost: None });
                }
                None
            }
            None => {
                // Its last word counts, also where it waited before.
                self.waiting.retain(|_, waiting| waiting.session != session);
                return Err(self.not_found());
            }
        };
        if let Some(there) = peer.and_then(|peer| self.viewers.get_mut(&peer.viewer)) {
            (there.is_told, there.has_heard, there.owes) = (true, true, Debt::Nothing);
        }
        self.count(now);
        Ok(Watching { peer, record: self.record(now) })
    }

    /// Somebody watches, or waits, no longer. For who does neither, nothing.
    pub(crate) fn leave(&mut self, now: Millis, session: SessionKey) {
        self.refusals.remove(&session);
        self.stop_watching(session, LeaveReason::Left);
        self.count(now);
    }

    /// The broadcaster's viewers, in the order in which they came.
    pub(super) fn peers(&self) -> Vec<Peer> {
        let mut peers: Vec<_> = self.viewers.iter().collect();
        peers.sort_unstable_by_key(|(_, viewer)| viewer.order);
        let peer = |(id, viewer): (&ViewerId, &Viewer)| {
            let Viewer { negotiation, user, .. } = viewer;
            Peer { viewer: *id, negotiation: *negotiation, user: user.clone() }
        };
        peers.into_iter().map(peer).collect()
    }

    /// Lets those in who have waited, as far as there is room.
    pub(super) fn let_in(&mut self, now: Millis, broadcaster: SessionKey) {
        for Waiting { session, user, lost } in mem::take(&mut self.waiting).into_values() {
            if session == broadcaster {
                continue;
            }
            if let Err(failure) = self.has_room() {
                self.refuse(now, session, failure);
                continue;
            }
            let place = self.seats.get(&session).map(|seat| seat.place);
            let link = place.map_or(ViewerLink::Lost(lost.unwrap_or(now)), ViewerLink::Here);
            let PeerRef { viewer, .. } = self.admit(now, session, user, link);
            self.tell_viewer(viewer, Debt::Watching);
        }
    }

    /// The stream is over, and nobody watches it. Who does not know that it was let in goes on waiting.
    pub(super) fn dismiss_viewers(&mut self) {
        self.sessions.clear();
        for viewer in mem::take(&mut self.viewers).into_values().filter(|viewer| !viewer.is_told) {
            let Viewer { session, user, order, link, .. } = viewer;
            let lost = if let ViewerLink::Lost(until) = link { Some(until) } else { None };
            self.waiting.insert(order, Waiting { session, user, lost });
        }
    }

    /// Gives each viewer a new peer connection, of which the broadcaster knows.
    pub(super) fn connect_anew(&mut self) {
        for Peer { viewer, .. } in self.peers() {
            let negotiation = self.next_negotiation();
            if let Some(there) = self.viewers.get_mut(&viewer) {
                there.negotiation = negotiation;
            }
            self.tell_viewer(viewer, Debt::Peer);
        }
    }

    pub(super) fn viewer_of(&self, session: SessionKey) -> Option<ViewerId> {
        self.sessions.get(&session).copied()
    }

    pub(super) fn peer_of(&self, viewer: ViewerId) -> Option<PeerRef> {
        self.viewers.get(&viewer).map(|there| PeerRef { viewer, negotiation: there.negotiation })
    }

    /// Takes somebody out of those who watch or wait. False for who did neither.
    pub(super) fn stop_watching(&mut self, session: SessionKey, reason: LeaveReason) -> bool {
        let waited = self.waiting.len();
        self.waiting.retain(|_, waiting| waiting.session != session);
        match self.sessions.get(&session).copied() {
            Some(viewer) => self.take_out(viewer, reason),
            None => self.waiting.len() < waited,
        }
    }

    /// A viewer's member, or that of somebody who waits, is gone with its link: it is held until then.
    pub(super) fn viewer_lost(&mut self, session: SessionKey, until: Millis) {
        if let Some(waiting) = self.waiting.values_mut().find(|waiting| waiting.session == session) {
            waiting.lost = Some(until);
        }
        let Some(viewer) = self.sessions.get(&session).and_then(|viewer| self.viewers.get_mut(viewer)) else { return };
        viewer.owe(!viewer.has_heard);
        if matches!(mem::replace(&mut viewer.link, ViewerLink::Lost(until)), ViewerLink::Here(_)) {
            self.one_less();
        }
    }

    /// The session is in the room again, as this member.
    pub(super) fn viewer_back(&mut self, session: SessionKey, place: Place) {
        if let Some(waiting) = self.waiting.values_mut().find(|waiting| waiting.session == session) {
            waiting.lost = None;
        }
        let Some(id) = self.sessions.get(&session).copied() else { return };
        let Some(viewer) = self.viewers.get_mut(&id) else { return };
        let was_lost = matches!(mem::replace(&mut viewer.link, ViewerLink::Here(place)), ViewerLink::Lost(_));
        let owed = viewer.owes;
        if was_lost {
            self.one_more();
        }
        self.tell_viewer(id, owed);
    }

    /// The session's link is there again, and it hears what the room holds for it.
    pub(super) fn viewer_hears(&mut self, session: SessionKey) {
        if let Some(viewer) = self.sessions.get(&session).and_then(|viewer| self.viewers.get_mut(viewer)) {
            viewer.is_told |= viewer.owes != Debt::Watching;
        }
    }

    pub(super) fn viewers_due(&self) -> Option<Millis> {
        if self.viewers.len() as u64 == self.here && self.waiting.is_empty() {
            return None;
        }
        let viewers = self.viewers.values().filter_map(|viewer| match viewer.link {
            ViewerLink::Lost(until) => Some(until),
            ViewerLink::Here(_) => None,
        });
        viewers.chain(self.waiting.values().filter_map(|waiting| waiting.lost)).min()
    }

    /// Lets go of viewers who did not come back in time.
    pub(super) fn let_go_of_the_lost(&mut self, now: Millis) {
        self.waiting.retain(|_, waiting| waiting.lost.is_none_or(|until| until > now));
        let is_lost = |viewer: &Viewer| matches!(viewer.link, ViewerLink::Lost(until) if until <= now);
        let lost: Vec<_> = self.viewers.iter().filter(|(_, viewer)| is_lost(viewer)).map(|(id, _)| *id).collect();
        for viewer in lost {
            self.take_out(viewer, LeaveReason::Lost);
        }
    }

    /// Tells again what could not be told.
    pub(super) fn tell_again(&mut self, now: Millis) {
        self.catch_up();
        self.tell_replaced();
        self.tell_refused_again(now);
        let owing = |(id, viewer): (&ViewerId, &Viewer)| (viewer.owes != Debt::Nothing).then_some((*id, viewer.owes));
        let owed: Vec<_> = self.viewers.iter().filter_map(owing).collect();
        owed.into_iter().for_each(|(viewer, owed)| self.tell_viewer(viewer, owed));
    }

    /// Tells a viewer that it is let in, or the number of its peer connection; later, when it cannot hear now.
    fn tell_viewer(&mut self, viewer: ViewerId, what: Debt) {
        let Some(there) = self.viewers.get_mut(&viewer) else { return };
        let peer = PeerRef { viewer, negotiation: there.negotiation };
        // One that has not heard that it is let in cannot make anything of the number alone.
        let what = if there.owes == Debt::Watching { Debt::Watching } else { what };
        let (signal, owed) = match what {
            Debt::Nothing => return,
            Debt::Watching => (LiveSignal::Watching(peer), Owed::Watching(viewer)),
            Debt::Peer => (LiveSignal::Peer(peer), Owed::Peer(viewer)),
        };
        match there.place() {
            Some(place) => {
                there.owes = Debt::Nothing;
                let hears = self.seats.get(&there.session).is_some_and(|seat| seat.away.is_none());
                there.is_told |= hears && what == Debt::Watching;
                self.out.push_back(Out::Signal(place, signal, owed));
            }
            None => there.owe(what == Debt::Watching),
        }
    }

    /// The same for the number of its peer connection.
    pub(super) fn tell_number(&mut self, viewer: ViewerId) {
        self.tell_viewer(viewer, Debt::Peer);
    }

    fn has_room(&self) -> Result<(), Failure> {
        let most = self.record.max_viewers;
        if (self.viewers.len() as u64) < most {
            return Ok(());
        }
        let told = format!("{most} watch {} already, as many as may; try again later", self.record.stream_id);
        Err(Failure::new(Code::LiveFull, told))
    }

    fn admit(&mut self, now: Millis, session: SessionKey, user: Option<Box<str>>, link: ViewerLink) -> PeerRef {
        let (order, negotiation) = (self.next_order(), self.next_negotiation());
        let id = ViewerId::from_random(scattered(self.seed.wrapping_add(order)));
        let joined = ViewerJoined { viewer: id, negotiation, user: user.clone() };
        self.viewers.insert(id, Viewer::new(now, session, user, negotiation, order, link));
        self.sessions.insert(session, id);
        if matches!(link, ViewerLink::Here(_)) {
            self.one_more();
        }
        self.tell_broadcaster(LiveSignal::ViewerJoined(joined));
        PeerRef { viewer: id, negotiation }
    }

    fn take_out(&mut self, viewer: ViewerId, reason: LeaveReason) -> bool {
        let Some(there) = self.viewers.remove(&viewer) else { return false };
        self.sessions.remove(&there.session);
        if matches!(there.link, ViewerLink::Here(_)) {
            self.one_less();
        }
        self.tell_broadcaster(LiveSignal::ViewerLeft(ViewerLeft { viewer, reason }));
        true
    }
}

/// Scatters numbers one to one, so that no two of them come to the same (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number
/// Generators", the finalizer of SplitMix64).
fn scattered(number: u64) -> u64 {
    let number = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
