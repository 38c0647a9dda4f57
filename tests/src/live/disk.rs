//! What a server has on its disk, seen from outside.

use std::fs;
use std::path::{Path, PathBuf};

use samewire_protocol::Digest;

/// Every blob in a data folder.
fn blobs(data: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![data.join("blobs")];
    while let Some(folder) = folders.pop() {
        // A folder or a file may go while it is looked at.
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(_) => found.push(entry.path()),
                Err(_) => {}
            }
        }
    }
    found
}

/// How many blobs there are.
#[must_use]
pub fn blob_count(data: &Path) -> usize {
    blobs(data).len()
}

/// The size of each blob, sorted.
#[must_use]
pub fn blob_sizes(data: &Path) -> Vec<u64> {
    let mut sizes: Vec<_> = blobs(data).into_iter().filter_map(|path| Some(fs::metadata(path).ok()?.len())).collect();
    sizes.sort_unstable();
    sizes
}

/// Size and digest of each blob, sorted.
///
/// # Panics
/// When a blob cannot be read.
#[must_use]
pub fn blob_digests(data: &Path) -> Vec<(u64, String)> {
    let mut all: Vec<_> = blobs(data)
        .into_iter()
        .map(|path| {
            let bytes = fs::read(path).expect("a blob that can be read");
            (bytes.len() as u64, Digest::of(&bytes).to_string())
        })
        .collect();
    all.sort();
    all
}

/// Waits until there are so many blobs.
pub async fn wait_for_blobs(data: &Path, count: usize) {
    super::until(&format!("{count} blobs in the folder"), || async { blob_count(data) == count }).await;
}
