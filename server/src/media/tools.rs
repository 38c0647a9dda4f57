//! ffmpeg and ffprobe, as they are found when the server starts.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

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
    /// Looks for the programs that the configuration names, and asks them what they are.
    ///
    /// # Errors
    /// `processing-unavailable`: what is missing, and what to do about it.
    pub async fn find(config: &Video) -> Result<Self, Failure> {
        let ffmpeg = usable("video.ffmpeg", &config.ffmpeg)?;
        let ffprobe = usable("video.ffprobe", &config.ffprobe)?;
        let version = version_of(&ffmpeg).await?;
        version_of(&ffprobe).await?;
        let encoders = output_of(&ffmpeg, &["-hide_banner", "-encoders"]).await?;
        for encoder in ["libx264", "aac"] {
            if !encoders.lines().any(|line| line.split_whitespace().nth(1) == Some(encoder)) {
                let told = format!("{} was built without the encoder {encoder}; Debian's ffmpeg has it", ffmpeg.display());
                return Err(unavailable(told));
            }
        }
        Ok(Self { ffmpeg, ffprobe, setpriv: find_setpriv().await, version })
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

async fn version_of(program: &Path) -> Result<String, Failure> {
    let said = output_of(program, &["-version"]).await?;
    // "ffmpeg version 5.1.9-0+deb12u1 Copyright (c) 2000-2026 the FFmpeg developers"
    let mut words = said.split_whitespace();
    let named = words.next().is_some_and(|name| name.starts_with("ff")) && words.next() == Some("version");
    let version = words.next().filter(|_| named);
    version.map(str::to_owned).ok_or_else(|| unavailable(format!("{} does not answer as ffmpeg does", program.display())))
}

async fn output_of(program: &Path, arguments: &[&str]) -> Result<String, Failure> {
    let broken = |why: &dyn std::fmt::Display| unavailable(format!("{} cannot be used: {why}", program.display()));
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output()).await.map_err(|_| broken(&"it does not answer"))?;
    let output = output.map_err(|error| broken(&error))?;
    if !output.status.success() {
        return Err(broken(&output.status));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
