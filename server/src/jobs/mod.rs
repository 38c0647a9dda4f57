//! Work on stored files, in the background: a queue in the records, workers in this process, and workers outside of it.
//!
//! A program brings a [`Processor`]; what it makes of a file becomes the file's parts.

mod job;
mod part;
mod processor;

pub use job::{Job, JobLimits, Reporter};
pub use part::{MAX_EXTRA, MAX_PARTS, NewPart};
pub use processor::{JobPolicy, Processing, Processor};
