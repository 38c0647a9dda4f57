//! Rooms: named places with members, roles, presence, a state and a numbered history of events.
//!
//! What a room is by itself is in [`core`]; what its kind allows, in [`policy`]; what a program decides about a kind of its own, in
//! [`RoomKind`]. A program takes part in rooms by [`Rooms`], which [`Server::rooms`](crate::Server::rooms) gives, and which handlers
//! take as [`State`](crate::calls::State):
//!
//! ```
//! use samewire_server::rooms::Rooms;
//! use samewire_server::rooms::core::{Change, Message, Publication};
//! use samewire_server::{Config, Server};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let data = tempfile::tempdir()?;
//! let server = Server::builder().config(Config { dev: true, data: data.path().into(), ..Config::default() }).build().await?;
//! let rooms: Rooms = server.rooms();
//! let room = "demo:42".parse()?;
//! let patch = serde_json::value::to_raw_value(&serde_json::json!({"title": "Hello"}))?;
//! let publication = Publication { change: Some(Change::Patch(patch)), ..Message::new("renamed".parse()?).into() };
//! let published = rooms.publish(&room, publication).await?;
//! assert_eq!(published.offset, 1);
//! assert_eq!(rooms.counts(&room).members, 0);
//! # Ok(())
//! # }
//! ```

mod clock;
pub mod core;
mod decided;
mod kind;
mod kinds;
mod methods;
mod metrics;
pub mod policy;
mod registry;
mod room;
mod ticker;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use samewire_protocol::rooms::methods::{Published, Sent, To};
use samewire_protocol::rooms::{Entry, Epoch, Member, RoomName};
use samewire_protocol::{Code, Failure};
use serde_json::value::RawValue;
use tokio_util::task::AbortOnDropHandle;

pub use self::core::{Leaving, MemberNews, What};
pub use kind::{Deciding, Joining, Publishing, RoomKind};
pub use kinds::Kinds;
pub use metrics::{Count, Metrics};
pub use policy::KindPolicy;

pub(crate) use clock::now;
pub(crate) use kind::Kind;
pub(crate) use methods::{change, methods};
pub(crate) use room::Room;

use self::core::{Author, Counts, Message, Millis, Publication};
use self::decided::Speaker;
use self::registry::Registry;

/// What the server says in rooms, it says by this name, as far as idempotency keys go.
const SERVER: &str = "server";

/// The rooms of a server. Cheap to clone.
#[derive(Clone)]
pub struct Rooms(Arc<Inner>);

struct Inner {
    registry: Registry,
    _ticker: AbortOnDropHandle<()>,
}

/// How a room is.
#[derive(Clone, Copy, Debug)]
pub struct Overview {
    /// How many are in it.
    pub counts: Counts,
    /// The number of its newest event.
    pub offset: u64,
    /// The epoch in which it counts.
    pub epoch: Epoch,
}

impl Rooms {
    /// Rooms of these kinds that keep so many bytes together, and the task that looks after them.
    pub(crate) fn start(registry: Registry, most_kept: u64) -> Self {
        Self(Arc::new_cyclic(|rooms: &Weak<Inner>| {
            let ticker = AbortOnDropHandle::new(tokio::spawn(ticker::run(rooms.clone(), registry.schedule(), most_kept)));
            Inner { registry, _ticker: ticker }
        }))
    }

    pub(crate) fn registry(kinds: &Kinds, own: Vec<(Box<str>, Arc<dyn RoomKind>)>) -> Result<Registry, String> {
        Registry::new(kinds, own)
    }

    /// Publishes an event: numbered, kept, and sent to who is in the room. A room that is not there is made.
    ///
    /// # Errors
    /// `room-not-found` for a kind that there is not, `too-big`, `bad-params`, `conflict`, and what
    /// [`RoomKind::load`] says.
    pub async fn publish(&self, room: &RoomName, publication: impl Into<Publication>) -> Result<Published, Failure> {
        self.publish_plainly(SERVER, room, publication.into()).await
    }

