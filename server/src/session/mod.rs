//! A client's session on the server: who it is, what runs for it, which streams it carries, and the machine that speaks for it.

mod bell;
mod errands;
mod events;
mod expiry;
mod greet;
mod handle;
mod registry;
mod renewal;
mod room_errands;
mod rooms;

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use parking_lot::Mutex;
use samewire_protocol::accept::{self, Output};
use samewire_protocol::wire::Advice;
use samewire_protocol::{CallId, Code, Failure, Link, SessionId, StreamNo};
use serde_json::value::RawValue;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

pub(crate) use bell::Bell;
use errands::Errands;
pub(crate) use expiry::{Expiries, expire};
pub(crate) use greet::{Admitted, Greeted, admit, greet, greet_anybody, greet_holder, random};
pub use handle::{SessionHandle, SessionKey};
pub(crate) use registry::{Sessions, is_users_own};
use renewal::{Held, Renewal};
use rooms::Memberships;

use crate::app::App;
use crate::auth::{Access, Identity};
use crate::streams::{Attachment, Outgoing};

/// One session. It outlives its sockets until it expires or its client ends it.
pub(crate) struct Session {
    pub(crate) id: SessionId,
    /// Tells this session from one of the same id that was lost and made anew.
    pub(crate) life: u64,
    /// Whose it is, for as long as it lasts.
    pub(crate) identity: Identity,
    /// What its client may do at present.
    held: Mutex<Held>,
    pub(crate) app: Arc<App>,
    core: Mutex<Core>,
    /// How many streams are being taken up, and the bell for when one was.
    taking_up: AtomicUsize,
    taken_up: Notify,
    /// The rooms that it is in. Never locked while a room is.
    rooms: Mutex<Memberships>,
    /// The bell for when a room was joined, or could not be.
    entered: Notify,
    /// Wakes the link's task when there is something to say.
    bell: Arc<Bell>,
}

struct Core {
    machine: accept::Session,
    link: Link,
    /// When the last socket went; `None` while there is one.
    away_since: Option<std::time::Instant>,
    ended: bool,
    /// It ended because another one of the same id took its place, and goes on with what is its owner's.
    replaced: bool,
    running: HashMap<CallId, AbortHandle>,
    incoming: HashMap<StreamNo, Attachment>,
    outgoing: HashMap<StreamNo, Arc<Outgoing>>,
    /// The client is gone for good, and what goes to it with it.
    unread: bool,
    errands: Errands,
    renewal: Renewal,
    /// Handlers that wait until a caller has taken some parts.
    part_wakers: Vec<Waker>,
    /// Bytes that go with answers to come.
    attached: HashMap<CallId, Bytes>,
}

impl Core {
    fn answer(&mut self, now: samewire_protocol::Instant, id: CallId, result: Result<Box<RawValue>, Failure>) {
        match (self.attached.remove(&id), result) {
            (Some(bytes), Ok(payload)) => self.machine.answer_with(now, id, &payload, &bytes),
            (_, result) => self.machine.answer(now, id, result),
        };
    }
}

impl Session {
    pub(crate) fn new(app: &Arc<App>, id: SessionId, life: u64, access: Arc<Access>) -> Arc<Self> {
        let mut machine = accept::Session::new(id, app.session_config());
        machine.limit_uploads(app.streams.allowance(&access).max_upload);
        Arc::new_cyclic(|session| Self {
            id,
            life,
            identity: access.identity.clone(),
            held: Mutex::new(Held::new(access)),
            core: Mutex::new(Core {
                machine,
                link: Link::default(),
                away_since: Some(std::time::Instant::now()),
                ended: false,
                replaced: false,
                running: HashMap::new(),
                incoming: HashMap::new(),
                outgoing: HashMap::new(),
                unread: false,
                errands: Errands::default(),
                renewal: Renewal::default(),
                part_wakers: Vec::new(),
                attached: HashMap::new(),
            }),
            app: app.clone(),
            taking_up: AtomicUsize::new(0),
            taken_up: Notify::new(),
            rooms: Mutex::default(),
            entered: Notify::new(),
            bell: Arc::new(Bell::new(session.clone())),
        })
    }

