//! A WebSocket on which a dialect is spoken: one task moves frames between the socket, the dialect and its guest.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use prometheus_client::metrics::counter::Counter;
use samewire_protocol::session::Event;
use samewire_protocol::{Code, Failure};
use tokio::time::Sleep;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::guest::{Entry, Guest};
use crate::app::App;
use crate::http::origin;
use crate::websocket::{Handshake, PARTING, Socket, broken};

/// How much may wait for the socket before nothing more is said, in bytes.
const MOST_WAITING: usize = 64 * 1024;
/// How often the task goes round before it lets others run.
const ROUNDS: usize = 32;

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

    /// Whether there is room for more from the client. The network holds it back until there is.
    fn listens(&self) -> bool {
        true
    }

    /// The connection is about to be closed: last words, and the close code.
    fn part(&mut self, failure: &Failure, _desk: &mut Desk) -> u16 {
        plain(failure)
    }
}

/// What a dialect has at hand: its guest, and the way to its client.
pub(crate) struct Desk {
    app: Arc<App>,
    guest: Option<Guest>,
    wanted: Option<Entry>,
    out: VecDeque<Message>,
    waiting: usize,
}

impl Desk {
    pub(crate) fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// The session, where somebody has come in.
    pub(crate) fn guest(&mut self) -> Option<&mut Guest> {
        self.guest.as_mut()
    }

    /// Lets somebody else in, in the present guest's place. Nothing is heard of the client before that is decided.
    pub(crate) fn admit(&mut self, entry: Entry) {
        self.wanted = Some(entry);
    }

    /// Says something to the client.
    pub(crate) fn say(&mut self, text: String) {
        self.waiting += text.len();
        self.out.push_back(Message::text(text));
    }

    pub(crate) fn say_bytes(&mut self, bytes: Bytes) {
        self.waiting += bytes.len();
        self.out.push_back(Message::Binary(bytes));
    }
}

/// Answers the upgrade to a WebSocket on which a dialect is spoken. `most` is the size of the largest frame of a client.
pub(crate) fn upgrade<D: Dialect>(
    app: &Arc<App>,
    mut request: Request,
    dialect: D,
    entry: Option<Entry>,
    most: usize,
) -> Response {
    let handshake = match Handshake::check(&mut request, None) {
        Ok(handshake) => handshake,
        Err(problem) => return problem.into_response(),
    };
    let allowed = origin::allowed(&app.config, request.headers());
    let (response, socket) = handshake.grant(app, most);
    let app = app.clone();
    app.clone().links.spawn(async move {
        let Some(socket) = socket.await else { return };
        let guests = app.metrics.guests(D::NAME);
        guests.inc();
        let desk = Desk { app, guest: None, wanted: entry, out: VecDeque::new(), waiting: 0 };
        Driver::new(socket, dialect, desk).run(allowed).await;
        guests.dec();
    });
    response
}

struct Driver<D> {
    socket: Socket,
    dialect: D,
    desk: Desk,
    words: Counter,
    unflushed: bool,
    /// When the client was last heard, and when it was last asked whether it is there.
    heard: Instant,
    asked: Option<Instant>,
    /// Since when the socket takes nothing of what waits for it.
    moved: Instant,
    alarm: Pin<Box<Sleep>>,
}

/// Why there is nothing more to do for now.
enum Stop {
    /// The connection went.
    Lost,
    /// The connection is to be closed.
    Part(Failure),
    /// Somebody is to be let in.
    Admit(Entry),
}

impl<D: Dialect> Driver<D> {
    fn new(socket: Socket, dialect: D, desk: Desk) -> Self {
        let now = Instant::now();
        let alarm = Box::pin(tokio::time::sleep(desk.app.config.limits.heartbeat_interval));
        let words = desk.app.metrics.words(D::NAME);
        Self { socket, dialect, desk, words, unflushed: false, heard: now, asked: None, moved: now, alarm }
    }

    async fn run(mut self, allowed: Result<(), Failure>) {
        let failure = match allowed {
            Ok(()) => match self.serve().await {
                Some(failure) => failure,
                None => return,
            },
            Err(failure) => failure,
        };
        if self.desk.guest.is_none() {
            self.desk.app.metrics.refused(&failure);
        }
        tracing::debug!(dialect = D::NAME, %failure, "a connection is closed");
        self.part(failure).await;
    }

    /// Why the connection is to be closed; `None` when it is gone.
    async fn serve(&mut self) -> Option<Failure> {
        loop {
            let stop = match self.desk.wanted.take() {
                Some(entry) => Stop::Admit(entry),
                None => poll_fn(|context| self.poll(context)).await,
            };
            match stop {
                Stop::Lost => return None,
                Stop::Part(failure) => return Some(failure),
                Stop::Admit(entry) => {
                    let outcome = Guest::enter(&self.desk.app, D::NAME, entry).await;
                    let outcome = outcome.map(|guest| self.desk.guest = Some(guest));
                    if let Err(failure) = self.dialect.entered(outcome, &mut self.desk) {
                        return Some(failure);
                    }
                }
            }
        }
    }

