//! The kinds of jobs that a server knows: who does them, and with which files.

use std::collections::BTreeMap;
use std::sync::Arc;

use samewire_protocol::Failure;

use super::part::is_kind;
use super::processor::{JobPolicy, Processor};
use crate::config;
use crate::streams::Candidate;

pub(super) struct Kinds(BTreeMap<Box<str>, Kind>);

/// One kind of jobs.
pub(super) struct Kind {
    processor: Option<Arc<dyn Processor>>,
    /// Types that it is for, where the configuration says so: it goes before the processor.
    media: Vec<Box<str>>,
    is_external: bool,
    pub(super) policy: JobPolicy,
}

impl Kinds {
    /// Of several processors of a kind, the last counts.
    pub(super) fn new(processors: Vec<Arc<dyn Processor>>, config: &config::Jobs) -> Result<Self, String> {
        let bounded = |policy: JobPolicy| JobPolicy {
            attempts: policy.attempts.min(config.attempts).max(1),
            timeout: policy.timeout.min(config.timeout),
            at_once: policy.at_once.clamp(1, config.workers),
            ..policy
        };
        let mut kinds = BTreeMap::new();
        for processor in processors {
            let kind = processor.kind();
            if !is_kind(kind) {
                let grammar = "a lower-case letter, then up to 31 of a-z, 0-9 and -";
                return Err(format!("a processor's kind is {kind:?}, and must be {grammar}"));
            }
            let policy = bounded(processor.policy());
            let known = Kind { processor: Some(processor.clone()), media: Vec::new(), is_external: false, policy };
            kinds.insert(kind.into(), known);
        }
        for external in &config.external {
            let kind: &mut Kind = kinds.entry(external.kind.as_str().into()).or_insert_with(|| Kind {
                processor: None,
                media: Vec::new(),
                is_external: true,
                policy: bounded(JobPolicy::default()),
            });
            kind.is_external = true;
            kind.media = external.media.iter().map(|media| media.as_str().into()).collect();
            if kind.processor.is_none() && kind.media.is_empty() {
                let kind = &external.kind;
                return Err(format!(
                    "jobs.external: nothing says which files are for {kind:?}; write {{kind = {kind:?}, media = [\"audio/*\"]}}"
                ));
            }
        }
        Ok(Self(kinds))
    }

    /// The kinds of jobs that are for this file. `media` is its type, as far as that is known.
    pub(super) fn wanted<'a>(&'a self, candidate: &'a Candidate<'_>, media: Option<&'a str>) -> impl Iterator<Item = &'a str> {
        let media = media.unwrap_or("application/octet-stream");
        let wanted = move |kind: &Kind| match &kind.processor {
            _ if !kind.media.is_empty() => kind.media.iter().any(|pattern| fits(pattern, media)),
            Some(processor) => processor.wants(candidate, media),
            None => false,
        };
        self.0.iter().filter(move |(_, kind)| wanted(kind)).map(|(name, _)| &**name)
    }

    pub(super) fn policy(&self, kind: &str) -> JobPolicy {
        self.0.get(kind).map(|kind| kind.policy).unwrap_or_default()
    }

    /// Who does it in this process.
    pub(super) fn processor(&self, kind: &str) -> Option<&Arc<dyn Processor>> {
        self.0.get(kind).filter(|kind| !kind.is_external).and_then(|kind| kind.processor.as_ref())
    }

    pub(super) fn is_external(&self, kind: &str) -> bool {
        self.0.get(kind).is_some_and(|kind| kind.is_external)
    }

    /// What is done in this process, and how much of it at once.
    pub(super) fn own(&self) -> impl Iterator<Item = (&str, &Arc<dyn Processor>, usize)> {
        self.0.iter().filter(|(_, kind)| !kind.is_external).filter_map(|(name, kind)| {
            let processor = kind.processor.as_ref()?;
            Some((&**name, processor, kind.policy.at_once))
        })
    }

    pub(super) fn unavailable(&self) -> impl Iterator<Item = (&str, Failure)> {
        self.own().filter_map(|(name, processor, _)| Some((name, processor.available().err()?)))
    }

    pub(super) fn most_attempts(&self) -> Vec<(Box<str>, u32)> {
        self.0.iter().map(|(name, kind)| (name.clone(), kind.policy.attempts)).collect()
    }
}

/// Whether a media type is one of those meant: itself, `audio/*`, or `*/*`. Its parameters do not count.
fn fits(pattern: &str, media: &str) -> bool {
    let media = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match pattern.strip_suffix('*') {
        Some("*/") => true,
        Some(beginning) => media.starts_with(beginning),
        None => pattern == media,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_media_types() {
        for (pattern, media, expected) in [
            ("audio/*", "audio/ogg", true),
            ("audio/*", "Audio/OGG; codecs=opus", true),
            ("audio/*", "audiobook/ogg", false),
            ("audio/ogg", "audio/ogg", true),
            ("audio/ogg", "audio/ogg2", false),
            ("*/*", "text/plain", true),
        ] {
            assert_eq!(fits(pattern, media), expected, "{pattern} {media}");
        }
    }

    #[test]
    fn an_external_kind_needs_to_know_its_files() {
        let mut config = config::Jobs::default();
        config.external = vec![config::ExternalKind { kind: "transcribe".into(), media: Vec::new() }];
        let told = Kinds::new(Vec::new(), &config).err().expect("nothing says which files");
        assert!(told.contains("transcribe") && told.contains("media"), "{told}");
        config.external = vec![config::ExternalKind { kind: "transcribe".into(), media: vec!["audio/*".into()] }];
        let kinds = Kinds::new(Vec::new(), &config).expect("they are known");
        assert!(kinds.is_external("transcribe") && kinds.own().next().is_none());
    }
}
