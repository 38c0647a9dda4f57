//! What there is at the moment of asking, and what the kinds of rooms have counted.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use samewire_protocol::live::LiveState;

use crate::app::App;
use crate::live::Census;
use crate::rooms::Rooms;
use crate::rooms::policy::Slow;
use crate::store::JobCount;

#[derive(Debug)]
pub(super) struct Now {
    sessions: usize,
    links: usize,
    streams: usize,
    rooms: Rooms,
    jobs: Vec<JobCount>,
    live: [(&'static str, Census); 2],
}

/// The labels of a series of a kind of rooms, and its count.
type Series = (Vec<(&'static str, String)>, u64);

impl Now {
    pub(super) fn of(app: &App, jobs: Vec<JobCount>) -> Self {
        Self {
            sessions: app.sessions.len(),
            links: app.links.len(),
            streams: app.streams.count(),
            rooms: app.rooms.clone(),
            jobs,
            live: [("live", LiveState::Live), ("paused", LiveState::Paused)]
                .map(|(name, state)| (name, app.live.census(state))),
        }
    }

    /// One series for each kind.
    fn by_kind(&self, count: impl Fn(&crate::rooms::Metrics) -> u64) -> Vec<Series> {
        self.rooms.metrics().map(|(kind, metrics)| (vec![("kind", kind.to_owned())], count(metrics))).collect()
    }

    /// Several series for each kind, told apart by one more label.
    fn by_kind_and<const N: usize>(
        &self,
        label: &'static str,
        counts: impl Fn(&crate::rooms::Metrics) -> [(&'static str, u64); N],
    ) -> Vec<Series> {
        let all = self.rooms.metrics().flat_map(|(kind, metrics)| {
            counts(metrics).map(|(value, count)| (vec![("kind", kind.to_owned()), (label, value.to_owned())], count))
        });
        all.collect()
    }
}

impl Collector for Now {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let mut gauge = |name, help, count: usize| {
            let gauge = ConstGauge::new(i64::try_from(count).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
        };
        gauge("sessions", "Sessions, those included whose clients are away", self.sessions)?;
        gauge("links", "Connections", self.links)?;
        gauge("streams", "Streams under way", self.streams)?;
        let jobs = self
            .jobs
            .iter()
            .map(|JobCount { kind, state, count }| (vec![("kind", kind.clone()), ("state", state.clone())], *count));
        let help = "Jobs that are remembered, by kind and state";
        family(&mut encoder, MetricType::Gauge, "jobs", help, &jobs.collect::<Vec<_>>())?;

        let by_state = |count: fn(&Census) -> u64| {
            self.live.iter().map(|(state, census)| (vec![("state", (*state).to_owned())], count(census))).collect::<Vec<_>>()
        };
        let streams = by_state(|census| census.streams);
        family(&mut encoder, MetricType::Gauge, "live_streams", "Live streams, by state", &streams)?;
        let viewers = by_state(|census| census.viewers);
        family(&mut encoder, MetricType::Gauge, "live_viewers", "Viewers of live streams, by state", &viewers)?;
        let largest = self.live.iter().map(|(_, census)| census.largest).max().unwrap_or_default();
        family(
            &mut encoder,
            MetricType::Gauge,
            "live_largest",
            "Viewers of the stream that has the most",
            &[(Vec::new(), largest)],
        )?;

        let rooms = self.by_kind(|metrics| metrics.rooms.get());
        family(&mut encoder, MetricType::Gauge, "rooms", "Rooms, by kind", &rooms)?;
        let members = self.by_kind(|metrics| metrics.members.get());
        family(&mut encoder, MetricType::Gauge, "members", "Members of rooms, by kind", &members)?;
        let joins = self.by_kind_and("outcome", |metrics| {
            [
                ("joined", metrics.joined.get()),
                ("recovered", metrics.recovered.get()),
                ("lost", metrics.lost.get()),
                ("refused", metrics.refused.get()),
            ]
        });
        let help =
            "Joins of rooms: first ones, those that went on where they were, those that had lost events, and refused ones";
        family(&mut encoder, MetricType::Counter, "room_joins", help, &joins)?;
        let taken = self.by_kind_and("type", |metrics| {
            [
                ("published", metrics.published.get()),
                ("duplicate", metrics.duplicates.get()),
                ("cast", metrics.cast.get()),
                ("signal", metrics.signals.get()),
                ("rejected", metrics.rejected.get()),
            ]
        });
        family(&mut encoder, MetricType::Counter, "room_messages", "Messages that came into rooms", &taken)?;
        let presence = self.by_kind(|metrics| metrics.presence.get());
        family(&mut encoder, MetricType::Counter, "room_presence", "How often rooms told who is in them", &presence)?;
        let frames = self.by_kind(|metrics| metrics.delivered.get());
        family(&mut encoder, MetricType::Counter, "room_frames", "Frames that rooms gave to connections", &frames)?;
        let bytes = self.by_kind(|metrics| metrics.delivered_bytes.get());
        family(&mut encoder, MetricType::Counter, "room_frame_bytes", "Bytes of these frames", &bytes)?;
        let slow = self.rooms.policies().map(|(kind, policy, metrics)| {
            let policy = match policy.slow {
                Slow::Recover => "recover",
                Slow::DropOldest => "drop-oldest",
                Slow::Latest => "latest",
                Slow::Sample => "sample",
            };
            (vec![("kind", kind.to_owned()), ("policy", policy.to_owned())], metrics.slow.get())
        });
        let help = "How often a reader was too slow, by what its kind does about it";
        family(&mut encoder, MetricType::Counter, "room_slow_readers", help, &slow.collect::<Vec<_>>())?;
        let skipped = self.by_kind(|metrics| metrics.skipped.get());
        family(&mut encoder, MetricType::Counter, "room_skipped", "Numbered events left out for slow readers", &skipped)
    }
}

fn family(
    encoder: &mut DescriptorEncoder<'_>,
    kind: MetricType,
    name: &str,
    help: &str,
    series: &[Series],
) -> Result<(), fmt::Error> {
    let mut metric = encoder.encode_descriptor(name, help, None, kind)?;
    for (labels, count) in series {
        let one = metric.encode_family(labels)?;
        match kind {
            MetricType::Gauge => ConstGauge::new(i64::try_from(*count).unwrap_or(i64::MAX)).encode(one)?,
            _ => ConstCounter::new(*count).encode(one)?,
        }
    }
    Ok(())
}
