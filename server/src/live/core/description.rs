//! What is said of a stream, and how often that, and who broadcasts it, may change.

use samewire_protocol::live::methods::StartParams;
use samewire_protocol::live::{LiveEvent, StreamChanged};
use samewire_protocol::{Code, Failure};

use super::{Change, Core};
use crate::rooms::core::Millis;

/// A change is told at once, but no more than once in so long; the last one is always told.
const EVERY: Millis = 1_000;

/// So often a second may a stream begin or be taken over in the long run, and so often at once. Each time everybody hears of it, and
/// every viewer may have to be connected anew.
pub(super) const BEGUN_RATE: u32 = 1;
pub(super) const BEGUN_BURST: u32 = 10;

/// Whether there is something that was not told.
#[derive(Debug, Default)]
pub(super) struct Described {
    pub(super) is_news: bool,
    told: Option<Millis>,
}

impl Core {
    /// Counts that the stream begins, or is taken over. Who goes on with its own is not meant.
    ///
    /// # Errors
    /// `rate-limited`.
    pub(super) fn may_begin(&mut self, now: Millis) -> Result<(), Failure> {
        self.begun.take(now, BEGUN_RATE, BEGUN_BURST).map_err(|wait| {
            let told = format!("{} was started and taken over too often; try again in {wait} ms", self.record.stream_id);
            Failure::new(Code::RateLimited, told)
        })
    }

    /// Notes what its broadcaster says of the stream.
    pub(super) fn describe(&mut self, params: &StartParams) {
        let StartParams { title, info, media, max_viewers, .. } = params;
        let most = max_viewers.map_or(self.record.max_viewers, |most| most.min(self.settings.max_viewers));
        let record = &mut self.record;
        let before = (record.title.clone(), record.info.clone(), record.media, record.max_viewers);
        record.max_viewers = most;
        record.title = title.clone().or(record.title.take());
        record.info = info.clone().or(record.info.take());
        record.media = media.or(record.media);
        let is_as_before = before == (record.title.clone(), record.info.clone(), record.media, record.max_viewers);
        self.described.is_news |= !is_as_before;
    }

    /// Tells what has changed, if its time has come.
    pub(super) fn tell_description(&mut self, now: Millis) {
        if self.description_due().is_none_or(|due| due > now) {
            return;
        }
        self.described.told = Some(now);
        let (stream_id, broadcaster) = (self.record.stream_id.clone(), self.record.broadcaster.clone());
        let changed = StreamChanged { stream_id, broadcaster, timestamp: self.told_as(now) };
        let record = self.whole(now);
        self.event(now, LiveEvent::Changed(changed), record);
    }

    pub(super) fn description_due(&self) -> Option<Millis> {
        let is_due = self.described.is_news && self.record.state.is_on();
        is_due.then(|| self.described.told.map_or(0, |told| told + EVERY))
    }

    /// The whole record as it is now, after which there is no news.
    pub(super) fn whole(&mut self, now: Millis) -> Change {
        self.described.is_news = false;
        self.told.is_as(self.here, now);
        Change::Record(Box::new(self.record(now)))
    }
}
