//! Who may come in, for how long, and what they may do: real servers, real sockets, tokens of every kind.

mod audience;
mod expiry;
mod grants;
mod issuer;
mod log;
mod metrics;
mod mint;
mod revocation;
mod stage;
mod tickets;
