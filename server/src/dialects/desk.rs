//! What the task of a connection and its dialect have between them: words, and the way to the guest.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use samewire_protocol::Failure;
use samewire_protocol::session::Event;
use serde_json::value::RawValue;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use super::closing::plain;
use super::guest::{Entry, Guest};
use crate::app::App;
use crate::config::Config;

/// What is being done for a client that nobody has come in for.
pub(crate) type Errand = Pin<Box<dyn Future<Output = Result<Box<RawValue>, Failure>> + Send>>;

/// How much may wait for the socket before nothing more is said, in bytes.
const MOST_WAITING: usize = 64 * 1024;
/// The same where nobody has come in.
const MOST_UNKNOWN: usize = 16 * 1024;
/// What a message takes besides its bytes.
const MESSAGE: usize = 64;
/// How much may wait for the end of a message of which parts are said.
const MOST_HELD: usize = 1024 * 1024;

/// Something in an old format.
#[derive(Debug)]
pub(crate) enum Word {
    Text(String),
    Binary(Bytes),
}

/// An old wire format, and what one client of it has said.
pub(crate) trait Dialect: Send + 'static {
    /// What it is called in metrics and logs.
    const NAME: &'static str;
    /// Whether its binary messages, however large, are heard in [pieces](crate::pieces::Pieces).
    const IN_PIECES: bool = false;

    /// The client said something.
    ///
    /// # Errors
    /// Why the connection is to be closed.
    fn hear(&mut self, word: Word, desk: &mut Desk) -> Result<(), Failure>;

    /// Something happened in the guest's session.
    ///
    /// # Errors
    /// Why the connection is to be closed.
    fn told(&mut self, event: Event, desk: &mut Desk) -> Result<(), Failure>;

    /// The guest that was asked for is there, or may not come in.
    ///
    /// # Errors
    /// Why the connection is to be closed.
    fn entered(&mut self, outcome: Result<(), Failure>, _desk: &mut Desk) -> Result<(), Failure> {
        outcome
    }

    /// What was [asked](Desk::run) without a guest is done.
    ///
    /// # Errors
    /// Why the connection is to be closed.
    fn done(&mut self, _result: Result<Box<RawValue>, Failure>, _desk: &mut Desk) -> Result<(), Failure> {
        Ok(())
    }

    /// How long a connection may be nobody's.
    fn patience(config: &Config) -> Duration {
        config.limits.hello_timeout
    }

    /// There is nothing more to hear for now. Whether what was put off was done.
    fn rest(&mut self, _desk: &mut Desk) -> bool {
        false
    }

    /// When there is something to do that nothing else causes.
    fn due(&self) -> Option<Instant> {
        None
    }

    /// It is time for that.
    ///
    /// # Errors
    /// Why the connection is to be closed.
    fn remember(&mut self, _desk: &mut Desk) -> Result<(), Failure> {
        Ok(())
    }

    /// Whether there is room for more from the client. The network holds it back until there is.
    fn listens(&self) -> bool {
        true
    }

    /// The client closes the connection. Whether something that it said before is still to be done; asked until it is.
    fn lingers(&mut self) -> bool {
        false
    }

    /// The client is gone, and its guest goes next.
    fn gone(&mut self, _desk: &mut Desk) {}

    /// The connection is about to be closed: last words, and the close code.
    fn part(&mut self, failure: &Failure, _desk: &mut Desk) -> u16 {
        plain(failure)
    }
}

/// What a dialect has at hand: its guest, and the way to its client.
pub(crate) struct Desk {
    app: Arc<App>,
    pub(super) guest: Option<Guest>,
    /// Who is to be let in.
    pub(super) wanted: Option<Entry>,
    pub(super) errand: Option<Errand>,
    out: VecDeque<Message>,
    waiting: usize,
    /// A message is begun, and what is said besides it waits for its end.
    is_amid: bool,
    held: VecDeque<Message>,
    holding: usize,
}

impl Desk {
    pub(super) fn new(app: Arc<App>, wanted: Option<Entry>) -> Self {
        Self {
            app,
            guest: None,
            wanted,
            errand: None,
            out: VecDeque::new(),
            waiting: 0,
            is_amid: false,
            held: VecDeque::new(),
            holding: 0,
        }
    }

    pub(crate) fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// The session, where somebody has come in.
    pub(crate) fn guest(&mut self) -> Option<&mut Guest> {
        self.guest.as_mut()
    }

    /// Lets somebody in, in the present guest's place; where it is the same identity, the guest that is there goes on. Nothing is heard
    /// of the client before that is decided.
    pub(crate) fn admit(&mut self, entry: Entry) {
        self.wanted = Some(entry);
    }

    /// There is no guest any more.
    pub(crate) fn dismiss(&mut self) {
        self.guest = None;
    }

    /// Does something without a guest, one thing at a time. Nothing is heard of the client before it is done.
    pub(crate) fn run(&mut self, errand: Errand) {
        self.errand = Some(errand);
    }

    /// Whether it is still to be decided who the client is.
    pub(super) fn is_busy(&self) -> bool {
        self.wanted.is_some() || self.errand.is_some()
    }

    /// Says something to the client.
    pub(crate) fn say(&mut self, text: String) {
        self.push(Message::text(text));
    }

    /// Says the next part of a message of bytes, of which there may be more than are to be kept. It is one message for the client, so
    /// that everything else is said behind it.
    pub(crate) fn say_part(&mut self, bytes: Bytes, is_last: bool) {
        let message = match (self.is_amid, is_last) {
            (false, true) => Message::Binary(bytes),
            (false, false) => Message::Frame(Frame::message(bytes, OpCode::Data(Data::Binary), false)),
            (true, _) => Message::Frame(Frame::message(bytes, OpCode::Data(Data::Continue), is_last)),
        };
        self.is_amid = !is_last;
        self.put(message);
        if is_last {
            self.holding = 0;
            std::mem::take(&mut self.held).into_iter().for_each(|message| self.put(message));
        }
    }

    /// Whether more waits for the end of a message than should.
    pub(crate) fn is_held_up(&self) -> bool {
        self.holding >= MOST_HELD
    }

    pub(super) fn push(&mut self, message: Message) {
        // Control frames may come between the parts of a message (RFC 6455, section 5.4).
        if self.is_amid && !matches!(message, Message::Ping(_)) {
            self.holding += message.len() + MESSAGE;
            self.held.push_back(message);
        } else {
            self.put(message);
        }
    }

    fn put(&mut self, message: Message) {
        self.waiting += message.len() + MESSAGE;
        self.out.push_back(message);
    }

    /// What is said next.
    pub(super) fn pop(&mut self) -> Option<Message> {
        let message = self.out.pop_front()?;
        self.waiting = self.waiting.saturating_sub(message.len() + MESSAGE);
        Some(message)
    }

    pub(super) fn has_words(&self) -> bool {
        !self.out.is_empty()
    }

    /// Whether more waits for the socket than should.
    pub(super) fn is_full(&self) -> bool {
        self.waiting >= if self.guest.is_some() { MOST_WAITING } else { MOST_UNKNOWN }
    }
}
