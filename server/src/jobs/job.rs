//! A job as its processor sees it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use samewire_protocol::files::FileRecord;
use tokio::sync::watch;

use super::NewPart;

/// One attempt at a job: the file, a folder to work in, and the way to say how it is coming along.
#[derive(Debug)]
pub struct Job {
    pub(super) file: FileRecord,
    pub(super) attempt: u32,
    pub(super) source: PathBuf,
    pub(super) folder: PathBuf,
    pub(super) limits: JobLimits,
    pub(super) reporter: Reporter,
    pub(super) parts: Vec<NewPart>,
}

/// What an attempt may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JobLimits {
    /// Bytes of memory, for processes that the processor starts; it sees to it itself.
    pub memory: u64,
    /// How long the attempt may take; then it is dropped.
    pub timeout: Duration,
}

impl Job {
    /// A first attempt that no queue knows of.
    #[cfg(test)]
    pub(crate) fn alone(file: FileRecord, source: &Path, folder: &Path, limits: JobLimits) -> Self {
        let (source, folder) = (source.to_owned(), folder.to_owned());
        Self { file, attempt: 1, source, folder, limits, reporter: Reporter::new(0), parts: Vec::new() }
    }

    /// What was put out so far.
    #[cfg(test)]
    pub(crate) fn parts(&self) -> &[NewPart] {
        &self.parts
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> &FileRecord {
        &self.file
    }

    /// Which attempt this is, from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Where the file's content is. To be read, and nothing else.
    #[must_use]
    pub fn source(&self) -> &Path {
        &self.source
    }

    /// A folder of this attempt alone, empty at first and removed after it, whatever became of it.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the attempt may use.
    #[must_use]
    pub fn limits(&self) -> &JobLimits {
        &self.limits
    }

    /// Says how far it is, from 0 to 100. Whole percents are told, a few times a second at most, and never one that is less than
    /// was told before, by an earlier attempt either: it can be called as often as one likes.
    pub fn progress(&self, percent: f32) {
        self.reporter.progress(percent);
    }

    /// Says what is being done at the moment, in a word or two: it is told with the progress.
    pub fn stage(&self, stage: &str) {
        self.reporter.stage(stage);
    }

    /// The same two, apart from the job.
    #[must_use]
    pub fn reporter(&self) -> Reporter {
        self.reporter.clone()
    }

    /// Puts out something that was made of the file. It becomes a part of the file, once the attempt has come to a good end. A
    /// part of the same name that the file has is replaced.
    pub fn output(&mut self, part: NewPart) {
        self.parts.push(part);
    }
}

/// Says how a job is coming along. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Reporter(Arc<watch::Sender<Report>>);

/// How a job is coming along.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) percent: u8,
    pub(super) stage: Option<Box<str>>,
}

/// The longest word for what is being done, in bytes.
const MAX_STAGE: usize = 64;

impl Reporter {
    /// One that begins where the attempt before came to.
    pub(super) fn new(percent: u8) -> Self {
        Self(Arc::new(watch::Sender::new(Report { percent, stage: None })))
    }

    pub(super) fn reports(&self) -> watch::Receiver<Report> {
        self.0.subscribe()
    }

    /// As [`Job::progress`].
    pub fn progress(&self, percent: f32) {
        // A number that is none is 0.
        let percent = percent.clamp(0.0, 100.0) as u8;
        self.0.send_if_modified(|report| {
            let more = percent > report.percent;
            report.percent = report.percent.max(percent);
            more
        });
    }

    /// As [`Job::stage`].
    pub fn stage(&self, stage: &str) {
        let stage = shortened(stage, MAX_STAGE);
        self.0.send_if_modified(|report| {
            let other = report.stage.as_deref() != Some(stage);
            report.stage = Some(stage.into());
            other
        });
    }
}

/// As much of a text as fits in so many bytes.
pub(super) fn shortened(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_never_falls_and_is_never_more_than_all() {
        let reporter = Reporter::new(30);
        let mut reports = reporter.reports();
        reports.mark_unchanged();
        let mut told = |percent: f32| {
            reporter.progress(percent);
            let changed = reports.has_changed().unwrap();
            (changed, reports.borrow_and_update().percent)
        };
        assert_eq!(told(29.9), (false, 30));
        assert_eq!(told(f32::NAN), (false, 30));
        assert_eq!(told(30.9), (false, 30));
        assert_eq!(told(31.0), (true, 31));
        assert_eq!(told(1e9), (true, 100));
        assert_eq!(told(f32::NEG_INFINITY), (false, 100));
    }

    #[test]
    fn a_stage_is_cut_between_characters() {
        let reporter = Reporter::new(0);
        let reports = reporter.reports();
        reporter.stage(&"é".repeat(40));
        assert_eq!(reports.borrow().stage.as_deref(), Some(&*"é".repeat(32)));
        reporter.stage(&format!("x{}", "é".repeat(40)));
        assert_eq!(reports.borrow().stage.as_deref(), Some(&*format!("x{}", "é".repeat(31))));
    }
}
