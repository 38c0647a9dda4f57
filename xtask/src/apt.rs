//! Programs that come from Debian's packages, where we may install them.

use crate::shell::{Outcome, capture, find, run};
use crate::workspace::Workspace;

/// Waits for another apt instead of failing beside it.
const PATIENT: [&str; 2] = ["-o", "DPkg::Lock::Timeout=300"];

/// Installs a package; where that cannot be done, the advice is what the developer reads.
pub(crate) fn install(workspace: &Workspace, package: &str, advice: &str) -> Outcome {
    if find("apt-get").is_none() || !is_root(workspace) {
        return Err(advice.to_owned());
    }
    println!("Installing {package}");
    let failed = |failure: String| format!("{failure}\n{advice}");
    run(workspace.command("apt-get").args(PATIENT).args(["update", "-qq"])).map_err(failed)?;
    let mut install = workspace.command("apt-get");
    install.args(PATIENT).args(["install", "-y", "--no-install-recommends", "-qq", package]);
    run(install.env("DEBIAN_FRONTEND", "noninteractive")).map_err(failed)
}

fn is_root(workspace: &Workspace) -> bool {
    capture(workspace.command("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}
