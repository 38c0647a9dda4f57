//! A slow disk for any program: a library that is loaded before its own, and lets each write to a file wait as such a disk would.

use std::path::PathBuf;
use std::process::Command;

use crate::Outcome;
use crate::peer::folder;

#[derive(Clone)]
pub(crate) struct SlowDisk {
    library: PathBuf,
    rate: u64,
}

impl SlowDisk {
    /// A disk that takes so many bytes a second.
    pub(crate) fn new(rate: u64) -> Outcome<Self> {
        let library = std::path::absolute(folder()?.join("slow-disk.so"))?;
        let made = Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-o"])
            .arg(&library)
            .args(["bench/slow-disk/slow-disk.c", "-ldl", "-lpthread"])
            .status()?;
        if !made.success() {
            return Err("cc could not make bench/slow-disk/slow-disk.c".into());
        }
        Ok(Self { library, rate })
    }

    pub(crate) fn under(&self, command: &mut Command) {
        command.env("LD_PRELOAD", &self.library).env("SLOW_DISK_BYTES", self.rate.to_string());
    }
}
