//! Many clients on one thread, each with the real machine of the client's half: it alone decides when to dial and what to say.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::time::{Duration, Instant as Clock};

use mio::{Events, Poll, Token};
use samewire_protocol::session::{CallRequest, Config, Input, JoinRequest, Output, Session};
use samewire_protocol::{Instant, Link as LinkNo};
use serde_json::value::RawValue;

use super::place::Place;
use crate::Outcome;
use crate::raw::{Heard, Link, number};

const AT_ONCE: usize = 100;
const PATIENCE: Duration = Duration::from_secs(30);
/// The code of a connection that went without one (RFC 6455, section 7.4.1).
const ABNORMAL: u16 = 1006;

pub(super) struct Swarm {
    poll: Poll,
    buffer: Box<[u8]>,
    address: SocketAddr,
    start: Clock,
    rooms: Vec<String>,
    /// The first publishes to all rooms and is never cut off; each of the others is in one of them.
    clients: Vec<Client>,
    timers: BinaryHeap<Reverse<(Instant, usize)>>,
    dials: Vec<Clock>,
    published: usize,
    next_publish: Clock,
    /// The newest spread that a frame of the server's told, in milliseconds.
    spread: u64,
}

struct Client {
    session: Session,
    socket: Option<Link>,
    link: LinkNo,
    wake: Option<Instant>,
    place: Place,
}

impl Swarm {
    pub(super) fn new(url: &str, rooms: usize) -> Outcome<Self> {
        let mut swarm = Self {
            poll: Poll::new()?,
            buffer: vec![0; 256 * 1024].into(),
            address: url.trim_start_matches("http://").parse()?,
            start: Clock::now(),
            rooms: (0..rooms).map(|room| format!("bench:{room}")).collect(),
            clients: Vec::new(),
            timers: BinaryHeap::new(),
            dials: Vec::new(),
            published: 0,
            next_publish: Clock::now(),
            spread: 0,
        };
        swarm.add(&(0..rooms).collect::<Vec<_>>())?;
        Ok(swarm)
    }

