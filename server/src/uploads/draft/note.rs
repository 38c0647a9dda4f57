//! What this door remembers with an upload.

use serde::{Deserialize, Serialize};

use super::digests::{Expected, Kind};

/// Kept as JSON in the stream's note.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    /// The header `Repr-Digest` of the request that created it.
    #[serde(rename = "reprDigest", default, skip_serializing_if = "Option::is_none")]
    pub(super) expected: Option<Expected>,
    /// Its header `Want-Repr-Digest`.
    #[serde(rename = "wantReprDigest", default, skip_serializing_if = "Option::is_none")]
    pub(super) wanted: Option<Kind>,
}

impl Note {
    /// What is remembered. An upload of another door has nothing that is of use here.
    pub(super) fn read(note: Option<&str>) -> Self {
        note.and_then(|note| serde_json::from_str(note).ok()).unwrap_or_default()
    }

    pub(super) fn write(&self) -> Option<String> {
        (*self != Self::default()).then(|| serde_json::to_string(self).ok()).flatten()
    }
}
