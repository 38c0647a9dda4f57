//! A slow disk for any program: a library that is loaded before its own, and lets each write to a file wait as such a disk would.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::Outcome;
use crate::peer::folder;

pub(crate) struct SlowDisk {
    library: PathBuf,
    rate: u64,
    /// Kept for as long as the library is needed.
    _folder: tempfile::TempDir,
}

impl SlowDisk {
    /// A disk that takes so many bytes a second.
    pub(crate) fn new(rate: u64) -> Outcome<Self> {
        let within = tempfile::tempdir_in(folder()?)?;
        let library = std::path::absolute(within.path().join("slow-disk.so"))?;
        let made = Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-o"])
            .arg(&library)
            .args(["bench/slow-disk/slow-disk.c", "-ldl", "-lpthread"])
            .status()?;
        if !made.success() {
            return Err("cc could not make bench/slow-disk/slow-disk.c".into());
        }
        Ok(Self { library, rate, _folder: within })
    }

    /// So much shorter than it must take to write so many bytes, that it did not.
    pub(crate) fn least(&self, bytes: u64) -> Duration {
        Duration::from_secs_f64(bytes as f64 / self.rate as f64 * 0.9)
    }

    pub(crate) fn under(&self, command: &mut Command) {
        command.env("LD_PRELOAD", &self.library).env("SLOW_DISK_BYTES", self.rate.to_string());
    }
}
