//! A real Chromium for the browser tests.

use std::env;
use std::path::PathBuf;

use crate::shell::{Outcome, capture, find, run};
use crate::workspace::Workspace;

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const INSTALL: [&str; 6] = ["apt-get", "-o", "DPkg::Lock::Timeout=300", "install", "-y", "--no-install-recommends"];

/// The browser to test with: what `CHROMIUM` names, else one on `PATH`, else Debian's, which is installed where we may do that.
pub(crate) fn ensure(workspace: &Workspace) -> Outcome<PathBuf> {
    if let Some(chosen) = env::var_os("CHROMIUM") {
        let chosen = PathBuf::from(chosen);
        if chosen.is_file() {
            return Ok(chosen);
        }
        return Err(format!("CHROMIUM names {}, which is not a file", chosen.display()));
    }
    if let Some(found) = on_path() {
        return Ok(found);
    }
    let advice = "the browser tests need Chromium: sudo apt-get install -y --no-install-recommends chromium\n\
                  (or set CHROMIUM to the path of a Chromium or Chrome)";
    if find("apt-get").is_none() || !is_root(workspace) {
        return Err(advice.to_owned());
    }
    println!("Installing chromium");
    let failed = |failure: String| format!("{failure}\n{advice}");
    run(workspace.command("apt-get").args(["-o", "DPkg::Lock::Timeout=300", "update", "-qq"])).map_err(failed)?;
    let mut install = workspace.command(INSTALL[0]);
    install.args(&INSTALL[1..]).args(["-qq", "chromium"]).env("DEBIAN_FRONTEND", "noninteractive");
    run(&mut install).map_err(failed)?;
    on_path().ok_or_else(|| advice.to_owned())
}

fn on_path() -> Option<PathBuf> {
    NAMES.iter().find_map(|name| find(name))
}

fn is_root(workspace: &Workspace) -> bool {
    capture(workspace.command("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}
