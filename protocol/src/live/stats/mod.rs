//! How well media flows: from the counters of a browser to a line a second, to a summary for the server, to a word for people.

mod summary;

pub use summary::Summary;
