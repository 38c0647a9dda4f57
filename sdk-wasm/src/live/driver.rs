//! Feeds the machine of a peer connection and does what it says. Holds no state of the negotiation.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::Duration;

use js_sys::{Array, Promise};
use samewire_protocol::Instant;
use samewire_protocol::live::Negotiation;
use samewire_protocol::live::peer::{Engine, Input, Output, Peer, Refusal, Side};
use samewire_protocol::live::stats::{Meter, Sample, Stats, Summary};
use wasm_bindgen::prelude::*;
use web_sys::MediaStreamTrack;

use super::connection::Connection;
use super::listener::{News, PeerListener};
use super::media::Media;
use super::web::{self, get, object};
use crate::alarm::{Alarm, Courier, now};

/// How often it is looked whether the first media flows, at first; and later, when there may be none for long.
const LOOKS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

pub(crate) struct Driver {
    side: Side,
    machine: RefCell<Peer>,
    /// In the order in which they were made: at most one that goes, and the one that takes its place.
    connections: RefCell<Vec<Rc<Connection>>>,
    /// What the next connection is made with.
    configuration: RefCell<JsValue>,
    media: RefCell<Option<Rc<Media>>>,
    /// When it is looked again whether media flows, and how long after the time before.
    look: Cell<Option<Instant>>,
    pause: Cell<Duration>,
    meter: RefCell<Meter>,
    /// The connection that was measured last.
    measured: Cell<Option<Negotiation>>,
    listener: PeerListener,
    courier: Courier<Self, News>,
    alarm: Alarm,
}

impl Driver {
    pub(crate) fn new(side: Side, seed: u64, listener: PeerListener) -> Rc<Self> {
        Rc::new_cyclic(|driver: &Weak<Self>| Self {
            side,
            machine: RefCell::new(Peer::new(side, seed)),
            connections: RefCell::default(),
            configuration: RefCell::new(JsValue::UNDEFINED),
            media: RefCell::default(),
            look: Cell::new(None),
            pause: Cell::new(LOOKS.0),
            meter: RefCell::default(),
            measured: Cell::new(None),
            listener,
            courier: Courier::new(driver, |driver| driver.courier.deliver(|news| driver.listener.tell(news))),
            alarm: Alarm::new(driver, Self::ring),
        })
    }

    // What the page commands.

    /// Begins the connection of this number. `ice`: an `IceConfig`, as the server answers it.
    pub(crate) fn begin(self: &Rc<Self>, negotiation: Negotiation, ice: &JsValue) {
        self.configure(ice);
        self.input(Input::Begin(negotiation));
    }

    /// Has paths looked for with these servers from now on, also by the connections that there are.
    pub(crate) fn configure(&self, ice: &JsValue) {
        let policy = if get(ice, "relay_only").is_truthy() { "relay" } else { "all" };
        let servers = get(ice, "ice_servers");
        let configuration = object(&[("iceServers", servers), ("iceTransportPolicy", policy.into())]);
        self.connections().iter().for_each(|connection| connection.configure(&configuration));
        *self.configuration.borrow_mut() = configuration;
    }

    pub(crate) fn set_media(&self, media: Media) {
        *self.media.borrow_mut() = Some(Rc::new(media));
    }

    /// Sends another track of this kind, or none. Without a negotiation, so that nobody notices but by the picture.
    pub(crate) fn replace_track(&self, kind: &str, track: Option<MediaStreamTrack>) -> Promise {
        let senders: Vec<_> = self.connections().iter().filter_map(|connection| connection.sender(kind)).collect();
        let replaced: Array = senders.iter().map(|sender| sender.replace_track(track.as_ref())).collect();
        if let Some(media) = self.media() {
            media.replace(kind, track);
        }
        Promise::all(&replaced)
    }

    /// Resolves with how well media flows on the connection that people see.
    pub(crate) fn statistics(&self) -> Promise {
        let connections = self.connections();
        let shown = connections.iter().rev().find(|connection| connection.flows()).or(connections.last());
        shown.map_or_else(|| Promise::resolve(&JsValue::UNDEFINED), |connection| connection.statistics())
    }

    pub(crate) fn input(self: &Rc<Self>, input: Input) {
        self.machine.borrow_mut().handle_input(now(), input);
        self.drain();
    }

