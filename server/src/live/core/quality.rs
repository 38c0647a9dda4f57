//! How good the picture is that leaves the broadcaster, as its reports have it.

use samewire_protocol::Failure;
use samewire_protocol::live::methods::ReportParams;
use samewire_protocol::live::{LiveEvent, QualityChanged};
use serde_json::json;

use super::{Change, Core};
use crate::rooms::core::Millis;
use crate::session::SessionKey;

/// More reports than one in so long change nothing.
const EVERY: Millis = 1_000;

impl Core {
    /// Takes a report: the broadcaster's, of one viewer or of all together, or a viewer's own.
    ///
    /// # Errors
    /// `not-joined`, `live-not-found`, `forbidden`, `peer-not-found`.
    pub(crate) fn report(&mut self, now: Millis, session: SessionKey, params: &ReportParams) -> Result<(), Failure> {
        if params.viewer.is_some() || !self.is_broadcaster(session) {
            return self.end_of(session, params.viewer).map(drop);
        }
        self.seat(session)?;
        let Some(broadcaster) = &mut self.broadcaster else { return Err(self.not_found()) };
        if broadcaster.reported.is_some_and(|at| now < at + EVERY) {
            return Ok(());
        }
        broadcaster.reported = Some(now);
        if let Some(quality) = broadcaster.leveller.take(&params.summary) {
            let timestamp = self.told_as(now);
            // A merge patch keeps what the quality before told and this one does not.
            let mut patch =
                json!({"quality": {"width": null, "height": null, "fps": null, "bitrate": null, "limited_by": null}});
            samewire_protocol::rooms::merge(&mut patch, json!({"quality": quality, "timestamp": timestamp}));
            self.record.quality = Some(quality);
            let changed = QualityChanged { stream_id: self.record.stream_id.clone(), quality, timestamp };
            self.event(now, LiveEvent::Quality(changed), Change::Patch(patch));
        }
        Ok(())
    }
}
