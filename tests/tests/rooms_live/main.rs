//! Rooms on real sockets, spoken by hand: what each message does, and what it does not when it is wrong. A witness is in the room
//! all the while, and hears nothing but what is right.

mod basics;
mod bytes;
mod deaf;
mod grants;
mod http;
mod keys;
mod kinds;
mod limits;
mod names;
mod outside;
mod recovery;
mod roles;
mod stage;
mod storms;
mod turns;
