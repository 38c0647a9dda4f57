//! A network on virtual time: sockets with a latency and a rate, whose bytes arrive in order until the connection is cut.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use samewire_protocol::{Instant, Link};

use crate::{client, server};

/// One end of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The client's.
    Client,
    /// The server's.
    Server,
}

impl Side {
    /// The end that this one talks to.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// What travels on a socket.
#[derive(Clone, Debug)]
pub enum Frame {
    /// A text frame.
    Text(String),
    /// A binary frame.
    Binary(Bytes),
    /// A close frame, the last of its side.
    Close(u16),
}

impl Frame {
    /// How many bytes it takes, with the shortest header that a WebSocket frame can have.
    #[must_use]
    pub fn len(&self) -> u64 {
        let payload = match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
            Self::Close(_) => 2,
        };
        payload as u64 + 2
    }

    /// Never: a frame has a header.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }
}

/// What comes up at its time.
#[derive(Debug)]
pub(crate) enum Happening {
    Opened { socket: usize },
    Arrived { socket: usize, to: Side, frame: Frame },
    Lost { socket: usize, at: Side },
    Drained { socket: usize, at: Side },
    Server(server::Due),
    Client(usize, client::Due),
}

/// How a connection is cut.
#[derive(Clone, Copy, Debug)]
pub struct Blow {
    /// How many bytes on the way to the server still arrive; a frame that is not whole does not.
    pub up: u64,
    /// How many bytes on the way to the client still arrive.
    pub down: u64,
    /// When the client learns of it.
    pub client: Duration,
    /// When the server learns of it.
    pub server: Duration,
}

impl Default for Blow {
    /// Everything on the way is lost, and both sides know at once.
    fn default() -> Self {
        Self { up: 0, down: 0, client: Duration::ZERO, server: Duration::ZERO }
    }
}

/// What a client meets that dials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The server.
    Open,
    /// A refusal.
    Refused,
    /// Nothing at all.
    Silent,
}

#[derive(Debug)]
struct Socket {
    client: usize,
    link: Link,
    cut: bool,
    client_open: bool,
    server_open: bool,
    up: Lane,
    down: Lane,
}

#[derive(Debug, Default)]
struct Lane {
    /// When the last frame has left the sender's buffer, and when it arrives.
    departs: Instant,
    arrives: Instant,
    buffer: VecDeque<(Instant, u64)>,
    sent: u64,
    /// The connection is cut when this many bytes were sent.
    cut_at: Option<(u64, Blow)>,
}

/// All sockets, and the agenda of what comes up.
#[derive(Debug)]
pub struct Net {
    /// The time.
    pub now: Instant,
    /// How long a byte travels.
    pub latency: Duration,
    /// Bytes that a socket takes a second; no end when absent.
    pub rate: Option<u64>,
    /// What a client meets that dials.
    pub reach: Reach,
    /// Every text frame as it was sent, where a test asks for it.
    pub trace: Option<Vec<(Instant, Side, String)>>,
    /// The next new socket is cut after so many bytes of a side.
    pub cut_next: Option<(Side, u64, Blow)>,
    agenda: BTreeMap<(Instant, u64), Happening>,
    count: u64,
    sockets: Vec<Socket>,
}

impl Net {
    pub(crate) fn new() -> Self {
        Self {
            now: Instant::from_micros(1_000_000),
            latency: Duration::from_millis(10),
            rate: None,
            reach: Reach::Open,
            trace: None,
            cut_next: None,
            agenda: BTreeMap::new(),
            count: 0,
            sockets: Vec::new(),
        }
    }

    pub(crate) fn at(&mut self, at: Instant, happening: Happening) {
        self.count += 1;
        self.agenda.insert((at.max(self.now), self.count), happening);
    }

    pub(crate) fn next_at(&self) -> Option<Instant> {
        self.agenda.first_key_value().map(|((at, _), _)| *at)
    }

    pub(crate) fn pop_due(&mut self) -> Option<Happening> {
        let entry = self.agenda.first_entry()?;
        (entry.key().0 <= self.now).then(|| entry.remove())
    }

    pub(crate) fn dial(&mut self, client: usize, link: Link) -> usize {
        let index = self.sockets.len();
        let open = self.reach == Reach::Open;
        self.sockets.push(Socket {
            client,
            link,
            cut: !open,
            client_open: true,
            server_open: open,
            up: Lane::default(),
            down: Lane::default(),
        });
        match self.reach {
            Reach::Open => {
                if let Some((side, bytes, blow)) = self.cut_next.take() {
                    self.lane(index, side).cut_at = Some((bytes, blow));
                }
                self.at(self.now + self.latency * 2, Happening::Opened { socket: index });
            }
            Reach::Refused => self.at(self.now + self.latency, Happening::Lost { socket: index, at: Side::Client }),
            Reach::Silent => {}
        }
        index
    }

