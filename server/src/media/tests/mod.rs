//! Real files, made by the real ffmpeg, and what is made of them.

mod bombs;
mod hostile;
mod images;
mod videos;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use samewire_protocol::files::{FileRecord, FileState};
use samewire_protocol::{Digest, Failure, FileId};
use tempfile::TempDir;

use super::{ImageProcessor, Tools, VideoProcessor};
use crate::jobs::{Job, JobLimits, NewPart, Processor};

const LIMITS: JobLimits = JobLimits { memory: 1 << 30, timeout: Duration::from_secs(600) };

/// A folder with a file to process, and another to process it in.
struct Trial {
    files: TempDir,
    work: TempDir,
    limits: JobLimits,
}

impl Trial {
    fn new() -> Self {
        let folder = || tempfile::tempdir().unwrap();
        Self { files: folder(), work: folder(), limits: LIMITS }
    }

    /// A file that ffmpeg makes, by the words of this line.
    fn made(&self, line: &str) -> PathBuf {
        let path = self.files.path().join("source");
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args(["-v", "error", "-nostdin", "-y"]).args(line.split_whitespace()).arg(&path);
        let output = ffmpeg.output().expect("these tests need ffmpeg: apt-get install ffmpeg");
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        path
    }

    fn written(&self, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.files.path().join("source");
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// A script, written by another process: one that we hold open for writing could not be run while a test beside this one forks.
    fn script(&self, text: &str) -> PathBuf {
        let path = self.files.path().join("program");
        let mut shell = Command::new("sh");
        shell.args(["-c", "printf '#!/bin/sh\\n%s\\n' \"$1\" > \"$2\"; chmod +x \"$2\"", "sh", text]).arg(&path);
        assert!(shell.status().unwrap().success());
        path
    }

    fn job(&self, source: &Path) -> Job {
        let file = FileRecord {
            id: FileId::from_random([7; 16]),
            name: "clip.mp4".into(),
            size: source.metadata().unwrap().len(),
            media: Some("video/mp4".into()),
            digest: Digest::of(b""),
            created: 0,
            state: FileState::Processing,
            processing: Vec::new(),
            parts: Vec::new(),
        };
        Job::alone(file, source, self.work.path(), self.limits)
    }

    async fn process(&self, processor: &impl Processor, source: &Path) -> Result<Vec<NewPart>, Failure> {
        let mut job = self.job(source);
        processor.process(&mut job).await?;
        Ok(job.parts().to_vec())
    }
}

async fn tools() -> Tools {
    Tools::find(&crate::config::Video::default()).await.expect("these tests need ffmpeg")
}

async fn videos() -> VideoProcessor {
    VideoProcessor::new(&crate::config::Video::default(), Ok(tools().await))
}

fn part<'a>(parts: &'a [NewPart], name: &str) -> &'a NewPart {
    parts.iter().find(|part| part.name == name).unwrap_or_else(|| panic!("no {name} in {parts:?}"))
}
