//! A small model of a server around the accepting half: sessions, handlers that take their time, a registry of streams whose
//! bytes become durable a little late, and a restart that keeps only what is durable.

mod calls;
mod rooms;
mod streams;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use samewire_protocol::accept::{self, Event, Greeting, Input, Output};
use samewire_protocol::rooms::RoomName;
use samewire_protocol::wire::{Advice, Continuity};
use samewire_protocol::{CallId, Code, Failure, Instant, Link, SessionId, StreamId, StreamNo};

pub use calls::Run;
pub use rooms::{Made, Rooms};
pub use streams::{Phase, Stored};

use crate::net::{Frame, Happening, Net, Side};
use crate::rng::Rng;

/// Whose something is.
pub type Owner = String;

/// What comes up for the server.
#[derive(Debug)]
pub(crate) enum Due {
    /// A handler goes on.
    Step { life: u32, session: SessionId, id: CallId },
    /// A stream was looked up: the client may send.
    Opened { life: u32, session: SessionId, stream: StreamNo },
    /// What came of a stream is durable now.
    Flush { life: u32, owner: Owner, id: StreamId },
    /// A session's time may be over.
    Expire { session: SessionId },
    /// A session's token may be worth nothing any more.
    TokenExpired { session: SessionId, at: u64 },
}

/// The server.
#[derive(Debug)]
pub struct Server {
    /// The numbers of new sessions.
    pub config: accept::Config,
    /// What the welcome advises, and the pings after a change.
    pub advice: Advice,
    /// How long a session waits for its client.
    pub ttl: Duration,
    /// How long bytes take to become durable.
    pub flush_time: Duration,
    /// How long it takes to look a stream up.
    pub open_time: Duration,
    /// Whether a restarted server goes on with streams to clients.
    pub keeps_downloads: bool,
    /// The files that can be downloaded.
    pub files: Vec<Bytes>,
    /// What ran, by the tag in the call's params.
    pub runs: BTreeMap<String, Run>,
    /// Every stream from a client.
    pub streams: BTreeMap<(Owner, StreamId), Stored>,
    /// Streams from clients that were given up, with the reason.
    pub dropped: Vec<(Owner, StreamId, Failure)>,
    /// Streams to clients that are under way, and their files.
    pub sending: BTreeMap<(Owner, StreamId), usize>,
    /// How many streams to clients are known to have arrived.
    pub delivered: usize,
    /// The rooms.
    pub rooms: Rooms,
    /// Whether it does what a machine says only after it has read all that came at one time.
    pub lazy: bool,
    /// What must never happen.
    pub faults: Vec<String>,
    life: u32,
    rng: Rng,
    sessions: BTreeMap<SessionId, Held>,
    /// Sessions for which a ticket is valid.
    known: BTreeSet<SessionId>,
    connections: BTreeMap<usize, Option<(SessionId, Link)>>,
    /// Handlers of the session at hand whose wait is over.
    ready: Vec<CallId>,
}

/// A session and what the server keeps with it.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) machine: accept::Session,
    pub(crate) owner: Owner,
    /// Tells this session from one of the same id that was lost and made anew.
    life: u64,
    socket: Option<usize>,
    link: Link,
    away_since: Option<Instant>,
    wait: Option<Instant>,
    handlers: BTreeMap<CallId, calls::Handler>,
    incoming: BTreeMap<StreamNo, StreamId>,
    outgoing: BTreeMap<StreamNo, StreamId>,
    seats: BTreeMap<RoomName, rooms::Seat>,
    /// When its token expires, in milliseconds of the model's wall clock.
    expires: Option<u64>,
}

