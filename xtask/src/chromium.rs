//! A real Chromium for the browser tests.

use std::env;
use std::path::PathBuf;

use crate::apt;
use crate::shell::{Outcome, find};
use crate::workspace::Workspace;

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

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
    apt::install(workspace, "chromium", advice)?;
    on_path().ok_or_else(|| advice.to_owned())
}

fn on_path() -> Option<PathBuf> {
    NAMES.iter().find_map(|name| find(name))
}
