//! Clients that speak Engine.IO and Socket.IO by hand: what no library says, floods, forgeries, connections that are left half open;
//! and that a client of an SDK sees the same.

mod changes;
mod doors;
mod ends;
mod floods;
mod packets;
mod polling;
mod shared;
mod stage;