    /// Publishes what another server says, by the name of its API key: idempotency keys are its own, and a room's kind
    /// [decides](RoomKind::publish).
    ///
    /// # Errors
    /// As for [`Rooms::publish`], and what the kind says.
    pub async fn publish_as(&self, name: &str, room: &RoomName, publication: Publication) -> Result<Published, Failure> {
        let kind = self.kind(room)?.clone();
        let Some(own) = &kind.own else { return self.publish_plainly(name, room, publication).await };
        let there = self.find_or_make(room).await?;
        let published = self.publish_decided(&there, own, Speaker::Server(name.into()), publication).await;
        count(&kind.metrics, &published);
        published
    }

    async fn publish_plainly(&self, name: &str, room: &RoomName, publication: Publication) -> Result<Published, Failure> {
        loop {
            let there = self.find_or_make(room).await?;
            let publication = publication.clone();
            let published = there.change_if_there(|core, now| core.publish(now, Author::Server(name), publication));
            if let Some(published) = published {
                count(&there.kind.metrics, &published);
                return published;
            }
        }
    }

    /// Sends an ephemeral event to who is in the room now. Of several with the same key only the newest matters.
    ///
    /// # Errors
    /// `room-not-found` for a kind that there is not, `forbidden` for an event that its kind keeps, `too-big`.
    pub fn cast(&self, room: &RoomName, message: Message, key: Option<Box<str>>) -> Result<(), Failure> {
        self.0.registry.kind(room)?;
        let Some(room) = self.find(room) else { return Ok(()) };
        room.kind.metrics.cast.add(1);
        room.change(|core, now| core.cast(now, Author::Server(SERVER), message, key))
    }

    /// Sends a message to single members.
    ///
    /// # Errors
    /// `member-not-found` when nobody is meant, `too-big`; `overloaded` when none of them has room for it.
    pub fn send(&self, room: &RoomName, to: &To, message: Message) -> Result<Sent, Failure> {
        let nobody = || Failure::new(Code::MemberNotFound, format!("nobody is in {room}"));
        let there = self.find(room).ok_or_else(nobody)?;
        let sent = there.change(|core, now| core.send(now, Author::Server(SERVER), to, message))?;
        there.kind.metrics.signals.add(sent.delivered + sent.held);
        Ok(sent)
    }

    /// Sends a message to the member of this number in this epoch: where the room was closed and made anew, the number may be somebody
    /// else's by now.
    ///
    /// # Errors
    /// As for [`Rooms::send`].
    pub fn send_to(&self, room: &RoomName, epoch: Epoch, member: Member, message: Message) -> Result<Sent, Failure> {
        let nobody = || Failure::new(Code::MemberNotFound, format!("the member {member} of {room} is gone"));
        let there = self.find(room).ok_or_else(nobody)?;
        let sent = there.change(|core, now| match core.epoch() == epoch {
            true => core.send(now, Author::Server(SERVER), &To::Member(member), message),
            false => Err(nobody()),
        })?;
        there.kind.metrics.signals.add(sent.delivered + sent.held);
        Ok(sent)
    }

    /// Who is in a room, each member by itself.
    #[must_use]
    pub fn members(&self, room: &RoomName) -> Vec<Entry> {
        self.find(room).map(|room| room.look(|core, _| core.entries().collect())).unwrap_or_default()
    }

    /// How many are in a room.
    #[must_use]
    pub fn counts(&self, room: &RoomName) -> Counts {
        self.overview(room).map(|overview| overview.counts).unwrap_or_default()
    }

    /// How a room is; `None` for one that is not there: nobody is in it, and nothing of it is kept.
    #[must_use]
    pub fn overview(&self, room: &RoomName) -> Option<Overview> {
        let look =
            |core: &mut core::Core, _: Millis| Overview { counts: core.counts(), offset: core.newest(), epoch: core.epoch() };
        Some(self.find(room)?.look(look))
    }

