//! What an idle session costs in resident memory.

use futures_util::future::try_join_all;

use crate::Outcome;
use crate::peer::Peer;
use crate::report::verdict;
use crate::socket::{Socket, connect};

const SESSIONS: usize = 10_000;
const AT_ONCE: usize = 100;

pub(crate) async fn run() -> Outcome {
    println!("resident memory of {SESSIONS} idle connections");
    let bare = cost(&Peer::compared("echo")?, false).await?;
    let same = cost(&Peer::samewire()?, true).await?;
    println!(" samewire session: {same:.0} bytes; bare axum WebSocket with small buffers: {bare:.0} bytes");
    verdict("kilobytes (1,000 bytes) a session", same / 1000.0, None, Some(9.0));
    println!("  ratio to the bare WebSocket: {:.2}", same / bare);
    Ok(())
}

async fn cost(peer: &Peer, hello: bool) -> Outcome<f64> {
    let mut sockets: Vec<Socket> = Vec::with_capacity(SESSIONS);
    // The first few make the server take what it needs once for all.
    for _ in 0..AT_ONCE {
        sockets.push(connect(&peer.url, hello).await?);
    }
    let before = peer.used()?.rss;
    while sockets.len() < SESSIONS + AT_ONCE {
        sockets.extend(try_join_all((0..AT_ONCE).map(|_| connect(&peer.url, hello))).await?);
    }
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let after = peer.used()?.rss;
    Ok((after - before) as f64 / SESSIONS as f64)
}
