//! The section about work on stored files.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

use super::{Config, ConfigError, human};

/// How files are processed in the background.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Jobs {
    /// How many jobs run in this process at once. Default: half the processor's cores, and at least one.
    pub workers: usize,
    /// How much memory a process may take that works on a file. Default `1 GiB`.
    #[serde(with = "human::bytes")]
    pub memory: u64,
    /// How long an attempt may take, whatever the processor would allow. Default `1h`.
    #[serde(with = "human::duration")]
    pub timeout: Duration,
    /// How often a job is tried, whatever the processor would allow. Default 3.
    pub attempts: u32,
    /// How long a completed job is remembered; what it made stays. Default `7d`.
    #[serde(with = "human::duration")]
    pub kept: Duration,
    /// Kinds of jobs that workers outside of this process do. Default none.
    pub external: Vec<ExternalKind>,
}

impl Default for Jobs {
    fn default() -> Self {
        Self {
            workers: std::thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).max(1)),
            memory: 1 << 30,
            timeout: Duration::from_secs(60 * 60),
            attempts: 3,
            kept: Duration::from_secs(7 * 24 * 60 * 60),
            external: Vec::new(),
        }
    }
}

/// A kind of jobs that is done outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExternalKind {
    /// What is done, as `transcribe`.
    pub kind: String,
    /// For which files: media types, as `audio/ogg`, or `audio/*`. Default: those that this program's processor of the kind wants.
    pub media: Vec<String>,
}

/// `"video"`, or a table.
impl<'de> Deserialize<'de> for ExternalKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a kind of jobs, or {kind = \"…\", media = [\"audio/*\"]}")]
        enum Written {
            Kind(String),
            Table(Table),
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            kind: String,
            #[serde(default)]
            media: Vec<String>,
        }
        Ok(match Written::deserialize(deserializer)? {
            Written::Kind(kind) => Self { kind, media: Vec::new() },
            Written::Table(Table { kind, media }) => Self { kind, media },
        })
    }
}

impl Config {
    pub(super) fn check_jobs(&self) -> Result<(), ConfigError> {
        let jobs = &self.jobs;
        let wrong = |told: String| Err(ConfigError(told));
        for (name, is_nothing) in [
            ("jobs.workers", jobs.workers == 0),
            ("jobs.attempts", jobs.attempts == 0),
            ("jobs.timeout", jobs.timeout.is_zero()),
        ] {
            if is_nothing {
                return wrong(format!("{name} must be more than nothing"));
            }
        }
        if jobs.memory < 64 << 20 {
            return wrong("jobs.memory must be at least 64 MiB, or nothing could run in it".to_owned());
        }
        for ExternalKind { kind, media } in &jobs.external {
            if !crate::jobs::is_kind(kind) {
                let grammar = "a lower-case letter, then up to 31 of a-z, 0-9 and -";
                return wrong(format!("jobs.external: `{kind}` cannot be a kind of jobs: {grammar}"));
            }
            if jobs.external.iter().filter(|other| other.kind == *kind).count() > 1 {
                return wrong(format!("jobs.external tells of `{kind}` twice; keep one of them, with all its media types"));
            }
            let is_pattern = |pattern: &String| match pattern.split_once('/') {
                Some((kind, rest)) => pattern == "*/*" || (!kind.contains('*') && (rest == "*" || !rest.contains('*'))),
                None => false,
            };
            if let Some(pattern) =
                media.iter().find(|pattern| !is_pattern(pattern) || **pattern != pattern.to_ascii_lowercase())
            {
                return wrong(format!(
                    "jobs.external: `{pattern}` is not a media type; write it small, as audio/ogg, audio/* or */*"
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, ConfigError> {
        let config = Config::parse(text, [("SAMEWIRE_DEV".to_owned(), "true".to_owned())])?;
        config.check().map(|()| config)
    }

    #[test]
    fn external_kinds_are_names_or_tables() {
        let text = "[jobs]\nexternal = ['video', {kind = 'transcribe', media = ['audio/*', 'video/*']}]\nkept = '1d'";
        let jobs = read(text).expect("read").jobs;
        let [video, transcribe] = &jobs.external[..] else { panic!("{jobs:?}") };
        assert_eq!((video.kind.as_str(), video.media.len()), ("video", 0));
        assert_eq!((transcribe.kind.as_str(), transcribe.media.len()), ("transcribe", 2));
        assert_eq!(jobs.kept, Duration::from_secs(24 * 60 * 60));
        let tables = read("[[jobs.external]]\nkind = 'transcribe'\nmedia = ['audio/*']").expect("read").jobs;
        assert_eq!(tables.external.len(), 1);
        let env = [("SAMEWIRE_JOBS_EXTERNAL".to_owned(), "video, image".to_owned())];
        assert_eq!(Config::parse("", env).expect("read").jobs.external.len(), 2);
    }

    #[test]
    fn what_cannot_be_is_named() {
        for (text, named) in [
            ("workers = 0", "jobs.workers"),
            ("attempts = 0", "jobs.attempts"),
            ("timeout = '0s'", "jobs.timeout"),
            ("memory = '1 MiB'", "jobs.memory"),
            ("external = ['Video']", "`Video`"),
            ("external = ['video', 'video']", "twice"),
            ("external = [{kind = 'a', media = ['audio']}]", "`audio`"),
            ("external = [{kind = 'a', media = ['au*/ogg']}]", "`au*/ogg`"),
            ("external = [{kind = 'a', media = ['Audio/*']}]", "`Audio/*`"),
            ("external = [{kind = 'a', types = []}]", "external"),
        ] {
            let told = read(&format!("[jobs]\n{text}")).expect_err(text).to_string();
            assert!(told.contains(named), "{text}: {told}");
        }
    }
}
