//! From counters to what happened between two looks at them, and over five seconds.

use serde::{Deserialize, Serialize};

use super::{Sample, Summary};
use crate::live::LimitedBy;

/// A summary is made of so much time, in milliseconds; a bit less, so that timers which are early do not make it a second longer.
const SPAN: f64 = 4_900.0;

/// How well media flowed between two looks, about a second apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stats {
    /// Bits a second, picture and sound together.
    pub bitrate: u64,
    /// Pictures a second.
    pub fps: f64,
    /// In pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// In pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Pictures that were sent, or decoded, since the beginning.
    pub frames: u64,
    /// How often the picture stood still, since the beginning.
    pub freezes: u64,
    /// For how long altogether, in seconds.
    pub freeze_seconds: f64,
    /// Packets that went lost between the two looks.
    pub packets_lost: u64,
    /// The round trip, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round_trip_ms: Option<f64>,
    /// How long a packet waited for its turn, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter_buffer_ms: Option<f64>,
    /// Whether the path goes over a relay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relay: Option<bool>,
    /// What keeps the picture from being better.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limited_by: Option<LimitedBy>,
}

/// Counts since the beginning, over all peer connections of the same way.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    frames: u64,
    freezes: u64,
    freeze_seconds: f64,
}

impl Totals {
    fn and(self, sample: &Sample) -> Self {
        Self {
            frames: self.frames.saturating_add(sample.frames),
            freezes: self.freezes.saturating_add(sample.freezes),
            freeze_seconds: self.freeze_seconds + sample.freeze_seconds.max(0.0),
        }
    }
}

/// Makes [`Stats`] of samples, and a [`Summary`] every five seconds.
#[derive(Debug, Default)]
pub struct Meter {
    last: Option<Sample>,
    /// The first sample of the summary that is being made.
    first: Option<Sample>,
    /// What earlier peer connections came to.
    before: Totals,
    connected_ms: Option<u64>,
    rebuilds: u32,
}

impl Meter {
    /// A meter that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Another peer connection is measured from here on: its counters begin at 0.
    pub fn begin(&mut self) {
        if let Some(last) = self.last.take() {
            self.before = self.before.and(&last);
            self.rebuilds += 1;
        }
        self.first = None;
    }

    /// The peer connection was connected, so long after it began, in milliseconds. The next summary says so.
    pub fn connected(&mut self, millis: u64) {
        self.connected_ms = Some(millis);
    }

    /// Takes a sample. The first of a peer connection says nothing of bitrates yet.
    pub fn take(&mut self, sample: Sample) -> (Stats, Option<Summary>) {
        // Counters that fall are those of another connection.
        if self.last.is_some_and(|last| sample.bytes < last.bytes || sample.frames < last.frames || sample.at_ms < last.at_ms) {
            self.begin();
        }
        let span = Span { from: self.last.unwrap_or(Sample { at_ms: sample.at_ms, ..sample }), to: sample };
        let totals = self.before.and(&sample);
        let stats = Stats {
            bitrate: span.bitrate(),
            fps: span.fps(),
            width: sample.width,
            height: sample.height,
            frames: totals.frames,
            freezes: totals.freezes,
            freeze_seconds: totals.freeze_seconds,
            packets_lost: span.lost(),
            round_trip_ms: sample.round_trip.map(|seconds| seconds * 1_000.0),
            jitter_buffer_ms: span.jitter_buffer_ms(),
            relay: sample.relay,
            limited_by: sample.limited_by,
        };
        self.last = Some(sample);
        let first = *self.first.get_or_insert(sample);
        let summary = (sample.at_ms - first.at_ms >= SPAN).then(|| self.summarize(Span { from: first, to: sample }));
        (stats, summary)
    }

    fn summarize(&mut self, span: Span) -> Summary {
        let sample = span.to;
        self.first = Some(sample);
        Summary {
            seconds: span.seconds(),
            bitrate: span.bitrate(),
            fps: span.fps(),
            width: sample.width,
            height: sample.height,
            frames: span.count(|sample| sample.frames),
            freezes: u32::try_from(span.count(|sample| sample.freezes)).unwrap_or(u32::MAX),
            freeze_seconds: (sample.freeze_seconds - span.from.freeze_seconds).max(0.0),
            packets_lost: span.lost(),
            round_trip_ms: sample.round_trip.map(|seconds| seconds * 1_000.0),
            jitter_buffer_ms: span.jitter_buffer_ms(),
            relay: sample.relay,
            limited_by: sample.limited_by,
            connected_ms: self.connected_ms.take(),
            rebuilds: std::mem::take(&mut self.rebuilds),
        }
    }
}

