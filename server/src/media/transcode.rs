//! The rendition: a video as every browser plays it.

use std::path::{Path, PathBuf};

use samewire_protocol::Failure;

use super::ffmpeg::{Ffmpeg, arguments};
use super::probe::{Clip, probe};
use super::trouble::unreadable;

/// What came out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rendition {
    pub(crate) path: PathBuf,
    pub(crate) clip: Clip,
    pub(crate) frames: u64,
}

/// Makes an MP4 with H.264 and AAC, whose index comes first, so that it plays while it loads. It is at most so high, and has at
/// most 30 pictures in a second. What the camera wrote into the file, such as where it was, is left out.
///
/// # Errors
/// `bad-media` where nothing of the picture can be decoded; what else ffmpeg came to.
pub(crate) async fn transcode(
    ffmpeg: &Ffmpeg<'_>,
    demuxer: &str,
    source: &Path,
    clip: &Clip,
    height: u32,
    mut told: impl FnMut(f32),
) -> Result<Rendition, Failure> {
    let mut line = ffmpeg.input(demuxer, source);
    line.extend(arguments(&["-map", "0:V:0", "-map_metadata", "-1", "-map_chapters", "-1", "-sn", "-dn"]));
    line.extend(arguments(&["-vf", &filters(clip, fit(clip, height))]));
    // A key frame every two seconds lets a player jump.
    line.extend(arguments(&["-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-profile:v", "high", "-g", "60"]));
    line.extend(ffmpeg.threads());
    if clip.sound {
        line.extend(arguments(&["-map", "0:a:0", "-c:a", "aac", "-b:a", "128k", "-ac", "2", "-ar", "48000"]));
        line.extend(arguments(&["-af", "aresample=async=1"]));
    }
    line.extend(arguments(&["-max_muxing_queue_size", "4096", "-movflags", "+faststart", "-f", "mp4", "video.mp4"]));
    let whole = clip.duration.unwrap_or_default();
    let progress = ffmpeg.run(line, |progress| told(progress.share(whole))).await?;
    if progress.frames == 0 {
        return Err(unreadable("none of its pictures could be decoded"));
    }
    let path = ffmpeg.folder().join("video.mp4");
    let made = probe(ffmpeg, "mov", &path).await?;
    Ok(Rendition { path, clip: made, frames: progress.frames })
}

/// The size to show a video at: no larger than it is, no higher than allowed, and even, as H.264 with half the colours asks for. A
/// video that stands upright is measured lying down.
fn fit(clip: &Clip, height: u32) -> (u32, u32) {
    let (long, short) = (f64::from(height) * 16.0 / 9.0, f64::from(height));
    let (across, up) = if clip.width >= clip.height { (long, short) } else { (short, long) };
    scaled((clip.width, clip.height), across, up, 2)
}

/// A size that fits between these, and is never larger than it was, in whole steps.
pub(crate) fn scaled((width, height): (u32, u32), across: f64, up: f64, step: u32) -> (u32, u32) {
    let factor = (across / f64::from(width)).min(up / f64::from(height)).min(1.0);
    let side = |length: u32| ((f64::from(length) * factor + 1e-6) as u32 / step * step).max(step);
    (side(width), side(height))
}

/// Whole pictures of one size, at an even pace. Recordings change their size on the way; such pictures get bars.
fn filters(clip: &Clip, (width, height): (u32, u32)) -> String {
    let (above, below) = clip.rate;
    let square = if clip.stretched { "scale=iw*sar:ih,setsar=1," } else { "" };
    format!(
        "fps={above}/{below},{square}scale={width}:{height}:force_original_aspect_ratio=decrease:force_divisible_by=2,\
         pad={width}:{height}:(ow-iw)/2:(oh-ih)/2,setsar=1,format=yuv420p"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_fit_and_are_even() {
        for (source, height, shown) in [
            ((1920, 1080), 720, (1280, 720)),
            ((1080, 1920), 720, (720, 1280)),
            ((321, 241), 720, (320, 240)),
            ((640, 360), 720, (640, 360)),
            ((3840, 1600), 720, (1280, 532)),
            ((1440, 1440), 720, (720, 720)),
            ((1, 1), 720, (2, 2)),
            ((65535, 1), 720, (1280, 2)),
        ] {
            let (width, height_of) = source;
            let clip = Clip {
                width,
                height: height_of,
                stretched: false,
                rate: (30, 1),
                codec: "vp8".into(),
                sound: false,
                duration: None,
            };
            assert_eq!(fit(&clip, height), shown, "{source:?}");
        }
    }
}
