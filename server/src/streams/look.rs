//! How far an upload is, for those who do not hold it.

use samewire_protocol::{Failure, FileId, SessionId, StreamId};

use super::entry::Phase;
use super::sweep::millis;
use super::{StreamSpec, StreamState, Streams};
use crate::auth::Owner;

/// How far an upload is.
#[derive(Clone, Debug)]
pub struct UploadStatus {
    /// Bytes that are durable.
    pub offset: u64,
    /// How many there will be, where that is known.
    pub size: Option<u64>,
    /// Whether bytes may still come.
    pub state: StreamState,
    /// The session that it belongs to; none where it was last held over HTTP.
    pub session: Option<SessionId>,
    /// The file that was made of it. It may have been removed since.
    pub file: Option<FileId>,
    /// What was said of it when it was opened.
    pub spec: StreamSpec,
    /// When it was opened, in milliseconds since 1970-01-01 UTC.
    pub opened: u64,
    /// When it is removed unless somebody goes on with it, in milliseconds since 1970-01-01 UTC.
    pub expires: u64,
}

impl Streams {
    /// How far one of the owner's uploads is, without touching it: whoever holds it goes on, and what he sent may still be on its way
    /// to the disk. `None` for one that never was, has expired or belongs to somebody else.
    ///
    /// # Errors
    /// What the database says.
    pub async fn look(&self, owner: &Owner, id: StreamId) -> Result<Option<UploadStatus>, Failure> {
        let Some(entry) = self.upload_entry(owner, id).await? else {
            return Ok(None);
        };
        let settings = &self.0.settings;
        let absolute = entry.opened_ms.saturating_add(millis(settings.absolute_ttl));
        let status = {
            let inner = entry.inner.lock();
            let waits = matches!(inner.phase, Phase::Whole { committed: false, .. }) || !inner.attached;
            let state = inner.state();
            let size = match state {
                StreamState::Open => inner.size,
                StreamState::Whole { size, .. } | StreamState::Committed { size, .. } => Some(size),
            };
            let expires = match state {
                StreamState::Open | StreamState::Whole { .. } if waits => {
                    inner.active_ms.saturating_add(millis(settings.idle_ttl)).min(absolute)
                }
                _ => absolute,
            };
            let spec = StreamSpec { size, ..entry.spec.clone() };
            UploadStatus {
                offset: inner.durable,
                size,
                state,
                session: inner.session,
                file: None,
                spec,
                opened: entry.opened_ms,
                expires,
            }
        };
        let StreamState::Committed { .. } = status.state else {
            return Ok(Some(status));
        };
        let row = self.0.store.records().stream(owner.clone(), id).done().await?;
        Ok(Some(UploadStatus { file: row.and_then(|row| row.file), ..status }))
    }
}