    // For the link.

    /// A socket takes the session over. `None` when the session has just ended.
    pub(crate) fn attach(self: &Arc<Self>, greeting: &accept::Greeting<'_>) -> Option<Link> {
        let mut core = self.core.lock();
        if core.ended {
            return None;
        }
        // The socket before, if there is one, finds out that it is of no account, says so and goes. What its client said counts.
        let before = core.link;
        let events: Vec<_> = std::iter::from_fn(|| core.machine.poll_event()).collect();
        let link = before.next();
        core.link = link;
        core.away_since = None;
        core.unread = false;
        core.machine.attach(self.app.now(), link, greeting);
        drop(core);
        events.into_iter().for_each(|event| self.act(before, event));
        self.read_rooms_on(link);
        self.wake();
        Some(link)
    }

    /// The socket of this link is gone. What its client said last still counts.
    pub(crate) fn detach(self: &Arc<Self>, link: Link) {
        self.act_on_events(link);
        let mut core = self.core.lock();
        if core.link == link {
            core.machine.detach(link);
            core.away_since = Some(std::time::Instant::now());
            let attachments: Vec<_> = core.incoming.drain().map(|(_, attachment)| attachment).collect();
            drop(core);
            for attachment in attachments {
                attachment.detach();
            }
            self.leave_rooms_unread(link);
        }
    }

    pub(crate) fn key(&self) -> SessionKey {
        SessionKey { id: self.id, life: self.life }
    }

    pub(crate) fn is_current(&self, link: Link) -> bool {
        self.core.lock().link == link
    }

    pub(crate) fn input(&self, link: Link, input: accept::Input<'_>) {
        self.core.lock().machine.handle_input(self.app.now(), link, input);
    }

    /// Whether nothing more should be read from the client until it has taken what waits for it.
    pub(crate) fn is_behind(&self) -> bool {
        self.core.lock().machine.is_behind()
    }

    pub(crate) fn timeout(&self) {
        let machine = &mut self.core.lock().machine;
        machine.advise(self.app.advice());
        machine.handle_timeout(self.app.now());
    }

    /// Acts on what the client said, whether or not it takes what it is told.
    pub(crate) fn act_on_events(self: &Arc<Self>, link: Link) {
        loop {
            let mut core = self.core.lock();
            let event = if core.link == link { core.machine.poll_event() } else { None };
            drop(core);
            match event {
                Some(event) => self.act(link, event),
                None => return,
            }
        }
    }

    /// The next thing to do for this link. `None` when another socket has taken the session over: what there is to say is that
    /// one's.
    pub(crate) fn poll_output(&self, link: Link) -> Option<Output> {
        let mut core = self.core.lock();
        (core.link == link).then(|| core.machine.poll_output())
    }

    /// Registers the link's task to be woken when the machine has something to say; tells whether it has already. `None` when
    /// another socket has taken the session over, whose task must not lose its place to this one's.
    pub(crate) fn poll_dirty(&self, link: Link, context: &Context<'_>) -> Option<bool> {
        let core = self.core.lock();
        (core.link == link).then(|| self.bell.register(context.waker()))
    }

    fn wake(&self) {
        self.bell.ring();
    }

    // For everybody.

    /// Changes the machine and lets the link's task say what follows of it.
    fn machine<T>(&self, change: impl FnOnce(&mut accept::Session, samewire_protocol::Instant) -> T) -> T {
        let result = change(&mut self.core.lock().machine, self.app.now());
        self.wake();
        result
    }

    /// Gives the answer of a handler that ran as a task.
    pub(crate) fn answer(&self, id: CallId, result: Result<Box<RawValue>, Failure>) {
        self.app.metrics.answered(&result);
        let mut core = self.core.lock();
        core.running.remove(&id);
        core.answer(self.app.now(), id, result);
        drop(core);
        self.wake();
    }

