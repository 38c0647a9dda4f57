//! One peer connection of the browser.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use js_sys::{Function, Promise};
use samewire_protocol::Instant;
use samewire_protocol::live::peer::{ConnectionState, Engine, Input, Refusal, SdpKind};
use samewire_protocol::live::stats::Sample;
use samewire_protocol::live::{Candidate, Negotiation};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;
use web_sys::{MediaStreamTrack, RtcPeerConnectionIceEvent, RtcTrackEvent};

use super::desk::{self, Errand};
use super::driver::Driver;
use super::web::{self, object, text};
use super::{message, report};
use crate::alarm::now;

/// After so many looks, about three seconds, sound is media enough where there should be a picture, too.
const LOOKS: u8 = 7;

/// Whether media flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    /// It is waited for; `looking` while a report is on its way. `looks`: how often it was not there yet.
    Awaited { looking: bool, looks: u8 },
    /// It was seen.
    Seen,
}

pub(crate) struct Connection {
    pub(crate) negotiation: Negotiation,
    id: u32,
    web: web::Connection,
    driver: Weak<Driver>,
    senders: RefCell<Vec<(Box<str>, web::Sender)>>,
    tracks: RefCell<Vec<MediaStreamTrack>>,
    hears: Function,
    flow: Cell<Flow>,
    /// When it was made, until it is connected for the first time.
    made: Cell<Option<Instant>>,
}

impl Connection {
    /// Makes one and tells the driver what happens to it.
    pub(crate) fn open(negotiation: Negotiation, configuration: &JsValue, driver: &Rc<Driver>) -> Result<Rc<Self>, JsValue> {
        let web = web::Connection::new(configuration)?;
        let id = desk::number();
        let connection = Rc::new(Self {
            negotiation,
            id,
            web,
            driver: Rc::downgrade(driver),
            senders: RefCell::default(),
            tracks: RefCell::default(),
            hears: desk::hears(id),
            flow: Cell::new(Flow::Awaited { looking: false, looks: 0 }),
            made: Cell::new(Some(now())),
        });
        desk::open(id, Rc::downgrade(&connection));
        connection.listen(Some(&connection.hears));
        Ok(connection)
    }

    fn listen(&self, hears: Option<&Function>) {
        self.web.set_onnegotiationneeded(hears);
        self.web.set_onicecandidate(hears);
        self.web.set_onicecandidateerror(hears);
        self.web.set_onconnectionstatechange(hears);
        self.web.set_ontrack(hears);
    }

    pub(crate) fn web(&self) -> &web::Connection {
        &self.web
    }

    // What the driver commands. How it ends is told to the driver by `settled`.

    pub(crate) fn set_local(&self) {
        let _ = self.await_for(Errand::Local, &self.web.set_local());
    }

    pub(crate) fn set_remote(&self, kind: SdpKind, sdp: &str) {
        let description = object(&[("type", message::kind(kind).into()), ("sdp", sdp.into())]);
        let _ = self.await_for(Errand::Remote, &self.web.set_remote(&description));
    }

    /// A candidate that cannot be used is no loss while there are others.
    pub(crate) fn add_candidate(&self, candidate: Option<&Candidate>) {
        let init = candidate.map_or(JsValue::UNDEFINED, message::candidate);
        let _ = self.await_for(Errand::Nothing, &self.web.add_candidate(&init));
    }

    /// One that does not take other servers goes on with those it has.
    pub(crate) fn configure(&self, configuration: &JsValue) {
        let _ = self.web.configure(configuration);
    }

    pub(crate) fn restart_ice(&self) {
        self.web.restart_ice();
    }

    /// Sends a track, or nothing yet, with what `init` says.
    pub(crate) fn send(&self, kind: &str, track: Option<&MediaStreamTrack>, init: &JsValue) -> Result<web::Sender, JsValue> {
        let track = track.map_or_else(|| kind.into(), JsValue::from);
        let sender = self.web.add_transceiver(&track, init)?.sender();
        self.senders.borrow_mut().push((kind.into(), sender.clone()));
        Ok(sender)
    }

    /// The first of this kind that sends.
    pub(crate) fn sender(&self, kind: &str) -> Option<web::Sender> {
        self.senders.borrow().iter().find(|(own, _)| **own == *kind).map(|(_, sender)| sender.clone())
    }

    /// Nobody waits for how this ends.
    pub(crate) fn forget(&self, promise: &Promise) {
        let _ = self.await_for(Errand::Nothing, promise);
    }

    /// Asks for statistics. The promise resolves with what the meter makes of them.
    pub(crate) fn statistics(&self) -> Promise {
        self.await_for(Errand::Stats, &self.web.get_stats())
    }

