//! Live video: an app on rooms and their signals.

mod ice;

pub use ice::Ice;