    /// Gives the answer of a handler that was done at once, from the link's own task: it asks the machine what to say next anyway,
    /// and waking it would make it go round once more for each call.
    pub(crate) fn answer_at_once(&self, id: CallId, result: Result<Box<RawValue>, Failure>) {
        self.app.metrics.answered(&result);
        self.core.lock().answer(self.app.now(), id, result);
    }

    /// Runs the rest of a handler as a task of its own, which a cancel stops.
    pub(crate) fn spawn_call(&self, id: CallId, rest: impl Future<Output = ()> + Send + 'static) {
        // The lock is held until the task is known, and the task's answer takes it: it cannot be done before it is known.
        let mut core = self.core.lock();
        if core.ended || !core.machine.is_running(id) {
            return;
        }
        let task = tokio::spawn(rest);
        core.running.insert(id, task.abort_handle());
    }

    /// Sends a part of a result: `Ready(false)` when nobody waits for it, `Pending` while the caller is too far behind.
    fn send_part(&self, id: CallId, payload: &RawValue, context: &Context<'_>) -> Poll<bool> {
        let mut core = self.core.lock();
        match core.machine.part_room(id) {
            None => Poll::Ready(false),
            Some(0) => {
                core.part_wakers.push(context.waker().clone());
                Poll::Pending
            }
            Some(_) => {
                let sent = core.machine.part(self.app.now(), id, payload);
                drop(core);
                self.wake();
                Poll::Ready(sent)
            }
        }
    }

    /// Whether calls run, streams are open, or the client may still come back.
    pub(crate) fn expired(&self, ttl: std::time::Duration) -> bool {
        self.core.lock().away_since.is_some_and(|since| since.elapsed() >= ttl)
    }

    /// Says goodbye to the client. The session stays for it to come back to.
    pub(crate) fn dismiss(&self, failure: Failure, advice: Option<Advice>) {
        self.machine(|machine, _| machine.dismiss(failure, advice));
    }

    /// The session is over: what runs for it is stopped, and its streams are let go. With the last session of an anonymous owner, what
    /// it had is removed.
    pub(crate) fn end(&self, is_last: bool) {
        if !self.stop(false) || !is_last || !self.identity.is_anonymous() {
            return;
        }
        let (streams, owner) = (self.app.streams.clone(), self.identity.owner().clone());
        tokio::spawn(async move {
            if let Err(error) = streams.owner_gone(&owner).await {
                tracing::error!(%error, "what an ended session left could not be removed");
            }
        });
    }

    /// Nobody will go on reading what goes to the client: it is over, and nothing more is begun before a client comes.
    pub(crate) fn end_downloads(&self) {
        let mut core = self.core.lock();
        core.unread = true;
        let outgoing: Vec<_> = core.outgoing.drain().map(|(_, outgoing)| outgoing).collect();
        drop(core);
        outgoing.into_iter().for_each(|outgoing| outgoing.abort());
    }

    /// Another session of the same id takes its place, which knows nothing of what ran here.
    pub(crate) fn replace(&self) {
        self.dismiss(Failure::new(Code::Superseded, "a newer page goes on with the session"), None);
        self.stop(true);
    }

    /// Stops what runs for the session and lets go of its streams, which stay for whoever may go on with them. False when that was
    /// done before.
    fn stop(&self, replaced: bool) -> bool {
        let mut core = self.core.lock();
        if std::mem::replace(&mut core.ended, true) {
            return false;
        }
        core.replaced = replaced;
        let running: Vec<_> = core.running.drain().map(|(_, task)| task).collect();
        let incoming: Vec<_> = core.incoming.drain().map(|(_, attachment)| attachment).collect();
        core.outgoing.clear();
        let parts = std::mem::take(&mut core.part_wakers);
        core.machine.dismiss(Failure::new(Code::SessionClosed, "the session is over; begin a new one"), None);
        drop(core);
        self.is_over();
        running.into_iter().for_each(|task| task.abort());
        incoming.into_iter().for_each(|attachment| attachment.detach());
        parts.into_iter().for_each(Waker::wake);
        self.leave_all();
        self.wake();
        true
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("id", &self.id).field("identity", &self.identity.id()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
