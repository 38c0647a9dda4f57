//! One publishes to a room of many: what it costs the server, how long it takes, and what happens when readers stop or all come
//! back at once.

mod fan_out;
mod idle;
mod latency;
mod slow;
mod storm;
pub(crate) mod traffic;

pub(crate) use fan_out::run as fan_out;
pub(crate) use idle::run as idle;
pub(crate) use latency::run as latency;
pub(crate) use slow::run as slow;
pub(crate) use storm::run as storm;

use crate::Outcome;
use crate::peer::Peer;
use crate::raw::Dialect;

/// How many read in a room.
pub(crate) const READERS: usize = 1_000;

/// Rooms as their defaults are, but for as many messages and members as are measured.
const CONFIG: &str = r#"
[rooms.kinds.bench]
access = "open"
presence = "members"
rate = 1000000
burst = 1000000
max_members = 20000
"#;

/// A server that can fan out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Server {
    Samewire,
    Socketioxide,
    SocketIo,
    Bare,
}

impl Server {
    fn name(self) -> &'static str {
        match self {
            Self::Samewire => "samewire",
            Self::Socketioxide => "socketioxide 0.18",
            Self::SocketIo => "Socket.IO 4.8",
            Self::Bare => "bare axum",
        }
    }

    fn start(self) -> Outcome<Peer> {
        match self {
            Self::Samewire => Peer::samewire_with(CONFIG),
            Self::Socketioxide => Peer::compared("socketioxide"),
            Self::SocketIo => Peer::socket_io("socket-io"),
            Self::Bare => Peer::compared("fan-out"),
        }
    }

    fn dialect(self) -> Dialect {
        match self {
            Self::Samewire => Dialect::Samewire { room: "bench:room" },
            Self::Socketioxide | Self::SocketIo => Dialect::SocketIo,
            Self::Bare => Dialect::Plain,
        }
    }
}
