//! What becomes of a file, as `processing:…` events with the fields that gateways of NestJS send. See `docs/dialects.md`.

use samewire_protocol::files::{FileEvent, FileRecord, JobState, Part, Processing};
use samewire_protocol::live::Timestamp;
use samewire_protocol::rooms::RoomEvent;
use samewire_protocol::{Code, Failure, FileId};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::packet;

/// What the libraries of Socket.IO keep for themselves.
const RESERVED: [&str; 6] = ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

/// Where some processing of a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Queued,
    Processing,
    Completed,
    Failed,
}

/// What such an event says.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Update<'a> {
    file_id: FileId,
    /// The same, of a video.
    #[serde(skip_serializing_if = "Option::is_none")]
    video_id: Option<FileId>,
    /// What is done. None: nothing had to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<u8>,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a Code>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    /// Whether nothing of the file is left to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    is_processed: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parts: Option<&'a [Part]>,
    timestamp: String,
}

const STARTED: &str = "Processing has begun";
const PROGRESS: &str = "Processing";
const COMPLETED: &str = "Processing finished successfully";
const FAILED: &str = "Processing failed";
const QUEUED: &str = "Processing waits for its turn";

impl<'a> Update<'a> {
    fn new(file_id: FileId, kind: Option<&'a str>, status: Status, message: &'a str, at: u64) -> Self {
        Self {
            file_id,
            video_id: None,
            kind,
            status,
            progress: None,
            message,
            error: None,
            code: None,
            attempt: None,
            is_processed: None,
            parts: None,
            timestamp: Timestamp::from_millis(at).to_string(),
        }
    }

    fn of(event: &'a FileEvent, at: u64) -> Option<Self> {
        let plain = |kind, status, message| Self::new(event.file_id(), Some(kind), status, message, at);
        Some(match event {
            FileEvent::Queued(told) => {
                let message = told.reason.as_deref().unwrap_or(QUEUED);
                Self { code: told.code.as_ref(), ..plain(&told.kind, Status::Queued, message) }
            }
            FileEvent::Started(told) => Self { attempt: Some(told.attempt), ..plain(&told.kind, Status::Processing, STARTED) },
            FileEvent::Progress(told) => {
                let message = told.stage.as_deref().unwrap_or(PROGRESS);
                Self { progress: Some(told.progress), ..plain(&told.kind, Status::Processing, message) }
            }
            FileEvent::Retrying(told) => {
                plain(&told.kind, Status::Queued, &told.reason).failed(&told.reason, Some(&told.code), told.attempt)
            }
            FileEvent::Completed(told) => {
                Self { progress: Some(100), parts: Some(&told.parts), ..plain(&told.kind, Status::Completed, COMPLETED) }
            }
            FileEvent::Failed(told) => {
                plain(&told.kind, Status::Failed, &told.reason).failed(&told.reason, Some(&told.code), told.attempt)
            }
            _ => return None,
        })
    }

    fn failed(self, error: &'a str, code: Option<&'a Code>, attempt: u32) -> Self {
        Self { error: Some(error), code, attempt: Some(attempt), ..self }
    }

    /// What the file's own record says besides.
    fn with(mut self, file: &FileRecord) -> Self {
        let is_video = file.media.as_deref().is_some_and(|media| media.starts_with("video/"));
        self.video_id = is_video.then_some(file.id);
        self.is_processed = (self.status == Status::Completed).then(|| file.state.is_processed());
        self
    }
}

/// How a file is now, for who begins to watch it or has lost events: of each processing that has begun, how far it is.
///
/// # Errors
/// The state is not that of a file.
pub(super) fn state(state: &RawValue, at: u64) -> Result<Vec<Utf8Bytes>, Failure> {
    let unreadable = |_| Failure::new(Code::Internal, "the server cannot read its own record of this file; try again later");
    let file: FileRecord = serde_json::from_str(state.get()).map_err(unreadable)?;
    if file.processing.is_empty() {
        let done = Update { progress: Some(100), ..Update::new(file.id, None, Status::Completed, COMPLETED, at) };
        return Ok(vec![packet::event("processing:completed", Some(&done.with(&file)))]);
    }
    Ok(file.processing.iter().flat_map(|job| job_state(&file, job, at)).collect())
}

fn job_state(file: &FileRecord, job: &Processing, at: u64) -> Vec<Utf8Bytes> {
    let say = |name: &str, update: Update<'_>| packet::event(name, Some(&update.with(file)));
    let plain = |status, message| Update::new(file.id, Some(&job.kind), status, message, at);
    match job.state {
        JobState::Running => {
            let message = job.stage.as_deref().unwrap_or(PROGRESS);
            vec![
                say("processing:started", Update { attempt: Some(job.attempt), ..plain(Status::Processing, STARTED) }),
                say("processing:progress", Update { progress: Some(job.progress), ..plain(Status::Processing, message) }),
            ]
        }
        JobState::Completed => {
            let done = Update { progress: Some(100), parts: Some(&file.parts), ..plain(Status::Completed, COMPLETED) };
            vec![say("processing:completed", done)]
        }
        JobState::Failed | JobState::Canceled => {
            let reason = job.reason.as_deref().unwrap_or(FAILED);
            vec![say("processing:failed", plain(Status::Failed, reason).failed(reason, job.code.as_ref(), job.attempt))]
        }
        // It is told when it begins.
        _ => Vec::new(),
    }
}

