//! Rooms: named places with members, roles, presence, a state and a numbered history of events.
//!
//! ```no_run
//! use samewire::rooms::{JoinOptions, PublishOptions, RoomEvent, To};
//! use serde_json::json;
//!
//! # async fn run(client: samewire::Client) -> Result<(), Box<dyn std::error::Error>> {
//! #[derive(Debug, serde::Serialize, serde::Deserialize)]
//! struct Line {
//!     text: String,
//! }
//!
//! let room = client.join("chat:general", JoinOptions::new().info(json!({"name": "Ada"}))).await?;
//!
//! // Kept, numbered, told to every member; safe to make over a lost connection or a restart of the server.
//! let published = room.publish("line", &Line { text: "Hello".into() }).await?;
//! println!("that was number {}", published.offset);
//!
//! // Told to those who are here now, and forgotten.
//! room.cast("typing", &true)?;
//!
//! // Told to somebody alone; kept for a moment if the connection is lost.
//! room.send(To::User("grace".into()), "nudge", &()).await?;
//!
//! while let Some(event) = room.next().await {
//!     match event {
//!         RoomEvent::Message(message) if message.name.as_str() == "line" => {
//!             let line: Line = message.payload()?;
//!             println!("{}: {}", message.user.as_deref().unwrap_or("somebody"), line.text);
//!         }
//!         // The connection was lost. Either nothing is missing …
//!         RoomEvent::Recovered => {}
//!         // … or this much; what the room still has is in its history.
//!         RoomEvent::Lost { missed } => println!("{missed:?} messages were lost"),
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A [`Room`] is joined again by itself when the connection comes back, from the last event that it heard: what happened
//! meanwhile follows, each event once, and [`RoomEvent::Recovered`] says so. Where the room no longer has all of it, as after a
//! restart of the server, [`RoomEvent::Lost`] says so instead.
//!
//! **State.** Rooms of some kinds have a state, one JSON value. [`Room::patch`] and [`Room::replace`] change it for everybody,
//! [`Room::state`] is what it is now, [`Room::watch_state`] tells of changes. It is right even for an app that takes no events.
//!
//! **Presence.** [`Room::presence`] and [`Room::watch_presence`] tell who is there, with the role of each and the
//! [`info`](JoinOptions::info) that it gave.

mod event;
mod lives;
mod membership;
mod presence;
mod queue;
mod room;
mod say;

use samewire_protocol::Failure;
use samewire_protocol::session::JoinRequest;
use serde_json::Value;

use crate::call::to_raw;
use crate::client::Client;

pub use event::{Message, PayloadError, RoomEvent};
pub(crate) use lives::Rooms;
pub use membership::RoomStatus;
pub use presence::Presence;
pub use queue::{MOST_WAITING, MOST_WAITING_BYTES};
pub use room::Room;
pub use say::{CastOptions, HistoryPage, Page, PublishOptions};

pub use samewire_protocol::rooms::methods::{PresencePage, Published, Sent, To};
pub use samewire_protocol::rooms::{Entry, Epoch, EventName, EventNameError, Member, Role, RoleError, RoomName, RoomNameError};

/// How a room is joined.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct JoinOptions {
    pub(crate) presence: bool,
    pub(crate) info: Option<Value>,
}

impl Default for JoinOptions {
    fn default() -> Self {
        Self { presence: true, info: None }
    }
}

impl JoinOptions {
    /// To be told who is there, and to be shown without info.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether to be told who is there. Default yes.
    pub fn presence(mut self, wanted: bool) -> Self {
        self.presence = wanted;
        self
    }

    /// What the others are shown of this member: at most 1 KiB of JSON. Default nothing.
    pub fn info(mut self, info: impl Into<Value>) -> Self {
        self.info = Some(info.into());
        self
    }
}

impl Client {
    /// Joins a room, `kind:name`, and waits until the server has let this client in, or says why not. Where there is no connection, one
    /// is made. Joining a room that this client is in gives one more handle of the same membership, with the options of the first.
    pub async fn join(&self, room: &str, options: JoinOptions) -> Result<Room, Failure> {
        let info = options.info.as_ref().map(to_raw).transpose()?;
        let room = Room::enter(self, JoinRequest { room: room.parse()?, presence: options.presence, info });
        room.entered().await?;
        Ok(room)
    }
}
