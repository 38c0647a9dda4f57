//! Whether uploads that run at once get on alike, and what they make the server hold.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::{select_all, try_join_all};
use samewire::{Client, Source, StreamOptions, Upload};

use super::{MIB, Noise};
use crate::Outcome;
use crate::peer::Peer;
use crate::raw;
use crate::report::{median, verdict};

const ROUNDS: usize = 3;
const SESSIONS: usize = 8;
const UPLOADS: usize = 64;
/// What each sends first, and then: memory is flat where four times as much takes no more of it.
const SIZES: [u64; 2] = [16 * MIB, 64 * MIB];
/// How far behind the first the last may be.
const BEHIND: f64 = 0.2;
/// What the server may grow by, however much is sent: what the streams may have on their way (`streams.memory`), and as much again
/// to write with and for the allocator.
const MEMORY: u64 = 64 * MIB;

struct Run {
    seconds: f64,
    /// The share of its bytes that the last upload has durable at the moment when the first has all of them.
    last: f64,
    mean: f64,
    /// The time until the first was whole, to that until the last was.
    finishing: f64,
}

pub(crate) fn run() -> Outcome {
    println!("{UPLOADS} uploads at once on {SESSIONS} sessions, {} MiB each; {ROUNDS} rounds", SIZES[1] / MIB);
    // The client on the other core than the server, as a thread of its own that is gone afterwards.
    let measured = std::thread::spawn(|| -> Outcome<(Vec<f64>, u64)> {
        raw::pin();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (mut lasts, mut most) = (Vec::new(), 0);
        for _ in 0..ROUNDS {
            let (last, memory) = runtime.block_on(round())?;
            lasts.push(last);
            most = most.max(memory);
        }
        Ok((lasts, most))
    });
    let (lasts, most) = measured.join().map_err(|_| "the measurement panicked")??;
    verdict("durable of the one furthest behind when the first is whole, share", median(&lasts), Some(1.0 - BEHIND), None);
    let mib = |bytes: u64| bytes as f64 / MIB as f64;
    verdict("MiB over idle, the most of all rounds", mib(most), None, Some(mib(MEMORY)));
    Ok(())
}

/// How far the last of the large uploads was, and by how much the server grew.
async fn round() -> Outcome<(f64, u64)> {
    let peer = Peer::samewire()?;
    let clients = try_join_all((0..SESSIONS).map(|_| async {
        let client = Client::builder(&peer.url).build()?;
        client.connect().await?;
        Outcome::Ok(client)
    }))
    .await?;
    let idle = peer.used()?.rss;
    let (mut last, mut most) = (f64::NAN, 0);
    for size in SIZES {
        let peak = peer.watch_peak();
        let run = wave(&clients, size).await?;
        let memory = peak.bytes().saturating_sub(idle);
        most = most.max(memory);
        last = run.last;
        println!(
            "  {} MiB each: {:.0} MiB/s together; when the first was whole the last had {:.2} of its bytes, all {:.2} in the mean; \
             the first after {:.2} of the time of the last; {:.1} MiB over idle",
            size / MIB,
            (UPLOADS as u64 * size / MIB) as f64 / run.seconds,
            run.last,
            run.mean,
            run.finishing,
            memory as f64 / MIB as f64,
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok((last, most))
}

async fn wave(clients: &[Client], size: u64) -> Outcome<Run> {
    let mut bytes = vec![0; size as usize];
    Noise::new().fill(&mut bytes);
    let bytes = Bytes::from(bytes);
    let start = Instant::now();
    let uploads: Vec<Upload> = (0..UPLOADS)
        .map(|number| clients[number % SESSIONS].upload(Source::bytes(bytes.clone()), StreamOptions::named(number.to_string())))
        .collect();
    let whole = |upload: &Upload| {
        let mut progress = upload.watch_progress();
        Box::pin(async move { drop(progress.wait_for(|progress| progress.durable == size).await) })
    };
    select_all(uploads.iter().map(whole)).await;
    let first = start.elapsed();
    // The shares of one moment: later on those that are left go faster, and finishing times say less than there is to say.
    let shares: Vec<f64> = uploads.iter().map(|upload| upload.progress().durable as f64 / size as f64).collect();
    try_join_all(uploads.iter().map(Upload::finished)).await?;
    let seconds = start.elapsed().as_secs_f64();
    Ok(Run {
        seconds,
        last: shares.iter().copied().fold(f64::INFINITY, f64::min),
        mean: shares.iter().sum::<f64>() / UPLOADS as f64,
        finishing: first.as_secs_f64() / seconds,
    })
}
