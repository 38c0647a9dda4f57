//! Live video in the browser: peer connections, driven by [`samewire_protocol::live::peer`].
//!
//! A [`Peer`] is one end of the way between a broadcaster and one viewer. Its driver holds the browser's `RTCPeerConnection` (two,
//! while one takes the place of the other) and does what the machine says. What crosses to the package's JavaScript are plain
//! objects: it reads and writes JSON for calls and signals anyway.

mod bridge;
mod connection;
mod desk;
mod diagnosis;
mod driver;
mod listener;
mod media;
mod message;
mod report;
mod view;
mod web;

pub use bridge::Peer;
pub use diagnosis::Diagnosis;
pub use listener::PeerListener;
pub use view::View;
