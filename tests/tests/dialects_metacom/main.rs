//! Metacom on real sockets, spoken by hand: what its packets do, what wrong ones do not, and none of the faults of the server that
//! clients of it were written for.

mod connections;
mod faults;
mod frames;
mod http;
mod identities;
mod meeting;
mod sessions;
mod stage;
mod strangers;
mod streams;
