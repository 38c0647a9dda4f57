//! A real server through cuts, kills and time: what goes on, what is told, and what is left behind.

mod calls;
mod cuts;
mod drain;
mod expiry;
mod kills;
mod memory;
mod rule;
mod stored;
mod successor;