    // What the connections tell.

    /// Media flows on a connection for the first time.
    pub(crate) fn flows(self: &Rc<Self>, negotiation: Negotiation, tracks: Array) {
        if self.connections.borrow().last().is_some_and(|newest| newest.negotiation == negotiation) {
            self.courier.take(News::Media(tracks));
            self.courier.call(self);
        }
    }

    /// A connection is connected; for the first time, where it is told when it was `made`. It will not be long until media flows.
    pub(crate) fn connected(&self, made: Option<Instant>) {
        if let Some(made) = made {
            self.meter.borrow_mut().connected(now().millis_after(made));
        }
        if self.side == Side::Viewer {
            self.look_in(LOOKS.0);
        }
    }

    /// Measures what a report says.
    pub(crate) fn measured(&self, negotiation: Negotiation, sample: Sample) -> (Stats, Option<Summary>) {
        let mut meter = self.meter.borrow_mut();
        if self.measured.replace(Some(negotiation)) != Some(negotiation) {
            meter.begin();
        }
        meter.take(sample)
    }

    /// Nothing flows yet on a connection.
    pub(crate) fn look_later(&self) {
        self.look_in((self.pause.get() * 2).min(LOOKS.1));
    }

    fn look_in(&self, pause: Duration) {
        let at = now() + pause;
        self.pause.set(pause);
        self.look.set(Some(at));
        self.alarm.arm(at);
    }

    fn ring(self: &Rc<Self>) {
        self.alarm.rung();
        let now = now();
        if self.look.get().is_some_and(|at| at <= now) {
            self.look.set(None);
            self.connections().iter().for_each(|connection| connection.look());
        }
        self.machine.borrow_mut().handle_timeout(now);
        self.drain();
    }

    fn drain(self: &Rc<Self>) {
        loop {
            let output = self.machine.borrow_mut().poll_output();
            match output {
                Output::Create(negotiation) => self.create(negotiation),
                Output::SetLocal(negotiation) => self.at(negotiation, Connection::set_local),
                Output::SetRemote { negotiation, kind, sdp } => {
                    self.at(negotiation, |connection| connection.set_remote(kind, &sdp));
                }
                Output::AddCandidate(negotiation, candidate) => {
                    self.at(negotiation, |connection| connection.add_candidate(candidate.as_ref()));
                }
                Output::RestartIce(negotiation) => self.at(negotiation, Connection::restart_ice),
                Output::Close(negotiation) => {
                    let all = self.connections.take();
                    let (closed, left) = all.into_iter().partition(|connection| connection.negotiation == negotiation);
                    self.connections.replace(left);
                    drop::<Vec<_>>(closed);
                }
                Output::Send(negotiation, message) => self.courier.take(News::Send(negotiation, message)),
                Output::AskRebuild(negotiation) => self.courier.take(News::Rebuild(negotiation)),
                Output::State(state) => self.courier.take(News::State(state)),
                Output::Wait(at) => {
                    if let Some(at) = at.into_iter().chain(self.look.get()).min() {
                        self.alarm.arm(at);
                    }
                    break;
                }
            }
        }
        self.courier.call(self);
    }

    fn create(self: &Rc<Self>, negotiation: Negotiation) {
        let configuration = self.configuration.borrow().clone();
        let made = Connection::open(negotiation, &configuration, self).and_then(|connection| {
            self.courier.take(News::Opened(connection.web().clone()));
            self.connections.borrow_mut().push(Rc::clone(&connection));
            self.media().map_or(Ok(()), |media| media.send(&connection))
        });
        if let Err(error) = made {
            let refused = Engine::Failed { what: Refusal::Create, told: web::told(&error) };
            self.machine.borrow_mut().handle_input(now(), Input::Engine(negotiation, refused));
        }
    }

    fn at(&self, negotiation: Negotiation, act: impl FnOnce(&Connection)) {
        let connections = self.connections();
        connections.iter().find(|connection| connection.negotiation == negotiation).map(Rc::as_ref).map(act);
    }

    fn connections(&self) -> Vec<Rc<Connection>> {
        self.connections.borrow().clone()
    }

    fn media(&self) -> Option<Rc<Media>> {
        self.media.borrow().clone()
    }
}
