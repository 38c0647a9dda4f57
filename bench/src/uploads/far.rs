//! An upload over a long way, alone and beside calls on the same session.

use std::time::{Duration, Instant};

use samewire::{Client, Source, StreamOptions, Upload, system};
use serde_json::value::RawValue;
use tokio::task::JoinSet;

use super::{MIB, create, patch, source};
use crate::Outcome;
use crate::peer::Peer;
use crate::relay::Relay;
use crate::report::{median, quantile, verdict};

const ROUNDS: usize = 5;
/// Each way.
const DELAY: Duration = Duration::from_millis(50);
const SIZE: u64 = 256 * MIB;
/// What stop-and-wait sends before it waits, and how often here.
const PIECE: usize = 64 * 1024;
const PIECES: u64 = 40;
/// Between two calls, whether or not the first has its answer.
const PACE: Duration = Duration::from_millis(5);
const IDLE_CALLS: usize = 1_000;

struct Run {
    /// Megabytes (1,000,000 bytes) a second.
    alone: f64,
    beside_calls: f64,
    /// The p99 of a call beside the upload, to that on the idle session.
    calls: f64,
}

pub(crate) fn run() -> Outcome {
    println!(
        "upload of {} MiB over a round trip of {} ms, alone and beside calls; stop-and-wait with pieces of {} KiB; {ROUNDS} rounds in turns",
        SIZE / MIB,
        2 * DELAY.as_millis(),
        PIECE / 1024
    );
    let file = source(SIZE)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (mut alone, mut beside, mut calls) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let waiting = runtime.block_on(stop_and_wait())?;
        let same = runtime.block_on(samewire(&file))?;
        println!(
            "  stop-and-wait {waiting:.2} MB/s; samewire {:.1} MB/s alone, {:.1} MB/s beside calls",
            same.alone, same.beside_calls
        );
        alone.push(same.alone / waiting);
        beside.push(same.beside_calls / waiting);
        calls.push(same.calls);
    }
    verdict("rate of an upload alone, ratio to stop-and-wait", median(&alone), Some(10.0), None);
    verdict("rate of an upload beside calls, ratio to stop-and-wait", median(&beside), Some(10.0), None);
    verdict("p99 of a call during the upload to p99 idle, ratio", median(&calls), None, Some(2.0));
    std::fs::remove_file(file)?;
    Ok(())
}

/// The tus server of npm, given small pieces of which each waits until the one before is there. In megabytes a second.
async fn stop_and_wait() -> Outcome<f64> {
    let peer = Peer::tus()?;
    let relay = Relay::start(&peer.url, DELAY)?;
    let http = reqwest::Client::new();
    let size = PIECES * PIECE as u64;
    let upload = create(&http, &relay.url, size).await?;
    let start = Instant::now();
    for piece in 0..PIECES {
        patch(&http, &upload, piece * PIECE as u64, PIECE as u64, vec![0; PIECE].into()).await?;
    }
    Ok(size as f64 / 1e6 / start.elapsed().as_secs_f64())
}

async fn samewire(file: &std::path::Path) -> Outcome<Run> {
    let peer = Peer::samewire()?;
    let relay = Relay::start(&peer.url, DELAY)?;
    let client = Client::builder(&relay.url).build()?;
    client.connect().await?;
    let alone = rate(&client.upload(Source::file(file).await?, StreamOptions::named("source.bin"))).await?;
    let mut idle = calls(&client, IDLE_CALLS, || false).await?;
    let upload = client.upload(Source::file(file).await?, StreamOptions::named("source.bin"));
    let (beside_calls, busy) = tokio::join!(rate(&upload), calls(&client, usize::MAX, || upload.progress().durable == SIZE));
    let (beside_calls, mut busy) = (beside_calls?, busy?);
    let (i50, i99) = (quantile(&mut idle, 0.5), quantile(&mut idle, 0.99));
    let (b50, b99) = (quantile(&mut busy, 0.5), quantile(&mut busy, 0.99));
    println!(
        "  a call on the idle session: p50 {i50:.1} ms, p99 {i99:.1} ms; beside the upload ({} calls) p50 {b50:.1} ms, p99 {b99:.1} ms",
        busy.len()
    );
    Ok(Run { alone, beside_calls, calls: b99 / i99 })
}

/// In megabytes a second, from its first byte until it is whole and its digest is verified.
async fn rate(upload: &Upload) -> Outcome<f64> {
    let start = Instant::now();
    upload.finished().await?;
    Ok(SIZE as f64 / 1e6 / start.elapsed().as_secs_f64())
}

/// Makes calls at a fixed pace, for on a long way one after another would be few; their times in milliseconds.
async fn calls(client: &Client, most: usize, done: impl Fn() -> bool) -> Outcome<Vec<f64>> {
    let mut pace = tokio::time::interval(PACE);
    let mut under_way = JoinSet::new();
    while under_way.len() < most && !done() {
        pace.tick().await;
        let client = client.clone();
        under_way.spawn(async move {
            let params = RawValue::from_string(r#"{"v":"hello world","n":42}"#.into())?;
            let start = Instant::now();
            client.call::<system::Echo>(&params).await?;
            Outcome::Ok(start.elapsed().as_secs_f64() * 1e3)
        });
    }
    under_way.join_all().await.into_iter().collect()
}
