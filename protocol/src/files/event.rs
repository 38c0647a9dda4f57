//! What the room `file:ID` is told while the file is processed. Every event also changes the room's state, which is the
//! [`FileRecord`](super::FileRecord).

use serde::{Deserialize, Serialize};

use super::Part;
use crate::code::Code;
use crate::id::FileId;

/// The kind of the rooms: the room of a file is `file:` and its id.
pub const ROOM_KIND: &str = "file";

/// An event of a file's room, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileEvent {
    /// `processing:queued`: it waits, because somebody asked for it to be done once more, or because something is missing.
    Queued(Queued),
    /// `processing:started`: an attempt begins.
    Started(Started),
    /// `processing:progress`: it goes on; at most a few times a second.
    Progress(Progressed),
    /// `processing:retrying`: an attempt came to nothing, and another one follows.
    Retrying(Retrying),
    /// `processing:completed`: it is done.
    Completed(Completed),
    /// `processing:failed`: it came to nothing, or was given up.
    Failed(Failed),
}

/// `processing:queued`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Queued {
    /// The file.
    pub file_id: FileId,
    /// What is done.
    pub kind: String,
    /// What it waits for, where that is not its turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// The same, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// `processing:started`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Started {
    /// The file.
    pub file_id: FileId,
    /// What is done.
    pub kind: String,
    /// Which attempt begins, from 1.
    pub attempt: u32,
}

/// `processing:progress`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Progressed {
    /// The file.
    pub file_id: FileId,
    /// What is done.
    pub kind: String,
    /// From 0 to 100, and never less than before.
    pub progress: u8,
    /// What is being done at the moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
}

/// `processing:retrying`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Retrying {
    /// The file.
    pub file_id: FileId,
    /// What is done.
    pub kind: String,
    /// Which attempt came to nothing.
    pub attempt: u32,
    /// Why it did.
    pub code: Code,
    /// The same, for people.
    pub reason: String,
    /// When the next attempt begins, in milliseconds from now, at the earliest.
    #[serde(rename = "in")]
    pub delay: u64,
}

/// `processing:completed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Completed {
    /// The file.
    pub file_id: FileId,
    /// What was done.
    pub kind: String,
    /// What it made.
    pub parts: Vec<Part>,
}

/// `processing:failed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failed {
    /// The file.
    pub file_id: FileId,
    /// What was to be done.
    pub kind: String,
    /// Why it came to nothing; `canceled` where it was given up.
    pub code: Code,
    /// The same, for people.
    pub reason: String,
    /// Which attempt was the last; 0 where none had begun.
    pub attempt: u32,
}

macro_rules! events {
    ($($variant:ident($payload:ty) = $name:literal;)*) => {
        impl FileEvent {
            /// The event's name in its room.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)* }
            }

            /// The file.
            #[must_use]
            pub fn file_id(&self) -> FileId {
                match self { $(Self::$variant(payload) => payload.file_id,)* }
            }

            /// The payload as JSON.
            ///
            /// # Errors
            /// What the JSON library says; none is known.
            pub fn payload(&self) -> serde_json::Result<Box<serde_json::value::RawValue>> {
                match self { $(Self::$variant(payload) => serde_json::value::to_raw_value(payload),)* }
            }

            /// Reads an event of a file's room; `None` for one that this version does not know.
            ///
            /// # Errors
            /// What in the payload is not as it should be.
            pub fn read(name: &str, payload: &str) -> serde_json::Result<Option<Self>> {
                match name {
                    $($name => serde_json::from_str::<$payload>(payload).map(|payload| Some(Self::$variant(payload))),)*
                    _ => Ok(None),
                }
            }
        }
    };
}

events! {
    Queued(Queued) = "processing:queued";
    Started(Started) = "processing:started";
    Progress(Progressed) = "processing:progress";
    Retrying(Retrying) = "processing:retrying";
    Completed(Completed) = "processing:completed";
    Failed(Failed) = "processing:failed";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_survives_its_text_form() {
        let file_id = FileId::from_random([7; 16]);
        let kind = || "video".to_owned();
        let (code, reason) = (Code::BadMedia, "it ends in the middle".to_owned());
        for event in [
            FileEvent::Queued(Queued { file_id, kind: kind(), code: Some(code.clone()), reason: None }),
            FileEvent::Started(Started { file_id, kind: kind(), attempt: 1 }),
            FileEvent::Progress(Progressed { file_id, kind: kind(), progress: 40, stage: Some("poster".into()) }),
            FileEvent::Retrying(Retrying {
                file_id,
                kind: kind(),
                attempt: 1,
                code: code.clone(),
                reason: reason.clone(),
                delay: 5,
            }),
            FileEvent::Completed(Completed { file_id, kind: kind(), parts: Vec::new() }),
            FileEvent::Failed(Failed { file_id, kind: kind(), code, reason, attempt: 3 }),
        ] {
            let payload = event.payload().unwrap();
            assert_eq!(FileEvent::read(event.name(), payload.get()).unwrap(), Some(event));
        }
        assert_eq!(FileEvent::read("processing:paused", "{}").unwrap(), None);
    }

    #[test]
    fn the_wire_is_as_it_is_told() {
        let event = Retrying {
            file_id: FileId::from_random([0; 16]),
            kind: "video".into(),
            attempt: 2,
            code: Code::LeaseLost,
            reason: "the worker went away".into(),
            delay: 2_000,
        };
        let json = serde_json::to_value(event).unwrap();
        assert_eq!((&json["in"], &json["code"]), (&2_000.into(), &"lease-lost".into()));
        assert!(json.get("fileId").is_some());
    }
}
