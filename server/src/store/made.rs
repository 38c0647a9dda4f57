//! What is told of files beside their own rows: how their jobs are, and what was made of them.

use rusqlite::{Connection, Row, named_params};
use samewire_protocol::files::{FileRecord, FileState, JobState, Part, Processing};
use samewire_protocol::{Code, FileId};

use super::files::{parsed, unsigned};

/// Completes records that were read from the files' own rows.
pub(super) fn complete(connection: &Connection, files: &mut [FileRecord]) -> rusqlite::Result<()> {
    for file in files {
        file.processing = processing(connection, file.id)?;
        file.parts = parts(connection, file.id)?;
        file.state = match FileState::of(&file.processing) {
            // Jobs that are done are forgotten after a while; what they made is not.
            FileState::Stored if !file.parts.is_empty() => FileState::Ready,
            state => state,
        };
    }
    Ok(())
}

fn processing(connection: &Connection, file: FileId) -> rusqlite::Result<Vec<Processing>> {
    let mut query = connection.prepare_cached(
        "SELECT kind, state, progress, attempts, stage, code, reason FROM jobs WHERE file = :file ORDER BY created, kind",
    )?;
    let rows = query.query_map(named_params! {":file": file.to_string()}, |row| {
        let code: Option<String> = row.get(5)?;
        Ok(Processing {
            kind: row.get(0)?,
            state: job_state(row, 1)?,
            progress: u8::try_from(unsigned(row, 2)?.min(100)).unwrap_or(100),
            attempt: row.get(3)?,
            stage: row.get(4)?,
            code: code.map(|code| Code::from_name(&code)),
            reason: row.get(6)?,
        })
    })?;
    rows.collect()
}

pub(super) fn parts(connection: &Connection, file: FileId) -> rusqlite::Result<Vec<Part>> {
    let mut query = connection.prepare_cached(
        "SELECT name, media, size, width, height, duration, extra FROM parts WHERE file = :file ORDER BY name",
    )?;
    let rows = query.query_map(named_params! {":file": file.to_string()}, |row| {
        let duration: Option<i64> = row.get(5)?;
        let extra: Option<String> = row.get(6)?;
        Ok(Part {
            name: row.get(0)?,
            media: row.get(1)?,
            size: unsigned(row, 2)?,
            width: row.get(3)?,
            height: row.get(4)?,
            duration: duration.and_then(|duration| u64::try_from(duration).ok()),
            extra: extra.and_then(|extra| serde_json::from_str(&extra).ok()),
        })
    })?;
    rows.collect()
}

fn job_state(row: &Row<'_>, column: usize) -> rusqlite::Result<JobState> {
    parsed::<Word>(row, column).map(|Word(state)| state)
}

struct Word(JobState);

impl std::str::FromStr for Word {
    type Err = std::io::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(match text {
            "queued" => JobState::Queued,
            "running" => JobState::Running,
            "completed" => JobState::Completed,
            "failed" => JobState::Failed,
            "canceled" => JobState::Canceled,
            _ => return Err(std::io::Error::other("not the state of a job")),
        }))
    }
}
