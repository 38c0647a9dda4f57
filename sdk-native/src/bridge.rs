//! Between the app and the machine: who waits for which call, and what feeds or takes which stream.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Context;

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use samewire_protocol::session::{Config, Event, Session, Status};
use samewire_protocol::streams::Want;
use samewire_protocol::{CallId, Code, Digest, Failure, Instant, SessionId, StreamId, StreamNo};
use serde_json::value::RawValue;
use tokio::sync::{Notify, mpsc, oneshot, watch};

use crate::call::Answer;
use crate::rooms::Rooms;
use crate::send::{Outcome, Progress};
use crate::token::Tokens;

/// What the client's handles and its driver share.
pub(crate) struct Shared {
    pub(crate) core: Mutex<Core>,
    started: std::time::Instant,
    waker: AtomicWaker,
    dirty: AtomicBool,
    pub(crate) status: watch::Sender<Status>,
    /// Rings when the server begins a stream.
    pub(crate) offered: Notify,
    /// The last handle is gone.
    pub(crate) abandoned: AtomicBool,
    pub(crate) tokens: Tokens,
}

pub(crate) struct Core {
    pub(crate) session: Session,
    pub(crate) id: Option<SessionId>,
    pub(crate) calls: HashMap<CallId, Waiting>,
    pub(crate) sending: HashMap<StreamNo, Sending>,
    pub(crate) reading: HashMap<StreamNo, Reading>,
    pub(crate) rooms: Rooms,
}

/// Who waits for a call.
pub(crate) struct Waiting {
    pub(crate) answer: oneshot::Sender<Result<Answer, Failure>>,
    pub(crate) parts: Option<mpsc::UnboundedSender<Box<RawValue>>>,
}

/// A stream to the server.
pub(crate) struct Sending {
    pub(crate) wants: mpsc::UnboundedSender<Want>,
    pub(crate) progress: watch::Sender<Progress>,
    pub(crate) outcome: watch::Sender<Outcome>,
}

/// A stream from the server. What arrives before the app takes it waits here, at most a window of it.
pub(crate) struct Reading {
    pub(crate) id: StreamId,
    pub(crate) chunks: mpsc::UnboundedSender<Result<Chunk, Failure>>,
    /// Taken by the app when it asks for the stream.
    pub(crate) taker: Option<mpsc::UnboundedReceiver<Result<Chunk, Failure>>>,
    pub(crate) name: Option<String>,
    pub(crate) media: Option<String>,
    pub(crate) size: Option<u64>,
}

/// What a stream from the server gives.
pub(crate) enum Chunk {
    Bytes { end: u64, bytes: Bytes },
    End(Digest),
}

impl Shared {
    pub(crate) fn new(config: Config, tokens: Tokens) -> Arc<Self> {
        let session = Session::new(config);
        Arc::new(Self {
            status: watch::Sender::new(session.status()),
            core: Mutex::new(Core {
                session,
                id: None,
                calls: HashMap::new(),
                sending: HashMap::new(),
                reading: HashMap::new(),
                rooms: Rooms::default(),
            }),
            started: std::time::Instant::now(),
            waker: AtomicWaker::new(),
            dirty: AtomicBool::new(false),
            offered: Notify::new(),
            abandoned: AtomicBool::new(false),
            tokens,
        })
    }

