//! What an idle session that has joined a room costs in resident memory.

use std::time::Duration;

use super::Server;
use crate::Outcome;
use crate::peer::Peer;
use crate::raw::{self, Crowd, Dialect};
use crate::report::verdict;

const SESSIONS: usize = 10_000;
/// The first few make the server take what it needs once for all.
const FIRST: usize = 100;
const PAUSE: Duration = Duration::from_secs(3);

pub(crate) fn run() -> Outcome {
    raw::pin();
    println!("resident memory of {SESSIONS} idle sessions in one room with presence");
    let bare = cost(&Server::Bare.start()?, Server::Bare.dialect())?;
    let session = cost(&Server::Samewire.start()?, Dialect::Session)?;
    let joined = cost(&Server::Samewire.start()?, Server::Samewire.dialect())?;
    println!(
        " samewire session in a room: {joined:.0} bytes; in none: {session:.0} bytes; subscriber of the bare fan-out: {bare:.0} bytes"
    );
    verdict("kilobytes (1,000 bytes) a session in a room", joined / 1000.0, None, Some(10.0));
    println!("  ratio to the bare subscriber: {:.2}", joined / bare);
    Ok(())
}

fn cost(peer: &Peer, dialect: Dialect) -> Outcome<f64> {
    let mut crowd = Crowd::new(&peer.url, dialect)?;
    crowd.join(FIRST)?;
    let before = peer.used()?.rss;
    crowd.join(SESSIONS)?;
    // Until what the joining itself led to is over.
    crowd.idle(PAUSE, &mut |_| {})?;
    let after = peer.used()?.rss;
    Ok(after.saturating_sub(before) as f64 / SESSIONS as f64)
}