/// What happened from one sample to another.
struct Span {
    from: Sample,
    to: Sample,
}

impl Span {
    fn seconds(&self) -> f64 {
        (self.to.at_ms - self.from.at_ms).max(0.0) / 1_000.0
    }

    fn count(&self, counter: impl Fn(&Sample) -> u64) -> u64 {
        counter(&self.to).saturating_sub(counter(&self.from))
    }

    /// A count that fits a float exactly: all of these are far below 2^53.
    #[expect(clippy::cast_precision_loss, reason = "counters of a peer connection stay below 2^53")]
    fn rate(&self, count: u64) -> f64 {
        let seconds = self.seconds();
        if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate is not negative, and a cast saturates")]
    fn bitrate(&self) -> u64 {
        self.rate(self.count(|sample| sample.bytes).saturating_mul(8)).round() as u64
    }

    fn fps(&self) -> f64 {
        (self.rate(self.count(|sample| sample.frames)) * 10.0).round() / 10.0
    }

    fn lost(&self) -> u64 {
        u64::try_from(self.to.packets_lost.saturating_sub(self.from.packets_lost)).unwrap_or(0)
    }

    #[expect(clippy::cast_precision_loss, reason = "counters of a peer connection stay below 2^53")]
    fn jitter_buffer_ms(&self) -> Option<f64> {
        let emitted = self.count(|sample| sample.jitter_buffer_emitted);
        let delay = (self.to.jitter_buffer_delay - self.from.jitter_buffer_delay).max(0.0);
        (emitted > 0).then(|| 1_000.0 * delay / emitted as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(second: u64) -> Sample {
        Sample {
            at_ms: second as f64 * 1_000.0,
            bytes: second * 125_000,
            packets_lost: i64::try_from(second * 5).unwrap(),
            frames: second * 25,
            freezes: second / 2,
            freeze_seconds: second as f64 / 10.0,
            jitter_buffer_delay: second as f64 * 2.0,
            jitter_buffer_emitted: second * 50,
            round_trip: Some(0.025),
            ..Sample::default()
        }
    }

    #[test]
    fn a_line_a_second_and_a_summary_every_fifth() {
        let mut meter = Meter::new();
        meter.connected(120);
        let mut summaries = Vec::new();
        for second in 1..=12 {
            let (stats, summary) = meter.take(sample(second));
            if second > 1 {
                assert_eq!((stats.bitrate, stats.fps, stats.packets_lost), (1_000_000, 25.0, 5));
                assert_eq!((stats.round_trip_ms, stats.jitter_buffer_ms), (Some(25.0), Some(40.0)));
            }
            assert_eq!((stats.frames, stats.freezes), (second * 25, second / 2));
            summaries.extend(summary.map(|summary| (second, summary)));
        }
        let [(6, first), (11, second)] = &summaries[..] else { panic!("{summaries:?}") };
        assert_eq!((first.seconds, first.bitrate, first.fps, first.frames), (5.0, 1_000_000, 25.0, 125));
        assert_eq!((first.freezes, first.packets_lost, first.connected_ms), (3, 25, Some(120)));
        assert_eq!((second.connected_ms, second.rebuilds), (None, 0), "that is told once");
    }

    #[test]
    fn counts_go_on_over_another_peer_connection() {
        let mut meter = Meter::new();
        for second in 1..=4 {
            meter.take(sample(second));
        }
        meter.begin();
        let (stats, summary) = meter.take(Sample { at_ms: 5_000.0, frames: 5, ..Sample::default() });
        assert_eq!((stats.frames, stats.freezes, stats.bitrate, summary), (105, 2, 0, None));
        let mut summary = None;
        for second in 6..=10_u64 {
            let next = Sample { at_ms: second as f64 * 1_000.0, frames: 5 + 25 * (second - 5), ..Sample::default() };
            summary = summary.or(meter.take(next).1);
        }
        assert_eq!(summary.map(|summary| (summary.frames, summary.rebuilds)), Some((125, 1)));
    }

    #[test]
    fn odd_numbers_of_a_browser_do_no_harm() {
        let mut meter = Meter::new();
        let odd = Sample { at_ms: f64::NAN, packets_lost: -3, freeze_seconds: -1.0, bytes: u64::MAX, ..Sample::default() };
        for at_ms in [0.0, 0.0, -5.0, f64::NAN, f64::INFINITY, 1.0] {
            let (stats, _) = meter.take(Sample { at_ms, ..odd });
            assert_eq!((stats.packets_lost, stats.fps), (0, 0.0));
            assert!(stats.freeze_seconds >= 0.0);
        }
    }
}
