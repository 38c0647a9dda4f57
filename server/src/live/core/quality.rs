//! What the ends of peer connections report of how well media flows.

use samewire_protocol::Failure;
use samewire_protocol::live::methods::ReportParams;

use super::Core;
use crate::session::SessionKey;

impl Core {
    /// Whether somebody may report: the broadcaster, of one viewer or of all, and a viewer of itself.
    ///
    /// # Errors
    /// `not-joined`, `live-not-found`, `forbidden`, `peer-not-found`.
    pub(crate) fn may_report(&self, session: SessionKey, params: &ReportParams) -> Result<(), Failure> {
        match params.viewer {
            None => self.peers_for(session).map(drop).or_else(|_| self.end_of(session, None).map(drop)),
            viewer => self.end_of(session, viewer).map(drop),
        }
    }
}
