//! How packets go to one client and come from it at present: by its requests, or over a WebSocket.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::{Sink, SinkExt, Stream};
use samewire_protocol::Failure;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};

use super::engine::{self, Body, CLOSE, PING, Packet};
use super::gate::Gate;
use super::heartbeat::{Beat, Heartbeat};
use super::outbox::Outbox;
use super::packet::Word;
use crate::config::SessionLimits;
use crate::dialects::closing::{cut, plain};
use crate::websocket::{PARTING, Socket, broken, hang_up};

pub(super) struct Transport {
    gate: Arc<Gate>,
    /// Without one, the client polls.
    socket: Option<Box<Socket>>,
    /// What was said in a request and is being heard.
    body: Option<Body>,
    /// Whether there may be more of that.
    requests: bool,
    pub(super) out: Outbox,
    unflushed: bool,
    heartbeat: Heartbeat,
    /// How many bytes the WebSocket had heard and taken when that was looked at last: a frame may be long on its way.
    bytes: (u64, u64),
}

/// Why there is nothing more to hear.
#[derive(Debug)]
pub(super) enum End {
    /// The client went.
    Lost,
    /// It is to be sent away.
    Part(Failure),
}

/// What was read.
pub(super) enum Heard {
    Nothing,
    /// Something that only says that the client is there.
    Sign,
    Word(Word),
}

impl Transport {
    pub(super) fn new(gate: Arc<Gate>, socket: Option<Socket>, limits: &SessionLimits) -> Self {
        Self {
            gate,
            requests: socket.is_none(),
            socket: socket.map(Box::new),
            body: None,
            out: Outbox::default(),
            unflushed: false,
            heartbeat: Heartbeat::new(limits),
            bytes: (0, 0),
        }
    }

    /// Says what waits, as far as the client takes it.
    ///
    /// # Errors
    /// The client is gone.
    pub(super) fn write(&mut self, context: &mut Context<'_>) -> Result<(), End> {
        if self.gate.is_closed() {
            return Err(End::Lost);
        }
        self.change();
        let moves = match &mut self.socket {
            None => self.gate.put(&mut self.out),
            Some(socket) => {
                let written = pour(socket, &mut self.out, &mut self.unflushed, context);
                let Ok(moves) = written else { return Err(End::Lost) };
                moves
            }
        };
        if moves {
            self.heartbeat.moved();
        }
        Ok(())
    }

    /// Goes on over the WebSocket that works, if there is one now.
    fn change(&mut self) {
        if self.socket.is_none()
            && let Some((socket, before)) = self.gate.change()
        {
            self.out.go_behind(before);
            self.bytes = (socket.get_ref().heard(), socket.get_ref().said());
            self.socket = Some(socket);
        }
    }

    /// Whether the client has been told everything.
    pub(super) fn is_idle(&self) -> bool {
        self.out.is_empty() && (self.socket.is_some() || self.gate.is_told())
    }

    /// What the client says next. What it said in requests comes before what it says over a WebSocket.
    ///
    /// # Errors
    /// The client is gone, or is to go.
    pub(super) fn read(&mut self, context: &mut Context<'_>) -> Result<Heard, End> {
        let packet = match self.next_polled() {
            Some(packet) => packet.map_err(End::Part)?,
            None => match self.next_message(context)? {
                Some(packet) => packet,
                None => return Ok(Heard::Nothing),
            },
        };
        self.heartbeat.heard();
        match packet {
            Packet::Close => Err(End::Lost),
            Packet::Pong => Ok(Heard::Sign),
            Packet::Word(word) => Ok(Heard::Word(word)),
        }
    }

    fn next_polled(&mut self) -> Option<Result<Packet, Failure>> {
        while self.requests {
            if let Some(packet) = self.body.as_mut().and_then(Body::next) {
                return Some(packet);
            }
            self.body = self.gate.next_body();
            if self.body.is_none() {
                // The last of them may have come just before the change.
                self.requests = self.socket.is_none();
                return None;
            }
        }
        None
    }

