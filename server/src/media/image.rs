//! The processor of pictures: a thumbnail.

use std::fs::File;
use std::io::{BufReader, Cursor};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use samewire_protocol::{Code, Failure};
use serde_json::json;
use tokio::sync::Semaphore;

use super::sniff::content;
use super::video::head_of;
use crate::config;
use crate::jobs::{Job, JobPolicy, NewPart, Processing, Processor};
use crate::streams::Candidate;

/// The most bytes that a pixel takes: four channels of 16 bits.
const PIXEL: u64 = 8;

/// The most memory for what stands before the pixels, such as a colour profile.
const NOTES: u64 = 16 << 20;

/// The most that is said of a decoder's own words, in bytes.
const LONGEST: usize = 160;

const QUALITY: u8 = 82;

/// How many pictures are opened at once, since each may take hundreds of megabytes.
pub(super) const AT_ONCE: usize = 4;

/// Makes of each JPEG, PNG, GIF and WebP the part `thumbnail`: its first picture, upright and small, as JPEG, or as PNG where one
/// can see through it.
#[derive(Clone, Debug)]
pub struct ImageProcessor {
    side: u32,
    max_pixels: u64,
    /// A decoder goes on to its end after its job was given up: the next one waits for it.
    pub(super) places: Arc<Semaphore>,
}

impl ImageProcessor {
    /// As configured.
    #[must_use]
    pub fn new(config: &config::Image) -> Self {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        Self { side: config.thumbnail, max_pixels: u64::from(config.max_pixels), places }
    }

    async fn make(&self, job: &mut Job) -> Result<(), Failure> {
        let source = job.source().to_owned();
        let head = head_of(&source).await?;
        let format = match content(&head) {
            Some(found) => format_of(found).ok_or_else(|| unreadable("it is something else, whatever its name says"))?,
            None if head.is_empty() => return Err(unreadable("it is empty")),
            None => return Err(unreadable("it begins like no format that is known here")),
        };
        job.stage("thumbnail");
        let (this, places) = (self.clone(), Arc::clone(&self.places));
        let place =
            places.acquire_owned().await.map_err(|_| Failure::new(Code::Internal, "no pictures are opened any more"))?;
        let made = tokio::task::spawn_blocking(move || {
            let _place = place;
            this.thumbnail(&source, format)
        })
        .await;
        // A decoder that panics has met something that it did not expect.
        let made = made.map_err(|_| unreadable("its content is broken"))??;
        job.progress(90.0);
        let path: PathBuf = job.folder().join("thumbnail");
        tokio::fs::write(&path, &made.bytes)
            .await
            .map_err(|error| Failure::new(Code::StorageFull, format!("the thumbnail cannot be written: {error}")))?;
        let mut part = NewPart::new("thumbnail", made.media, path);
        (part.width, part.height) = (Some(made.width), Some(made.height));
        part.extra = json!({ "source": { "width": made.of.0, "height": made.of.1 } }).as_object().cloned();
        job.output(part);
        Ok(())
    }

    fn thumbnail(&self, source: &Path, format: ImageFormat) -> Result<Thumbnail, Failure> {
        let file = File::open(source).map_err(|error| Failure {
            retryable: true,
            ..Failure::new(Code::ProcessingFailed, format!("the stored file cannot be read: {error}"))
        })?;
        let memory = self.max_pixels.saturating_mul(PIXEL);
        let mut limits = Limits::default();
        limits.max_alloc = Some(NOTES);
        let mut reader = ImageReader::with_format(BufReader::new(file), format);
        reader.limits(limits.clone());
        let mut decoder = reader.into_decoder().map_err(broken)?;
        let (width, height) = decoder.dimensions();
        // Before any of it is unpacked: a few bytes can claim to be a picture as large as a field.
        if u64::from(width) * u64::from(height) > self.max_pixels || decoder.total_bytes() > memory {
            let most = self.max_pixels;
            return Err(unreadable(&format!(
                "{width} × {height} pixels are more than the {most} that are opened (image.max_pixels)"
            )));
        }
        limits.max_alloc = Some(memory);
        decoder.set_limits(limits).map_err(broken)?;
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let picture = DynamicImage::from_decoder(decoder).map_err(broken)?;
        let mut small = match width.max(height) > self.side {
            true => picture.thumbnail(self.side, self.side),
            false => picture,
        };
        small.apply_orientation(orientation);
        let turned = matches!(
            orientation,
            Orientation::Rotate90 | Orientation::Rotate270 | Orientation::Rotate90FlipH | Orientation::Rotate270FlipH
        );
        let of = if turned { (height, width) } else { (width, height) };
        encoded(&small, of).map_err(broken)
    }
}

struct Thumbnail {
    bytes: Vec<u8>,
    media: &'static str,
    width: u32,
    height: u32,
    of: (u32, u32),
}

fn encoded(small: &DynamicImage, of: (u32, u32)) -> Result<Thumbnail, ImageError> {
    let mut bytes = Vec::new();
    let see_through = small.color().has_alpha() && small.to_rgba8().pixels().any(|pixel| pixel.0[3] != u8::MAX);
    let media = if see_through {
        DynamicImage::from(small.to_rgba8()).write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png)?;
        "image/png"
    } else {
        small.to_rgb8().write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, QUALITY))?;
        "image/jpeg"
    };
    Ok(Thumbnail { bytes, media, width: small.width(), height: small.height(), of })
}

fn format_of(media: &str) -> Option<ImageFormat> {
    Some(match media {
        "image/jpeg" => ImageFormat::Jpeg,
        "image/png" => ImageFormat::Png,
        "image/gif" => ImageFormat::Gif,
        "image/webp" => ImageFormat::WebP,
        _ => return None,
    })
}

fn unreadable(why: &str) -> Failure {
    Failure::new(Code::BadMedia, format!("this is not a picture that can be read: {why}"))
}

fn broken(error: ImageError) -> Failure {
    match error {
        ImageError::Limits(_) => unreadable("it takes more memory than a picture may (image.max_pixels)"),
        ImageError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => unreadable("it ends too early"),
        error => {
            let words = error.to_string();
            unreadable(&words[..words.floor_char_boundary(LONGEST)])
        }
    }
}

impl Processor for ImageProcessor {
    fn kind(&self) -> &str {
        "image"
    }

    fn wants(&self, _: &Candidate<'_>, media: &str) -> bool {
        format_of(media).is_some()
    }

    fn policy(&self) -> JobPolicy {
        JobPolicy { timeout: Duration::from_secs(5 * 60), at_once: AT_ONCE, ..JobPolicy::default() }
    }

    fn process<'a>(&'a self, job: &'a mut Job) -> Processing<'a> {
        Box::pin(self.make(job))
    }
}
