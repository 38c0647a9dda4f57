//! What this door remembers with an upload.

use serde::{Deserialize, Serialize};

/// Kept as JSON in the stream's note.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    /// The header `Upload-Metadata`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) metadata: Option<String>,
    /// The header `Upload-Concat`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) concat: Option<String>,
}

impl Note {
    /// What is remembered. An upload of another door has nothing that is of use here.
    pub(super) fn read(note: Option<&str>) -> Self {
        note.and_then(|note| serde_json::from_str(note).ok()).unwrap_or_default()
    }

    pub(super) fn write(&self) -> Option<String> {
        (*self != Self::default()).then(|| serde_json::to_string(self).ok()).flatten()
    }

    /// Whether it is to become a part of another upload, and no file.
    pub(super) fn is_partial(&self) -> bool {
        self.concat.as_deref() == Some(PARTIAL)
    }

    /// Whether it was made of others.
    pub(super) fn is_final(&self) -> bool {
        self.concat.is_some() && !self.is_partial()
    }
}

pub(super) const PARTIAL: &str = "partial";
