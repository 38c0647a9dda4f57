//! Feeds the session and does what it says. Holds no state of the protocol.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::Duration;

use samewire_protocol::session::{self, Event, Input, Output};
use samewire_protocol::wire::SUBPROTOCOL;
use samewire_protocol::{Instant, Link};

use crate::alarm::{Alarm, Courier, now};
use crate::listener::Listener;
use crate::transport::Socket;

/// While more than this waits in the socket's own buffer, the driver looks again soon. No event tells that it drains.
const LOW_WATER: u64 = session::SEND_AHEAD / 4;
/// How soon: about what browsers allow a timer that arms itself.
const LOOK_AGAIN: Duration = Duration::from_millis(4);

pub(crate) struct Driver {
    url: String,
    session: RefCell<session::Session>,
    socket: RefCell<Option<Rc<Socket>>>,
    /// Whether every attempt to connect fails, for as long as a cut is simulated.
    offline: Cell<bool>,
    listener: Listener,
    courier: Courier<Self, Event>,
    alarm: Alarm,
}

impl Driver {
    pub(crate) fn new(url: String, config: session::Config, listener: Listener) -> Rc<Self> {
        Rc::new_cyclic(|driver: &Weak<Self>| Self {
            url,
            session: RefCell::new(session::Session::new(config)),
            socket: RefCell::new(None),
            offline: Cell::new(false),
            listener,
            courier: Courier::new(driver, |driver| driver.courier.deliver(|event| driver.listener.tell(event))),
            alarm: Alarm::new(driver, Self::ring),
        })
    }

    /// Changes the session, then does what it says. No JavaScript runs while the session is borrowed.
    pub(crate) fn act<T>(self: &Rc<Self>, change: impl FnOnce(&mut session::Session, Instant) -> T) -> T {
        let now = now();
        let crowd = self.crowd();
        let mut session = self.session.borrow_mut();
        if let Some((link, buffered)) = crowd {
            session.handle_input(now, link, Input::Writable { buffered });
        }
        let value = change(&mut session, now);
        drop(session);
        self.drain();
        value
    }

    pub(crate) fn input(self: &Rc<Self>, link: Link, input: Input<'_>) {
        self.act(|session, now| session.handle_input(now, link, input));
    }

    pub(crate) fn opened(self: &Rc<Self>, link: Link) {
        if self.socket().is_some_and(|socket| socket.link == link && socket.protocol() != SUBPROTOCOL) {
            self.closed(link, 1003);
        } else {
            self.input(link, Input::Opened);
        }
    }

    /// The socket of this link is gone.
    pub(crate) fn closed(self: &Rc<Self>, link: Link, code: u16) {
        self.take_socket(link);
        self.input(link, Input::Closed { code });
    }

    pub(crate) fn listener(&self) -> &Listener {
        &self.listener
    }

    pub(crate) fn read<T>(&self, read: impl FnOnce(&session::Session) -> T) -> T {
        read(&self.session.borrow())
    }

    /// Connects now; a cut that is simulated is over.
    pub(crate) fn connect(self: &Rc<Self>) {
        self.offline.set(false);
        self.act(|session, now| session.connect(now));
    }

    /// Loses the present socket, as a network that fails would. With `stay` there is none until [`Self::connect`].
    pub(crate) fn cut(self: &Rc<Self>, stay: bool) {
        self.offline.set(stay);
        if let Some(socket) = self.socket.take() {
            socket.close(3000, "a cut is simulated");
            self.input(socket.link, Input::Closed { code: 1006 });
        }
    }

    fn ring(self: &Rc<Self>) {
        self.alarm.rung();
        self.act(|session, now| session.handle_timeout(now));
    }

    fn drain(self: &Rc<Self>) {
        loop {
            let output = self.session.borrow_mut().poll_output();
            match output {
                Output::Dial { link } => self.dial(link),
                Output::SendText(text) => {
                    if let Some(socket) = self.socket() {
                        socket.send_text(text.as_str());
                    }
                }
                Output::SendBinary(frame) => {
                    if let Some(socket) = self.socket() {
                        socket.send_binary(&frame);
                    }
                }
                Output::HangUp { link, code, reason } => {
                    if let Some(socket) = self.take_socket(link) {
                        socket.close(code, &reason);
                    }
                }
                Output::Event(event) => self.courier.take(event),
                Output::Wait(at) => {
                    let crowd = self.crowd();
                    match crowd {
                        // Streams used up the room there was; now it can be seen how much is left.
                        Some((link, buffered)) if self.socket().is_some_and(|socket| socket.take_sent()) => {
                            self.session.borrow_mut().handle_input(now(), link, Input::Writable { buffered });
                        }
                        crowd => {
                            self.arm(at, crowd.is_some_and(|(_, buffered)| buffered > LOW_WATER));
                            break;
                        }
                    }
                }
            }
        }
        self.courier.call(self);
    }

    fn dial(self: &Rc<Self>, link: Link) {
        let socket = if self.offline.get() { None } else { Socket::open(&self.url, link, self) };
        match socket {
            Some(socket) => {
                self.listener.dialed(socket.web());
                self.socket.replace(Some(Rc::new(socket)));
            }
            // The browser does not even try. The session sees a lost link and waits before the next attempt.
            None => self.session.borrow_mut().handle_input(now(), link, Input::Closed { code: 1006 }),
        }
    }

    fn socket(&self) -> Option<Rc<Socket>> {
        self.socket.borrow().clone()
    }

    fn take_socket(&self, link: Link) -> Option<Rc<Socket>> {
        self.socket().filter(|socket| socket.link == link)?;
        self.socket.take()
    }

    /// The link and how many bytes wait in its socket's buffer.
    fn crowd(&self) -> Option<(Link, u64)> {
        self.socket().map(|socket| (socket.link, socket.buffered()))
    }

    /// Sees to it that the timer comes no later than the session needs it.
    fn arm(&self, at: Option<Instant>, crowded: bool) {
        let soon = crowded.then(|| now() + LOOK_AGAIN);
        if let Some(at) = at.into_iter().chain(soon).min() {
            self.alarm.arm(at);
        }
    }
}