impl Server {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            config: accept::Config::default(),
            advice: Advice { delay: 0, spread: 1_000 },
            ttl: Duration::from_secs(120),
            flush_time: Duration::from_millis(2),
            open_time: Duration::ZERO,
            keeps_downloads: true,
            files: Vec::new(),
            runs: BTreeMap::new(),
            streams: BTreeMap::new(),
            dropped: Vec::new(),
            sending: BTreeMap::new(),
            delivered: 0,
            rooms: Rooms::default(),
            lazy: false,
            faults: Vec::new(),
            life: 0,
            rng: Rng::new(seed ^ 0x5e55_1011),
            sessions: BTreeMap::new(),
            known: BTreeSet::new(),
            connections: BTreeMap::new(),
            ready: Vec::new(),
        }
    }

    /// How often the call with this tag ran.
    #[must_use]
    pub fn runs(&self, tag: &str) -> u32 {
        self.runs.get(tag).map_or(0, |run| run.count)
    }

    /// The machine of a session.
    #[must_use]
    pub fn machine(&self, session: SessionId) -> Option<&accept::Session> {
        self.sessions.get(&session).map(|held| &held.machine)
    }

    /// The sessions that are here.
    pub fn sessions(&self) -> impl Iterator<Item = (SessionId, &accept::Session)> {
        self.sessions.iter().map(|(id, held)| (*id, &held.machine))
    }

    pub(crate) fn next_at(&self) -> Option<Instant> {
        self.sessions.values().filter_map(|held| held.wait).chain(self.rooms_due()).min()
    }

    pub(crate) fn timeouts(&mut self, net: &mut Net) {
        let now = net.now;
        let due = |held: &Held| held.wait.is_some_and(|at| at <= now);
        let due: Vec<_> = self.sessions.iter().filter(|(_, held)| due(held)).map(|(id, _)| *id).collect();
        for id in due {
            self.with(net, id, |server, held, net| {
                held.machine.advise(server.advice);
                held.machine.handle_timeout(net.now);
            });
            if let Some(held) = self.sessions.get_mut(&id)
                && held.wait.is_some_and(|at| at <= now)
            {
                self.faults.push(format!("the machine waits for {:?}, which is past at {now:?}", held.wait));
                held.wait = None;
            }
        }
        if self.rooms_due().is_some_and(|at| at <= now) {
            self.tick_rooms(net);
        }
    }

    /// A frame arrived on a socket.
    pub(crate) fn arrived(&mut self, net: &mut Net, socket: usize, frame: Frame) {
        match (self.connections.entry(socket).or_default().as_ref(), frame) {
            (_, Frame::Close(code)) => self.closed(net, socket, code),
            (Some((session, link)), frame) => {
                let (session, link) = (*session, *link);
                let input = match &frame {
                    Frame::Binary(bytes) => Input::Binary(bytes.clone()),
                    Frame::Text(text) => Input::Text(text),
                    Frame::Close(_) => return,
                };
                if !self.lazy {
                    self.with(net, session, |_, held, net| held.machine.handle_input(net.now, link, input));
                } else if let Some(held) = self.sessions.get_mut(&session) {
                    held.machine.handle_input(net.now, link, input);
                    held.wait = Some(net.now);
                }
            }
            (None, Frame::Text(text)) => self.greet(net, socket, &text),
            (None, Frame::Binary(_)) => {
                self.part(net, socket, Failure::new(Code::BadFrame, "the first frame must be a hello"), None);
            }
        }
    }

    pub(crate) fn drained(&mut self, net: &mut Net, socket: usize) {
        if let Some(Some((session, link))) = self.connections.get(&socket).copied() {
            let buffered = net.buffered(socket, Side::Server);
            self.with(net, session, |_, held, net| {
                held.machine.handle_input(net.now, link, Input::Writable { buffered });
            });
        }
    }

    /// A socket is gone: 1000 is the client's word that it will not come back.
    pub(crate) fn closed(&mut self, net: &mut Net, socket: usize, code: u16) {
        net.shut(socket, Side::Server);
        let Some(Some((session, link))) = self.connections.remove(&socket) else { return };
        if code == 1000 {
            self.streams.retain(|_, stored| stored.session != session || matches!(stored.phase, Phase::Whole(..)));
            return self.end(net, session);
        }
        self.detach(net, session, link);
    }

    fn detach(&mut self, net: &mut Net, session: SessionId, link: Link) {
        let ttl = self.ttl;
        self.with(net, session, |server, held, net| {
            if held.link == link {
                held.machine.detach(link);
                held.socket = None;
                server.unlinked(net.now, held);
                held.away_since = Some(net.now);
                net.at(net.now + ttl, Happening::Server(Due::Expire { session }));
            }
        });
    }

    fn greet(&mut self, net: &mut Net, socket: usize, text: &str) {
        let hello = match accept::greet(text) {
            Ok(hello) => hello,
            Err(failure) => return self.part(net, socket, failure, None),
        };
        let (name, expires) = match hello.token.as_deref().map(tokens::read_token).transpose() {
            Ok(Some((_, Some(at)))) if at <= rooms::millis(net.now) => return self.part(net, socket, tokens::expired(), None),
            Ok(token) => (token.map(|(name, _)| name.to_owned()), token.and_then(|(_, expires)| expires)),
            Err(failure) => return self.part(net, socket, failure, None),
        };
        let ticket = hello.ticket.as_deref().and_then(|ticket| {
            let (session, rest) = ticket.split_once('|')?;
            let (life, owner) = rest.split_once('|')?;
            let session = session.parse::<SessionId>().ok().filter(|session| self.known.contains(session))?;
            let same = name.as_deref().is_none_or(|name| name == owner);
            same.then(|| (session, life.to_owned(), owner.to_owned()))
        });
        let (session, continuity, owner) = match ticket {
            // Only the session that welcomed the client last knows which of its calls ran.
            Some((session, life, owner)) => match self.sessions.get(&session) {
                Some(held) if held.life.to_string() == life => (session, Continuity::Kept, owner),
                _ => (session, Continuity::Restarted, owner),
            },
            None => {
                let session = self.rng.session_id();
                let owner = name.unwrap_or_else(|| session.to_string());
                (session, Continuity::Fresh, owner)
            }
        };
        let continuity = if hello.anew && continuity != Continuity::Fresh {
            self.replace(net, session);
            Continuity::Restarted
        } else {
            continuity
        };
        self.known.insert(session);
        if !self.sessions.contains_key(&session) {
            let life = self.rng.bits();
            self.sessions.insert(session, Held::new(session, life, self.config, owner));
        }
        self.attach(net, socket, session, continuity, expires);
    }

    fn attach(&mut self, net: &mut Net, socket: usize, session: SessionId, continuity: Continuity, expires: Option<u64>) {
        let advice = self.advice;
        self.with(net, session, |server, held, net| {
            if let Some(old) = held.socket {
                let failure = Failure::new(Code::Superseded, "the session goes on over another connection");
                server.part(net, old, failure, None);
                server.unlinked(net.now, held);
            }
            server.expires(net, held, expires);
            let expires = expires.map(|at| at.saturating_sub(rooms::millis(net.now)));
            let link = held.link.next();
            held.link = link;
            held.socket = Some(socket);
            held.away_since = None;
            server.connections.insert(socket, Some((session, link)));
            let ticket = format!("{session}|{}|{}", held.life, held.owner);
            let named = !held.owner.starts_with("se_");
            let identity = named.then_some(held.owner.as_str());
            let greeting = Greeting { ticket: &ticket, continuity, identity, reconnect: advice, expires };
            held.machine.attach(net.now, link, &greeting);
        });
    }

    /// Says goodbye on a socket and closes it.
    fn part(&mut self, net: &mut Net, socket: usize, failure: Failure, advice: Option<Advice>) {
        let code = failure.code.close();
        net.send(socket, Side::Server, Frame::Text(accept::goodbye(failure, advice).as_str().to_owned()));
        net.close(socket, Side::Server, code);
        self.connections.remove(&socket);
    }

    pub(crate) fn due(&mut self, net: &mut Net, due: Due) {
        match due {
            Due::Step { life, session, id } if life == self.life => {
                self.with(net, session, |server, held, net| server.step(net, held, id));
            }
            Due::Opened { life, session, stream } if life == self.life => {
                self.with(net, session, |server, held, net| server.looked_up(net, held, stream));
            }
            Due::Flush { life, owner, id } if life == self.life => self.flush(net, owner, id),
            Due::Expire { session } => {
                let since = self.sessions.get(&session).and_then(|held| held.away_since);
                if since.is_some_and(|since| net.now.since(since) >= self.ttl) {
                    self.end(net, session);
                }
            }
            Due::TokenExpired { session, at } => self.token_expired(net, session, at),
            Due::Step { .. } | Due::Opened { .. } | Due::Flush { .. } => {}
        }
    }

    /// The session is over: what runs for it is stopped; the streams of a client without a name are gone.
    pub(crate) fn end(&mut self, net: &mut Net, session: SessionId) {
        self.known.remove(&session);
        if !self.let_go(net, session, Failure::new(Code::SessionClosed, "the session is over")) {
            return;
        }
        let owner = session.to_string();
        self.streams.retain(|(of, _), _| *of != owner);
        self.sending.retain(|(of, _), _| *of != owner);
    }

    /// The session's client is gone, and another takes its place that remembers nothing of it: what is stored stays.
    fn replace(&mut self, net: &mut Net, session: SessionId) {
        self.let_go(net, session, Failure::new(Code::Superseded, "another client goes on with the session"));
    }

    /// Forgets a session and stops what runs for it.
    fn let_go(&mut self, net: &mut Net, session: SessionId, why: Failure) -> bool {
        let Some(held) = self.sessions.remove(&session) else { return false };
        if let Some(socket) = held.socket {
            self.part(net, socket, why, None);
        }
        self.unseated(net.now, &held);
        for handler in held.handlers.into_values() {
            self.stopped(&handler);
        }
        self.spread(net);
        true
    }

    /// The process dies and another one takes its place: it has what was durable.
    pub(crate) fn restart(&mut self, net: &mut Net) {
        self.life += 1;
        for socket in std::mem::take(&mut self.connections).into_keys() {
            net.close(socket, Side::Server, 1006);
        }
        self.sessions.clear();
        self.rooms.cores.clear();
        self.ready.clear();
        for stored in self.streams.values_mut() {
            stored.restarted();
        }
    }

    /// Says goodbye to every client, as a server does that is told to stop, then restarts.
    pub(crate) fn drain(&mut self, net: &mut Net, advice: Advice) {
        for id in self.sessions.keys().copied().collect::<Vec<_>>() {
            let failure = Failure::new(Code::Restart, "the server is being restarted");
            self.with(net, id, |_, held, _| held.machine.dismiss(failure, Some(advice)));
        }
        self.restart(net);
    }

    /// Changes one session, and does what its machine says until it waits.
    pub(crate) fn with(&mut self, net: &mut Net, id: SessionId, change: impl FnOnce(&mut Self, &mut Held, &mut Net)) {
        let Some(mut held) = self.sessions.remove(&id) else { return };
        change(self, &mut held, net);
        self.pump(net, &mut held);
        self.sessions.insert(id, held);
        self.spread(net);
    }

    fn pump(&mut self, net: &mut Net, held: &mut Held) {
        loop {
            match held.machine.poll_output() {
                Output::SendText(text) => self.send(net, held, Frame::Text(text.as_str().to_owned())),
                Output::SendBinary(bytes) => self.send(net, held, Frame::Binary(bytes)),
                Output::HangUp { code, .. } => {
                    if let Some(socket) = held.socket.take() {
                        net.close(socket, Side::Server, code);
                        self.connections.remove(&socket);
                        held.machine.detach(held.link);
                        self.unlinked(net.now, held);
                        held.away_since = Some(net.now);
                        net.at(net.now + self.ttl, Happening::Server(Due::Expire { session: held.machine.id() }));
                    }
                }
                Output::Event(event) => self.told(net, held, event),
                Output::Wait(at) => match self.ready.pop() {
                    Some(call) => self.step(net, held, call),
                    None => {
                        held.wait = at;
                        return;
                    }
                },
            }
        }
    }

    fn send(&mut self, net: &mut Net, held: &Held, frame: Frame) {
        match held.socket {
            Some(socket) => net.send(socket, Side::Server, frame),
            None => self.faults.push(format!("a frame went out without a socket: {frame:?}")),
        }
    }

    fn told(&mut self, net: &mut Net, held: &mut Held, event: Event) {
        match event {
            Event::Call { id, method, payload, attachment, timeout } => {
                if !self.room_call(net, held, (id, &method, payload.get(), attachment)) {
                    self.begin(net, held, id, &method, payload.get(), timeout);
                }
            }
            Event::Join(joining) => self.joining(net, held, joining),
            Event::Leave { room } => self.leaving(net, held, &room),
            Event::Cast(casting) => self.casting(net, held, casting),
            Event::Token { token } => self.refreshed(net, held, &token),
            Event::Cancel { id } => self.cancelled(held, id),
            Event::PartsTaken { id } => self.step(net, held, id),
            Event::Open { stream, spec } => self.opening(net, held, stream, spec),
            Event::Data { stream, offset, bytes } => self.data(net, held, stream, offset, &bytes),
            Event::End { stream, size, digest } => self.ended(net, held, stream, size, digest),
            Event::Attach { stream, id, offset, limit } => self.attached(net, held, stream, id, offset, limit),
            Event::Want(want) => self.wanted(net, held, want),
            Event::Delivered { stream, id } => self.arrived_whole(held, stream, id),
            Event::Aborted { stream, id, failure } => self.given_up(held, stream, id, failure),
            event => self.faults.push(format!("an event that this server does not know: {event:?}")),
        }
    }
}

impl Held {
    fn new(session: SessionId, life: u64, config: accept::Config, owner: Owner) -> Self {
        Self {
            machine: accept::Session::new(session, config),
            owner,
            life,
            socket: None,
            link: Link::default(),
            away_since: None,
            wait: None,
            handlers: BTreeMap::new(),
            incoming: BTreeMap::new(),
            outgoing: BTreeMap::new(),
            seats: BTreeMap::new(),
            expires: None,
        }
    }
}
