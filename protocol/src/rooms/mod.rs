//! Rooms: their names, and who may do what in them.

mod name;

pub use name::{Pattern, PatternError, Role, RoleError, RoomName, RoomNameError};
