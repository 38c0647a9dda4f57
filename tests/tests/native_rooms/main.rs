//! Rooms by the native SDK on real sockets: nothing lost, nothing twice, and what cannot be kept is told.

mod bytes;
mod cuts;
mod handles;
mod herd;
mod place;
mod presence;
mod publish;
mod restart;
mod signals;
mod slow;
mod tokens;
