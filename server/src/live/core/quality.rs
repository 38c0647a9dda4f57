//! How good the picture is that leaves the broadcaster, and how long peer connections take, as reports have it.

use samewire_protocol::Failure;
use samewire_protocol::live::methods::ReportParams;
use samewire_protocol::live::stats::Leveller;
use samewire_protocol::live::{LiveEvent, Quality, QualityChanged};
use serde_json::json;

use super::peers::End;
use super::{Change, Core, Out};
use crate::rooms::core::Millis;
use crate::session::SessionKey;

/// More reports than one in so long change nothing.
const EVERY: Millis = 1_000;
/// So often are numbers told that leave the level as it is.
const TOLD_EVERY: Millis = 5_000;

/// What a broadcaster's reports come to.
#[derive(Debug, Default)]
pub(super) struct Measured {
    leveller: Leveller,
    /// The quality as the last one has it.
    newest: Option<Quality>,
    /// When the last one was taken.
    reported: Option<Millis>,
    /// When the record had it last.
    told: Millis,
}

impl Core {
    /// Takes a report: the broadcaster's, of one viewer or of all together, or a viewer's own. True for the first in which a viewer says
    /// how long its peer connection took.
    ///
    /// # Errors
    /// `not-joined`, `live-not-found`, `forbidden`, `peer-not-found`.
    pub(crate) fn report(&mut self, now: Millis, session: SessionKey, params: &ReportParams) -> Result<bool, Failure> {
        if params.viewer.is_some() || !self.is_broadcaster(session) {
            let (end, viewer) = self.end_of(session, params.viewer)?;
            let is_connected = end == End::Viewer && params.summary.connected_ms.is_some();
            let there = self.viewers.get_mut(&viewer).filter(|_| is_connected);
            return Ok(there.is_some_and(|there| there.connected.replace(there.negotiation) != Some(there.negotiation)));
        }
        self.seat(session)?;
        let Some(broadcaster) = &mut self.broadcaster else { return Err(self.not_found()) };
        let measured = &mut broadcaster.measured;
        if measured.reported.is_none_or(|at| now >= at + EVERY) {
            measured.reported = Some(now);
            measured.newest = measured.leveller.take(&params.summary).or(measured.newest);
            self.tell_quality(now);
        }
        Ok(false)
    }

    pub(super) fn quality_due(&self) -> Option<Millis> {
        let measured = &self.broadcaster.as_ref()?.measured;
        let newest = measured.newest.filter(|newest| self.record.quality != Some(*newest))?;
        let is_urgent = self.record.quality.is_none_or(|before| before.level != newest.level);
        Some(if is_urgent { 0 } else { measured.told + TOLD_EVERY })
    }

    /// Tells the quality if it is not what was told last and its time has come: people, when it is another picture, else the record
    /// alone.
    pub(super) fn tell_quality(&mut self, now: Millis) {
        if self.quality_due().is_none_or(|due| due > now) {
            return;
        }
        let Some(measured) = self.broadcaster.as_mut().map(|broadcaster| &mut broadcaster.measured) else { return };
        let Some(quality) = measured.newest else { return };
        measured.told = now;
        let timestamp = self.told_as(now);
        // A merge patch keeps what the quality before told and this one does not.
        let mut patch = json!({"quality": {"width": null, "height": null, "fps": null, "bitrate": null, "limited_by": null}});
        samewire_protocol::rooms::merge(&mut patch, json!({"quality": quality, "timestamp": timestamp}));
        let before = self.record.quality.replace(quality);
        if before.is_some_and(|before| is_same_picture(&before, &quality)) {
            self.record.timestamp = timestamp;
            self.out.push_back(Out::Measured(patch));
            return;
        }
        let changed = QualityChanged { stream_id: self.record.stream_id.clone(), quality, timestamp };
        self.event(now, LiveEvent::Quality(changed), Change::Patch(patch));
    }
}

fn is_same_picture(one: &Quality, other: &Quality) -> bool {
    let picture = |quality: &Quality| (quality.level, quality.width, quality.height, quality.limited_by);
    picture(one) == picture(other)
}
