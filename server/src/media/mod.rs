//! Pictures and videos: what a file is by its content, and what is made of it.
//!
//! Videos are given to ffmpeg, one that is installed on the machine, as a child with bounds: a hostile file may have it end early, and
//! nothing more. Pictures are small work, and are decoded here.

mod child;
mod ffmpeg;
mod image;
mod probe;
mod progress;
pub mod sniff;
mod spawner;
mod stills;
mod tools;
mod transcode;
mod trouble;
mod video;

use std::sync::Arc;

use samewire_protocol::Failure;

pub use image::ImageProcessor;
pub use sniff::sniff;
pub use tools::Tools;
pub use video::VideoProcessor;

use crate::config::Config;
use crate::jobs::Processor;

/// The processors that a server has by itself.
pub(crate) fn processors(config: &Config, tools: Result<Tools, Failure>) -> Vec<Arc<dyn Processor>> {
    vec![Arc::new(VideoProcessor::new(&config.video, tools)), Arc::new(ImageProcessor::new(&config.image))]
}

#[cfg(test)]
mod tests;
