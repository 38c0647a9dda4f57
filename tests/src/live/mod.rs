//! Real servers on real sockets and a real disk: in this process ([`Host`]) or in one of their own that can be killed
//! ([`Child`]), a [`proxy`] that cuts what goes through it, and a client that speaks the wire by hand ([`raw`]).
//!
//! Everything listens on loopback, on ports that the system gives. Nothing here measures time; what waits, waits with a
//! generous end, so that a fault is a failed test and not one that hangs.

mod child;
mod client;
mod contract;
mod disk;
mod host;
pub mod http;
pub mod proxy;
pub mod raw;
mod turn;

use std::future::Future;
use std::time::Duration;

pub use child::Child;
pub use client::{Insistent, contents, download, list, store, upload};
pub use disk::{blob_count, blob_digests, blob_sizes, wait_for_blobs};
pub use host::{Host, SECRET, settings, token, token_with};
pub use turn::Turn;

/// How long anything may take before a test gives up: far more than it should on a slow machine.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Waits for this, but not for ever.
///
/// # Panics
/// When it takes longer than [`PATIENCE`].
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: not done within {PATIENCE:?}"),
    }
}

/// Asks again and again until the answer is yes.
///
/// # Panics
/// When it is not within [`PATIENCE`].
pub async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    within(what, async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}
