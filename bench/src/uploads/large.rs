//! A file of 1 GiB to the disk, beside the tus server of npm.

use std::path::Path;
use std::time::Instant;

use samewire::{Client, Source, StreamOptions, files};

use super::{MIB, create, patch, source};
use crate::Outcome;
use crate::peer::Peer;
use crate::report::{median, verdict};

const ROUNDS: usize = 3;
/// Above this over idle the memory of an upload is not flat.
const MEMORY: u64 = 32 * MIB;

struct Run {
    seconds: f64,
    cpu: f64,
    memory: u64,
}

pub(crate) async fn run() -> Outcome {
    let size = std::env::var("SAMEWIRE_BENCH_MIB").ok().and_then(|size| size.parse().ok()).unwrap_or(1024) * MIB;
    println!("upload of {} MiB over loopback to the disk, {ROUNDS} rounds in turns", size / MIB);
    let file = source(size)?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let same = samewire(&file, size).await?;
        let tus = tus(&file, size).await?;
        println!(
            " round {}: samewire {:.2} CPU-s, {:.0} MiB/s, {:.1} MiB over idle; @tus/server {:.2} CPU-s, {:.0} MiB/s, {:.1} MiB over idle",
            round + 1,
            same.cpu,
            size as f64 / MIB as f64 / same.seconds,
            same.memory as f64 / MIB as f64,
            tus.cpu,
            size as f64 / MIB as f64 / tus.seconds,
            tus.memory as f64 / MIB as f64,
        );
        ours.push(same);
        theirs.push(tus);
    }
    let ratios: Vec<f64> = ours.iter().zip(&theirs).map(|(same, tus)| same.cpu / tus.cpu).collect();
    verdict(
        "CPU-seconds of the server, ratio (ours with a digest of the whole, theirs without)",
        median(&ratios),
        None,
        Some(0.6),
    );
    let most = ours.iter().map(|run| run.memory).max().unwrap_or(0);
    verdict("MiB over idle, the most of all rounds", most as f64 / MIB as f64, None, Some(MEMORY as f64 / MIB as f64));
    std::fs::remove_file(file)?;
    Ok(())
}

async fn samewire(file: &Path, size: u64) -> Outcome<Run> {
    let peer = Peer::samewire()?;
    let client = Client::builder(&peer.url).build()?;
    client.connect().await?;
    let idle = peer.used()?;
    let (peak, start) = (peer.watch_peak(), Instant::now());
    let upload = client.upload(Source::file(file).await?, StreamOptions::named("source.bin"));
    let stored = client.call::<files::Upload>(&files::UploadParams { stream: upload.stream(), name: None }).await?;
    let seconds = start.elapsed().as_secs_f64();
    let cpu = peer.used()?.cpu - idle.cpu;
    if stored.file.size != size {
        return Err("the stored file has another size".into());
    }
    Ok(Run { seconds, cpu, memory: peak.bytes().saturating_sub(idle.rss) })
}

/// The best case of tus: the whole file in one PATCH.
async fn tus(file: &Path, size: u64) -> Outcome<Run> {
    let peer = Peer::tus()?;
    let http = reqwest::Client::new();
    // A first small upload loads the server's code, as the session of the other server is up before its clock runs.
    let warm_up = create(&http, &peer.url, 4).await?;
    patch(&http, &warm_up, 0, 4, Vec::from("warm").into()).await?;
    let idle = peer.used()?;
    let (peak, start) = (peer.watch_peak(), Instant::now());
    let file = tokio::fs::File::open(file).await?;
    let body = reqwest::Body::wrap_stream(tokio_util::io::ReaderStream::with_capacity(file, 256 * 1024));
    let upload = create(&http, &peer.url, size).await?;
    patch(&http, &upload, 0, size, body).await?;
    let seconds = start.elapsed().as_secs_f64();
    let cpu = peer.used()?.cpu - idle.cpu;
    Ok(Run { seconds, cpu, memory: peak.bytes().saturating_sub(idle.rss) })
}
