//! How long a call takes while an upload runs on the same session.

use std::time::{Duration, Instant};

use samewire::{Client, Source, StreamOptions, system};
use serde_json::value::RawValue;

use super::{MIB, source};
use crate::Outcome;
use crate::peer::Peer;
use crate::report::{median, quantile, verdict};

const ROUNDS: usize = 5;
const CALLS: usize = 1_000;
const PAUSE: Duration = Duration::from_millis(1);
const SIZE: u64 = 1024 * MIB;

pub(crate) async fn run() -> Outcome {
    println!("time of an echo call on an idle session, and while an upload of 1 GiB runs on it; {ROUNDS} rounds in turns");
    let file = source(SIZE)?;
    // The client as a program has it: with more than one thread, on all cores.
    let ratios = std::thread::spawn({
        let file = file.clone();
        move || -> Outcome<Vec<f64>> {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut ratios = Vec::new();
                for _ in 0..ROUNDS {
                    ratios.push(round(&file).await?);
                }
                Ok(ratios)
            })
        }
    })
    .join()
    .map_err(|_| "the measurement panicked")??;
    verdict("p99 during the upload to p99 idle, ratio", median(&ratios), None, Some(3.0));
    std::fs::remove_file(file)?;
    Ok(())
}

async fn round(file: &std::path::Path) -> Outcome<f64> {
    let peer = Peer::samewire_unpinned()?;
    let client = Client::builder(&peer.url).build()?;
    client.connect().await?;
    calls(&client, CALLS / 4, || false).await?;
    let mut idle = calls(&client, CALLS, || false).await?;
    let start = Instant::now();
    let upload = client.upload(Source::file(file).await?, StreamOptions::named("source.bin"));
    let whole = || upload.progress().durable == SIZE;
    let mut busy = calls(&client, usize::MAX, whole).await?;
    upload.finished().await?;
    let rate = SIZE as f64 / MIB as f64 / start.elapsed().as_secs_f64();
    let (i50, i99) = (quantile(&mut idle, 0.5), quantile(&mut idle, 0.99));
    let (b50, b99) = (quantile(&mut busy, 0.5), quantile(&mut busy, 0.99));
    println!(
        " idle p50 {i50:.0} us, p99 {i99:.0} us; during the upload ({rate:.0} MiB/s, {} calls) p50 {b50:.0} us, p99 {b99:.0} us",
        busy.len()
    );
    Ok(b99 / i99)
}

/// Makes calls one after another, each after a pause; their times in microseconds.
async fn calls(client: &Client, most: usize, done: impl Fn() -> bool) -> Outcome<Vec<f64>> {
    let mut times = Vec::new();
    while times.len() < most && !done() {
        let params = RawValue::from_string(r#"{"v":"hello world","n":42}"#.into())?;
        let start = Instant::now();
        client.call::<system::Echo>(&params).await?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
        tokio::time::sleep(PAUSE).await;
    }
    Ok(times)
}
