//! Uploads of npm `metacom`, to this server and to Metacom's own: whether they are intact, and what they cost.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::slow_disk::SlowDisk;
use crate::Outcome;
use crate::peer::{LOAD, Peer, pinned};
use crate::report::{median, verdict};
use crate::uploads::{MIB, source};

/// Of the large file: how often it is sent to this server, and to the other one.
const OURS: usize = 20;
const THEIRS: usize = 4;
const LARGE: u64 = 256 * MIB;
/// Of the smaller ones: how many are sent in a round.
const FILES: usize = 16;
const SMALL: u64 = 16 * MIB;
const ROUNDS: usize = 5;
/// What the slow disk takes, in bytes a second.
const SLOW: u64 = 64 * MIB;

pub(crate) fn run() -> Outcome {
    let slow = SlowDisk::new(SLOW)?;
    let file = source(LARGE)?;
    for (disk, slow) in [("the disk", None), ("a disk of 64 MiB/s", Some(&slow))] {
        println!("npm metacom sends {} MiB to {disk}", LARGE / MIB);
        let (ours, theirs) = (intact(Server::Samewire, slow, &file, OURS)?, intact(Server::Metacom, slow, &file, THEIRS)?);
        println!("  Metacom's own server: {theirs} of {THEIRS} intact");
        verdict(&format!("of {OURS} uploads, those that are intact"), ours as f64, Some(OURS as f64), None);
    }
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
    std::fs::remove_file(file)?;
    Ok(())
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

/// How many of so many uploads, each to a server of its own, are the file that was sent.
fn intact(server: Server, slow: Option<&SlowDisk>, file: &Path, count: usize) -> Outcome<usize> {
    let mut intact = 0;
    for _ in 0..count {
        let peer = server.start(slow)?;
        let peak = peer.watch_peak();
        let told = send(server, &peer, file, 1)?.remove(0);
        let whole = told.starts_with("whole") && same_files(&server.files(peer.data()?), file)? == 1;
        if !whole {
            println!("  {told}; the server took {} MiB of memory", peak.bytes() / MIB);
        }
        intact += usize::from(whole);
    }
    Ok(intact)
}

struct Cost {
    cpu: f64,
    intact: usize,
}

/// The server's CPU seconds for all of the files, each of which must have its size in the end.
fn cost(server: Server, file: &Path) -> Outcome<Cost> {
    let peer = server.start(None)?;
    // A first one loads the server's code.
    send(server, &peer, file, 1)?;
    let files = server.files(peer.data()?);
    // The other server writes the first one over.
    let first = if matches!(server, Server::Samewire) { same_files(&files, file)? } else { 0 };
    let before = peer.used()?.cpu;
    let told = send(server, &peer, file, FILES)?;
    let cpu = peer.used()?.cpu - before;
    if let Some(failed) = told.iter().find(|told| !told.starts_with("whole")) {
        return Err(failed.clone().into());
    }
    Ok(Cost { cpu, intact: same_files(&files, file)? - first })
}

/// What the client says of each upload.
fn send(server: Server, peer: &Peer, file: &Path, count: usize) -> Outcome<Vec<String>> {
    let mut command = pinned(Path::new("node"), LOAD);
    command.arg("bench/npm/metacom-client.mjs").arg(&peer.url).arg(file).arg(count.to_string());
    if matches!(server, Server::Metacom) {
        command.arg(peer.data()?);
    }
    let mut client = command.stdout(Stdio::piped()).spawn()?;
    let out = client.stdout.take().ok_or("the client has no output")?;
    let told: Vec<String> = BufReader::new(out).lines().collect::<Result<_, _>>()?;
    client.wait()?;
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