    async fn part(mut self, failure: Failure) {
        let code = self.dialect.part(&failure, &mut self.desk);
        let mut reason = failure.message.to_string();
        // A close frame holds 123 bytes of it (RFC 6455, section 5.5).
        while reason.len() > 123 {
            reason.pop();
        }
        let _ = tokio::time::timeout(PARTING, async {
            for message in self.desk.out.drain(..) {
                self.socket.feed(message).await?;
            }
            self.socket.close(Some(CloseFrame { code: CloseCode::from(code), reason: reason.into() })).await?;
            while self.socket.next().await.is_some_and(|frame| frame.is_ok()) {}
            Ok::<_, tokio_tungstenite::tungstenite::Error>(())
        })
        .await;
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Stop> {
        for _ in 0..ROUNDS {
            match self.turn(context) {
                Ok(true) => {}
                Ok(false) => return Poll::Pending,
                Err(stop) => return Poll::Ready(stop),
            }
            if let Some(entry) = self.desk.wanted.take() {
                return Poll::Ready(Stop::Admit(entry));
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Whether anything happened.
    fn turn(&mut self, context: &mut Context<'_>) -> Result<bool, Stop> {
        self.write(context)?;
        let mut moved = false;
        if self.desk.waiting < MOST_WAITING
            && let Some(guest) = &mut self.desk.guest
            && let Poll::Ready(event) = guest.poll_event(context)
        {
            let event = event.map_err(Stop::Part)?;
            self.dialect.told(event, &mut self.desk).map_err(Stop::Part)?;
            moved = true;
        }
        moved |= self.read(context)?;
        Ok(moved || self.beat(context)?)
    }

    fn write(&mut self, context: &mut Context<'_>) -> Result<(), Stop> {
        let mut is_stuck = false;
        while !self.desk.out.is_empty() {
            match Pin::new(&mut self.socket).poll_ready(context) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return Err(Stop::Lost),
                Poll::Pending => {
                    is_stuck = true;
                    break;
                }
            }
            if let Some(message) = self.desk.out.pop_front() {
                self.desk.waiting = self.desk.waiting.saturating_sub(message.len());
                self.unflushed = true;
                self.moved = Instant::now();
                Pin::new(&mut self.socket).start_send(message).map_err(|_| Stop::Lost)?;
            }
        }
        if self.unflushed {
            match Pin::new(&mut self.socket).poll_flush(context) {
                Poll::Ready(Ok(())) => self.unflushed = false,
                Poll::Ready(Err(_)) => return Err(Stop::Lost),
                Poll::Pending => is_stuck = true,
            }
        }
        if !is_stuck {
            self.moved = Instant::now();
        }
        Ok(())
    }

    fn read(&mut self, context: &mut Context<'_>) -> Result<bool, Stop> {
        if self.desk.waiting >= MOST_WAITING || !self.dialect.listens() {
            return Ok(false);
        }
        let frame = match Pin::new(&mut self.socket).poll_next(context) {
            Poll::Ready(frame) => frame,
            Poll::Pending => return Ok(false),
        };
        self.heard = Instant::now();
        let word = match frame {
            Some(Ok(Message::Text(text))) => Word::Text(text.as_str().to_owned()),
            Some(Ok(Message::Binary(bytes))) => Word::Binary(bytes),
            Some(Ok(Message::Close(_))) | None => return Err(Stop::Lost),
            Some(Ok(_)) => return Ok(true),
            Some(Err(error)) => return Err(broken(&error).map_or(Stop::Lost, Stop::Part)),
        };
        self.words.inc();
        self.dialect.hear(word, &mut self.desk).map_err(Stop::Part)?;
        Ok(true)
    }

    /// Asks a silent client whether it is there, and gives up one that does not answer or takes nothing.
    fn beat(&mut self, context: &mut Context<'_>) -> Result<bool, Stop> {
        if self.alarm.as_mut().poll(context).is_pending() {
            return Ok(false);
        }
        let limits = &self.desk.app.config.limits;
        let (interval, patience) = (limits.heartbeat_interval, limits.heartbeat_timeout);
        let now = Instant::now();
        if self.desk.waiting >= MOST_WAITING || !self.dialect.listens() {
            // What it says cannot be heard at present.
            (self.heard, self.asked) = (now, None);
        }
        if now.duration_since(self.moved) >= interval + patience {
            return Err(Stop::Lost);
        }
        match self.asked {
            Some(asked) if self.heard >= asked => self.asked = None,
            Some(asked) if now >= asked + patience => return Err(Stop::Lost),
            Some(_) => {}
            None if now >= self.heard + interval => {
                self.asked = Some(now);
                self.desk.out.push_back(Message::Ping(Bytes::new()));
            }
            None => {}
        }
        let next = self.asked.map_or(self.heard + interval, |asked| asked + patience);
        let next = next.max(now + Duration::from_millis(10));
        self.alarm.as_mut().reset(next.into());
        Ok(true)
    }
}

/// The close code for a client that knows those of RFC 6455 only.
pub(crate) fn plain(failure: &Failure) -> u16 {
    match (failure.code.close(), failure.code.status()) {
        (code, _) if code < 4000 => code,
        (_, 500..) => 1011,
        _ if failure.retryable => 1013,
        _ => 1008,
    }
}

/// The failure for who does not keep to a dialect.
pub(crate) fn unspoken(message: impl Into<String>) -> Failure {
    Failure::new(Code::BadFrame, message.into())
}
