//! One client: a task that hears its packets, and says what its session has for it.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use engineioxide::socket::{DisconnectReason, Sid};
use engineioxide::{Str, TransportType};
use prometheus_client::metrics::counter::Counter;
use samewire_protocol::{Code, Failure};
use serde::Deserialize;
use tokio::sync::mpsc::error::TrySendError;

use super::engine::{Connection, most};
use super::gate::Gate;
use super::packet::{self, NAMESPACE, Reader, Said, Word};
use super::visit::Visit;
use crate::app::App;
use crate::dialects::guest::{Entry, Guest};
use crate::dialects::portal_view;
use crate::dialects::socket::unspoken;
use crate::websocket::PARTING;

pub(super) const NAME: &str = "socketio";

/// So many packets may wait for the transport before nothing more is asked of the session or the client.
const MOST_WAITING: usize = 64;
/// How often the task goes round before it lets others run.
const ROUNDS: usize = 32;

type Waiting = Pin<Box<dyn Future<Output = Failure> + Send>>;

pub(super) struct Party {
    app: Arc<App>,
    gate: Arc<Gate>,
    connection: Arc<Connection>,
    reader: Reader,
    words: Counter,
    stand: Stand,
    out: VecDeque<Str>,
}

/// Whether the client is in the namespace.
enum Stand {
    /// Not yet, and this is for how long it may take.
    Outside(Waiting),
    In(Box<Visit>),
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

impl Party {
    pub(super) fn new(app: Arc<App>, gate: Arc<Gate>, connection: Arc<Connection>) -> Self {
        let reader = Reader::new(most(&app));
        let (words, stand) = (app.metrics.words(NAME), Stand::Outside(outside(&app)));
        Self { app, gate, connection, reader, words, stand, out: VecDeque::new() }
    }

    /// Serves the client until it is gone.
    pub(super) async fn run(mut self) {
        let parties = self.app.metrics.guests(NAME);
        parties.inc();
        loop {
            match poll_fn(|context| self.poll(context)).await {
                Stop::Admit(entry) => self.admit(entry).await,
                Stop::Lost => break,
                Stop::Part(failure) => {
                    tracing::debug!(dialect = NAME, %failure, "a connection is closed");
                    self.last_words(&failure).await;
                    break;
                }
            }
        }
        self.part().await;
        parties.dec();
    }

    async fn admit(&mut self, entry: Entry) {
        let entered = Guest::enter(&self.app, NAME, entry).await;
        match entered {
            Ok(guest) => {
                self.gate.come_in();
                // Apps tell each other this id. The connection's own is what its requests are known by.
                self.out.push_back(packet::connected(Sid::new().as_str()));
                self.stand = Stand::In(Box::new(Visit::new(guest)));
            }
            Err(failure) => self.refuse(NAMESPACE, &failure),
        }
    }

    fn refuse(&mut self, namespace: &str, failure: &Failure) {
        self.app.metrics.refused(failure);
        self.out.push_back(packet::refused(namespace, failure));
    }

    /// Says why, where the client would not find out when it comes back, and lets what waits go out.
    async fn last_words(&mut self, failure: &Failure) {
        if let Stand::In(_) = self.stand
            && !failure.retryable
        {
            self.out.extend(super::visit::complaint(failure, None));
        }
        if self.out.is_empty() {
            return;
        }
        // Who polls has them only once it has fetched them.
        let polls = self.connection.transport_type() == TransportType::Polling;
        let mut is_said = false;
        let gone = poll_fn(|context| {
            self.gate.register(context);
            if self.gate.is_closed() {
                return Poll::Ready(());
            }
            if !is_said {
                if polls {
                    self.gate.wait_for_transport();
                }
                is_said = !self.write();
            }
            if is_said && !(polls && self.gate.waits_for_transport()) { Poll::Ready(()) } else { Poll::Pending }
        });
        let _ = tokio::time::timeout(PARTING, gone).await;
    }

