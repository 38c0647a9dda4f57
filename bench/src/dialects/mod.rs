//! Clients of other systems: what it costs to serve them, beside the servers that they were written for.

mod metacom;
mod slow_disk;
mod socketio;

pub(crate) use metacom::run as metacom;
pub(crate) use socketio::run as socketio;
