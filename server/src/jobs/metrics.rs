//! Figures about jobs. Their labels are kinds that the program or its configuration has.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

pub(super) const COMPLETED: &str = "completed";
pub(super) const FAILED: &str = "failed";
pub(super) const CANCELED: &str = "canceled";

/// How long attempts take, in seconds: from a thumbnail to a feature film.
const TAKING: [f64; 9] = [0.1, 0.5, 2.0, 10.0, 30.0, 120.0, 600.0, 1_800.0, 7_200.0];

/// What is counted while it happens.
pub(crate) struct Metrics {
    ended: Family<Ended, Counter>,
    retried: Family<Kind, Counter>,
    running: Family<Kind, Histogram, fn() -> Histogram>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    kind: String,
    outcome: &'static str,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let running: Family<Kind, Histogram, fn() -> Histogram> = Family::new_with_constructor(|| Histogram::new(TAKING));
        Self { ended: Family::default(), retried: Family::default(), running }
    }

    pub(super) fn ended(&self, kind: &str, outcome: &'static str) {
        self.ended.get_or_create(&Ended { kind: kind.to_owned(), outcome }).inc();
    }

    pub(super) fn retried(&self, kind: &str) {
        self.retried.get_or_create(&Kind { kind: kind.to_owned() }).inc();
    }

    /// An attempt in this process is over.
    pub(super) fn ran(&self, kind: &str, took: Duration) {
        self.running.get_or_create(&Kind { kind: kind.to_owned() }).observe(took.as_secs_f64());
    }

    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register("jobs_ended", "Jobs that are over, by kind and what became of them", self.ended.clone());
        registry.register("job_retries", "Attempts at jobs after which another one followed", self.retried.clone());
        let help = "How long attempts at jobs took in this process";
        registry.register_with_unit("job_attempt", help, Unit::Seconds, self.running.clone());
    }
}
