//! What a new process finds of the last one's streams.

use std::sync::Arc;

use super::entry::{Entry, Phase, Receiving};
use super::outgoing::OutEntry;
use super::{Settings, Shared, Slot, StreamSpec};
use crate::store::{BlobId, Blobs, Direction, RowState, StoreError, StreamRow};

/// Takes the recorded streams into memory, each as far as its blob goes. Those whose blob is missing, or shorter than what was
/// verified, are dropped: their senders begin anew.
pub(super) async fn recover(shared: &Arc<Shared>) -> Result<(), StoreError> {
    let rows = shared.store.records().streams_under_way().done().await?;
    let blobs = shared.store.blobs().clone();
    let check = move || rows.into_iter().map(|row| (Found::look(&blobs, &row), row)).collect::<Vec<_>>();
    let found = tokio::task::spawn_blocking(check).await.map_err(|_| StoreError::Closed)?;
    let (mut kept, mut dropped) = (0_usize, 0_usize);
    for (found, row) in found {
        let (owner, id) = (row.owner.clone(), row.id);
        match found?.and_then(|found| found.slot(row.clone(), &shared.settings)) {
            Some(slot) => {
                if row.part.is_some() {
                    // Before anything is appended: the next life would cut that off.
                    shared.store.records().mark_part(owner.clone(), id, None).done().await?;
                }
                kept += 1;
                shared.owners.lock().entry(owner).or_default().slots.insert(id, slot);
            }
            None => {
                dropped += 1;
                if let Some(blob) = row.blob {
                    shared.delete_when_removed(shared.store.records().remove_stream(owner, id, blob));
                }
            }
        }
    }
    if kept + dropped > 0 {
        tracing::info!(kept, dropped, "streams of an earlier process");
    }
    Ok(())
}

/// A row's blob, and how far it goes.
struct Found {
    blob: BlobId,
    len: u64,
}

impl Found {
    fn look(blobs: &Blobs, row: &StreamRow) -> Result<Option<Self>, StoreError> {
        let Some(blob) = row.blob else {
            return Ok(None);
        };
        let Some(mut len) = blobs.len(blob)? else {
            return Ok(None);
        };
        // Bytes beyond what the sender had credit for are not the stream's, nor are those of a part that was not proven.
        let most = row.reserved.min(row.part.unwrap_or(row.reserved));
        if row.state == RowState::Open && len > most {
            blobs.cut(blob, most)?;
            len = most;
        }
        Ok(Some(Self { blob, len }))
    }

    fn slot(self, row: StreamRow, settings: &Settings) -> Option<Slot> {
        let Self { blob, len } = self;
        let allowance = settings.allowance_of(&row.owner);
        let spec = StreamSpec { name: row.name, media: row.media, size: row.size, note: row.note };
        let name = (row.owner, row.id);
        match (row.direction, row.state) {
            (Direction::In, RowState::Open) => {
                let phase = Phase::Open(Box::new(Receiving::new(row.reserved)));
                Some(Slot::In(Entry::new(name, row.session, spec, blob, row.opened, allowance, (phase, len))))
            }
            (Direction::In, RowState::Whole) if len == row.reserved => {
                let phase = Phase::Whole { digest: row.digest?, committed: false };
                Some(Slot::In(Entry::new(name, row.session, spec, blob, row.opened, allowance, (phase, len))))
            }
            (Direction::Out, _) if row.size.is_some_and(|size| row.start.saturating_add(size) <= len) => {
                let content = (row.start, row.size?, row.digest?);
                Some(Slot::Out(Arc::new(OutEntry::new(name, row.session, spec, blob, content, row.opened))))
            }
            _ => None,
        }
    }
}
