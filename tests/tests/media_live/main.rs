//! Videos and pictures on a running server: what is made of them by the real ffmpeg, who hears of it, and that no child of the
//! server outlives its job, whatever ends the job.

mod ends;
mod made;
mod missing;

use std::path::{Path, PathBuf};
use std::process::Command;

use bytes::Bytes;
use samewire::files::{FileRecord, Get, GetParams};
use samewire::{Client, FileId};
use samewire_tests::live::{Insistent, upload};

/// A film of so many seconds, with sound.
fn film(seconds: u32) -> Bytes {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("film.mp4");
    let picture = format!("testsrc2=s=640x360:r=25:d={seconds}");
    let sound = format!("sine=d={seconds}");
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-nostdin", "-f", "lavfi", "-i", &picture, "-f", "lavfi", "-i", &sound]);
    ffmpeg.args(["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"]).arg(&path);
    assert!(ffmpeg.status().expect("these tests need ffmpeg: apt-get install ffmpeg").success());
    std::fs::read(&path).expect("the film").into()
}

/// A program, written by another process: one that this process holds open for writing could not be run while another thread forks.
fn script(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("program");
    let mut shell = Command::new("sh");
    shell.args(["-c", "printf '#!/bin/sh\\n%s\\n' \"$1\" > \"$2\"; chmod +x \"$2\"", "sh", text]).arg(&path);
    assert!(shell.status().expect("a shell").success());
    path
}

/// Processes that work in this folder, or below it.
fn working_in(folder: &Path) -> Vec<u32> {
    let folder = folder.canonicalize().expect("a folder");
    let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
    let of_folder =
        processes.filter(|entry| std::fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(&folder)));
    of_folder.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// What attempts have left in the data folder.
fn scratch(data: &Path) -> usize {
    std::fs::read_dir(data.join("work")).map_or(0, Iterator::count)
}

async fn look(client: &Client, id: FileId) -> FileRecord {
    client.call::<Get>(&GetParams { id }).await.expect("a record")
}

async fn stored(person: &Insistent, name: &str, bytes: Bytes) -> FileRecord {
    upload(&person.client, name, bytes).await.expect("it is stored")
}
