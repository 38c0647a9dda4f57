//! A real TURN server for the tests of live video: Debian's coturn.

use crate::apt;
use crate::shell::{Outcome, find};
use crate::workspace::Workspace;

const ADVICE: &str = "the tests of live video need turnserver and turnutils_uclient on PATH: sudo apt-get install -y --no-install-recommends coturn";

/// Sees to it that coturn is there: one on `PATH`, else Debian's, which is installed where we may do that.
pub(crate) fn ensure(workspace: &Workspace) -> Outcome {
    if is_there() {
        return Ok(());
    }
    apt::install(workspace, "coturn", ADVICE)?;
    if is_there() { Ok(()) } else { Err(ADVICE.to_owned()) }
}

fn is_there() -> bool {
    ["turnserver", "turnutils_uclient"].iter().all(|program| find(program).is_some())
}