    /// Lets go of the session, then of the transport. A client that sees its transport close comes back by itself, other than one
    /// that is told to leave the namespace.
    async fn part(self) {
        drop(self.stand);
        self.connection.close(DisconnectReason::ClosingServer);
        if tokio::time::timeout(PARTING, self.connection.closed()).await.is_err() {
            self.gate.cut();
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Stop> {
        self.gate.register(context);
        for _ in 0..ROUNDS {
            match self.turn(context) {
                Ok(true) => {}
                Ok(false) => return Poll::Pending,
                Err(stop) => return Poll::Ready(stop),
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Whether anything happened.
    fn turn(&mut self, context: &mut Context<'_>) -> Result<bool, Stop> {
        if self.gate.is_closed() {
            return Err(Stop::Lost);
        }
        self.write();
        if self.out.len() >= MOST_WAITING {
            return Ok(false);
        }
        let moved = match &mut self.stand {
            Stand::Outside(waiting) => match waiting.as_mut().poll(context) {
                Poll::Ready(failure) => return Err(Stop::Part(failure)),
                Poll::Pending => false,
            },
            Stand::In(visit) => {
                let mut moved = false;
                while self.out.len() < MOST_WAITING && visit.poll(context, &mut self.out).map_err(Stop::Part)? {
                    moved = true;
                }
                moved
            }
        };
        if !self.listens() {
            return Ok(moved);
        }
        match self.gate.next_word() {
            Some(word) => self.hear(word).map(|()| true),
            None => Ok(moved),
        }
    }

    fn listens(&self) -> bool {
        match &self.stand {
            Stand::Outside(_) => true,
            Stand::In(visit) => visit.listens(),
        }
    }

    /// Whether something still waits for the transport.
    fn write(&mut self) -> bool {
        while let Some(packet) = self.out.pop_front() {
            if let Err(packet) = emit(&self.connection, packet) {
                self.gate.wait_for_transport();
                // There may be room since.
                if let Err(packet) = emit(&self.connection, packet) {
                    self.out.push_front(packet);
                    return true;
                }
            }
        }
        false
    }

    fn hear(&mut self, word: Word) -> Result<(), Stop> {
        self.words.inc();
        let said = self.reader.read(word).map_err(Stop::Part)?;
        match (said, &mut self.stand) {
            (Said::Connect(auth), Stand::Outside(_)) => match self.entry(auth.as_deref()) {
                Ok(entry) => return Err(Stop::Admit(entry)),
                Err(failure) => self.refuse(NAMESPACE, &failure),
            },
            (Said::ConnectElsewhere(namespace), _) => {
                let nowhere = || {
                    let told = format!("Invalid namespace: there is only {NAMESPACE} here");
                    Failure::new(Code::NotFound, told)
                };
                let failure = portal_view::meant(&self.app, &namespace).unwrap_or_else(nowhere);
                self.refuse(&namespace, &failure);
            }
            (Said::Event(event, ack), Stand::In(visit)) => {
                let (name, says) = packet::parts(&event).map_err(Stop::Part)?;
                visit.hear(&name, says, ack, &mut self.out);
            }
            (Said::Disconnect, Stand::In(_)) => self.stand = Stand::Outside(outside(&self.app)),
            (Said::Event(..), Stand::Outside(_)) => {
                return Err(Stop::Part(unspoken("this client is not in the namespace; connect to it first")));
            }
            (Said::Connect(_), Stand::In(_)) | (Said::Disconnect, Stand::Outside(_)) | (Said::Nothing, _) => {}
        }
        Ok(())
    }

    /// Who wants to come in: whose token is in the handshake's `auth`, or where other clients have it.
    fn entry(&self, auth: Option<&str>) -> Result<Entry, Failure> {
        #[derive(Default, Deserialize)]
        struct Auth {
            token: Option<String>,
        }
        let told = "`auth` has to be an object with a `token`, a string";
        let auth = auth.map(|auth| serde_json::from_str::<Option<Auth>>(auth).map_err(|_| Failure::new(Code::BadParams, told)));
        match auth.transpose()?.flatten().unwrap_or_default().token {
            Some(token) => Ok(Entry::Token(Some(token.strip_prefix("Bearer ").map(str::to_owned).unwrap_or(token)))),
            None => {
                let asked = &self.connection.req_parts;
                crate::dialects::entry(self.app.config.dialects.socketio.anonymous, &asked.uri, &asked.headers)
            }
        }
    }
}

/// Gives a packet to the transport, or back. One place is left to the library, which would give a client up that it cannot ping.
fn emit(connection: &Connection, packet: Str) -> Result<(), Str> {
    let (place, spare) = (connection.reserve(), connection.reserve());
    match (place, spare) {
        (Ok(place), Ok(_)) => {
            place.emit(packet);
            Ok(())
        }
        // Nobody is there to hear it.
        (Err(TrySendError::Closed(())), _) => Ok(()),
        _ => Err(packet),
    }
}

/// How long somebody may be connected and in no namespace.
fn outside(app: &Arc<App>) -> Waiting {
    let (time, mut draining) = (app.config.limits.hello_timeout, app.draining.subscribe());
    Box::pin(async move {
        let drained = async {
            // The sender lives as long as the server.
            let _ = draining.wait_for(|draining| *draining).await;
        };
        tokio::select! {
            () = tokio::time::sleep(time) => {
                let told = format!("this client did not connect to {NAMESPACE} within {time:?}");
                Failure::new(Code::HandshakeTimeout, told)
            }
            () = drained => App::restarting(),
        }
    })
}