    pub(crate) fn now(&self) -> Instant {
        Instant::from_micros(u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    pub(crate) fn real_time(&self, at: Instant) -> std::time::Instant {
        self.started + std::time::Duration::from_micros(at.as_micros())
    }

    /// Changes the machine and lets the driver do what follows of it.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Core, Instant) -> T) -> T {
        let result = change(&mut self.core.lock(), self.now());
        self.wake();
        result
    }

    pub(crate) fn wake(&self) {
        self.dirty.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Registers the driver to be woken; tells whether there is something for it already.
    pub(crate) fn poll_dirty(&self, context: &Context<'_>) -> bool {
        self.waker.register(context.waker());
        self.dirty.swap(false, Ordering::AcqRel)
    }

    /// Tells whoever an event concerns. What apps watch is changed without the lock: an app that looks at it holds up whoever changes
    /// it, and may wait for the lock meanwhile.
    pub(crate) fn tell(self: &Arc<Self>, event: Event) {
        let mut core = self.core.lock();
        match event {
            Event::Status(status) => {
                let rooms = if status == Status::Live { Vec::new() } else { core.rooms.all() };
                drop(core);
                rooms.iter().for_each(|membership| membership.away());
                self.status.send_replace(status);
            }
            Event::Welcomed { session, .. } => core.id = Some(session),
            Event::CallPart { id, payload } => {
                if let Some(parts) = core.calls.get(&id).and_then(|waiting| waiting.parts.as_ref()) {
                    // Whoever waits may have gone; then the parts are of no use to anybody.
                    drop(parts.send(payload));
                }
            }
            Event::CallSettled { id, result, attachment } => {
                if let Some(waiting) = core.calls.remove(&id) {
                    drop(waiting.answer.send(result.map(|result| Answer { result, attachment })));
                }
            }
            Event::Want(want) => {
                if let Some(sending) = core.sending.get(&want.stream) {
                    let _ = sending.wants.send(want);
                }
            }
            Event::Progress { stream, durable } => {
                let progress = core.sending.get(&stream).map(|sending| sending.progress.clone());
                drop(core);
                if let Some(progress) = progress {
                    progress.send_modify(|progress| progress.durable = durable);
                }
            }
            Event::StreamOpened { stream, spec } => {
                let (chunks, taker) = mpsc::unbounded_channel();
                let reading =
                    Reading { id: spec.id, chunks, taker: Some(taker), name: spec.name, media: spec.media, size: spec.size };
                core.reading.insert(stream, reading);
                self.offered.notify_waiters();
            }
            Event::Data { stream, offset, bytes } => {
                let end = offset + bytes.len() as u64;
                let gone = core
                    .reading
                    .get(&stream)
                    .is_some_and(|reading| reading.chunks.send(Ok(Chunk::Bytes { end, bytes })).is_err());
                if gone {
                    // The app dropped its handle.
                    core.reading.remove(&stream);
                    let failure = Failure::new(Code::Canceled, "the reader gave the stream up");
                    core.session.abort(self.now(), stream, failure);
                }
            }
            Event::StreamFinished { stream, size, digest } => {
                if let Some(sending) = core.sending.remove(&stream) {
                    drop(core);
                    sending.outcome.send_replace(Some(Ok((size, digest))));
                } else if let Some(reading) = core.reading.get(&stream) {
                    // Kept until the app has asked for it: a small stream is over before the call that names it is answered.
                    drop(reading.chunks.send(Ok(Chunk::End(digest))));
                    if reading.taker.is_none() {
                        core.reading.remove(&stream);
                    }
                }
            }
            Event::StreamAborted { stream, failure } => {
                if let Some(sending) = core.sending.remove(&stream) {
                    drop(core);
                    sending.outcome.send_replace(Some(Err(failure)));
                } else if let Some(reading) = core.reading.get(&stream) {
                    // Kept like an end is, so that whoever asks learns why.
                    drop(reading.chunks.send(Err(failure)));
                    if reading.taker.is_none() {
                        core.reading.remove(&stream);
                    }
                }
            }
            Event::Room(news) => {
                let membership = core.rooms.present(&news.room);
                drop(core);
                if let Some(membership) = membership {
                    membership.hear(&news);
                }
            }
            Event::RoomError { room, failure } => core.rooms.refused(&room, failure),
            Event::RoomLeft { room, failure } => {
                let membership = core.rooms.left(&room);
                drop(core);
                if let Some(membership) = membership {
                    membership.left(failure);
                }
            }
            Event::TokenWanted(reason) => self.ask_for_token(reason),
            Event::ServerError(failure) => tracing::warn!(%failure, "the server reports an error"),
            _ => {}
        }
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}
