//! What travels on a samewire session, and both halves of the session's state machine.

pub mod accept;
pub mod code;
pub mod digest;
pub mod failure;
pub mod files;
pub mod id;
mod json;
pub mod limits;
pub mod live;
pub mod method;
pub mod name;
pub mod rooms;
pub mod session;
pub mod streams;
pub mod system;
mod table;
pub mod time;
pub mod wire;

pub use code::Code;
pub use digest::{Digest, Digester};
pub use failure::{Failure, Ran};
pub use id::{CallId, FileId, JobId, Link, SessionId, StreamId, StreamNo};
pub use limits::Limits;
pub use method::{Method, Route, StreamRef};
pub use time::Instant;
