//! Rooms: named places with members, roles, presence, a state and a numbered history.

pub mod core;
mod kinds;
pub mod policy;

pub use kinds::Kinds;
pub use policy::KindPolicy;
