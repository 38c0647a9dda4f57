//! Live streams under attack, over raw sockets: every message from who may not send it, for streams and viewers that are not the
//! sender's, in shapes and at times that no SDK would choose. Each is refused with its code, nobody else notices, nothing stays.

mod cap;
mod flood;
mod forged;
mod leftovers;
mod order;
mod outside;
mod rest;
mod roles;
mod shapes;
mod silent;
mod stage;
mod takeover;
mod waiting;
