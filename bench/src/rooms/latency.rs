//! How long a message takes to the last of a thousand readers.

use std::time::Duration;

use super::traffic::Traffic;
use super::{READERS, Server};
use crate::Outcome;
use crate::raw::{self, Crowd};
use crate::report::{median, quantile, verdict};

const SIZE: usize = 128;
const ROUNDS: usize = 3;
const A_SECOND: u32 = 20;
const WARM_UP: Duration = Duration::from_secs(1);
const SPAN: Duration = Duration::from_secs(15);

pub(crate) fn run() -> Outcome {
    raw::pin();
    println!(
        "publish to the last of {READERS} readers, {SIZE} bytes, {A_SECOND} a second for {} s; {ROUNDS} rounds in turns",
        SPAN.as_secs()
    );
    let (mut ours, mut ratios) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (same, bare) = (round(Server::Samewire)?, round(Server::Bare)?);
        ours.push(same);
        ratios.push(same / bare);
    }
    verdict("p99 in milliseconds", median(&ours), None, Some(50.0));
    println!("  p99, ratio to bare axum: {:.2}", median(&ratios));
    Ok(())
}

/// The p99 in milliseconds.
fn round(server: Server) -> Outcome<f64> {
    let peer = server.start()?;
    let mut traffic = Traffic::new(Crowd::new(&peer.url, server.dialect())?, READERS, SIZE)?;
    traffic.paced(A_SECOND, WARM_UP)?;
    let from = traffic.published();
    traffic.paced(A_SECOND, SPAN)?;
    let mut times = traffic.to_last(from);
    let (p50, p99) = (quantile(&mut times, 0.5), quantile(&mut times, 0.99));
    println!("  {:<18} p50 {p50:.2} ms, p99 {p99:.2} ms", server.name());
    Ok(p99)
}
