//! ffmpeg and ffprobe, as they are found when the server starts.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use parking_lot::Mutex;
use samewire_protocol::{Code, Failure};
use tokio::process::Command;

use super::child::find_setpriv;
use crate::config::Video;

/// How long a program may take to say its version.
const PATIENCE: Duration = Duration::from_secs(10);

/// Programs that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tools {
    pub(crate) ffmpeg: PathBuf,
    pub(crate) ffprobe: PathBuf,
    pub(crate) setpriv: Option<PathBuf>,
    version: String,
}

impl Tools {
    /// Looks for the programs that the configuration names, and asks ffmpeg what it is: once for all servers of a process.
    ///
    /// # Errors
    /// `processing-unavailable`: what is missing, and what to do about it.
    pub async fn find(config: &Video) -> Result<Self, Failure> {
        static KNOWN: Mutex<Vec<Tools>> = Mutex::new(Vec::new());
        let ffmpeg = usable("video.ffmpeg", &config.ffmpeg)?;
        let ffprobe = usable("video.ffprobe", &config.ffprobe)?;
        let same = |tools: &&Self| tools.ffmpeg == ffmpeg && tools.ffprobe == ffprobe;
        if let Some(known) = KNOWN.lock().iter().find(same) {
            return Ok(known.clone());
        }
        let version = version_of(&ffmpeg).await?;
        let found = Self { ffmpeg, ffprobe, setpriv: find_setpriv().await, version };
        KNOWN.lock().push(found.clone());
        Ok(found)
    }

    /// The same with another ffmpeg.
    #[cfg(test)]
    pub(super) fn with(self, ffmpeg: PathBuf) -> Self {
        Self { ffmpeg, ..self }
    }

    /// ffmpeg's version, as `5.1.9-0+deb12u1`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }
}

fn unavailable(told: String) -> Failure {
    Failure::new(Code::ProcessingUnavailable, told)
}

/// The path of a program: as it is configured, or on `PATH` where that is a bare name.
fn usable(key: &str, program: &Path) -> Result<PathBuf, Failure> {
    let bare = program.components().count() == 1 && !program.is_absolute();
    let found = if bare { on_path(program) } else { Some(program.to_owned()).filter(|path| path.is_file()) };
    // Programs run in folders of their own, where a relative path would mean another file.
    let found = found.and_then(|path| std::path::absolute(path).ok());
    found.ok_or_else(|| {
        let told = format!("videos are processed once {} is there: install ffmpeg (Debian: apt-get install ffmpeg) or set {key}, and start the server again", program.display());
        unavailable(told)
    })
}

/// The path of a program on `PATH`.
pub(super) fn on_path(program: impl AsRef<Path>) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program.as_ref())).find(|candidate| candidate.is_file())
}

/// Asks for the encoders; the version comes with the greeting.
async fn version_of(program: &Path) -> Result<String, Failure> {
    let broken = |why: &dyn std::fmt::Display| unavailable(format!("{} cannot be used: {why}", program.display()));
    let mut command = Command::new(program);
    command.arg("-encoders").stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output()).await.map_err(|_| broken(&"it does not answer"))?;
    let output = output.map_err(|error| broken(&error))?;
    let (greeting, encoders) = (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    // "ffmpeg version 5.1.9-0+deb12u1 Copyright (c) 2000-2026 the FFmpeg developers"
    let version = greeting.lines().find_map(|line| line.strip_prefix("ffmpeg version ")?.split_whitespace().next());
    let Some(version) = version.filter(|_| output.status.success()) else {
        return Err(broken(&"it does not answer as ffmpeg does"));
    };
    for encoder in ["libx264", "aac"] {
        if !encoders.lines().any(|line| line.split_whitespace().nth(1) == Some(encoder)) {
            return Err(broken(&format!("it was built without the encoder {encoder}; Debian's ffmpeg has it")));
        }
    }
    Ok(version.to_owned())
}
