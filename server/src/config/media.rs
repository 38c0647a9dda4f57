//! The sections about what is made of pictures and videos.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::ConfigError;

/// What is made of videos, and with what.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Video {
    /// The program `ffmpeg`: a name to look for on `PATH`, or a path. Default `ffmpeg`.
    pub ffmpeg: PathBuf,
    /// The program `ffprobe`, likewise. Default `ffprobe`.
    pub ffprobe: PathBuf,
    /// How high the rendition is at most, in pixels, and how wide where the video stands upright: from 64 to 1080.
    /// Default 720.
    pub height: u32,
    /// Threads that one job may use. Default 2.
    pub threads: u32,
}

impl Default for Video {
    fn default() -> Self {
        Self { ffmpeg: "ffmpeg".into(), ffprobe: "ffprobe".into(), height: 720, threads: 2 }
    }
}

/// What is made of pictures.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Image {
    /// The longer side of a thumbnail at most, in pixels. Default 320.
    pub thumbnail: u32,
    /// The largest picture that is opened, in pixels. One takes up to 8 bytes of memory for each. Default 50 million.
    pub max_pixels: u32,
}

impl Default for Image {
    fn default() -> Self {
        Self { thumbnail: 320, max_pixels: 50_000_000 }
    }
}

pub(super) fn check(video: &Video, image: &Image) -> Result<(), ConfigError> {
    for (name, value, least, most) in [
        ("video.height", video.height, 64, 1080),
        ("video.threads", video.threads, 1, 64),
        ("image.thumbnail", image.thumbnail, 16, 2048),
        ("image.max_pixels", image.max_pixels, 1, 1_000_000_000),
    ] {
        if !(least..=most).contains(&value) {
            return Err(ConfigError(format!("{name} must be from {least} to {most}")));
        }
    }
    Ok(())
}
