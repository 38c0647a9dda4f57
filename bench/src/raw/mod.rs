//! Many sockets on one thread, for as little as a client can cost, so that what is compared are the servers: the handshake and
//! the frames of WebSocket by hand, one buffer for all, and no look at a message beyond its first bytes.

mod crowd;
mod dialect;
mod frame;
mod link;

pub(crate) use crowd::{Crowd, Member};
pub(crate) use dialect::Dialect;
pub(crate) use link::{Heard, Link, Out};

/// Puts this thread on the second core, away from the server, where there are two.
pub(crate) fn pin() {
    if !crate::peer::pins() {
        return;
    }
    let mut cores = rustix::thread::CpuSet::new();
    cores.set(crate::peer::LOAD);
    let _ = rustix::thread::sched_setaffinity(None, &cores);
}

/// The number behind the first of this key.
pub(crate) fn number(text: &str, key: &str) -> Option<u64> {
    let (_, rest) = text.split_once(key)?;
    rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}
