//! Pictures and videos: what a file is by its content, and what is made of it.

pub mod sniff;

pub use sniff::sniff;
