//! Figures about the running server, for Prometheus. What they say is told in `docs/operations.md`.
//!
//! Their labels are names that the server or its configuration has, never what a client chose: there are as many series on the
//! last day as on the first.

mod metered;
mod now;

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use samewire_protocol::wire::Continuity;
use samewire_protocol::{Code, Failure};

pub(crate) use metered::Metered;

use crate::app::App;
use crate::store::JobCount;

/// What every figure's name begins with.
const PREFIX: &str = "samewire";

/// How long connections last, in seconds: from a page that is closed at once to one that stays for the day.
const LASTING: [f64; 8] = [1.0, 10.0, 60.0, 300.0, 1_800.0, 7_200.0, 28_800.0, 86_400.0];

/// What is counted while it happens.
pub(crate) struct Metrics {
    registry: Registry,
    connects: Family<Connect, Counter>,
    connected: Histogram,
    calls: Family<Call, Counter>,
    /// Of `calls`, the series that nearly every call goes to.
    answered: Counter,
    refusals: Family<Refusal, Counter>,
    tokens: Family<Token, Counter>,
    guests: Family<Dialect, Gauge>,
    words: Family<Dialect, Counter>,
    pub(crate) received: Counter<u64, AtomicU64>,
    pub(crate) sent: Counter<u64, AtomicU64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Connect {
    continuity: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Call {
    route: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refusal {
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Token {
    event: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Dialect {
    dialect: &'static str,
}

/// What became of a token while its session went on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenEvent {
    /// A newer one was taken.
    Refreshed,
    /// A newer one was not taken.
    Refused,
    /// A session ended with its token.
    Expired,
    /// A session ended because it, its token or its user was revoked.
    Revoked,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let calls = Family::<Call, Counter>::default();
        let mut metrics = Self {
            registry: Registry::with_prefix(PREFIX),
            connects: Family::default(),
            connected: Histogram::new(LASTING),
            answered: calls.get_or_create_owned(&Call { route: SESSION, outcome: OK }),
            calls,
            refusals: Family::default(),
            tokens: Family::default(),
            guests: Family::default(),
            words: Family::default(),
            received: Counter::default(),
            sent: Counter::default(),
        };
        let Self { registry, connects, connected, calls, refusals, tokens, guests, words, received, sent, .. } = &mut metrics;
        registry.register("connects", "Hellos that were welcomed, by what became of the session before", connects.clone());
        let unit = Unit::Seconds;
        registry.register_with_unit("connection", "How long connections lasted", unit, connected.clone());
        registry.register("calls", "Calls that were answered, by how they came and what became of them", calls.clone());
        registry.register("refusals", "Hellos and requests that were not let in, by code", refusals.clone());
        registry.register("tokens", "Tokens of live sessions, by what became of them", tokens.clone());
        registry.register("dialect_connections", "Connections of clients of other systems, by format", guests.clone());
        registry.register("dialect_messages", "Messages of clients of other systems, by format", words.clone());
        let unit = Unit::Bytes;
        registry.register_with_unit("received", "Bytes that came in over WebSockets", unit.clone(), received.clone());
        registry.register_with_unit("sent", "Bytes that went out over WebSockets", unit, sent.clone());
        metrics
    }

    /// A hello was welcomed.
    pub(crate) fn connected(&self, continuity: Continuity) {
        let continuity = match continuity {
            Continuity::Kept => "kept",
            Continuity::Restarted => "restarted",
            Continuity::Fresh => "fresh",
        };
        self.connects.get_or_create(&Connect { continuity }).inc();
    }

    /// A connection is over.
    pub(crate) fn disconnected(&self, after: Duration) {
        self.connected.observe(after.as_secs_f64());
    }

    /// A call over a session was answered.
    pub(crate) fn answered<T>(&self, result: &Result<T, Failure>) {
        match result {
            Ok(_) => drop(self.answered.inc()),
            Err(failure) => self.count(SESSION, outcome(&failure.code)),
        }
    }

    /// A call over HTTP was answered.
    pub(crate) fn answered_over_http<T>(&self, result: &Result<T, Failure>) {
        self.count("http", result.as_ref().err().map_or(OK, |failure| outcome(&failure.code)));
    }

    /// A call over a session was given up by its caller.
    pub(crate) fn canceled(&self) {
        self.count(SESSION, outcome(&Code::Canceled));
    }

    fn count(&self, route: &'static str, outcome: &'static str) {
        self.calls.get_or_create(&Call { route, outcome }).inc();
    }

    /// Somebody was not let in.
    pub(crate) fn refused(&self, failure: &Failure) {
        self.refusals.get_or_create(&Refusal { code: outcome(&failure.code) }).inc();
    }

    /// How many connections speak a format at present.
    pub(crate) fn guests(&self, dialect: &'static str) -> Gauge {
        self.guests.get_or_create_owned(&Dialect { dialect })
    }

    /// How many messages came in a format.
    pub(crate) fn words(&self, dialect: &'static str) -> Counter {
        self.words.get_or_create_owned(&Dialect { dialect })
    }

    /// Something became of a live session's token.
    pub(crate) fn token(&self, event: TokenEvent) {
        let event = match event {
            TokenEvent::Refreshed => "refreshed",
            TokenEvent::Refused => "refused",
            TokenEvent::Expired => "expired",
            TokenEvent::Revoked => "revoked",
        };
        self.tokens.get_or_create(&Token { event }).inc();
    }
}

/// All of it, as text.
pub(crate) fn encode(app: &App, jobs: Vec<JobCount>) -> Result<String, fmt::Error> {
    let mut out = String::with_capacity(16 * 1024);
    text::encode_registry(&mut out, &app.metrics.registry)?;
    let mut now = Registry::with_prefix(PREFIX);
    now.register_collector(Box::new(now::Now::of(app, jobs)));
    app.jobs.metrics().register(&mut now);
    app.live.metrics().register(&mut now);
    text::encode_registry(&mut out, &now)?;
    text::encode_eof(&mut out)?;
    Ok(out)
}

const SESSION: &str = "session";
const OK: &str = "ok";

/// The code's name, if it is one of ours: those of an app's own are as many as it likes.
fn outcome(code: &Code) -> &'static str {
    Code::ALL.iter().find(|known| *known == code).map_or("other", Code::as_str)
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_apps_share_one_series() {
        let metrics = Metrics::new();
        for code in ["forbidden", "out-of-stock", "sold-out", "whatever\"}"] {
            metrics.answered::<()>(&Err(Failure::new(Code::from_name(code), "no")));
        }
        metrics.answered(&Ok(()));
        let mut out = String::new();
        text::encode_registry(&mut out, &metrics.registry).expect("text");
        for line in [
            "samewire_calls_total{route=\"session\",outcome=\"forbidden\"} 1",
            "samewire_calls_total{route=\"session\",outcome=\"other\"} 3",
            "samewire_calls_total{route=\"session\",outcome=\"ok\"} 1",
        ] {
            assert!(out.lines().any(|told| told == line), "{line} is not in\n{out}");
        }
    }
}
