//! What a program brings to have files processed.

use std::pin::Pin;
use std::time::Duration;

use samewire_protocol::Failure;

use super::Job;
use crate::streams::Candidate;

/// The attempt at a job. Dropped where the job is given up, the file is removed, or the time is over.
pub type Processing<'a> = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send + 'a>>;

/// Works on files in the background, as they are stored. Given to the server with
/// [`Builder::processor`](crate::Builder::processor); one of a built-in's kind replaces it.
///
/// ```
/// use samewire_protocol::{Code, Failure};
/// use samewire_server::jobs::{Job, NewPart, Processing, Processor};
/// use samewire_server::streams::Candidate;
///
/// /// Counts the lines of texts.
/// struct Lines;
///
/// impl Processor for Lines {
///     fn kind(&self) -> &str {
///         "lines"
///     }
///
///     fn wants(&self, _: &Candidate<'_>, media: &str) -> bool {
///         media == "text/plain"
///     }
///
///     fn process<'a>(&'a self, job: &'a mut Job) -> Processing<'a> {
///         Box::pin(async move {
///             let text = tokio::fs::read_to_string(job.source()).await;
///             let text = text.map_err(|error| Failure::new(Code::BadMedia, format!("this is not a text: {error}")))?;
///             job.progress(90.0);
///             let path = job.folder().join("count");
///             let written = tokio::fs::write(&path, text.lines().count().to_string()).await;
///             written.map_err(|error| Failure::new(Code::StorageFull, error.to_string()))?;
///             job.output(NewPart::new("lines", "text/plain", path));
///             Ok(())
///         })
///     }
/// }
///
/// let builder = samewire_server::Server::builder().processor(Lines);
/// ```
pub trait Processor: Send + Sync + 'static {
    /// What is done, as `video`: a lower-case letter, then up to 31 of `a-z`, `0-9` and `-`.
    fn kind(&self) -> &str;

    /// Whether a new file is to be processed. `media` is its type, by content where that tells, else as the uploader gave it.
    /// Called on a thread that may block.
    fn wants(&self, candidate: &Candidate<'_>, media: &str) -> bool;

    /// How often it is tried, for how long, and how much of it runs at once.
    fn policy(&self) -> JobPolicy {
        JobPolicy::default()
    }

    /// Whether jobs can be processed at all. While they cannot, they wait, and whoever looks at the file sees why.
    ///
    /// # Errors
    /// What is missing, as `processing-unavailable`, in words that say what to do.
    fn available(&self) -> Result<(), Failure> {
        Ok(())
    }

    /// One attempt. What it puts out counts when it returns `Ok`. A failure that is `retryable` leads to another attempt, while
    /// the policy allows one; its code and message are told to whoever watches the file, so they are written for the uploader.
    fn process<'a>(&'a self, job: &'a mut Job) -> Processing<'a>;
}

/// How jobs of a kind are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobPolicy {
    /// How often a job is tried. Default 3; the configuration's `jobs.attempts` counts where it is less.
    pub attempts: u32,
    /// How long after the first attempt the second one begins, at the earliest; twice as long after each one more, up to five
    /// minutes, and up to half as long again at random. Default two seconds.
    pub backoff: Duration,
    /// How long an attempt may take. Default one hour; the configuration's `jobs.timeout` counts where it is less.
    pub timeout: Duration,
    /// How many jobs of the kind run at once, at most. Default: as many as the configuration has workers.
    pub at_once: usize,
}

impl Default for JobPolicy {
    fn default() -> Self {
        Self { attempts: 3, backoff: Duration::from_secs(2), timeout: Duration::from_secs(60 * 60), at_once: usize::MAX }
    }
}

/// The shortest time between two attempts, so that what is told of one comes before the next.
const SHORTEST: Duration = Duration::from_millis(50);
/// The longest time between two attempts, before chance lengthens it.
const LONGEST: Duration = Duration::from_secs(5 * 60);

impl JobPolicy {
    /// How long to wait after an attempt, from 1; `chance` is any number.
    pub(super) fn wait_after(&self, attempt: u32, chance: u64) -> Duration {
        let doubled = 2_u32.checked_pow(attempt.saturating_sub(1)).and_then(|factor| self.backoff.checked_mul(factor));
        let wait = doubled.unwrap_or(LONGEST).min(LONGEST.max(self.backoff));
        let most = u64::try_from(wait.as_millis() / 2).unwrap_or(u64::MAX);
        (wait + Duration::from_millis(chance % most.saturating_add(1))).max(SHORTEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_end() {
        let policy = JobPolicy::default();
        let seconds = |attempt, chance| policy.wait_after(attempt, chance).as_secs_f64();
        assert_eq!((seconds(1, 0), seconds(2, 0), seconds(3, 0)), (2.0, 4.0, 8.0));
        assert_eq!((seconds(1, 1_000), seconds(1, 1_001)), (3.0, 2.0));
        assert_eq!((seconds(20, 0), seconds(u32::MAX, 0)), (300.0, 300.0));
        let none = JobPolicy { backoff: Duration::ZERO, ..policy };
        assert_eq!(none.wait_after(7, u64::MAX), SHORTEST);
    }
}
