//! What is told of a stored file: the record itself, how its processing is coming along, and what was made of it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::code::Code;
use crate::digest::Digest;
use crate::id::FileId;

/// A stored file. It is also the state of the room `file:ID`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// The file's id.
    pub id: FileId,
    /// The name that the uploader gave.
    pub name: String,
    /// The size in bytes.
    pub size: u64,
    /// The media type: by content where the content tells, else the one that the uploader gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media: Option<String>,
    /// The digest of the content.
    pub digest: Digest,
    /// When it was stored, in milliseconds since 1970-01-01 UTC.
    pub created: u64,
    /// How far it is.
    #[serde(default)]
    pub state: FileState,
    /// Each kind of processing that is done, or to be done, with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub processing: Vec<Processing>,
    /// What processing made of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
}

/// How far a file is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum FileState {
    /// It is stored, and there is nothing to process.
    #[default]
    Stored,
    /// Some of its processing is waiting or under way.
    Processing,
    /// All of its processing is done.
    Ready,
    /// None of its processing goes on, and some of it came to nothing.
    Failed,
    /// A state that this version does not know.
    #[serde(other)]
    Unknown,
}

impl FileState {
    /// What the states of a file's processing come to.
    #[must_use]
    pub fn of(processing: &[Processing]) -> Self {
        let mut state = Self::Stored;
        for job in processing {
            state = match (state, job.state) {
                (_, JobState::Queued | JobState::Running) => return Self::Processing,
                (Self::Failed, _) | (_, JobState::Failed | JobState::Canceled) => Self::Failed,
                _ => Self::Ready,
            };
        }
        state
    }

    /// Whether nothing is left to be done, and nothing came to nothing.
    #[must_use]
    pub fn is_processed(self) -> bool {
        matches!(self, Self::Stored | Self::Ready)
    }
}

/// One kind of processing of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Processing {
    /// What is done, as `video`.
    pub kind: String,
    /// How far it is.
    pub state: JobState,
    /// From 0 to 100. It never falls while the file is processed, also when another attempt begins anew.
    pub progress: u8,
    /// Which attempt this is; 0 before the first.
    pub attempt: u32,
    /// What is being done at the moment, in the words of who does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// Why it came to nothing; while it waits, why the attempt before did, or what else it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// The same, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum JobState {
    /// It waits for its turn, or for another attempt.
    Queued,
    /// It is under way.
    Running,
    /// It is done.
    Completed,
    /// It came to nothing, and is not tried again by itself.
    Failed,
    /// It was given up.
    Canceled,
    /// A state that this version does not know.
    #[serde(other)]
    Unknown,
}

/// Something that processing made of a file, as `poster`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// What it is; each of a file's parts has another name.
    pub name: String,
    /// The media type.
    pub media: String,
    /// The size in bytes.
    pub size: u64,
    /// In pixels, of a picture or a video.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// In pixels, of a picture or a video.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// How long it plays, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<u64>,
    /// What else is to be known of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra: Option<Map<String, Value>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jobs(states: &[JobState]) -> Vec<Processing> {
        let job = |state: &JobState| Processing {
            kind: "video".into(),
            state: *state,
            progress: 0,
            attempt: 0,
            stage: None,
            code: None,
            reason: None,
        };
        states.iter().map(job).collect()
    }

    #[test]
    fn a_file_is_as_far_as_its_jobs() {
        use JobState::{Canceled, Completed, Failed, Queued, Running};
        for (states, expected) in [
            (&[][..], FileState::Stored),
            (&[Completed], FileState::Ready),
            (&[Completed, Completed], FileState::Ready),
            (&[Completed, Queued], FileState::Processing),
            (&[Failed, Running], FileState::Processing),
            (&[Failed, Completed], FileState::Failed),
            (&[Completed, Canceled], FileState::Failed),
        ] {
            assert_eq!(FileState::of(&jobs(states)), expected, "{states:?}");
        }
    }

    #[test]
    fn a_record_of_an_older_or_a_newer_server_is_read() {
        let digest = Digest::of(b"");
        let json = format!(r#"{{"id":"fi_{:032x}","name":"a","size":0,"digest":"{digest}","created":1"#, 7);
        let old: FileRecord = serde_json::from_str(&format!("{json}}}")).unwrap();
        assert_eq!((old.state, old.parts.len(), old.processing.len()), (FileState::Stored, 0, 0));
        let new: FileRecord = serde_json::from_str(&format!(r#"{json},"state":"archived","shelf":3}}"#)).unwrap();
        assert_eq!(new.state, FileState::Unknown);
        assert!(!new.state.is_processed());
    }
}
