//! How well media flows: from the counters of a browser ([`Sample`]) to a line a second ([`Stats`]), to a [`Summary`] for the server,
//! to a word for people ([`Leveller`]).

mod level;
mod meter;
mod sample;
mod summary;

pub use level::Leveller;
pub use meter::{Meter, Stats};
pub use sample::Sample;
pub use summary::Summary;
