//! One task per socket: it drives the machine of the session that the socket carries.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use samewire_protocol::accept::{self, Input, Output};
use samewire_protocol::limits::{CHUNK_HEADER, MAX_CHUNK};
use samewire_protocol::wire::{Advice, SUBPROTOCOL};
use samewire_protocol::{Code, Failure, Instant, Link};
use tokio::time::Sleep;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::app::App;
use crate::http::origin;
use crate::session::{Greeted, Session, greet};
use crate::websocket::{Handshake, PARTING, Socket, broken, hang_up, message};
use crate::woken::Woken;

/// How many bytes are read before what they led to is sent: an answer waits for one or two chunks of a stream, not for more.
const READ_BATCH: usize = 96 * 1024;
/// How often the task goes round before it lets others run.
const ROUNDS: usize = 32;

/// Answers an upgrade to the WebSocket at `/session`.
pub(crate) fn upgrade(app: Arc<App>, mut request: Request) -> Response {
    let handshake = match Handshake::check(&mut request, Some(SUBPROTOCOL)) {
        Ok(handshake) => handshake,
        Err(problem) => return problem.into_response(),
    };
    let allowed = origin::allowed(&app.config, request.headers());
    let most = app.config.limits.wire().max_text.max(MAX_CHUNK) + CHUNK_HEADER;
    let (response, socket) = handshake.grant(&app, most, false);
    app.clone().links.spawn(async move {
        // What a future needs once, it has room for as long as it runs: in boxes of their own, the greeting and the parting cost an
        // idle session nothing.
        let Some(socket) = Box::pin(socket).await else { return };
        let metrics = app.metrics.clone();
        if let Some(driver) = Box::pin(welcome(app, socket, allowed)).await {
            let begun = std::time::Instant::now();
            driver.run().await;
            metrics.disconnected(begun.elapsed());
        }
    });
    response
}

/// What drives the session of a socket that said hello. `None` when the client is gone, or was sent away.
async fn welcome(app: Arc<App>, mut socket: Socket, allowed: Result<(), Failure>) -> Option<Box<Driver>> {
    if let Err(failure) = allowed {
        app.metrics.refused(&failure);
        part(&mut socket, failure, None).await;
        return None;
    }
    match begin(&app, &mut socket).await {
        Ok(Some((session, link))) => Some(Box::new(Driver::new(socket, session, link))),
        Ok(None) => None,
        Err(failure) => {
            app.metrics.refused(&failure);
            let may_return = failure.retryable || samewire_protocol::code::may_come_back(failure.code.close());
            let advice = may_return.then(|| app.advice());
            part(&mut socket, failure, advice).await;
            None
        }
    }
}

/// How many bytes of rooms a socket is given at a time.
const PULL_BYTES: usize = 64 * 1024;

std::thread_local! {
    /// Frames on their way from a room to a socket. It is empty between two tasks, so they share it.
    static FRAMES: RefCell<VecDeque<Bytes>> = const { RefCell::new(VecDeque::new()) };
}

/// The hello, and the session that it leads to. `None` when the socket is gone.
async fn begin(app: &Arc<App>, socket: &mut Socket) -> Result<Option<(Arc<Session>, Link)>, Failure> {
    let patience = app.config.limits.hello_timeout;
    let mut draining = app.draining.subscribe();
    let first = tokio::select! {
        first = tokio::time::timeout(patience, first_text(socket)) => first,
        _ = draining.wait_for(|draining| *draining) => return Err(App::restarting()),
    };
    let text = match first {
        Ok(Ok(Some(text))) => text,
        Ok(Ok(None)) => return Ok(None),
        Ok(Err(failure)) => return Err(failure),
        Err(_) => return Err(Failure::new(Code::HandshakeTimeout, "no hello came; send one right after connecting")),
    };
    let hello = accept::greet(&text)?;
    let Greeted { session, continuity, ticket } = greet(app, &hello).await?;
    tracing::debug!(session = %session.id, ?continuity, agent = hello.agent.as_deref(), "a client said hello");
    let identity = (!session.identity.is_anonymous()).then(|| session.identity.id());
    let greeting =
        accept::Greeting { ticket: &ticket, continuity, identity, reconnect: app.advice(), expires: session.lasts() };
    match session.attach(&greeting) {
        Some(link) => {
            app.metrics.connected(continuity);
            // It may have come in after all others were sent away.
            if *app.draining.borrow() {
                session.dismiss(App::restarting(), Some(app.advice()));
            }
            Ok(Some((session.clone(), link)))
        }
        None => Err(Failure::new(Code::Overloaded, "the session ended this very moment; connect again")),
    }
}

