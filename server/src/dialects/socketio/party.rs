//! One client: a task that hears its packets, and says what its session has for it.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use prometheus_client::metrics::counter::Counter;
use samewire_protocol::{Code, Failure};
use serde::Deserialize;
use socketioxide_core::Sid;

use super::clients::Seat;
use super::packet::{self, NAMESPACE, Reader, Said, Word};
use super::polling::{LITTLE, most};
use super::transport::{End, Heard, Transport};
use super::visit::Visit;
use crate::app::App;
use crate::dialects::alone::outstayed;
use crate::dialects::guest::{Entry, Guest};
use crate::dialects::portal_view;
use crate::dialects::socket::unspoken;
use crate::dialects::upgrade::Counted;
use crate::session::is_users_own;
use crate::websocket::Socket;

pub(super) const NAME: &str = "socketio";

/// How often the task goes round before it lets others run.
const ROUNDS: usize = 32;

type Waiting = Pin<Box<dyn Future<Output = Failure> + Send>>;

pub(super) struct Party {
    app: Arc<App>,
    seat: Seat,
    /// Who came, by the request with which the connection began.
    came: Result<Entry, Failure>,
    transport: Transport,
    reader: Reader,
    words: Counter,
    stand: Stand,
}

/// Whether the client is in the namespace.
enum Stand {
    /// Not yet, and this is for how long it may take.
    Outside(Waiting),
    In(Box<Visit>),
}

/// Why there is nothing more to do for now.
enum Stop {
    /// The connection is over, or is to be.
    End(End),
    /// Somebody is to be let in.
    Admit(Entry),
}

impl From<End> for Stop {
    fn from(end: End) -> Self {
        Self::End(end)
    }
}

fn part(failure: Failure) -> Stop {
    Stop::End(End::Part(failure))
}

impl Party {
    pub(super) fn new(app: Arc<App>, seat: Seat, came: Result<Entry, Failure>, socket: Option<Socket>) -> Self {
        let transport = Transport::new(seat.gate().clone(), socket, &app.config.limits);
        let (words, stand) = (app.metrics.words(NAME), Stand::Outside(outside(&app)));
        let reader = Reader::new(most(&app).min(LITTLE));
        Self { app, seat, came, transport, reader, words, stand }
    }

    /// Serves the client until it is gone, to whom `welcome` is said first.
    pub(super) async fn run(mut self, welcome: Option<String>) {
        let _counted = Counted::new(self.app.metrics.guests(NAME));
        self.transport.out.extend(welcome.map(Into::into));
        let end = loop {
            match poll_fn(|context| self.poll(context)).await {
                Stop::End(end) => break end,
                Stop::Admit(entry) => {
                    if let Err(failure) = self.admit(entry).await {
                        break End::Part(failure);
                    }
                }
            }
        };
        let Self { mut transport, stand, .. } = self;
        match end {
            End::Lost => {
                drop(stand);
                transport.let_go().await;
            }
            End::Part(failure) => {
                tracing::debug!(dialect = NAME, %failure, "a connection is closed");
                // Where it would not find out when it comes back, it hears why.
                if matches!(stand, Stand::In(_)) && !failure.retryable {
                    transport.out.extend(super::visit::complaint(&failure, None));
                }
                drop(stand);
                transport.part(&failure).await;
            }
        }
    }

    /// # Errors
    /// One that passes. A client of Socket.IO takes a refusal for final, and comes back by itself where its connection ends.
    async fn admit(&mut self, entry: Entry) -> Result<(), Failure> {
        match Guest::enter(&self.app, NAME, entry).await {
            Ok(guest) => {
                self.seat.comes_in();
                self.reader = Reader::new(most(&self.app));
                // Apps tell each other this id. The connection's own is what its requests are known by.
                self.transport.out.push(packet::connected(Sid::new().as_str()));
                self.stand = Stand::In(Box::new(Visit::new(guest)));
            }
            Err(failure) if failure.retryable && !is_users_own(&failure) => {
                self.app.metrics.refused(&failure);
                return Err(failure);
            }
            Err(failure) => self.refuse(NAMESPACE, &failure),
        }
        Ok(())
    }

    fn refuse(&mut self, namespace: &str, failure: &Failure) {
        self.app.metrics.refused(failure);
        self.transport.out.push(packet::refused(namespace, failure));
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Stop> {
        self.seat.gate().register(context);
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
        self.transport.write(context)?;
        let mut moved = false;
        match &mut self.stand {
            Stand::Outside(waiting) => {
                if let Poll::Ready(failure) = waiting.as_mut().poll(context) {
                    return Err(part(failure));
                }
            }
            Stand::In(visit) => {
                while !self.transport.out.is_full() && visit.poll(context, &mut self.transport.out).map_err(part)? {
                    moved = true;
                }
            }
        }
        let hears = self.hears();
        if hears {
            match self.transport.read(context)? {
                Heard::Nothing => {}
                Heard::Sign => moved = true,
                Heard::Word(word) => {
                    self.hear(word)?;
                    moved = true;
                }
            }
        }
        Ok(moved || self.transport.beat(context, hears)?)
    }

    /// Whether what the client says is heard at present: it leads to more that it has to be told. Of who has not come in, nothing
    /// waits but one answer.
    fn hears(&self) -> bool {
        match &self.stand {
            Stand::Outside(_) => self.transport.is_idle(),
            Stand::In(visit) => visit.listens() && !self.transport.out.is_full(),
        }
    }

    fn hear(&mut self, word: Word) -> Result<(), Stop> {
        self.words.inc();
        if let Stand::Outside(_) = &self.stand {
            self.seat.speaks();
        }
        let said = self.reader.read(word).map_err(part)?;
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
                let (name, says) = packet::parts(&event).map_err(part)?;
                visit.hear(&name, says, ack, &mut self.transport.out);
            }
            (Said::Disconnect, Stand::In(_)) => self.stand = Stand::Outside(outside(&self.app)),
            (Said::Event(..), Stand::Outside(_)) => {
                return Err(part(unspoken("this client is not in the namespace; connect to it first")));
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
            None => self.came.clone(),
        }
    }
}

/// How long somebody may be connected and in no namespace.
fn outside(app: &App) -> Waiting {
    let time = app.config.limits.hello_timeout;
    Box::pin(outstayed(app, time, format!("this client did not connect to {NAMESPACE} within {time:?}")))
}