    /// The client of a socket, and the link that the socket is to it.
    pub(crate) fn client_of(&self, socket: usize) -> (usize, Link) {
        let socket = &self.sockets[socket];
        (socket.client, socket.link)
    }

    pub(crate) fn is_open(&self, socket: usize, side: Side) -> bool {
        let socket = &self.sockets[socket];
        match side {
            Side::Client => socket.client_open,
            Side::Server => socket.server_open,
        }
    }

    pub(crate) fn is_cut(&self, socket: usize) -> bool {
        self.sockets[socket].cut
    }

    pub(crate) fn shut(&mut self, socket: usize, side: Side) {
        let socket = &mut self.sockets[socket];
        match side {
            Side::Client => socket.client_open = false,
            Side::Server => socket.server_open = false,
        }
    }

    fn lane(&mut self, socket: usize, from: Side) -> &mut Lane {
        let socket = &mut self.sockets[socket];
        match from {
            Side::Client => &mut socket.up,
            Side::Server => &mut socket.down,
        }
    }

    pub(crate) fn send(&mut self, socket: usize, from: Side, frame: Frame) {
        if !self.is_open(socket, from) {
            return;
        }
        if let (Some(trace), Frame::Text(text)) = (&mut self.trace, &frame) {
            trace.push((self.now, from, text.clone()));
        }
        let (now, latency, rate, length) = (self.now, self.latency, self.rate, frame.len());
        let binary = matches!(frame, Frame::Binary(_));
        if !self.is_cut(socket) {
            let lane = self.lane(socket, from);
            lane.sent += length;
            if let Some((at, blow)) = lane.cut_at
                && lane.sent > at
            {
                self.sever(socket, blow);
            }
        }
        let lane = self.lane(socket, from);
        let takes = rate.map_or(Duration::ZERO, |rate| Duration::from_micros(length * 1_000_000 / rate.max(1)));
        lane.departs = lane.departs.max(now) + takes;
        lane.arrives = lane.arrives.max(lane.departs + latency);
        lane.buffer.push_back((lane.departs, length));
        let (departs, arrives) = (lane.departs, lane.arrives);
        if binary || rate.is_some() {
            self.at(departs, Happening::Drained { socket, at: from });
        }
        if !self.is_cut(socket) {
            self.at(arrives, Happening::Arrived { socket, to: from.other(), frame });
        }
    }

    /// One side closes: what it has sent still arrives, what is on the way to it does not.
    pub(crate) fn close(&mut self, socket: usize, by: Side, code: u16) {
        self.send(socket, by, Frame::Close(code));
        self.shut(socket, by);
    }

    /// Bytes that wait in the sender's own buffer.
    pub(crate) fn buffered(&mut self, socket: usize, side: Side) -> u64 {
        let now = self.now;
        let lane = self.lane(socket, side);
        while lane.buffer.front().is_some_and(|(departs, _)| *departs <= now) {
            lane.buffer.pop_front();
        }
        lane.buffer.iter().map(|(_, length)| length).sum()
    }

    /// The same, for whoever only looks.
    pub(crate) fn waiting(&self, socket: usize, side: Side) -> u64 {
        let socket = &self.sockets[socket];
        let lane = if side == Side::Client { &socket.up } else { &socket.down };
        lane.buffer.iter().filter(|(departs, _)| *departs > self.now).map(|(_, length)| length).sum()
    }

    /// How many bytes a side of a socket has sent.
    #[must_use]
    pub fn sent(&self, socket: usize, from: Side) -> u64 {
        let socket = &self.sockets[socket];
        match from {
            Side::Client => socket.up.sent,
            Side::Server => socket.down.sent,
        }
    }

    /// Cuts a connection.
    pub(crate) fn sever(&mut self, socket: usize, blow: Blow) {
        if std::mem::replace(&mut self.sockets[socket].cut, true) {
            return;
        }
        let (mut up, mut down) = (blow.up, blow.down);
        self.agenda.retain(|_, happening| {
            let Happening::Arrived { socket: of, to, frame } = happening else { return true };
            if *of != socket {
                return true;
            }
            let left = if *to == Side::Server { &mut up } else { &mut down };
            let whole = *left >= frame.len();
            *left = if whole { *left - frame.len() } else { 0 };
            whole
        });
        self.at(self.now + blow.client, Happening::Lost { socket, at: Side::Client });
        self.at(self.now + blow.server, Happening::Lost { socket, at: Side::Server });
    }
}
