//! A server, its clients and the network between them, moved through virtual time.

mod rooms;

use std::time::Duration;

use bytes::Bytes;
use samewire_protocol::session::{CallRequest, Config, Input, Status};
use samewire_protocol::streams::{Source, StreamSpec};
use samewire_protocol::wire::Advice;
use samewire_protocol::{CallId, Failure, Instant, SessionId, StreamId, StreamNo};
use serde_json::value::RawValue;

use crate::client::{Client, Held, Outcome};
use crate::net::{Blow, Frame, Happening, Net, Side};
use crate::rng::Rng;
use crate::server::{Server, Stored};

/// Longer than anything takes that is not broken.
const LONG: Duration = Duration::from_secs(600);

/// Everything there is. Commands without a name for a client mean the first.
#[derive(Debug)]
pub struct Pair {
    /// The network, and the time.
    pub net: Net,
    /// The server.
    pub server: Server,
    /// The clients.
    pub clients: Vec<Client>,
    /// For the test's own use.
    pub rng: Rng,
}

impl Pair {
    /// A server and a client called `ada`, who has not connected yet.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut pair = Self { net: Net::new(), server: Server::new(seed), clients: Vec::new(), rng: Rng::new(seed) };
        pair.add_client(Some("ada"));
        pair
    }

    /// Adds a client, and returns its place. One without a token is anonymous.
    pub fn add_client(&mut self, token: Option<&str>) -> usize {
        self.add_client_with(Config { token: token.map(str::to_owned), ..Config::default() })
    }

    /// Adds a client that is made so, and returns its place.
    pub fn add_client_with(&mut self, config: Config) -> usize {
        let who = self.clients.len();
        self.clients.push(Client::new(who, Config { seed: self.rng.bits(), ..config }));
        who
    }

    /// A pair whose client is live.
    #[must_use]
    pub fn connected(seed: u64) -> Self {
        let mut pair = Self::new(seed);
        pair.connect();
        pair
    }

    // What the clients do.

    /// Connects the first client and waits until it is live.
    pub fn connect(&mut self) {
        self.connect_as(0);
        assert!(self.run_until(|pair| pair.is_live(0)), "the client could not connect: {:?}", self.client().session.status());
    }

    /// Connects a client.
    pub fn connect_as(&mut self, who: usize) {
        self.act(who, |client, net| client.session.connect(net.now));
    }

    /// Whether a client is live.
    #[must_use]
    pub fn is_live(&self, who: usize) -> bool {
        self.clients[who].session.status() == Status::Live
    }

    /// The first client.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.clients[0]
    }

    /// Changes a client, and does what its machine says.
    pub fn act<T>(&mut self, who: usize, change: impl FnOnce(&mut Client, &mut Net) -> T) -> T {
        let client = &mut self.clients[who];
        let result = change(client, &mut self.net);
        client.pump(&mut self.net);
        result
    }

    /// Calls a method that must not run twice.
    pub fn call(&mut self, method: &str, params: &str) -> CallId {
        self.call_as(0, request(method, params))
    }

    /// Calls a method that may run twice.
    pub fn call_idempotent(&mut self, method: &str, params: &str) -> CallId {
        self.call_as(0, CallRequest { idempotent: true, ..request(method, params) })
    }

    /// Calls a method with a deadline.
    pub fn call_within(&mut self, timeout: Duration, method: &str, params: &str) -> CallId {
        self.call_as(0, CallRequest { timeout: Some(timeout), ..request(method, params) })
    }

    /// Makes a call of a client.
    pub fn call_as(&mut self, who: usize, request: CallRequest) -> CallId {
        self.act(who, |client, net| client.call(net, request))
    }

    /// Gives a call up.
    pub fn cancel(&mut self, id: CallId) {
        self.act(0, |client, net| client.session.cancel(net.now, id));
    }

    /// Opens a stream of declared size from a source that can be read again.
    pub fn upload(&mut self, content: Bytes) -> StreamNo {
        let size = Some(content.len() as u64);
        self.upload_as(0, content, size, Source::Seekable)
    }

    /// Opens a stream of a client.
    pub fn upload_as(&mut self, who: usize, content: Bytes, size: Option<u64>, source: Source) -> StreamNo {
        let spec = StreamSpec { id: self.rng.stream_id(), name: Some("a.bin".to_owned()), media: None, size };
        self.act(who, |client, net| client.upload(net, spec, content, source))
    }

    // What happens to them.

    /// Cuts the first client's connection: what is on the way is lost, and both sides know at once.
    pub fn cut(&mut self) {
        self.cut_as(0, Blow::default());
    }

    /// Cuts a client's connection.
    pub fn cut_as(&mut self, who: usize, blow: Blow) {
        if let Some(socket) = self.clients[who].socket {
            self.net.sever(socket, blow);
        }
    }

    /// The server's process dies, and another one takes its place.
    pub fn restart(&mut self) {
        self.server.restart(&mut self.net);
    }

    /// The server says goodbye to everybody before it is restarted.
    pub fn drain(&mut self, advice: Advice) {
        self.server.drain(&mut self.net, advice);
    }

    /// A page is hidden and its timers stop, or it is shown again.
    pub fn freeze(&mut self, who: usize, frozen: bool) {
        let client = &mut self.clients[who];
        if frozen {
            client.session.handle_input(self.net.now, client.session.link(), Input::Visibility { visible: false });
            client.pump(&mut self.net);
        }
        client.frozen = frozen;
        if !frozen {
            for (link, held) in std::mem::take(&mut client.stale) {
                client.input(&mut self.net, link, held);
            }
            client.session.handle_input(self.net.now, client.session.link(), Input::Visibility { visible: true });
            client.session.handle_timeout(self.net.now);
            client.pump(&mut self.net);
        }
    }

    /// The server gives a stream of the first client up.
    pub fn drop_stream(&mut self, stream: StreamNo, failure: &Failure) {
        let id = self.client().uploads[&stream].id;
        self.server.drop_stream(&mut self.net, "ada", id, failure);
    }

    /// Ends the session of a client on the server, as its expiry does.
    pub fn expire(&mut self, session: SessionId) {
        self.server.end(&mut self.net, session);
    }

    /// A text frame from the first client that its machine never sent.
    pub fn inject(&mut self, text: &str) {
        self.inject_frame(Frame::Text(text.to_owned()));
    }

    /// A frame from the first client that its machine never sent.
    pub fn inject_frame(&mut self, frame: Frame) {
        self.inject_as(0, frame);
    }

    /// A frame from a client that its machine never sent.
    pub fn inject_as(&mut self, who: usize, frame: Frame) {
        if let Some(socket) = self.clients[who].socket {
            self.net.send(socket, Side::Client, frame);
        }
    }

    /// A frame to the first client that the server's machine never sent.
    pub fn inject_down(&mut self, frame: Frame) {
        self.inject_down_to(0, frame);
    }

    /// A frame to a client that the server's machine never sent.
    pub fn inject_down_to(&mut self, who: usize, frame: Frame) {
        if let Some(socket) = self.clients[who].socket {
            self.net.send(socket, Side::Server, frame);
        }
    }

    // Time.

    /// Does the next thing that comes up. False when nothing does.
    pub fn step(&mut self) -> bool {
        let clients = self.clients.iter().filter(|client| !client.frozen).filter_map(|client| client.wait);
        let waits = clients.chain(self.server.next_at()).chain(self.net.next_at());
        let Some(at) = waits.min() else { return false };
        self.advance(at);
        true
    }

    fn advance(&mut self, at: Instant) {
        self.net.now = self.net.now.max(at);
        while let Some(happening) = self.net.pop_due() {
            self.happen(happening);
        }
        self.server.timeouts(&mut self.net);
        let now = self.net.now;
        for client in &mut self.clients {
            if !client.frozen && client.wait.is_some_and(|at| at <= now) {
                client.session.handle_timeout(now);
                client.pump(&mut self.net);
                if client.wait.is_some_and(|at| at <= now) && self.net.next_at().is_none_or(|at| at > now) {
                    client.faults.push(format!("the machine waits for {:?}, which is past at {now:?}", client.wait));
                    client.wait = None;
                }
            }
        }
    }

    fn happen(&mut self, happening: Happening) {
        let net = &mut self.net;
        match happening {
            Happening::Opened { socket } => {
                if !net.is_cut(socket) && net.is_open(socket, Side::Client) {
                    let (who, link) = net.client_of(socket);
                    self.clients[who].input(net, link, Held::Opened);
                }
            }
            Happening::Arrived { socket, to, frame } => {
                if !net.is_open(socket, to) {
                    return;
                }
                match to {
                    Side::Server => self.server.arrived(net, socket, frame),
                    Side::Client => {
                        if let Frame::Close(_) = frame {
                            net.shut(socket, Side::Client);
                        }
                        let (who, link) = net.client_of(socket);
                        self.clients[who].input(net, link, Held::Frame(frame));
                    }
                }
            }
            Happening::Lost { socket, at } => {
                if !net.is_open(socket, at) {
                    return;
                }
                net.shut(socket, at);
                match at {
                    Side::Server => self.server.closed(net, socket, 1006),
                    Side::Client => {
                        let (who, link) = net.client_of(socket);
                        self.clients[who].input(net, link, Held::Lost);
                    }
                }
            }
            Happening::Drained { socket, at: Side::Server } => self.server.drained(net, socket),
            Happening::Drained { socket, at: Side::Client } => {
                let buffered = net.buffered(socket, Side::Client);
                let (who, link) = net.client_of(socket);
                let client = &mut self.clients[who];
                client.session.handle_input(net.now, link, Input::Writable { buffered });
                client.pump(net);
            }
            Happening::Server(due) => self.server.due(net, due),
            Happening::Client(who, due) => self.clients[who].due(net, due),
        }
    }

    /// Lets time pass.
    pub fn run_for(&mut self, span: Duration) {
        let end = self.net.now + span;
        loop {
            let clients = self.clients.iter().filter(|client| !client.frozen).filter_map(|client| client.wait);
            let next = clients.chain(self.server.next_at()).chain(self.net.next_at()).min();
            match next {
                Some(at) if at <= end => self.advance(at),
                _ => break,
            }
        }
        self.net.now = end;
    }

    /// Lets time pass until this holds, at most ten minutes. Whether it does.
    pub fn run_until(&mut self, mut reached: impl FnMut(&Self) -> bool) -> bool {
        let end = self.net.now + LONG;
        while !reached(self) {
            if self.net.now > end || !self.step() {
                return false;
            }
        }
        true
    }

    // What came of it.

    /// Waits for the answer to a call.
    pub fn result(&mut self, id: CallId) -> Result<String, Failure> {
        self.result_as(0, id)
    }

    /// Waits for the answer to a call of a client.
    pub fn result_as(&mut self, who: usize, id: CallId) -> Result<String, Failure> {
        let settled = self.run_until(|pair| !pair.clients[who].calls[&id].answers.is_empty());
        assert!(settled, "call {id} was never answered");
        self.clients[who].calls[&id].answers[0].clone()
    }

    /// Waits for the end of a stream to the server.
    pub fn uploaded(&mut self, stream: StreamNo) -> Outcome {
        let over = self.run_until(|pair| !pair.client().uploads[&stream].outcomes.is_empty());
        assert!(over, "stream {stream} never ended: {:?}", self.client().session.status());
        self.client().uploads[&stream].outcomes[0].clone()
    }

    /// Calls for a file and waits until its stream is over; returns the bytes.
    pub fn download(&mut self, file: usize) -> Result<Vec<u8>, Failure> {
        let before = self.client().downloads.len();
        self.call("download", &format!(r#"{{"tag":"download-{before}","file":{file}}}"#));
        self.downloaded(before)
    }

    /// Waits for the end of a stream to the client; returns the bytes.
    pub fn downloaded(&mut self, index: usize) -> Result<Vec<u8>, Failure> {
        let over = |pair: &Self| pair.client().downloads.get(index).is_some_and(|download| !download.outcomes.is_empty());
        assert!(self.run_until(over), "the stream to the client never ended");
        let download = &self.client().downloads[index];
        download.outcomes[0].clone().map(|_| download.content.clone())
    }

    /// What the server has of a stream of the first client.
    #[must_use]
    pub fn stored(&self, stream: StreamNo) -> Option<&Stored> {
        self.stored_as("ada", self.client().uploads[&stream].id)
    }

    /// What the server has of somebody's stream.
    #[must_use]
    pub fn stored_as(&self, owner: &str, id: StreamId) -> Option<&Stored> {
        self.server.streams.get(&(owner.to_owned(), id))
    }

    /// Panics when something happened that must never happen.
    pub fn check(&self) {
        let faults = self.clients.iter().flat_map(|client| &client.faults).chain(&self.server.faults);
        let faults: Vec<_> = faults.collect();
        assert!(faults.is_empty(), "{faults:#?}");
        for ((owner, id), stored) in &self.server.streams {
            assert!(!stored.stored_twice(), "bytes of {owner}'s {id} were stored twice");
        }
    }
}

impl Drop for Pair {
    /// No test may forget to look.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.check();
        }
    }
}

/// A call of a method that must not run twice, without a deadline.
#[must_use]
pub fn request(method: &str, params: &str) -> CallRequest {
    let payload = RawValue::from_string(params.to_owned()).ok();
    assert!(payload.is_some(), "params must be JSON: {params}");
    CallRequest { method: method.to_owned(), payload, attachment: None, timeout: None, idempotent: false }
}
