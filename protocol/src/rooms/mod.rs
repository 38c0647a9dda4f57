//! Rooms: their names, who may do what in them, and what is said about them.
//!
//! A server writes [`RoomFrame`]s; an app reads their parts ([`RoomEvent`], [`Joined`], …) from the text that the client's machine
//! passes on, which itself looks only at the few numbers that it decides on ([`RoomText`](crate::wire::RoomText)).

mod event;
mod frame;
mod merge;
pub mod methods;
mod name;
mod number;

pub use event::{Entry, Presence, RoomEvent};
pub use frame::{Joined, PresenceNews, RoomFrame, Signal, Skipped};
pub use merge::merge;
pub use name::{EventName, EventNameError, Pattern, PatternError, Role, RoleError, RoomName, RoomNameError};
pub use number::{Epoch, EpochError, Member};
