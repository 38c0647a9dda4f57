//! Clients of other systems: what it costs to serve them, beside the servers that they were written for.

mod socketio;

pub(crate) use socketio::run as socketio;
