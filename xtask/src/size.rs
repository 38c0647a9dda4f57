//! The size that the package costs a page: what its code weighs when gzipped.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::shell::Outcome;

/// All the code of the package, gzipped, in bytes. 12 of these 144 KiB came with rooms: in the wasm, what makes a membership whole again
/// after a cut; in the JavaScript, its state, presence and handles. Another 5 are what outlives a page (`lib/resume/`). 50 came with
/// live video: 36 in the wasm and its glue (the machine of a peer connection, its driver, statistics and diagnosis), 14 in `lib/live/`.
/// The two folders are loaded only where an app asks for them; all else, the wasm whole, a page pays before its first call. The rest is
/// room for all.
const LIMIT: usize = 144 * 1024;

/// Prints the raw and gzipped size of each code file under `package`, and fails when they exceed the limit together.
pub(crate) fn check(package: &Path) -> Outcome {
    let mut files = Vec::new();
    collect(package, &mut files)?;
    files.sort();
    let mut total = (0, 0);
    println!("{:<32} {:>10} {:>10}", "pkg/", "bytes", "gzipped");
    for file in &files {
        let bytes = fs::read(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
        let gzipped = gzipped(&bytes).map_err(|error| format!("cannot compress {}: {error}", file.display()))?;
        println!("{:<32} {:>10} {gzipped:>10}", file.strip_prefix(package).unwrap_or(file).display(), bytes.len());
        total = (total.0 + bytes.len(), total.1 + gzipped);
    }
    println!("{:<32} {:>10} {:>10}  of {LIMIT} allowed", "together", total.0, total.1);
    if total.1 > LIMIT {
        return Err(format!("the browser package is {} bytes over its limit, gzipped", total.1 - LIMIT));
    }
    Ok(())
}

/// The files that hold code: wasm and JavaScript, at any depth, dependencies apart.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Outcome {
    let entries = fs::read_dir(folder).map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
    for entry in entries {
        let path = entry.map_err(|error| format!("cannot read {}: {error}", folder.display()))?.path();
        if path.is_dir() {
            if !path.ends_with("node_modules") {
                collect(&path, files)?;
            }
        } else if path.extension().is_some_and(|extension| ["wasm", "js", "mjs"].iter().any(|code| extension == *code)) {
            files.push(path);
        }
    }
    Ok(())
}

fn gzipped(bytes: &[u8]) -> std::io::Result<usize> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.len())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{LIMIT, check};

    /// Bytes that do not compress.
    fn noise(length: usize) -> Vec<u8> {
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u8
        };
        (0..length).map(|_| next()).collect()
    }

    #[test]
    fn code_files_count_together_and_others_do_not() {
        let package = tempfile::tempdir().unwrap();
        fs::create_dir(package.path().join("wasm")).unwrap();
        fs::write(package.path().join("index.d.ts"), noise(LIMIT)).unwrap();
        fs::write(package.path().join("index.js"), noise(LIMIT / 2)).unwrap();
        assert!(check(package.path()).is_ok());
        fs::write(package.path().join("wasm/samewire_bg.wasm"), noise(LIMIT / 2)).unwrap();
        assert!(check(package.path()).is_err());
    }
}
