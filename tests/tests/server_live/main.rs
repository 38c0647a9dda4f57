//! A real server through cuts, kills and time: what goes on, what is told, and what is left behind.

mod cuts;
mod kills;
