//! Both ends of a peer connection on virtual time: one file for each behaviour.

#![allow(clippy::unwrap_used, reason = "a test that meets what it does not expect is to fail")]

mod chaos;
mod connecting;
mod glare;
mod healing;
mod link;
mod replacing;
mod stale;

use std::time::Duration;

use samewire_protocol::live::peer::Side;

const SIDES: [Side; 2] = [Side::Broadcaster, Side::Viewer];

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
