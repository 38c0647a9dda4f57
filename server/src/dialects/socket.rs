//! A WebSocket on which a dialect is spoken: one task moves frames between the socket, the dialect and its guest.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{Sink, SinkExt, Stream};
use prometheus_client::metrics::counter::Counter;
use samewire_protocol::Failure;
use tokio::time::Sleep;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};

use super::alone::{Alone, MOST_TEXT};
use super::closing::cut;
pub(crate) use super::closing::{plain, unreadable, unspoken};
pub(crate) use super::desk::{Desk, Dialect, Word};
use super::guest::{Entry, Guest};
use super::timer::Timer;
pub(crate) use super::upgrade::{turn_away, upgrade};
use crate::websocket::{PARTING, Socket, broken, hang_up};

/// How often the task goes round before it lets others run.
const ROUNDS: usize = 32;
/// Of how much the client is told before it is listened to again, and with how much that it was not told it is not.
const TOLD_AT_ONCE: usize = 8;
const BACKLOG: usize = 64;
const NOT_UTF8: u16 = 1007;

pub(super) struct Driver<D> {
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
    /// How many bytes it had heard and taken when that was looked at last: a frame may be long on its way.
    bytes: (u64, u64),
    alarm: Pin<Box<Sleep>>,
    /// The client sent text that is not UTF-8, for which there is a close code (RFC 6455, section 8.1).
    is_garbled: bool,
    timer: Timer,
    /// Nobody has come in yet, or nobody is there any more.
    alone: Option<Alone>,
}

/// Why there is nothing more to do for now.
enum Stop {
    /// The connection went.
    Lost,
    /// The client closes it.
    Closed,
    /// The connection is to be closed.
    Part(Failure),
    /// Somebody is to be let in.
    Admit(Entry),
}

impl<D: Dialect> Driver<D> {
    pub(super) fn new(socket: Socket, dialect: D, desk: Desk) -> Self {
        let now = Instant::now();
        let alarm = Box::pin(tokio::time::sleep(desk.app().config.limits.heartbeat_interval));
        let words = desk.app().metrics.words(D::NAME);
        Self {
            socket,
            dialect,
            desk,
            words,
            unflushed: false,
            heard: now,
            asked: None,
            moved: now,
            bytes: (0, 0),
            alarm,
            is_garbled: false,
            timer: Timer::default(),
            alone: None,
        }
    }

