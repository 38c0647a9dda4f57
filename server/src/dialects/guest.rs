//! A client in the server: what a dialect speaks through. It is a whole client, the client's half of a session joined to the server's
//! half without a network between them, so that all that holds for sessions holds for whoever comes with an old format.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use samewire_protocol::accept::{self, Output as ServerOutput};
use samewire_protocol::session::{CallRequest, Config, Event, Input, JoinRequest, Output, Session as Client};
use samewire_protocol::wire::{ServerFrame, decode_server};
use samewire_protocol::{CallId, Code, Failure, Instant, Link};
use serde::Serialize;
use tokio::time::Sleep;

use crate::app::App;
use crate::auth::Access;
use crate::session::{Greeted, Session, SessionKey, greet, greet_anybody, greet_holder};

/// How many bytes of rooms are taken at a time.
const PULL_BYTES: usize = 32 * 1024;
/// How often so much is taken of them at the end.
const LAST_PULLS: usize = 8;

/// Who a guest is.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    /// Whoever this token says; without one, somebody anonymous, where the server lets them in.
    Token(Option<String>),
    /// Whoever holds this ticket, in a session of their own: that of the ticket goes on as it is.
    Ticket(String),
    /// Anybody, also where sessions are not anonymous.
    Anonymous,
}

/// A session, and the client that speaks for it. Its rooms and streams are left with it, unless it [stays](Guest::stay).
pub(crate) struct Guest {
    session: Arc<Session>,
    /// The session's link.
    link: Link,
    client: Client,
    events: VecDeque<Event>,
    frames: VecDeque<Bytes>,
    timer: Option<(Instant, Pin<Box<Sleep>>)>,
    parting: Option<Failure>,
    begun: std::time::Instant,
    stays: bool,
    /// The client, or the session, may have something to say. Most often it is only a room, and neither is asked.
    spoke: bool,
    stirred: bool,
}

impl Guest {
    /// Lets somebody in.
    ///
    /// # Errors
    /// Those of a hello.
    pub(crate) async fn enter(app: &Arc<App>, agent: &str, entry: Entry) -> Result<Self, Failure> {
        let mut config = Config { agent: Some(agent.to_owned()), paces: false, ..Config::default() };
        if let Entry::Token(token) = &entry {
            config.token.clone_from(token);
        }
        let mut client = Client::new(config);
        client.connect(app.now());
        client.handle_input(app.now(), client.link(), Input::Opened);
        let hello = std::iter::from_fn(|| Some(client.poll_output())).find_map(|output| match output {
            Output::SendText(text) => Some(Some(text)),
            Output::Wait(_) => Some(None),
            _ => None,
        });
        let lost = || Failure::new(Code::Internal, "the server could not begin a session for this connection; try again");
        let hello = hello.flatten().ok_or_else(lost)?;
        let Greeted { session, continuity, ticket } = match entry {
            Entry::Token(_) => greet(app, &accept::greet(hello.as_str())?).await?,
            Entry::Ticket(ticket) => greet_holder(app, &ticket).await?,
            Entry::Anonymous => greet_anybody(app)?,
        };
        let identity = (!session.identity.is_anonymous()).then(|| session.identity.id());
        let reconnect = app.advice();
        let greeting = accept::Greeting { ticket: &ticket, continuity, identity, reconnect, expires: session.lasts() };
        let link = session.attach(&greeting).ok_or_else(lost)?;
        app.metrics.connected(continuity);
        if *app.draining.borrow() {
            session.dismiss(App::restarting(), Some(app.advice()));
        }
        Ok(Self {
            session,
            link,
            client,
            events: VecDeque::new(),
            frames: VecDeque::new(),
            timer: None,
            parting: None,
            begun: std::time::Instant::now(),
            stays: false,
            spoke: true,
            stirred: true,
        })
    }

    pub(crate) fn app(&self) -> &Arc<App> {
        &self.session.app
    }

    /// What the guest may do at present.
    pub(crate) fn access(&self) -> Arc<Access> {
        self.session.access()
    }

    /// The session's credential, with which it can be gone on with.
    pub(crate) fn ticket(&self) -> String {
        self.session.ticket()
    }

