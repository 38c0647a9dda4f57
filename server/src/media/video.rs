//! The processor of videos: a rendition that every browser plays, a poster, and a strip of thumbnails.

use std::time::Duration;

use samewire_protocol::{Code, Failure};
use serde_json::json;
use tokio::io::AsyncReadExt;

use super::ffmpeg::{Ffmpeg, demuxer};
use super::probe::{Clip, measure, probe};
use super::sniff::content;
use super::stills::{poster, strip};
use super::tools::Tools;
use super::transcode::{Rendition, transcode};
use super::trouble::unreadable;
use crate::config;
use crate::jobs::{Job, NewPart, Processing, Processor};
use crate::streams::{Candidate, HEAD};

/// How far a job is when each of its stages is done, in percent. The time goes into the rendition.
const PROBED: f32 = 2.0;
const RENDERED: f32 = 94.0;
const POSTER: f32 = 97.0;

/// What may be missing at the end of a rendition before the source counts as cut off.
const MISSING: Duration = Duration::from_secs(1);

/// Makes of each video the parts `video`, `poster` and `thumbnails`.
#[derive(Clone, Debug)]
pub struct VideoProcessor {
    tools: Result<Tools, Failure>,
    height: u32,
    threads: u32,
}

impl VideoProcessor {
    /// With the programs that were found, or the reason why there are none: then jobs wait.
    #[must_use]
    pub fn new(config: &config::Video, tools: Result<Tools, Failure>) -> Self {
        Self { tools, height: config.height, threads: config.threads }
    }

    async fn make(&self, job: &mut Job) -> Result<(), Failure> {
        let tools = self.tools.as_ref().map_err(Clone::clone)?;
        let (source, folder) = (job.source().to_owned(), job.folder().to_owned());
        let head = head_of(&source).await?;
        // What was claimed at the upload does not count here: the content alone says how it is read.
        let found = content(&head);
        let Some(demuxer) = found.and_then(demuxer) else {
            return Err(unreadable(match found {
                Some(_) => "it is something else, whatever its name says",
                None if head.is_empty() => "it is empty",
                None => "it begins like no format that is known here",
            }));
        };
        let reporter = job.reporter();
        let ffmpeg = Ffmpeg::new(tools, &folder, self.threads, job.limits(), job.file().size);

        job.stage("reading");
        let mut clip = probe(&ffmpeg, demuxer, &source).await?;
        if clip.duration.is_none() {
            clip.duration = Some(measure(&ffmpeg, demuxer, &source).await?);
        }
        job.progress(PROBED);

        job.stage("converting");
        let told = |share: f32| reporter.progress(PROBED + share * (RENDERED - PROBED));
        let rendition = transcode(&ffmpeg, demuxer, &source, &clip, self.height, told).await?;
        job.progress(RENDERED);

        job.stage("poster");
        let poster = poster(&ffmpeg, &rendition).await?;
        job.progress(POSTER);

        job.stage("thumbnails");
        let strip = strip(&ffmpeg, &rendition).await?;

        let shown = &rendition.clip;
        let mut part = NewPart::new("poster", "image/jpeg", poster);
        (part.width, part.height) = (Some(shown.width), Some(shown.height));
        job.output(part);
        let mut part = NewPart::new("thumbnails", "image/jpeg", strip.path);
        (part.width, part.height) = (Some(strip.width * strip.columns), Some(strip.height));
        let every = millis(strip.every).max(1);
        part.extra =
            json!({ "columns": strip.columns, "rows": 1, "width": strip.width, "height": strip.height, "every": every })
                .as_object()
                .cloned();
        job.output(part);
        job.output(rendition_part(&rendition, &clip));
        Ok(())
    }
}

fn rendition_part(rendition: &Rendition, source: &Clip) -> NewPart {
    let shown = &rendition.clip;
    let mut part = NewPart::new("video", "video/mp4", &rendition.path);
    (part.width, part.height) = (Some(shown.width), Some(shown.height));
    part.duration = shown.duration.map(millis);
    let claimed = source.duration.unwrap_or_default();
    let cut = shown.duration.is_some_and(|duration| duration + MISSING + claimed / 20 < claimed);
    part.extra = json!({
        "sound": shown.sound,
        "source": { "width": source.width, "height": source.height, "codec": source.codec },
        "incomplete": cut,
    })
    .as_object()
    .cloned();
    part
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The beginning of a stored file.
pub(super) async fn head_of(source: &std::path::Path) -> Result<Vec<u8>, Failure> {
    let broken = |error: std::io::Error| {
        let told = format!("the stored file cannot be read: {error}");
        Failure { retryable: true, ..Failure::new(Code::ProcessingFailed, told) }
    };
    let mut head = Vec::new();
    let file = tokio::fs::File::open(source).await.map_err(broken)?;
    file.take(HEAD as u64).read_to_end(&mut head).await.map_err(broken)?;
    Ok(head)
}

impl Processor for VideoProcessor {
    fn kind(&self) -> &str {
        "video"
    }

    fn wants(&self, _: &Candidate<'_>, media: &str) -> bool {
        media.starts_with("video/")
    }

    fn available(&self) -> Result<(), Failure> {
        self.tools.as_ref().map(|_| ()).map_err(Clone::clone)
    }

    fn process<'a>(&'a self, job: &'a mut Job) -> Processing<'a> {
        Box::pin(self.make(job))
    }
}
