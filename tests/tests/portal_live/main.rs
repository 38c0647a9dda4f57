//! Portal views of a real server: over HTTP, and in their rooms.

mod api;
mod order;
mod rest;
mod rest_faults;
mod roles;
mod room;
mod room_faults;
mod sdk;
mod seat;
mod stage;
mod stale;
mod table;
