//! ffmpeg and ffprobe as they are run here: they open the one file they are given, as the one format that its content says, and
//! nothing else. Playlists, concatenation scripts and addresses are never followed.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use samewire_protocol::{Code, Failure};

use super::child::{Bounds, Ended, Program};
use super::progress::Progress;
use super::tools::Tools;
use super::trouble::{explain, lacked_memory};
use crate::jobs::JobLimits;

/// The most that is read of what ffprobe tells.
const MAX_REPORT: usize = 256 * 1024;

/// The most streams that a file may hold, and the most pixels of a picture: 8K and a little more.
const MAX_STREAMS: &str = "64";
const MAX_PIXELS: &str = "40000000";

/// What a result may be larger than its source.
const GROWTH: u64 = 8;
const ROOM: u64 = 256 << 20;

/// ffmpeg for one job.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ffmpeg<'a> {
    tools: &'a Tools,
    folder: &'a Path,
    threads: u32,
    bounds: Bounds,
}

impl<'a> Ffmpeg<'a> {
    /// Programs that write into this folder only, about a source of this size.
    pub(crate) fn new(tools: &'a Tools, folder: &'a Path, threads: u32, limits: &JobLimits, size: u64) -> Self {
        let bounds = Bounds {
            memory: limits.memory,
            // The queue ends the job at its timeout; this is for a program that outlives even the server.
            processor: limits.timeout.saturating_mul(threads + 1),
            file: size.saturating_mul(GROWTH).saturating_add(ROOM),
        };
        Self { tools, folder, threads, bounds }
    }

    pub(crate) fn folder(&self) -> &'a Path {
        self.folder
    }

    /// The options before the input.
    pub(crate) fn input(&self, demuxer: &str, source: &Path) -> Vec<OsString> {
        let threads = self.threads.to_string();
        let mut input = arguments(&["-threads", &threads, "-max_pixels", MAX_PIXELS]);
        input.extend(opened(demuxer, source));
        input
    }

    /// The options before an input that is one of our own renditions, looked at from this time on. Each thread of a decoder holds
    /// pictures of its own, and several inputs may be open at once.
    pub(crate) fn look(&self, rendition: &Path, time: Duration) -> Vec<OsString> {
        let mut input = arguments(&["-threads", "1", "-ss", &seconds(time)]);
        input.extend(opened("mov", rendition));
        input
    }

    /// The options for an encoder.
    pub(crate) fn threads(&self) -> Vec<OsString> {
        arguments(&["-filter_threads", "1", "-threads", &self.threads.to_string()])
    }

    /// Runs ffmpeg and tells how far it is, several times a second.
    ///
    /// # Errors
    /// It came to nothing; why, in words for the uploader.
    pub(crate) async fn run(&self, own: Vec<OsString>, mut told: impl FnMut(&Progress)) -> Result<Progress, Failure> {
        let mut line = arguments(&["-v", "error", "-hide_banner", "-nostdin", "-nostats", "-y"]);
        line.extend(arguments(&["-progress", "pipe:1", "-stats_period", "0.2"]));
        line.extend(own);
        let mut progress = Progress::default();
        let ended = self.program(&self.tools.ffmpeg, line).run(|line| {
            if progress.take(line) {
                told(&progress);
            }
        });
        self.judged(ended.await)?;
        Ok(progress)
    }

    /// Asks ffprobe, and returns its answer.
    ///
    /// # Errors
    /// As for [`Ffmpeg::run`].
    pub(crate) async fn ask(&self, demuxer: &str, source: &Path, entries: &str) -> Result<String, Failure> {
        let mut line = arguments(&["-v", "error", "-hide_banner"]);
        line.extend(opened(demuxer, source));
        line.extend(arguments(&["-show_entries", entries, "-of", "json=compact=1"]));
        let mut report = String::new();
        let ended = self.program(&self.tools.ffprobe, line).run(|line| {
            if report.len() + line.len() <= MAX_REPORT {
                report.push_str(line);
            }
        });
        self.judged(ended.await)?;
        Ok(report)
    }

    fn program<'b>(&'b self, path: &'b Path, arguments: Vec<OsString>) -> Program<'b> {
        Program { path, arguments, folder: self.folder, bounds: self.bounds, setpriv: self.tools.setpriv.as_deref() }
    }

    fn judged(&self, ended: std::io::Result<Ended>) -> Result<(), Failure> {
        let ended = ended.map_err(|error| {
            let told = format!("ffmpeg could not be started: {error}");
            Failure { retryable: true, ..Failure::new(Code::ProcessingFailed, told) }
        })?;
        // Frames that there was no memory for are left out, and the program ends as if all were well.
        if ended.status.success() && !lacked_memory(&ended) {
            return Ok(());
        }
        let failure = explain(&ended, &self.bounds);
        tracing::info!(status = %ended.status, complaint = %ended.complaint.trim_end(), code = %failure.code, "ffmpeg failed");
        Err(failure)
    }
}

fn opened(demuxer: &str, source: &Path) -> Vec<OsString> {
    let mut url = OsString::from("file:");
    url.push(source);
    let mut opened = arguments(&["-protocol_whitelist", "file,pipe", "-max_streams", MAX_STREAMS, "-f", demuxer, "-i"]);
    opened.push(url);
    opened
}

/// Arguments as programs take them.
pub(crate) fn arguments(texts: &[&str]) -> Vec<OsString> {
    texts.iter().map(OsString::from).collect()
}

/// The demuxer that reads a media type. Only formats that hold their content themselves: none that names other files.
pub(crate) fn demuxer(media: &str) -> Option<&'static str> {
    Some(match media {
        "video/mp4" | "video/quicktime" | "video/3gpp" => "mov",
        "video/webm" | "video/x-matroska" => "matroska",
        "video/x-msvideo" => "avi",
        "video/ogg" | "application/ogg" => "ogg",
        "video/mp2t" => "mpegts",
        "video/mpeg" => "mpeg",
        "video/x-flv" => "flv",
        "video/x-ms-asf" => "asf",
        _ => return None,
    })
}

/// A time as ffmpeg takes it, in seconds.
fn seconds(time: Duration) -> String {
    format!("{}.{:06}", time.as_secs(), time.subsec_micros())
}
