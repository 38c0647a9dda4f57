//! Single pictures of a rendition: the poster, and the strip of thumbnails. They are made of what was made, not of what came: that
//! is small, whole, and its length is known.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use samewire_protocol::{Code, Failure};

use super::ffmpeg::{Ffmpeg, arguments};
use super::transcode::{Rendition, scaled};

/// How many pictures a strip holds, at most, and how large each of them is.
const PICTURES: u32 = 10;
const SIDE: f64 = 160.0;

/// Where the poster is looked for: a tenth into the video, or this far.
const OPENING: Duration = Duration::from_secs(3);

/// Makes the poster: of the pictures of a second, the one that is most like the others, so neither a black one nor a blurred.
///
/// # Errors
/// What ffmpeg came to.
pub(crate) async fn poster(ffmpeg: &Ffmpeg<'_>, rendition: &Rendition) -> Result<PathBuf, Failure> {
    let from = (rendition.clip.duration.unwrap_or_default() / 10).min(OPENING);
    // A picture that ends before that has its beginning.
    for time in [from, Duration::ZERO] {
        let mut line = ffmpeg.look(&rendition.path, time);
        line.extend(arguments(&["-vf", "thumbnail=30,format=yuvj420p", "-q:v", "3"]));
        if let Some(path) = written(ffmpeg, line, "poster.jpg").await? {
            return Ok(path);
        }
    }
    Err(missing("poster"))
}

/// A strip of pictures side by side, for a player's time line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Strip {
    pub(crate) path: PathBuf,
    pub(crate) columns: u32,
    /// Of one picture.
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// How long each picture stands for.
    pub(crate) every: Duration,
}

/// Makes the strip.
///
/// # Errors
/// What ffmpeg came to.
pub(crate) async fn strip(ffmpeg: &Ffmpeg<'_>, rendition: &Rendition) -> Result<Strip, Failure> {
    let most = u32::try_from(rendition.frames).unwrap_or(PICTURES).clamp(1, PICTURES);
    // Where the picture ends long before the sound does, there is none at the later places; where memory is short, there is not
    // enough for so many at once.
    for columns in [most, most.min(4)] {
        match strip_of(ffmpeg, rendition, columns).await {
            Ok(Some(strip)) => return Ok(strip),
            Ok(None) => {}
            Err(failure) => tracing::debug!(%failure, columns, "fewer thumbnails are tried"),
        }
    }
    strip_of(ffmpeg, rendition, 1).await?.ok_or_else(|| missing("thumbnails"))
}

async fn strip_of(ffmpeg: &Ffmpeg<'_>, rendition: &Rendition, columns: u32) -> Result<Option<Strip>, Failure> {
    let clip = &rendition.clip;
    let (width, height) = scaled((clip.width, clip.height), SIDE, SIDE, 2);
    let every = clip.duration.unwrap_or_default() / columns;
    let mut line = Vec::new();
    let (mut small, mut names) = (String::new(), String::new());
    for column in 0..columns {
        line.extend(ffmpeg.look(&rendition.path, every * column));
        small.push_str(&format!("[{column}:v]scale={width}:{height},setsar=1[p{column}];"));
        names.push_str(&format!("[p{column}]"));
    }
    let beside = if columns > 1 { format!("hstack=inputs={columns},") } else { String::new() };
    line.extend(arguments(&["-filter_complex", &format!("{small}{names}{beside}format=yuvj420p"), "-q:v", "4"]));
    let path = written(ffmpeg, line, "thumbnails.jpg").await?;
    Ok(path.map(|path| Strip { path, columns, width, height, every }))
}

/// Writes one picture as JPEG; none where there was no picture to write.
async fn written(ffmpeg: &Ffmpeg<'_>, mut line: Vec<OsString>, name: &str) -> Result<Option<PathBuf>, Failure> {
    line.extend(arguments(&["-an", "-frames:v", "1"]));
    line.extend(ffmpeg.threads());
    line.extend(arguments(&["-f", "mjpeg", name]));
    ffmpeg.run(line, |_| ()).await?;
    let path = ffmpeg.folder().join(name);
    let there = tokio::fs::metadata(&path).await.is_ok_and(|file| file.len() > 0);
    Ok(there.then_some(path))
}

fn missing(what: &str) -> Failure {
    Failure::new(Code::ProcessingFailed, format!("no {what} could be made of the video"))
}
