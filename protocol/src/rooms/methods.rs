//! The contracts of the built-in methods `rooms/…`. Each needs a membership of the room; without one, the answer is `not-joined`.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::event::present;
use super::{Entry, Epoch, EventName, Member, Role, RoomEvent, RoomName};
use crate::method::{Method, SessionRoute};

/// `rooms/publish`: makes an event that is numbered and kept, and with `patch` or `state` changes the room's state. Bytes go as
/// the call's attachment, in place of `payload`.
#[derive(Clone, Copy, Debug)]
pub struct Publish;

/// What `rooms/publish` takes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PublishParams {
    /// The room.
    pub room: RoomName,
    /// What the event is called.
    pub name: EventName,
    /// What it says.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub payload: Option<Box<RawValue>>,
    /// How it changes the room's state: a JSON merge patch (RFC 7396).
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub patch: Option<Box<RawValue>>,
    /// The room's whole new state. Not together with `patch`.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub state: Option<Box<RawValue>>,
    /// An idempotency key of at most [`MAX_KEY`](crate::limits::MAX_KEY) bytes: an event with a key that the user gave before is
    /// not made again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Box<str>>,
    /// Only if the room's newest event has this number; else `conflict`, with the number as `data.offset`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<u64>,
}

/// What `rooms/publish` answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// The event's number.
    pub offset: u64,
    /// The epoch in which it counts.
    pub epoch: Epoch,
    /// Whether the key was known: the event was made before, and nothing was sent now.
    pub duplicate: bool,
}

impl Method for Publish {
    const NAME: &'static str = "rooms/publish";
    const TITLE: &'static str = "Publish an event to a room, numbered and kept";
    /// Only with a `key`, which SDKs give.
    const IDEMPOTENT: bool = false;
    type Route = SessionRoute;
    type Params = PublishParams;
    type Args = PublishParams;
    type Output = Published;
    type Reply = Published;
}

/// `rooms/send`: a message to one member, or to all members of a user or role. Bytes go as the call's attachment.
#[derive(Clone, Copy, Debug)]
pub struct Send;

/// What `rooms/send` takes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SendParams {
    /// The room.
    pub room: RoomName,
    /// Whom it is for.
    pub to: To,
    /// What the signal is called.
    pub name: EventName,
    /// What it says.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub payload: Option<Box<RawValue>>,
}

/// Whom a signal is for: written `{"member":7}`, `{"user":"ada"}` or `{"role":"controller"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum To {
    /// A member.
    Member(Member),
    /// All members of a user.
    User(Box<str>),
    /// All members with a role.
    Role(Role),
}

/// What `rooms/send` answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// How many members have a link to hear it on.
    pub delivered: u64,
    /// For how many it is kept until they are back.
    pub held: u64,
}

impl Method for Send {
    const NAME: &'static str = "rooms/send";
    const TITLE: &'static str = "Send a message to one member of a room, or to those of a user or role";
    const IDEMPOTENT: bool = false;
    type Route = SessionRoute;
    type Params = SendParams;
    type Args = SendParams;
    type Output = Sent;
    type Reply = Sent;
}

/// `rooms/history`: kept events, a page at a time. What events say in bytes is the answer's attachment, one after the other.
#[derive(Clone, Copy, Debug)]
pub struct History;

/// What `rooms/history` takes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HistoryParams {
    /// The room.
    pub room: RoomName,
    /// Events after this offset, from the oldest on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// Events before this offset; without `after`, those closest to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// How many at most: 100 by default, up to [`MAX_PAGE`](crate::limits::MAX_PAGE).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

/// A page of a room's history. A server may put the events in as text that it has already.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HistoryPage<E = RoomEvent> {
    /// The epoch.
    pub epoch: Epoch,
    /// The oldest event that the room has kept; one more than `last` when it has kept none.
    pub first: u64,
    /// The newest event of the room; 0 when there was none.
    pub last: u64,
    /// The events, the oldest first.
    pub events: Vec<E>,
    /// Whether the room has kept more in the direction that was asked for.
    pub more: bool,
}

impl Method for History {
    const NAME: &'static str = "rooms/history";
    const TITLE: &'static str = "Read a page of a room's kept events";
    const IDEMPOTENT: bool = true;
    type Route = SessionRoute;
    type Params = HistoryParams;
    type Args = HistoryParams;
    type Output = HistoryPage<Box<RawValue>>;
    type Reply = HistoryPage;
}

/// `rooms/presence`: who is in the room, a page at a time.
#[derive(Clone, Copy, Debug)]
pub struct WhoIsThere;

/// What `rooms/presence` takes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PresenceParams {
    /// The room.
    pub room: RoomName,
    /// Entries after the one with this id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Box<str>>,
    /// How many at most: 100 by default, up to [`MAX_PAGE`](crate::limits::MAX_PAGE).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

/// A page of a room's presence.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PresencePage {
    /// How many users are in the room.
    pub users: u64,
    /// How many members.
    pub members: u64,
    /// The entries, by id.
    pub entries: Vec<Entry>,
    /// Whether there are more.
    pub more: bool,
}

impl Method for WhoIsThere {
    const NAME: &'static str = "rooms/presence";
    const TITLE: &'static str = "Read who is in a room, page by page";
    const IDEMPOTENT: bool = true;
    type Route = SessionRoute;
    type Params = PresenceParams;
    type Args = PresenceParams;
    type Output = PresencePage;
    type Reply = PresencePage;
}

/// `rooms/state`: the room's state.
#[derive(Clone, Copy, Debug)]
pub struct State;

/// What `rooms/state` takes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StateParams {
    /// The room.
    pub room: RoomName,
}

/// What `rooms/state` answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StateNow {
    /// The epoch.
    pub epoch: Epoch,
    /// The newest event that the state counts in.
    pub offset: u64,
    /// The state; `null` when nothing was set.
    pub state: Box<RawValue>,
}

impl Method for State {
    const NAME: &'static str = "rooms/state";
    const TITLE: &'static str = "Read a room's state";
    const IDEMPOTENT: bool = true;
    type Route = SessionRoute;
    type Params = StateParams;
    type Args = StateParams;
    type Output = StateNow;
    type Reply = StateNow;
}
