//! Live video: an app on rooms and their signals.

mod ice;
mod rest;

pub use ice::Ice;
pub(crate) use rest::router;