    /// Which session it speaks for.
    pub(crate) fn key(&self) -> SessionKey {
        self.session.key()
    }

    /// Goes on with a newer credential, where it is one of the same identity: whether it is.
    ///
    /// # Errors
    /// Those of a hello.
    pub(crate) fn renewed_by(&self, entry: &Entry) -> impl Future<Output = Result<bool, Failure>> + Send + use<> {
        let session = self.session.clone();
        let (token, ticket) = match entry {
            Entry::Token(token) => (token.clone(), None),
            Entry::Ticket(ticket) => (None, Some(ticket.clone())),
            Entry::Anonymous => (None, None),
        };
        let is_somebody = token.is_some() || ticket.is_some();
        async move { Ok(is_somebody && session.renewed_by(token.as_deref(), ticket.as_deref()).await?) }
    }

    /// The session waits for its client to come back when this connection is lost, as that of an SDK does.
    pub(crate) fn stay(&mut self, stays: bool) {
        self.stays = stays;
    }

    /// The client, for commands; what comes of them is told by [`Guest::poll_event`].
    pub(crate) fn client(&mut self) -> (&mut Client, Instant) {
        self.spoke = true;
        (&mut self.client, self.session.app.now())
    }

    /// Makes a call, which has as much time as its handler takes.
    pub(crate) fn call(&mut self, method: &str, params: &impl Serialize) -> CallId {
        let payload = serde_json::value::to_raw_value(params).ok();
        let request = CallRequest { method: method.to_owned(), payload, attachment: None, timeout: None, idempotent: false };
        let (client, now) = self.client();
        client.call(now, request)
    }

    /// Joins a room without an interest in who else is there.
    pub(crate) fn join(&mut self, room: samewire_protocol::rooms::RoomName) {
        let (client, now) = self.client();
        client.join(now, JoinRequest { room, presence: false, info: None });
    }

    pub(crate) fn leave(&mut self, room: &str) {
        let (client, now) = self.client();
        client.leave(now, room);
    }

    /// How much has happened that was not asked for yet.
    pub(crate) fn backlog(&self) -> usize {
        self.events.len()
    }

