//! tus-js-client in Node uploads a file, to samewire and to the tus server of npm.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;

use serde_json::json;

use super::{MIB, source};
use crate::Outcome;
use crate::peer::{LOAD, Peer, pinned};
use crate::report::{median, verdict};

const ROUNDS: usize = 5;
const SIZE: u64 = 256 * MIB;

struct Run {
    /// MiB a second.
    rate: f64,
    cpu: f64,
    memory: u64,
}

pub(crate) fn run() -> Outcome {
    println!("upload of {} MiB with tus-js-client, {ROUNDS} rounds in turns", SIZE / MIB);
    let file = source(SIZE)?;
    for (name, chunk, barred) in [("in chunks of 8 MiB", 8 * MIB, true), ("in one PATCH", 0, false)] {
        println!(" {name}:");
        let (mut rates, mut costs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let same = samewire(&file, chunk)?;
            let tus = node(&file, chunk)?;
            for (server, run) in [("samewire", &same), ("@tus/server", &tus)] {
                println!(
                    "  {server:<12} {:.0} MiB/s, {:.2} CPU-s, {:.1} MiB over idle",
                    run.rate,
                    run.cpu,
                    run.memory as f64 / MIB as f64
                );
            }
            rates.push(same.rate / tus.rate);
            costs.push(same.cpu / tus.cpu);
        }
        let (rate, cost) = (median(&rates), median(&costs));
        if barred {
            verdict("MiB/s, ratio to @tus/server", rate, Some(1.5), None);
            verdict("CPU-seconds of the server, ratio to @tus/server", cost, None, Some(0.5));
        } else {
            println!("  ratios to @tus/server: MiB/s {rate:.2}, CPU-seconds of the server {cost:.2}");
        }
    }
    std::fs::remove_file(file)?;
    Ok(())
}

fn samewire(file: &Path, chunk: u64) -> Outcome<Run> {
    let peer = Peer::samewire()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let minted: serde_json::Value = runtime.block_on(async {
        let asked = reqwest::Client::new().post(format!("{}/dev/token", peer.url)).json(&json!({ "name": "ada" }));
        asked.send().await?.error_for_status()?.json().await
    })?;
    let token = minted["token"].as_str().ok_or("the server minted no token")?;
    upload(&peer, "/tus/", file, chunk, Some(token))
}

fn node(file: &Path, chunk: u64) -> Outcome<Run> {
    upload(&Peer::tus()?, "/files", file, chunk, None)
}

fn upload(peer: &Peer, path: &str, file: &Path, chunk: u64, token: Option<&str>) -> Outcome<Run> {
    let mut client = pinned(Path::new("node"), LOAD);
    client.arg("bench/npm/tus-client.mjs").arg(format!("{}{path}", peer.url)).arg(file).arg(chunk.to_string()).args(token);
    let mut client = client.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let (mut to, from) = (client.stdin.take(), client.stdout.take());
    let mut lines = BufReader::new(from.ok_or("the client has no output")?).lines();
    let told = (|| {
        lines.next().ok_or("the client did not get ready")??;
        let idle = peer.used()?;
        let peak = peer.watch_peak();
        to.as_mut().ok_or("the client has no input")?.write_all(b"go\n")?;
        let seconds: f64 = lines.next().ok_or("the upload failed")??.parse()?;
        let cpu = peer.used()?.cpu - idle.cpu;
        Outcome::Ok(Run { rate: SIZE as f64 / MIB as f64 / seconds, cpu, memory: peak.bytes().saturating_sub(idle.rss) })
    })();
    drop(client.kill());
    drop(client.wait());
    told
}
