//! Uploads of npm `metacom`, to this server and to Metacom's own: whether they are intact, and what they cost.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use super::slow_disk::SlowDisk;
use crate::Outcome;
use crate::peer::{LOAD, Peer, pinned};
use crate::report::{median, verdict};
use crate::uploads::{MIB, source};

/// Of the large file: how often it is sent to this server, and after how many of these once to the other one.
const OURS: usize = 20;
const EVERY: usize = 5;
const LARGE: u64 = 256 * MIB;
/// Of the smaller ones: how many are sent in a round, on one connection, and how many before the clock runs: they load the code of both.
const FILES: usize = 32;
const WARM: usize = 4;
const SMALL: u64 = 16 * MIB;
const ROUNDS: usize = 5;
/// What the slow disk takes, in bytes a second: a fraction of what the client sends.
const SLOW: u64 = 32 * MIB;

pub(crate) fn run() -> Outcome {
    let file = source(SMALL)?;
    println!("npm metacom sends {FILES} files of {} MiB to the disk, {ROUNDS} rounds in turns", SMALL / MIB);
    let mut ratios = Vec::new();
    for round in 1..=ROUNDS {
        let (ours, theirs) = (cost(Server::Samewire, &file)?, cost(Server::Metacom, &file)?);
        println!(
            "  round {round}: samewire {:.2} CPU-s, {} of {FILES} intact; Metacom's own server {:.2} CPU-s, {} intact",
            ours.cpu, ours.intact, theirs.cpu, theirs.intact
        );
        if ours.intact != FILES {
            return Err("some files are not what was sent".into());
        }
        ratios.push(ours.cpu / theirs.cpu);
    }
    verdict(
        "CPU-seconds of the server, ratio (ours with a digest of the whole, theirs without)",
        median(&ratios),
        None,
        Some(0.5),
    );
    let file = source(LARGE)?;
    let slow = SlowDisk::new(SLOW)?;
    large("the disk", None, &file)?;
    large(&format!("a disk of {} MiB/s", SLOW / MIB), Some(&slow), &file)?;
    std::fs::remove_file(file)?;
    Ok(())
}

fn large(disk: &str, slow: Option<&SlowDisk>, file: &Path) -> Outcome {
    println!("npm metacom sends {} MiB to {disk}, in turns", LARGE / MIB);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..OURS {
        ours.push(upload(Server::Samewire, slow, file)?);
        if round % EVERY == 0 {
            theirs.push(upload(Server::Metacom, slow, file)?);
        }
    }
    print("samewire", &ours);
    print("Metacom's own server", &theirs);
    verdict(&format!("intact of {OURS}"), intact(&ours) as f64, Some(OURS as f64), None);
    Ok(())
}

fn print(server: &str, uploads: &[Upload]) {
    let memory = uploads.iter().map(|upload| upload.memory).max().unwrap_or(0);
    println!("  {server}: {} of {} intact, {} MiB of memory at most", intact(uploads), uploads.len(), memory / MIB);
    let costs: Vec<f64> = uploads.iter().filter_map(|upload| upload.cpu).collect();
    if !costs.is_empty() {
        println!("    {:.2} CPU-s each in the median", median(&costs));
    }
    let mut reasons: Vec<&str> = uploads.iter().filter(|upload| !upload.intact).map(|upload| &*upload.told).collect();
    reasons.sort_unstable();
    reasons.dedup();
    reasons.iter().for_each(|told| println!("    {told}"));
}

fn intact(uploads: &[Upload]) -> usize {
    uploads.iter().filter(|upload| upload.intact).count()
}

#[derive(Clone, Copy)]
enum Server {
    Samewire,
    Metacom,
}

impl Server {
    fn start(self, slow: Option<&SlowDisk>) -> Outcome<Peer> {
        let prepare = |command: &mut std::process::Command| {
            if let Some(slow) = slow {
                slow.under(command);
            }
        };
        match self {
            Self::Samewire => Peer::samewire_prepared(prepare),
            Self::Metacom => Peer::metacom(prepare),
        }
    }