/// An event of a file's room; `None` for one that the libraries could not pass on.
///
/// # Errors
/// It is not an event.
pub(super) fn translated(text: &str) -> Result<Option<Utf8Bytes>, Failure> {
    let unreadable = |_| Failure::new(Code::Internal, "the server cannot read its own event; try again later");
    let RoomEvent { name, at, payload, state, .. } = serde_json::from_str(text).map_err(unreadable)?;
    let name = name.as_str();
    if RESERVED.contains(&name) {
        return Ok(None);
    }
    // What a program of the operator's says in such a room in another form goes out as it is.
    let known = payload.as_ref().and_then(|payload| FileEvent::read(name, payload.get()).ok().flatten());
    let file: Option<FileRecord> = state.and_then(|state| serde_json::from_str(state.get()).ok());
    let update = known.as_ref().and_then(|event| Update::of(event, at));
    Ok(Some(match (update, file) {
        (Some(update), Some(file)) => packet::event(name, Some(&update.with(&file))),
        (Some(update), None) => packet::event(name, Some(&update)),
        (None, _) => packet::event(name, payload.as_deref()),
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::told::event;
    use super::*;

    fn says(packet: &Utf8Bytes) -> (String, Value) {
        let list = packet.strip_prefix("42/file-processing,").expect("an event of the namespace");
        serde_json::from_str(list).expect("a name, and what it says")
    }

    fn record(media: &str, processing: Value) -> Value {
        let state = if processing == json!([]) { "stored" } else { "processing" };
        let digest = samewire_protocol::Digest::of(b"").to_string();
        let id = format!("fi_{:032x}", 7);
        json!({"id": id, "name": "a", "size": 0, "media": media, "digest": digest, "created": 1, "state": state, "processing": processing})
    }

    fn raw(value: &Value) -> Box<RawValue> {
        serde_json::value::to_raw_value(value).expect("JSON")
    }

    #[test]
    fn a_file_in_work_begins_with_how_far_it_is() {
        let job = json!({"kind": "video", "state": "running", "progress": 40, "attempt": 2, "stage": "poster"});
        let told: Vec<_> = state(&raw(&record("video/mp4", json!([job]))), 0).expect("a file").iter().map(says).collect();
        let names: Vec<_> = told.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["processing:started", "processing:progress"]);
        let (_, progress) = &told[1];
        assert_eq!(progress["videoId"], progress["fileId"]);
        assert_eq!(
            (&progress["progress"], &progress["message"], &progress["status"]),
            (&json!(40), &json!("poster"), &json!("processing"))
        );
        assert_eq!(progress["timestamp"], "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn a_file_without_any_processing_is_completed() {
        let told: Vec<_> = state(&raw(&record("text/plain", json!([]))), 0).expect("a file").iter().map(says).collect();
        assert_eq!(told.len(), 1);
        let (name, done) = &told[0];
        assert_eq!(
            (name.as_str(), &done["isProcessed"], &done["progress"]),
            ("processing:completed", &json!(true), &json!(100))
        );
        assert_eq!((done.get("videoId"), done.get("kind")), (None, None));
    }

    #[test]
    fn what_failed_says_why_and_what_waits_says_nothing() {
        let failed = json!({"kind": "image", "state": "failed", "progress": 0, "attempt": 3, "code": "bad-media", "reason": "it ends early"});
        let waits = json!({"kind": "faces", "state": "queued", "progress": 0, "attempt": 0});
        let told: Vec<_> =
            state(&raw(&record("image/png", json!([failed, waits]))), 0).expect("a file").iter().map(says).collect();
        assert_eq!(told.len(), 1);
        let (name, why) = &told[0];
        assert_eq!(
            (name.as_str(), &why["error"], &why["code"]),
            ("processing:failed", &json!("it ends early"), &json!("bad-media"))
        );
    }

    fn room_event(name: &str, offset: u64, payload: &Value) -> String {
        json!({"type": "event", "room": "file:x", "offset": offset, "name": name, "at": 1, "payload": payload}).to_string()
    }

    #[test]
    fn events_are_translated_each_by_itself_however_often_they_are_told() {
        let id = format!("fi_{:032x}", 7);
        let mut told = Vec::new();
        for progress in (0..100).chain(0..100) {
            let text =
                room_event("processing:progress", progress, &json!({"fileId": id, "kind": "video", "progress": progress}));
            told.push(says(&event(&text).expect("an event").expect("one to pass on")).1["progress"].clone());
        }
        assert_eq!(told, (0..100).chain(0..100).map(|progress| json!(progress)).collect::<Vec<_>>());
    }

    #[test]
    fn what_others_say_in_the_room_goes_out_as_it_is() {
        let own = json!({"fileId": "x", "clean": true});
        assert_eq!(
            says(&event(&room_event("virus:scanned", 1, &own)).expect("an event").expect("one")),
            ("virus:scanned".into(), own)
        );
        let odd = json!({"fileId": "x", "progress": 5});
        assert_eq!(says(&event(&room_event("processing:progress", 2, &odd)).expect("an event").expect("one")).1, odd);
        assert_eq!(event(&room_event("disconnect", 3, &json!(1))).expect("an event"), None);
        assert!(event("[]").is_err());
    }
}
