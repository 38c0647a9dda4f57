//! What all parts of a running server share.

use std::sync::Arc;

use samewire_protocol::wire::{Advice, Heartbeat};
use samewire_protocol::{Code, Failure, Instant, accept};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use crate::auth::{ApiKeys, Guard, Revocation, Tickets, revoked};
use crate::calls::{Methods, States};
use crate::config::Config;
use crate::dialects::Strangers;
use crate::files::{FileLinks, Files};
use crate::jobs::Jobs;
use crate::live::Live;
use crate::metrics::{Metrics, TokenEvent};
use crate::portal::Portal;
use crate::rooms::Rooms;
use crate::session::{Expiries, Sessions};
use crate::store::now_ms;
use crate::streams::Streams;

pub(crate) struct App {
    pub(crate) config: Config,
    pub(crate) methods: Methods,
    pub(crate) states: Arc<States>,
    pub(crate) guard: Guard,
    pub(crate) api_keys: ApiKeys,
    pub(crate) tickets: Tickets,
    pub(crate) file_links: FileLinks,
    pub(crate) streams: Streams,
    /// The version of the ffmpeg that videos are processed with.
    pub(crate) ffmpeg: Option<Box<str>>,
    pub(crate) portal: Portal,
    pub(crate) files: Files,
    pub(crate) live: Live,
    pub(crate) jobs: Jobs,
    pub(crate) rooms: Rooms,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) sessions: Sessions,
    pub(crate) expiries: Arc<Expiries>,
    pub(crate) started: std::time::Instant,
    /// True from the moment the server begins to drain.
    pub(crate) draining: watch::Sender<bool>,
    /// The tasks of all sockets: a server that stops waits until their clients have heard so.
    pub(crate) links: TaskTracker,
    /// A place for each connection in another system's format on which nobody has come in.
    pub(crate) strangers: Arc<Strangers>,
}

impl App {
    /// The clock of the state machines.
    pub(crate) fn now(&self) -> Instant {
        self.machine_time(std::time::Instant::now())
    }

    pub(crate) fn machine_time(&self, at: std::time::Instant) -> Instant {
        Instant::from_micros(u64::try_from(at.duration_since(self.started).as_micros()).unwrap_or(u64::MAX))
    }

    pub(crate) fn real_time(&self, at: Instant) -> std::time::Instant {
        self.started + std::time::Duration::from_micros(at.as_micros())
    }

    pub(crate) fn session_config(&self) -> accept::Config {
        let limits = &self.config.limits;
        accept::Config {
            limits: limits.wire(),
            heartbeat: Heartbeat { interval: millis(limits.heartbeat_interval), timeout: millis(limits.heartbeat_timeout) },
        }
    }

    /// Takes something back, until a time or for good, and ends the sessions that fall under it. Answers how many they were.
    pub(crate) async fn revoke(&self, revocation: &Revocation, until: Option<u64>) -> Result<usize, Failure> {
        let at = now_ms();
        let recorded = self.guard.revocations.declare(revocation, at, until)?;
        let mut ended = 0;
        for session in self.sessions.all() {
            if revocation.covers(&session.access(), Some(session.id), at) {
                self.sessions.expel(&session, revoked());
                self.metrics.token(TokenEvent::Revoked);
                ended += 1;
            }
        }
        recorded.done().await?;
        Ok(ended)
    }

    /// What clients are told from the moment the server begins to drain.
    pub(crate) fn restarting() -> Failure {
        Failure::new(Code::Restart, "the server is being restarted; come back")
    }

    /// When clients should come back: spread the wider, the more of them there are, so that a storm of them brings at most
    /// about a thousand connects a second.
    pub(crate) fn advice(&self) -> Advice {
        let reconnect = &self.config.reconnect;
        let crowd = self.sessions.len() as u64;
        Advice { delay: millis(reconnect.delay), spread: millis(reconnect.spread).max(crowd) }
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("sessions", &self.sessions.len()).finish_non_exhaustive()
    }
}

pub(crate) fn millis(span: std::time::Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