    /// What happens next. To be asked again after each command.
    ///
    /// # Errors
    /// Why the session is over, or goes on without this guest.
    pub(crate) fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Result<Event, Failure>> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Poll::Ready(Ok(event));
            }
            if let Some(failure) = &self.parting {
                return Poll::Ready(Err(failure.clone()));
            }
            // Registered before anything is asked, so that nothing said in between is missed.
            let Some(is_dirty) = self.session.poll_dirty(self.link, context) else {
                self.parting = Some(Failure::new(Code::Superseded, "this session goes on over another connection"));
                continue;
            };
            self.stirred |= is_dirty;
            let mut moved = self.spoke && self.carry_over();
            moved |= self.stirred && self.carry_back();
            moved |= self.carry_rooms();
            if !moved && !self.poll_timer(context) {
                return Poll::Pending;
            }
        }
    }

    /// Gives the server what the client says.
    fn carry_over(&mut self) -> bool {
        let (mut moved, mut bulk) = (false, false);
        self.spoke = false;
        loop {
            match self.client.poll_output() {
                Output::SendText(text) => {
                    self.stirred = true;
                    self.session.input(self.link, accept::Input::Text(text.as_str()));
                }
                Output::SendBinary(bytes) => {
                    (bulk, self.stirred) = (true, true);
                    self.session.input(self.link, accept::Input::Binary(bytes));
                }
                Output::Event(event) => self.events.push_back(event),
                // There is one connection, and when it is over the guest is.
                Output::HangUp { .. } => {
                    let told = "the server has lost this connection's session; connect again";
                    self.parting.get_or_insert_with(|| Failure::new(Code::Overloaded, told));
                }
                Output::Dial { .. } => {}
                Output::Wait(at) => {
                    self.arm(at);
                    break;
                }
            }
            moved = true;
        }
        if bulk {
            self.hear(Input::Writable { buffered: 0 });
        }
        moved
    }

    /// Gives the client what the server says.
    fn carry_back(&mut self) -> bool {
        let (mut moved, mut bulk) = (false, false);
        self.stirred = false;
        while let Some(output) = self.session.poll_output(self.link) {
            match output {
                ServerOutput::SendText(text) => self.hear_text(text.as_str()),
                ServerOutput::SendBinary(bytes) => {
                    bulk = true;
                    self.hear(Input::Binary(bytes));
                }
                ServerOutput::Event(event) => self.session.act(self.link, event),
                ServerOutput::HangUp { reason, .. } => {
                    self.parting.get_or_insert_with(|| Failure::new(Code::from_name(&reason), "the server ends this session"));
                    return true;
                }
                ServerOutput::Wait(at) => {
                    self.arm(at);
                    break;
                }
            }
            moved = true;
        }
        if bulk {
            self.stirred = true;
            self.session.input(self.link, accept::Input::Writable { buffered: 0 });
        }
        moved
    }

    /// Gives the client what the session's rooms say.
    fn carry_rooms(&mut self) -> bool {
        let mut frames = std::mem::take(&mut self.frames);
        self.session.pull_rooms(self.link, &mut frames, PULL_BYTES);
        let moved = !frames.is_empty();
        for frame in frames.drain(..) {
            match unframed(frame) {
                Some((true, text)) => self.hear_text(std::str::from_utf8(&text).unwrap_or_default()),
                Some((false, bytes)) => self.hear(Input::Binary(bytes)),
                None => {}
            }
        }
        self.frames = frames;
        moved
    }

    fn hear_text(&mut self, text: &str) {
        if text.starts_with(GOODBYE)
            && let Ok(ServerFrame::Goodbye(goodbye)) = decode_server(text)
        {
            // What rooms said before comes before: an old format has no second connection on which it would be heard.
            for _ in 0..LAST_PULLS {
                if !self.carry_rooms() {
                    break;
                }
            }
            self.carry_over();
            self.parting = Some(goodbye.error);
        }
        self.hear(Input::Text(text));
    }

    fn hear(&mut self, input: Input<'_>) {
        let (now, link) = (self.session.app.now(), self.client.link());
        self.spoke = true;
        self.client.handle_input(now, link, input);
    }

    fn arm(&mut self, at: Option<Instant>) {
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
        // After a time in which nobody asked, the client hears the server's ping before it judges its silence.
        self.carry_back();
        self.client.handle_timeout(self.session.app.now());
        (self.spoke, self.stirred) = (true, true);
        true
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let app = self.session.app.clone();
        app.metrics.disconnected(self.begun.elapsed());
        let is_current = self.session.is_current(self.link);
        if is_current {
            // None of the old formats can say where to go on reading.
            self.session.end_downloads();
        }
        self.session.detach(self.link);
        // One of the same id that took its place is another.
        let is_here = || app.sessions.find(self.session.id).is_some_and(|here| Arc::ptr_eq(&here, &self.session));
        if is_current && !self.stays && is_here() {
            app.sessions.end(self.session.id);
        }
    }
}

impl std::fmt::Debug for Guest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guest").field("session", &self.session).finish_non_exhaustive()
    }
}

/// How the frame begins that says why a session is over.
const GOODBYE: &str = r#"{"type":"goodbye""#;

/// What is in a whole WebSocket frame of a room, and whether that is text (RFC 6455, section 5.2).
fn unframed(mut frame: Bytes) -> Option<(bool, Bytes)> {
    let is_text = frame.first()? & 0x0f == 1;
    let header = match frame.get(1)? & 0x7f {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    (frame.len() >= header).then(|| {
        frame.advance(header);
        (is_text, frame)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_taken_out_of_their_headers() {
        let told = |frame: &'static [u8]| unframed(Bytes::from_static(frame)).map(|(is_text, bytes)| (is_text, bytes.to_vec()));
        assert_eq!(told(b"\x81\x02hi"), Some((true, b"hi".to_vec())));
        assert_eq!(told(b"\x82\x7e\x00\x02hi"), Some((false, b"hi".to_vec())));
        assert_eq!(told(b"\x81\x7f\0\0\0\0\0\0\0\x01x"), Some((true, b"x".to_vec())));
        assert_eq!(told(b"\x81"), None);
        assert_eq!(told(b"\x81\x7e\x00"), None);
    }
}
