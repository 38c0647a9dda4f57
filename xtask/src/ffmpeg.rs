//! A real ffmpeg for the tests of what is made of videos.

use crate::apt;
use crate::shell::{Outcome, find};
use crate::workspace::Workspace;

const ADVICE: &str =
    "the tests of videos need ffmpeg and ffprobe on PATH: sudo apt-get install -y --no-install-recommends ffmpeg";

/// Sees to it that ffmpeg is there: one on `PATH`, else Debian's, which is installed where we may do that.
pub(crate) fn ensure(workspace: &Workspace) -> Outcome {
    if is_there() {
        return Ok(());
    }
    apt::install(workspace, "ffmpeg", ADVICE)?;
    if is_there() { Ok(()) } else { Err(ADVICE.to_owned()) }
}

fn is_there() -> bool {
    ["ffmpeg", "ffprobe"].iter().all(|program| find(program).is_some())
}
