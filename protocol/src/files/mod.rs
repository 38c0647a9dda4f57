//! Stored files: what is told of them, the contracts of the methods `files/…`, and the events of the rooms `file:…`.

mod event;
mod methods;
mod record;

pub use event::*;
pub use methods::*;
pub use record::*;