    /// A room's state; `None` for a room that is not there, or has none.
    #[must_use]
    pub fn state(&self, room: &RoomName) -> Option<Box<RawValue>> {
        self.find(room)?.look(|core, _| core.state_json().map(RawValue::to_owned))
    }

    /// Takes all members of a user out of a room, and tells them why. How many they were. Nothing keeps them from coming back: see
    /// to it in [`RoomKind::join`].
    pub fn remove(&self, room: &RoomName, user: &str, reason: &Failure) -> usize {
        self.decide_anew(room);
        self.find(room).map_or(0, |room| room.change(|core, now| core.remove_user(now, user, reason)))
    }

    /// Asks again for every member of a room whether it may be there and as what: when something has changed by which
    /// [`RoomKind::join`] decides.
    pub fn recheck(&self, room: &RoomName) {
        self.decide_anew(room);
        if let Some(room) = self.find(room) {
            for session in room.bells().iter().filter_map(|bell| bell.session()) {
                session.recheck(Some(&room.name));
            }
        }
    }

    /// The same for the members of one user; returns when it is decided.
    pub async fn recheck_user(&self, room: &RoomName, user: &str) {
        self.decide_anew(room);
        let Some(room) = self.find(room) else { return };
        let sessions = room.bells().into_iter().filter_map(|bell| bell.session());
        let decided: Vec<_> =
            sessions.filter(|session| session.identity.id() == user).map(|session| session.recheck_one(&room.name)).collect();
        for decided in decided {
            // A session that is over has nothing to decide.
            let _ = decided.await;
        }
    }

    /// Whoever is about to come in is asked for again.
    fn decide_anew(&self, room: &RoomName) {
        self.0.registry.decisions(room).fetch_add(1, Ordering::SeqCst);
    }

    /// For whoever comes in: what is decided before this is asked, and the room is entered after, may be stale if the number is
    /// another one then.
    pub(crate) fn decisions(&self, room: &RoomName) -> u64 {
        self.0.registry.decisions(room).load(Ordering::SeqCst)
    }

    /// Takes everybody out of a room, tells them why, and forgets the room. How many they were.
    pub fn close(&self, room: &RoomName, reason: &Failure) -> usize {
        self.decide_anew(room);
        self.0.registry.take(room).map_or(0, |room| room.close(reason))
    }

    /// The numbers of every kind of rooms.
    pub fn metrics(&self) -> impl Iterator<Item = (&str, &Metrics)> {
        self.0.registry.kinds().map(|(name, kind)| (name, &kind.metrics))
    }

    /// The same, each with the policy of its kind.
    pub(crate) fn policies(&self) -> impl Iterator<Item = (&str, &KindPolicy, &Metrics)> {
        self.0.registry.kinds().map(|(name, kind)| (name, &*kind.policy, &kind.metrics))
    }

    pub(crate) fn kind(&self, room: &RoomName) -> Result<&Arc<Kind>, Failure> {
        self.0.registry.kind(room)
    }

    pub(crate) fn find(&self, room: &RoomName) -> Option<Arc<Room>> {
        self.0.registry.find(room)
    }

    pub(crate) async fn find_or_make(&self, name: &RoomName) -> Result<Arc<Room>, Failure> {
        if let Some(room) = self.find(name) {
            return Ok(room);
        }
        let kind = self.kind(name)?;
        let state = kind.load(name).await?;
        self.0.registry.make(name, kind, state)
    }

    fn let_go(&self, room: &Arc<Room>) {
        self.0.registry.let_go(room);
    }
}

/// Counts what became of something that was published.
pub(crate) fn count(metrics: &Metrics, published: &Result<Published, Failure>) {
    match published {
        Ok(published) if published.duplicate => metrics.duplicates.add(1),
        Ok(_) => metrics.published.add(1),
        Err(_) => metrics.rejected.add(1),
    }
}

impl std::fmt::Debug for Rooms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rooms").finish_non_exhaustive()
    }
}
