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

pub use image::ImageProcessor;
pub use sniff::sniff;
pub use tools::Tools;
pub use video::VideoProcessor;

#[cfg(test)]
mod tests;