    /// Serves the connection to its end; or says why not, where it may not be served.
    pub(super) async fn run(mut self, allowed: Result<(), Failure>) {
        let failure = match allowed {
            Ok(()) => match self.serve().await {
                Some(failure) => failure,
                None => return,
            },
            Err(failure) => failure,
        };
        if self.desk.guest.is_none() {
            self.desk.app().metrics.refused(&failure);
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
                Stop::Lost => {
                    self.let_go();
                    return None;
                }
                Stop::Closed => {
                    let _ = tokio::time::timeout(PARTING, poll_fn(|context| self.linger(context))).await;
                    self.let_go();
                    // The library has the answer ready; what it calls `close` would say another.
                    let _ = tokio::time::timeout(PARTING, self.socket.flush()).await;
                    return None;
                }
                Stop::Part(failure) => return Some(failure),
                Stop::Admit(entry) => {
                    let outcome = self.admit(entry).await;
                    if let Err(failure) = self.dialect.entered(outcome, &mut self.desk) {
                        return Some(failure);
                    }
                }
            }
        }
    }

    async fn admit(&mut self, entry: Entry) -> Result<(), Failure> {
        let renewed = self.desk.guest.as_ref().map(|guest| guest.renewed_by(&entry));
        if let Some(renewed) = renewed
            && renewed.await?
        {
            return Ok(());
        }
        self.desk.guest = Some(Guest::enter(self.desk.app(), D::NAME, entry).await?);
        self.alone = None;
        self.socket.get_mut().get_mut().limit(None);
        Ok(())
    }

    /// Whatever the client still reads, for everybody else it is gone.
    fn let_go(&mut self) {
        self.dialect.gone(&mut self.desk);
        self.desk.guest = None;
    }

    async fn part(mut self, failure: Failure) {
        let code = self.dialect.part(&failure, &mut self.desk);
        let code = if self.is_garbled { NOT_UTF8 } else { code };
        self.let_go();
        let reason = cut(&failure.message).into();
        let _ = tokio::time::timeout(PARTING, async {
            while let Some(message) = self.desk.pop() {
                self.socket.feed(message).await?;
            }
            Ok::<_, SocketError>(())
        })
        .await;
        hang_up(&mut self.socket, CloseFrame { code: CloseCode::from(code), reason }).await;
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

    /// Does what the client said before it closed the connection.
    fn linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        for _ in 0..ROUNDS {
            // Nobody hears it any more.
            while self.desk.pop().is_some() {}
            if !self.dialect.lingers() {
                return Poll::Ready(());
            }
            let Ok(mut moved) = self.tell(context) else { return Poll::Ready(()) };
            if self.timer.poll(self.dialect.due(), context) {
                moved = true;
                if self.dialect.remember(&mut self.desk).is_err() {
                    return Poll::Ready(());
                }
            }
            if !moved {
                return Poll::Pending;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Whether anything happened.
    fn turn(&mut self, context: &mut Context<'_>) -> Result<bool, Stop> {
        self.write(context)?;
        let mut moved = self.run_errand(context)?;
        moved |= self.tell(context)?;
        moved |= self.read(context)?;
        if self.timer.poll(self.dialect.due(), context) {
            self.dialect.remember(&mut self.desk).map_err(Stop::Part)?;
            moved = true;
        }
        moved = moved || self.dialect.rest(&mut self.desk);
        Ok(moved || self.beat(context)?)
    }

    /// Tells the client what happened, as long as there is room for it.
    fn tell(&mut self, context: &mut Context<'_>) -> Result<bool, Stop> {
        for told in 0..TOLD_AT_ONCE {
            if self.desk.is_full() || self.desk.wanted.is_some() {
                return Ok(told > 0);
            }
            let Some(guest) = &mut self.desk.guest else { return self.is_left_alone(context).map(|()| told > 0) };
            let Poll::Ready(event) = guest.poll_event(context) else { return Ok(told > 0) };
            self.dialect.told(event.map_err(Stop::Part)?, &mut self.desk).map_err(Stop::Part)?;
        }
        Ok(true)
    }

    fn is_left_alone(&mut self, context: &mut Context<'_>) -> Result<(), Stop> {
        let alone = self.alone.get_or_insert_with(|| {
            // Nobody answers for what it holds.
            self.socket.get_mut().get_mut().limit(Some(MOST_TEXT));
            let app = self.desk.app();
            Alone::new(app, D::patience(&app.config))
        });
        match alone.poll(context) {
            Poll::Ready(failure) => Err(Stop::Part(failure)),
            Poll::Pending => Ok(()),
        }
    }

    fn run_errand(&mut self, context: &mut Context<'_>) -> Result<bool, Stop> {
        let Some(errand) = &mut self.desk.errand else { return Ok(false) };
        let Poll::Ready(result) = errand.as_mut().poll(context) else { return Ok(false) };
        self.desk.errand = None;
        self.dialect.done(result, &mut self.desk).map_err(Stop::Part)?;
        Ok(true)
    }

    fn write(&mut self, context: &mut Context<'_>) -> Result<(), Stop> {
        let mut is_stuck = false;
        while self.desk.has_words() {
            match Pin::new(&mut self.socket).poll_ready(context) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return Err(Stop::Lost),
                Poll::Pending => {
                    is_stuck = true;
                    break;
                }
            }
            if let Some(message) = self.desk.pop() {
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
        // What it says leads to more that it has to be told.
        let is_behind = self.desk.guest.as_ref().is_some_and(|guest| guest.backlog() >= BACKLOG);
        if is_behind || self.is_deaf() {
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
            Some(Ok(Message::Close(_))) => return Err(Stop::Closed),
            None => return Err(Stop::Lost),
            Some(Ok(_)) => return Ok(true),
            Some(Err(error)) => {
                self.is_garbled = matches!(error, SocketError::Utf8(_));
                return Err(broken(&error).map_or(Stop::Lost, Stop::Part));
            }
        };
        self.words.inc();
        self.dialect.hear(word, &mut self.desk).map_err(Stop::Part)?;
        Ok(true)
    }

    /// Whether nothing of what the client says is taken at present.
    fn is_deaf(&self) -> bool {
        self.desk.is_full() || self.desk.is_busy() || !self.dialect.listens()
    }

    /// Asks a silent client whether it is there, and gives up one that does not answer or takes nothing.
    fn beat(&mut self, context: &mut Context<'_>) -> Result<bool, Stop> {
        if self.alarm.as_mut().poll(context).is_pending() {
            return Ok(false);
        }
        let limits = &self.desk.app().config.limits;
        let (interval, patience) = (limits.heartbeat_interval, limits.heartbeat_timeout);
        let now = Instant::now();
        if self.is_deaf() {
            // What it says cannot be heard at present.
            (self.heard, self.asked) = (now, None);
        }
        let before = std::mem::replace(&mut self.bytes, (self.socket.get_ref().heard(), self.socket.get_ref().said()));
        if self.bytes.0 > before.0 {
            self.heard = now;
        }
        if self.bytes.1 > before.1 {
            self.moved = now;
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
                self.desk.push(Message::Ping(Bytes::new()));
            }
            None => {}
        }
        let next = self.asked.map_or(self.heard + interval, |asked| asked + patience);
        let next = next.max(now + Duration::from_millis(10));
        self.alarm.as_mut().reset(next.into());
        Ok(true)
    }
}