async fn first_text(socket: &mut Socket) -> Result<Option<Utf8Bytes>, Failure> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => return Ok(Some(text)),
            Some(Ok(Message::Binary(_))) => {
                return Err(Failure::new(Code::BadFrame, "the first frame on a socket must be a hello"));
            }
            Some(Ok(Message::Close(_))) | None => return Ok(None),
            Some(Ok(_)) => {}
            Some(Err(error)) => return broken(&error).map_or(Ok(None), Err),
        }
    }
}

/// Says why, closes, and waits a moment for the other side to have heard it.
async fn part(socket: &mut Socket, failure: Failure, advice: Option<Advice>) {
    let (code, reason) = (failure.code.close(), failure.code.to_string());
    let _ = tokio::time::timeout(PARTING, socket.send(message(accept::goodbye(failure, advice)))).await;
    hang_up(socket, CloseFrame { code: CloseCode::from(code), reason: reason.into() }).await;
}

/// Moves frames between a socket and the machine of its session.
struct Driver {
    socket: Socket,
    session: Arc<Session>,
    link: Link,
    /// A frame that the socket has no room for yet.
    waiting: Option<Message>,
    timer: Option<(Instant, Pin<Box<Sleep>>)>,
    /// Frames were given to the socket and not flushed.
    unflushed: bool,
    /// Since when the socket has taken nothing, if something waits for it.
    moved_at: std::time::Instant,
    /// Bytes of streams were, and the machine waits to hear that they went.
    bulk: bool,
    /// Whether the socket or the timer called.
    woken: Arc<Woken>,
}

/// How a socket came to its end.
enum End {
    /// The connection went; the session waits for the next.
    Lost,
    /// The client ended the session.
    Closed,
    /// The server closes the socket with this code.
    HangUp(u16, Box<str>),
    /// Another socket took the session over.
    Superseded,
    /// The client broke the WebSocket protocol.
    Broken(Failure),
}

impl Driver {
    fn new(socket: Socket, session: Arc<Session>, link: Link) -> Self {
        let moved_at = std::time::Instant::now();
        Self { socket, session, link, waiting: None, timer: None, unflushed: false, moved_at, bulk: false, woken: Woken::new() }
    }

    async fn run(mut self: Box<Self>) {
        let end = std::future::poll_fn(|context| self.poll(context)).await;
        self.session.detach(self.link);
        Box::pin(self.end(end)).await;
    }

    async fn end(&mut self, end: End) {
        match end {
            End::Lost => {}
            End::Closed => {
                // A socket that was superseded cannot end what goes on over another.
                if self.session.is_current(self.link) {
                    self.session.app.sessions.end(self.session.id);
                }
                // The library has the answer ready; what it calls `close` would say another.
                let _ = tokio::time::timeout(PARTING, self.socket.flush()).await;
            }
            End::HangUp(code, reason) => {
                let frame = CloseFrame { code: CloseCode::from(code), reason: String::from(reason).into() };
                hang_up(&mut self.socket, frame).await;
            }
            End::Superseded => {
                let failure = Failure::new(Code::Superseded, "this session goes on over another connection");
                part(&mut self.socket, failure, None).await;
            }
            End::Broken(failure) => part(&mut self.socket, failure, None).await,
        }
    }