    /// Adds so many sessions, evenly over the rooms, and waits until all of them are in.
    pub(super) fn join(&mut self, count: usize) -> Outcome {
        for first in (0..count).step_by(AT_ONCE) {
            for number in first..count.min(first + AT_ONCE) {
                self.add(&[number % self.rooms.len()])?;
            }
            let until = Clock::now() + PATIENCE;
            while self.away() > 0 {
                self.turn(Duration::from_millis(10))?;
                if Clock::now() > until {
                    return Err(format!("{} could not join in {PATIENCE:?}", self.away()).into());
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, rooms: &[usize]) -> Outcome {
        let (index, now) = (self.clients.len(), self.now());
        let mut session = Session::new(Config { seed: index as u64 + 1, ..Config::default() });
        for room in rooms {
            let room = self.rooms[*room].parse()?;
            session.join(now, JoinRequest { room, presence: true, info: None });
        }
        self.clients.push(Client { session, socket: None, link: LinkNo::default(), wake: None, place: Place::default() });
        self.drain(index)
    }

    /// Cuts everybody off but the publisher; nobody says goodbye.
    pub(super) fn kill_all(&mut self) -> Outcome {
        let now = self.now();
        for index in 1..self.clients.len() {
            let client = &mut self.clients[index];
            client.place.is_in = false;
            client.socket = None;
            client.session.handle_input(now, client.link, Input::Closed { code: ABNORMAL });
            self.drain(index)?;
        }
        Ok(())
    }

    /// How many are not in their room.
    pub(super) fn away(&self) -> usize {
        self.clients.iter().skip(1).filter(|client| !client.place.is_in).count()
    }

    pub(super) fn advised_spread(&self) -> u64 {
        self.spread
    }

    /// When connects were begun, in seconds since then.
    pub(super) fn dialled_since(&self, then: Clock) -> Vec<f64> {
        self.dials.iter().filter_map(|at| at.checked_duration_since(then)).map(|since| since.as_secs_f64()).collect()
    }

    /// What became of everybody; who has not the newest event of the room by now counts as a gap.
    pub(super) fn total(&self) -> Place {
        let mut total = Place::default();
        for (index, client) in self.clients.iter().enumerate().skip(1) {
            total.recovered += client.place.recovered;
            total.duplicates += client.place.duplicates;
            total.gaps += client.place.gaps + u64::from(client.place.last != self.newest(index));
        }
        total
    }

    /// The number of the newest event in this client's room.
    fn newest(&self, index: usize) -> u64 {
        let room = (index - 1) % self.rooms.len();
        ((self.published + self.rooms.len() - 1 - room) / self.rooms.len()) as u64
    }

    /// Does what comes up for so long, while so many messages a second are published, to the rooms in turn.
    pub(super) fn run_for(&mut self, span: Duration, a_second: u32) -> Outcome {
        let until = Clock::now() + span;
        if a_second == 0 || self.next_publish + span < Clock::now() {
            self.next_publish = Clock::now();
        }
        loop {
            let now = Clock::now();
            if now >= until {
                return Ok(());
            }
            let mut wait = until - now;
            if a_second > 0 {
                if now >= self.next_publish {
                    self.publish()?;
                    self.next_publish += Duration::from_secs(1) / a_second;
                }
                wait = wait.min(self.next_publish.saturating_duration_since(now));
            }
            self.turn(wait)?;
        }
    }

    fn publish(&mut self) -> Outcome {
        let room = &self.rooms[self.published % self.rooms.len()];
        let payload = RawValue::from_string(format!(r#"{{"room":"{room}","name":"m","payload":"{}"}}"#, self.published))?;
        let request = CallRequest {
            method: "rooms/publish".into(),
            payload: Some(payload),
            timeout: None,
            idempotent: false,
            attachment: None,
        };
        self.published += 1;
        let now = self.now();
        self.clients[0].session.call(now, request);
        self.drain(0)
    }

    fn now(&self) -> Instant {
        Instant::from_micros(u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    fn turn(&mut self, wait: Duration) -> Outcome {
        let mut events = Events::with_capacity(1024);
        let due = self.timers.peek().map_or(wait, |Reverse((at, _))| at.since(self.now()));
        if let Err(error) = self.poll.poll(&mut events, Some(wait.min(due)))
            && error.kind() != std::io::ErrorKind::Interrupted
        {
            return Err(error.into());
        }
        for event in &events {
            let Token(index) = event.token();
            self.read(index)?;
            self.drain(index)?;
        }
        while let Some(Reverse((at, index))) = self.timers.peek().copied()
            && at <= self.now()
        {
            self.timers.pop();
            if self.clients[index].wake == Some(at) {
                self.clients[index].wake = None;
                let now = self.now();
                self.clients[index].session.handle_timeout(now);
                self.drain(index)?;
            }
        }
        Ok(())
    }

    fn read(&mut self, index: usize) -> Outcome {
        let (now, newest) = (self.now(), if index == 0 { 0 } else { self.newest(index) });
        let Client { session, socket, link, place, .. } = &mut self.clients[index];
        let Some(open) = socket else { return Ok(()) };
        let (spread, mut closed) = (&mut self.spread, None);
        let alive = open.read(&mut self.buffer, |_, heard| match heard {
            Heard::Opened => session.handle_input(now, *link, Input::Opened),
            Heard::Text(text) => {
                let text = std::str::from_utf8(text).unwrap_or_default();
                place.hear(text, newest);
                if let Some(told) = number(text, r#""spread":"#) {
                    *spread = told;
                }
                session.handle_input(now, *link, Input::Text(text));
            }
            Heard::Closed(code) => closed = Some(code),
        })?;
        if !alive || closed.is_some() {
            *socket = None;
            session.handle_input(now, *link, Input::Closed { code: closed.unwrap_or(ABNORMAL) });
        }
        Ok(())
    }

    /// Does what a client's machine says.
    fn drain(&mut self, index: usize) -> Outcome {
        loop {
            let client = &mut self.clients[index];
            match client.session.poll_output() {
                Output::Dial { link } => {
                    self.dials.push(Clock::now());
                    client.link = link;
                    let to = (self.poll.registry(), Token(index));
                    client.socket = Some(Link::dial(self.address, "/session", Some("samewire.v1"), to)?);
                }
                Output::SendText(text) => {
                    if let Some(socket) = &mut client.socket {
                        socket.out.text(text.as_str().as_bytes());
                    }
                }
                Output::HangUp { link, .. } => {
                    if link == client.link {
                        client.socket = None;
                    }
                }
                Output::SendBinary(_) | Output::Event(_) => {}
                Output::Wait(at) => {
                    if let Some(at) = at
                        && client.wake.is_none_or(|armed| at < armed)
                    {
                        client.wake = Some(at);
                        self.timers.push(Reverse((at, index)));
                    }
                    return client.socket.as_mut().map_or(Ok(()), Link::flush);
                }
            }
        }
    }
}
