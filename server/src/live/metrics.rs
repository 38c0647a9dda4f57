//! Figures about live streams. Their labels are names that the protocol has.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use samewire_protocol::live::stats::Summary;
use samewire_protocol::{Code, Failure};

/// How long peer connections take until they are connected, in seconds: from two peers in one room to a search that ends at a relay.
const CONNECTING: [f64; 9] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Peers say how long it took, and no search goes on for longer, in milliseconds.
const LONGEST: u64 = 120_000;

/// What is counted while it happens.
pub(crate) struct Metrics {
    told: Family<Kind, Counter>,
    refused: Family<Refusal, Counter>,
    rebuilt: Counter,
    credentials: Counter,
    connected: Family<Path, Counter>,
    connecting: Histogram,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refusal {
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Path {
    path: &'static str,
}

impl Metrics {
    pub(super) fn new() -> Self {
        Self {
            told: Family::default(),
            refused: Family::default(),
            rebuilt: Counter::default(),
            credentials: Counter::default(),
            connected: Family::default(),
            connecting: Histogram::new(CONNECTING),
        }
    }

    /// A member was told something.
    pub(super) fn told(&self, kind: &'static str) {
        self.told.get_or_create(&Kind { kind }).inc();
    }

    /// A method answered with a failure.
    pub(super) fn refused(&self, failure: &Failure) {
        let code = Code::ALL.iter().find(|known| **known == failure.code).map_or("other", Code::as_str);
        self.refused.get_or_create(&Refusal { code }).inc();
    }

    /// A peer connection was begun in place of one that did not come about, or broke.
    pub(super) fn rebuilt(&self) {
        self.rebuilt.inc();
    }

    /// Somebody got credentials for a TURN server.
    pub(super) fn credentials(&self) {
        self.credentials.inc();
    }

    /// A viewer told that its peer connection has just connected: how long that took, and over which path.
    pub(super) fn connected(&self, summary: &Summary) {
        let Some(took) = summary.connected_ms else { return };
        let path = match summary.relay {
            Some(true) => "relay",
            Some(false) => "direct",
            None => "unknown",
        };
        self.connected.get_or_create(&Path { path }).inc();
        // No more than two minutes, so that the quotient is exact.
        self.connecting.observe(took.min(LONGEST) as f64 / 1_000.0);
    }

    pub(crate) fn register(&self, registry: &mut Registry) {
        let help = "What members of live streams were told one by one, by kind";
        registry.register("live_signals", help, self.told.clone());
        registry.register("live_refused", "Calls about live streams that failed, by code", self.refused.clone());
        registry.register("live_rebuilds", "Peer connections that were begun anew", self.rebuilt.clone());
        registry.register("live_turn_credentials", "Credentials for TURN that were made", self.credentials.clone());
        let help = "Peer connections that viewers say were connected, by path";
        registry.register("live_connected", help, self.connected.clone());
        let help = "How long viewers say that it took until a peer connection was connected";
        registry.register_with_unit("live_connecting", help, Unit::Seconds, self.connecting.clone());
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text;

    use super::*;

    #[test]
    fn what_peers_and_apps_say_makes_no_series_and_no_endless_sums() {
        let metrics = Metrics::new();
        metrics.told("offer");
        metrics.refused(&Failure::new(Code::from_name("of-an-app"), "no"));
        metrics.refused(&Failure::new(Code::LiveFull, "no"));
        metrics.connected(&Summary { relay: Some(true), ..Summary::default() });
        metrics.connected(&Summary { relay: Some(true), connected_ms: Some(u64::MAX), ..Summary::default() });
        metrics.connected(&Summary { connected_ms: Some(250), ..Summary::default() });
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        let mut out = String::new();
        text::encode(&mut out, &registry).expect("text");
        for line in [
            "live_signals_total{kind=\"offer\"} 1",
            "live_refused_total{code=\"other\"} 1",
            "live_refused_total{code=\"live-full\"} 1",
            "live_connected_total{path=\"relay\"} 1",
            "live_connected_total{path=\"unknown\"} 1",
            "live_connecting_seconds_sum 120.25",
        ] {
            assert!(out.lines().any(|told| told == line), "{line} is not in\n{out}");
        }
    }
}
