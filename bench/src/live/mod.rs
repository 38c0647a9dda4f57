//! Live streams without their media: what it costs to tell many watchers of a count, and whether many broadcasters and viewers
//! who signal at once all hear their own peer and nobody else's.

mod counts;
mod flock;
mod peers;
mod signal;

pub(crate) use counts::run as counts;
pub(crate) use signal::run as signal;

/// Streams as their defaults are, but open to everybody and for as many as are measured.
const CONFIG: &str = r#"
[rooms.kinds.live]
access = "open"
role = "broadcaster"

[live]
max_viewers = 20000
max_streams = 20000
"#;