    /// Asks for statistics to see whether media flows.
    pub(crate) fn look(&self) {
        if let Flow::Awaited { looking: false, looks } = self.flow.get() {
            self.flow.set(Flow::Awaited { looking: true, looks });
            let _ = self.await_for(Errand::Look, &self.web.get_stats());
        }
    }

    /// Whether media was seen to flow.
    pub(crate) fn flows(&self) -> bool {
        self.flow.get() == Flow::Seen
    }

    fn await_for(&self, errand: Errand, promise: &Promise) -> Promise {
        desk::await_for(self.id, errand, promise)
    }

    // What the browser tells.

    pub(crate) fn hear(&self, event: &JsValue) {
        match text(event, "type").as_deref() {
            Some("negotiationneeded") => self.tell(Engine::NegotiationNeeded),
            Some("icecandidate") => {
                let candidate = event.unchecked_ref::<RtcPeerConnectionIceEvent>().candidate();
                self.tell(Engine::Candidate(candidate.map(|candidate| message::read_candidate(&candidate))));
            }
            Some("icecandidateerror") => {}
            Some("connectionstatechange") => {
                let state = ConnectionState::from_name(&self.web.state());
                state.into_iter().for_each(|state| self.tell(Engine::Connection(state)));
                if let (Some(ConnectionState::Connected), Some(driver)) = (state, self.driver.upgrade()) {
                    driver.connected(self.made.take());
                }
            }
            Some("track") => {
                let track = event.unchecked_ref::<RtcTrackEvent>().track();
                track.set_onunmute(Some(&self.hears));
                self.tracks.borrow_mut().push(track);
            }
            Some("unmute") => self.look(),
            _ => {}
        }
    }

    pub(crate) fn settled(&self, errand: Errand, result: Result<JsValue, JsValue>) -> JsValue {
        let refused = |what, error| self.tell(Engine::Failed { what, told: web::told(&error) });
        match (errand, result) {
            (Errand::Local, Ok(_)) => {
                let local = self.web.local();
                let kind = text(&local, "type").as_deref().and_then(message::read_kind);
                if let Some((kind, sdp)) = kind.zip(text(&local, "sdp")) {
                    self.tell(Engine::LocalSet { kind, sdp: sdp.into() });
                }
            }
            (Errand::Local, Err(error)) => refused(Refusal::Local, error),
            (Errand::Remote, Ok(_)) => self.tell(Engine::RemoteSet),
            (Errand::Remote, Err(error)) => refused(Refusal::Remote, error),
            (Errand::Stats, Ok(report)) => return self.measured(&report),
            (Errand::Look, report) => self.looked(report.ok()),
            (Errand::Stats | Errand::Nothing, _) => {}
        }
        JsValue::UNDEFINED
    }

    fn measured(&self, report: &JsValue) -> JsValue {
        let Some(driver) = self.driver.upgrade() else { return JsValue::UNDEFINED };
        let sample = read(report);
        self.notice(&sample);
        report::shown(driver.measured(self.negotiation, sample))
    }

    fn looked(&self, report: Option<JsValue>) {
        if let Flow::Awaited { looks, .. } = self.flow.get() {
            self.flow.set(Flow::Awaited { looking: false, looks: looks.saturating_add(1) });
        }
        if let Some(report) = report {
            self.notice(&read(&report));
        }
        if let (false, Some(driver)) = (self.flows(), self.driver.upgrade()) {
            driver.look_later();
        }
    }

    /// Sees in a report whether media arrives.
    fn notice(&self, sample: &Sample) {
        let Some(driver) = self.driver.upgrade() else { return };
        let tracks = self.tracks.borrow().clone();
        let video = tracks.iter().any(|track| track.kind() == "video");
        let flows = match self.flow.get() {
            Flow::Awaited { looks, .. } => sample.frames > 0 || (sample.bytes > 0 && (!video || looks >= LOOKS)),
            Flow::Seen => false,
        };
        if flows && !tracks.is_empty() {
            self.flow.set(Flow::Seen);
            driver.flows(self.negotiation, tracks.iter().collect());
        }
        if self.flows() {
            // Where there is only sound, it stands for the pictures.
            self.tell(Engine::Frames(sample.frames.max(1)));
        }
    }

    fn tell(&self, engine: Engine) {
        if let Some(driver) = self.driver.upgrade() {
            driver.input(Input::Engine(self.negotiation, engine));
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        desk::close(self.id);
        for track in self.tracks.take() {
            track.set_onunmute(None);
        }
        self.listen(None);
        self.web.close();
    }
}

fn read(report: &JsValue) -> Sample {
    report::read(report, now().as_micros() as f64 / 1_000.0)
}
