//! Whether readers that stopped reading are felt by the others, and what they make the server hold.

use std::time::Duration;

use super::traffic::Traffic;
use super::{READERS, Server};
use crate::Outcome;
use crate::raw::{self, Crowd};
use crate::report::{median, quantile, verdict};

const SIZE: usize = 1_024;
const STALLED: usize = 100;
const ROUNDS: usize = 5;
const A_SECOND: u32 = 100;
const WARM_UP: Duration = Duration::from_secs(1);
const SPAN: Duration = Duration::from_secs(6);
/// More than the kernel's buffers between the server and a reader hold (`tcp_wmem`, and what it lets in unread), so that the server
/// itself has to wait.
const FILL: usize = 6 * 1024;
/// Until the server has taken what it needs for this once for all.
const FIRST: usize = 1_024;
/// What the server may hold for one reader: as much as its link takes from the feed at a time (`PULL_BYTES` in `server/src/link.rs`).
const OUTBOX: u64 = 64 * 1024;

pub(crate) fn run() -> Outcome {
    raw::pin();
    println!(
        "{READERS} readers of {SIZE} bytes, {A_SECOND} a second for {} s, then the same with {STALLED} of them stalled; {ROUNDS} rounds",
        SPAN.as_secs()
    );
    let (mut ratios, mut growths) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (ratio, growth) = round()?;
        ratios.push(ratio);
        growths.push(growth);
    }
    verdict("the others' p99, ratio to that before", median(&ratios), None, Some(1.2));
    let (mib, bar) = (1024.0 * 1024.0, STALLED as u64 * OUTBOX);
    let most = growths.into_iter().max().unwrap_or(0);
    verdict("MiB that the server grew by, the most of all rounds", most as f64 / mib, None, Some(bar as f64 / mib));
    Ok(())
}

/// The ratio of the live readers' p99, and how many bytes the server grew by.
fn round() -> Outcome<(f64, u64)> {
    let peer = Server::Samewire.start()?;
    let mut traffic = Traffic::new(Crowd::new(&peer.url, Server::Samewire.dialect())?, READERS, SIZE)?;
    traffic.count_only(READERS - STALLED);
    traffic.burst(FIRST)?;
    let before = times(&mut traffic)?;
    let used = peer.used()?.rss;
    let peak = peer.watch_peak();
    traffic.stall_uncounted()?;
    traffic.burst(FILL)?;
    let after = times(&mut traffic)?;
    let growth = peak.bytes().saturating_sub(used);
    println!(
        "  all read: p50 {:.2} ms, p99 {:.2} ms; {STALLED} stalled: p50 {:.2} ms, p99 {:.2} ms, the server grew by {} KiB",
        before.0,
        before.1,
        after.0,
        after.1,
        growth / 1024
    );
    Ok((after.1 / before.1, growth))
}

/// The p50 and p99 of single deliveries, in milliseconds.
fn times(traffic: &mut Traffic) -> Outcome<(f64, f64)> {
    traffic.paced(A_SECOND, WARM_UP)?;
    traffic.keep_each(true);
    traffic.paced(A_SECOND, SPAN)?;
    let mut times = traffic.keep_each(false);
    Ok((quantile(&mut times, 0.5), quantile(&mut times, 0.99)))
}