    /// Where the bytes of its files are.
    fn files(self, data: &Path) -> PathBuf {
        match self {
            Self::Samewire => data.join("blobs"),
            Self::Metacom => data.to_owned(),
        }
    }
}

struct Upload {
    /// What the client says of it.
    told: String,
    intact: bool,
    /// What the server took for it, where it is still there.
    cpu: Option<f64>,
    memory: u64,
}

/// Sends the file to a server of its own.
fn upload(server: Server, slow: Option<&SlowDisk>, file: &Path) -> Outcome<Upload> {
    let peer = server.start(slow)?;
    let (before, start) = (peer.used()?.cpu, Instant::now());
    let peak = peer.watch_peak();
    let mut told = send(server, &peer, file, 0, 1)?.remove(0);
    let memory = peak.bytes();
    let is_stored = told.starts_with("whole");
    if let Some(slow) = slow
        && is_stored
        && start.elapsed() < slow.least(LARGE)
    {
        return Err("the slow disk was not slow: is the server linked with another C library?".into());
    }
    let cpu = if is_stored { Some(peer.used()?.cpu - before) } else { None };
    let intact = is_stored && same_files(&server.files(peer.data()?), file)? == 1;
    if is_stored && !intact {
        told = "the file that is there has other bytes".into();
    }
    Ok(Upload { told, intact, cpu, memory })
}

struct Cost {
    cpu: f64,
    intact: usize,
}

/// The server's CPU seconds for all of the files, each of which must have its size in the end.
fn cost(server: Server, file: &Path) -> Outcome<Cost> {
    let peer = server.start(None)?;
    send(server, &peer, file, 0, WARM)?;
    let files = server.files(peer.data()?);
    let first = same_files(&files, file)?;
    let before = peer.used()?.cpu;
    let told = send(server, &peer, file, WARM, FILES)?;
    let cpu = peer.used()?.cpu - before;
    if let Some(failed) = told.iter().find(|told| !told.starts_with("whole")) {
        return Err(failed.clone().into());
    }
    Ok(Cost { cpu, intact: same_files(&files, file)? - first })
}

/// What the client says of each upload; the first of them has this number.
fn send(server: Server, peer: &Peer, file: &Path, first: usize, count: usize) -> Outcome<Vec<String>> {
    let mut command = pinned(Path::new("node"), LOAD);
    command.arg("bench/npm/metacom-client.mjs").arg(&peer.url).arg(file).arg(first.to_string()).arg(count.to_string());
    if matches!(server, Server::Metacom) {
        command.arg(peer.data()?);
    }
    let told = command.stderr(Stdio::inherit()).output()?.stdout;
    let told: Vec<String> = String::from_utf8(told)?.lines().map(str::to_owned).collect();
    if told.len() != count {
        return Err(format!("the client told of {} of {count} uploads", told.len()).into());
    }
    Ok(told)
}

/// How many files in a folder, at any depth, have the bytes of this one.
fn same_files(folder: &Path, file: &Path) -> Outcome<usize> {
    let mut same = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            same += same_files(&entry.path(), file)?;
        } else if is_same(&entry.path(), file)? {
            same += 1;
        }
    }
    Ok(same)
}

fn is_same(one: &Path, other: &Path) -> Outcome<bool> {
    if std::fs::metadata(one)?.len() != std::fs::metadata(other)?.len() {
        return Ok(false);
    }
    let (mut one, mut other) = (std::fs::File::open(one)?, std::fs::File::open(other)?);
    let (mut left, mut right) = (vec![0; MIB as usize], vec![0; MIB as usize]);
    loop {
        let read = one.read(&mut left)?;
        if read == 0 {
            return Ok(true);
        }
        other.read_exact(&mut right[..read])?;
        if left[..read] != right[..read] {
            return Ok(false);
        }
    }
}
