//! How many watch, and when that is told: at once, but of a crowd no more than twice a second, and of a very large one less often.

use samewire_protocol::live::{LiveEvent, ViewerCountChanged};
use serde_json::json;

use super::{Change, Core};
use crate::rooms::core::Millis;

/// With more viewers, or more sessions in the room, their number is told twice a second at most.
const CROWD: usize = 50;
const EVERY: Millis = 500;
/// So many a second are told, or fewer: each of them is a write to a socket, and the stream has other things to say.
const TOLD_A_SECOND: u64 = 5_000;

/// The counts as they were told last.
#[derive(Debug, Default)]
pub(super) struct Told {
    count: u64,
    peak: u64,
    at: Millis,
    /// The most at once that there really were.
    real_peak: u64,
}

impl Told {
    /// The most at once since the stream started.
    pub(super) fn peak_so_far(&self) -> u64 {
        self.real_peak
    }

    /// They are told with something else.
    pub(super) fn is_as(&mut self, count: u64, now: Millis) {
        (self.count, self.peak, self.at) = (count, self.real_peak, now);
    }
}

impl Core {
    pub(super) fn one_more(&mut self) {
        self.here += 1;
        self.told.real_peak = self.told.real_peak.max(self.here);
    }

    pub(super) fn one_less(&mut self) {
        self.here -= 1;
    }

    /// Tells how many there are, if that is not what was told last and its time has come.
    pub(super) fn count(&mut self, now: Millis) {
        if self.count_due().is_none_or(|due| due > now) {
            return;
        }
        self.told.is_as(self.here, now);
        let (viewer_count, peak_viewers, timestamp) = (self.here, self.told.peak_so_far(), self.told_as(now));
        let stream_id = self.record.stream_id.clone();
        let patch = json!({"viewer_count": viewer_count, "peak_viewers": peak_viewers, "timestamp": timestamp});
        let changed = ViewerCountChanged { stream_id, viewer_count, peak_viewers, timestamp };
        self.event(now, LiveEvent::ViewerCount(changed), Change::Patch(patch));
    }

    pub(super) fn count_due(&self) -> Option<Millis> {
        let is_news = self.record.state.is_on() && (self.told.count, self.told.peak) != (self.here, self.told.real_peak);
        let crowd = self.viewers.len().max(self.seats.len());
        let every = EVERY.max(crowd as u64 * 1_000 / TOLD_A_SECOND);
        is_news.then_some(if crowd > CROWD { self.told.at + every } else { 0 })
    }
}