    fn poll(&mut self, task: &mut Context<'_>) -> Poll<End> {
        // Registered before anything is asked, so that nothing said in between is missed.
        let Some(said) = self.session.poll_dirty(self.link, task) else { return Poll::Ready(End::Superseded) };
        let waker = Waker::from(self.woken.clone());
        let mut context = Context::from_waker(&waker);
        if !said && !self.woken.is_woken() && self.is_clear() {
            // Only a room can have called. This is what happens a thousand times for each message to a thousand members.
            if let Err(end) = self.fan_out(&mut context) {
                return Poll::Ready(end);
            }
            if self.is_clear() {
                return Poll::Pending;
            }
        }
        self.woken.take(task.waker());
        self.poll_all(task, &mut context)
    }

    /// Whether nothing waits for the socket.
    fn is_clear(&self) -> bool {
        self.waiting.is_none() && !self.unflushed && !self.socket.get_ref().has_left()
    }

    /// Asks the machine, the socket, the rooms and the timer. The machine wakes the task itself, the others through [`Woken`].
    fn poll_all(&mut self, task: &Context<'_>, context: &mut Context<'_>) -> Poll<End> {
        for _ in 0..ROUNDS {
            if let Poll::Ready(end) = self.write(context) {
                return Poll::Ready(end);
            }
            let flushed = match self.flush(context) {
                Ok(flushed) => flushed,
                Err(end) => return Poll::Ready(end),
            };
            let read = match self.read(context) {
                Ok(read) => read,
                Err(end) => return Poll::Ready(end),
            };
            if let Err(end) = self.fan_out(context) {
                return Poll::Ready(end);
            }
            if self.is_stuck() {
                return Poll::Ready(End::Lost);
            }
            if flushed || read {
                continue;
            }
            let due = self.poll_timer(context);
            let Some(said) = self.session.poll_dirty(self.link, task) else { return Poll::Ready(End::Superseded) };
            if !(due || said) {
                return Poll::Pending;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Gives the socket what the machine has to say, while it takes it. Ready only at the socket's end.
    fn write(&mut self, context: &mut Context<'_>) -> Poll<End> {
        let mut waits_already = true;
        loop {
            if let Some(message) = self.waiting.take() {
                match Pin::new(&mut self.socket).poll_ready(context) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(_)) => return Poll::Ready(End::Lost),
                    Poll::Pending => {
                        self.waiting = Some(message);
                        if !waits_already {
                            self.moved_at = std::time::Instant::now();
                        }
                        self.session.act_on_events(self.link);
                        return Poll::Pending;
                    }
                }
                self.bulk |= matches!(message, Message::Binary(_));
                self.unflushed = true;
                if Pin::new(&mut self.socket).start_send(message).is_err() {
                    return Poll::Ready(End::Lost);
                }
            }
            let Some(output) = self.session.poll_output(self.link) else { return Poll::Ready(End::Superseded) };
            match output {
                Output::SendText(text) => self.waiting = Some(message(text)),
                Output::SendBinary(frame) => self.waiting = Some(Message::Binary(frame)),
                Output::Event(event) => self.session.act(self.link, event),
                Output::HangUp { code, reason } => return Poll::Ready(End::HangUp(code, reason)),
                Output::Wait(at) => {
                    self.arm(at);
                    return Poll::Pending;
                }
            }
            waits_already = false;
        }
    }

    /// Whether something went out that the machine waited for.
    fn flush(&mut self, context: &mut Context<'_>) -> Result<bool, End> {
        if !self.unflushed {
            return Ok(false);
        }
        match Pin::new(&mut self.socket).poll_flush(context) {
            Poll::Ready(Ok(())) => {
                self.unflushed = false;
                let bulk = std::mem::take(&mut self.bulk);
                if bulk {
                    self.session.input(self.link, Input::Writable { buffered: 0 });
                }
                Ok(bulk)
            }
            Poll::Ready(Err(_)) => Err(End::Lost),
            Poll::Pending => Ok(false),
        }
    }

    /// Gives the socket what the session's rooms have for it, while it takes it.
    fn fan_out(&mut self, context: &mut Context<'_>) -> Result<(), End> {
        if self.waiting.is_some() || self.unflushed {
            return Ok(());
        }
        let socket = self.socket.get_mut();
        if socket.is_torn() {
            // An answer of the library's own to a ping; it goes out first.
            self.unflushed = true;
            context.waker().wake_by_ref();
            return Ok(());
        }
        FRAMES.with_borrow_mut(|frames| {
            for _ in 0..ROUNDS {
                if !socket.has_left() {
                    self.session.pull_rooms(self.link, frames, PULL_BYTES);
                    if frames.is_empty() {
                        return Ok(());
                    }
                }
                let (left, taken) = (socket.has_left(), socket.taken());
                match socket.poll_write_shared(context, frames) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(_)) => return Err(End::Lost),
                    Poll::Pending => {
                        if !left || socket.taken() != taken {
                            self.moved_at = std::time::Instant::now();
                        }
                        return Ok(());
                    }
                }
            }
            // There is more, and others have waited long enough.
            context.waker().wake_by_ref();
            Ok(())
        })
    }

    /// Whether the client has taken nothing of what waits for it for as long as it may be silent.
    fn is_stuck(&mut self) -> bool {
        if self.waiting.is_none() && !self.socket.get_ref().has_left() {
            return false;
        }
        let limits = &self.session.app.config.limits;
        let patience = limits.heartbeat_interval + limits.heartbeat_timeout;
        if self.moved_at.elapsed() >= patience {
            return true;
        }
        self.arm(Some(self.session.app.machine_time(self.moved_at + patience)));
        false
    }

    /// Takes what the socket has, up to a batch. Whether there was anything.
    fn read(&mut self, context: &mut Context<'_>) -> Result<bool, End> {
        if self.waiting.is_some() && self.session.is_behind() {
            // The network holds back what the client sends until it reads.
            return Ok(false);
        }
        let mut taken = 0;
        while taken < READ_BATCH {
            let frame = match Pin::new(&mut self.socket).poll_next(context) {
                Poll::Ready(frame) => frame,
                Poll::Pending => return Ok(taken > 0),
            };
            // A frame costs something even when it is short.
            taken += frame.as_ref().and_then(|frame| frame.as_ref().ok()).map_or(0, Message::len) + 512;
            match frame {
                Some(Ok(Message::Text(text))) => self.session.input(self.link, Input::Text(&text)),
                Some(Ok(Message::Binary(bytes))) => self.session.input(self.link, Input::Binary(bytes)),
                // Code 1000 is the client's word that it will not come back; a page that goes away says 1001.
                Some(Ok(Message::Close(Some(frame)))) if frame.code == CloseCode::Normal => return Err(End::Closed),
                Some(Ok(Message::Close(_))) | None => return Err(End::Lost),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(broken(&error).map_or(End::Lost, End::Broken)),
            }
        }
        Ok(true)
    }

    fn arm(&mut self, at: Option<Instant>) {
        // A timer that rings early costs less than one that is set anew for each frame: only an earlier point moves it.
        let Some(at) = at else { return };
        if self.timer.as_ref().is_none_or(|(armed, _)| at < *armed) {
            let deadline = self.session.app.real_time(at).into();
            self.timer = Some((at, Box::pin(tokio::time::sleep_until(deadline))));
        }
    }

    fn poll_timer(&mut self, context: &mut Context<'_>) -> bool {
        let Some((_, sleep)) = &mut self.timer else { return false };
        if sleep.as_mut().poll(context).is_pending() {
            return false;
        }
        self.timer = None;
        self.session.timeout();
        true
    }
}
