//! Dependencies from npm, exactly as a lock file names them.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use crate::shell::{Outcome, run};
use crate::tools;
use crate::workspace::Workspace;

/// The demo, one of whose pages shows an uploader that others wrote.
pub(crate) const DEMO: &str = "examples-web";

/// Installs what `folder`'s lock file names, unless that was done since the lock file last changed.
pub(crate) fn ensure_installed(workspace: &Workspace, folder: &str) -> Outcome {
    tools::ensure_node()?;
    let folder = workspace.path(folder);
    let lock = folder.join("package-lock.json");
    let Some(locked) = changed(&lock) else {
        return Err(format!("{} is missing", lock.display()));
    };
    if changed(&folder.join("node_modules/.package-lock.json")).is_some_and(|installed| installed > locked) {
        return Ok(());
    }
    println!("Installing the npm packages of {}", folder.display());
    let mut install = workspace.command("npm");
    install.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(folder);
    run(&mut install)
}

fn changed(file: &Path) -> Option<SystemTime> {
    fs::metadata(file).and_then(|metadata| metadata.modified()).ok()
}