    fn next_message(&mut self, context: &mut Context<'_>) -> Result<Option<Packet>, End> {
        let Some(socket) = &mut self.socket else { return Ok(None) };
        loop {
            let frame = match Pin::new(&mut *socket).poll_next(context) {
                Poll::Ready(frame) => frame,
                Poll::Pending => return Ok(None),
            };
            return match frame {
                Some(Ok(Message::Text(text))) => engine::read(&text).map(Some).map_err(End::Part),
                Some(Ok(Message::Binary(bytes))) => Ok(Some(Packet::Word(Word::Binary(bytes)))),
                Some(Ok(Message::Close(_))) | None => Err(End::Lost),
                Some(Ok(_)) => continue,
                Some(Err(error)) => Err(broken(&error).map_or(End::Lost, End::Part)),
            };
        }
    }

    /// Asks whether the client is there, when it is time for that. `hears`: whether it would be heard at present. Whether
    /// anything happened.
    ///
    /// # Errors
    /// It is given up.
    pub(super) fn beat(&mut self, context: &mut Context<'_>, hears: bool) -> Result<bool, End> {
        if self.heartbeat.poll(context).is_pending() {
            return Ok(false);
        }
        if let Some(socket) = &self.socket {
            let now = (socket.get_ref().heard(), socket.get_ref().said());
            let before = std::mem::replace(&mut self.bytes, now);
            if now.0 > before.0 {
                self.heartbeat.heard();
            }
            if now.1 > before.1 {
                self.heartbeat.moved();
            }
        }
        if !hears {
            self.heartbeat.heard();
        }
        match self.heartbeat.beat() {
            Beat::Nothing => {}
            Beat::Ask => self.out.push(PING),
            Beat::Stop => return Err(End::Lost),
        }
        Ok(true)
    }

    /// Ends for who went by itself.
    pub(super) async fn let_go(mut self) {
        self.gate.close();
        if let Some(socket) = &mut self.socket {
            // The answer to its close; there is nobody to hear it where it just went.
            let _ = tokio::time::timeout(PARTING, socket.flush()).await;
        }
    }

    /// Says what waits, and then that it is over. A client whose transport closes comes back by itself, other than one that is
    /// told to leave the namespace.
    pub(super) async fn part(mut self, failure: &Failure) {
        self.gate.stop_hearing();
        if self.socket.is_none() {
            let told = poll_fn(|context| {
                self.gate.register(context);
                self.change();
                if self.socket.is_some() || self.gate.is_closed() {
                    return Poll::Ready(());
                }
                self.gate.put(&mut self.out);
                if self.out.is_empty() && self.gate.finish() { Poll::Ready(()) } else { Poll::Pending }
            });
            let _ = tokio::time::timeout(PARTING, told).await;
        }
        if let Some(socket) = &mut self.socket {
            self.out.push(CLOSE);
            let said = async {
                while let Some(packet) = self.out.pop() {
                    socket.feed(Message::Text(packet)).await?;
                }
                Ok::<_, SocketError>(())
            };
            let _ = tokio::time::timeout(PARTING, said).await;
            let (code, reason) = (CloseCode::from(plain(failure)), cut(&failure.message).into());
            hang_up(socket, CloseFrame { code, reason }).await;
        }
        self.gate.close();
    }
}

/// Writes packets. Whether the socket takes all of them.
fn pour(socket: &mut Socket, out: &mut Outbox, unflushed: &mut bool, context: &mut Context<'_>) -> Result<bool, SocketError> {
    let mut is_stuck = false;
    while !out.is_empty() {
        if Pin::new(&mut *socket).poll_ready(context)?.is_pending() {
            is_stuck = true;
            break;
        }
        let Some(packet) = out.pop() else { break };
        *unflushed = true;
        Pin::new(&mut *socket).start_send(Message::Text(packet))?;
    }
    if *unflushed {
        match Pin::new(socket).poll_flush(context)? {
            Poll::Ready(()) => *unflushed = false,
            Poll::Pending => is_stuck = true,
        }
    }
    Ok(!is_stuck)
}
