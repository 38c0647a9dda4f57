//! The npm package as users get it: packed, and unpacked again where the browser tests and type checks import it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::shell::{Outcome, capture, run};
use crate::workspace::Workspace;
use crate::{npm, package, tools};

/// Files without which the package is of no use. A wrong `files` list or a stray ignore file leaves them out without a word.
const ESSENTIAL: [&str; 5] = ["package.json", "index.js", "index.d.ts", "wasm/samewire.js", "wasm/samewire_bg.wasm"];

/// Builds and packs the npm package, and returns the path of the tarball.
pub(crate) fn pack(workspace: &Workspace) -> Outcome<PathBuf> {
    tools::ensure_node()?;
    package::build(workspace)?;
    let folder = workspace.target("npm");
    package::empty(&folder)?;
    let mut npm = workspace.command("npm");
    npm.args(["pack", "--json", "--ignore-scripts", "--pack-destination"])
        .arg(&folder)
        .current_dir(package::shipped(workspace));
    println!("Packing target/pkg into {}", folder.display());
    capture(&mut npm)?;
    let tarball = only_file(&folder)?;
    println!("Packed {}", tarball.display());
    Ok(tarball)
}

/// Unpacks the tarball to where `import "samewire"` finds it from `tests/browser`, beside the dependencies that it needs.
pub(crate) fn install(workspace: &Workspace, tarball: &Path) -> Outcome {
    npm::ensure_installed(workspace, "tests/browser")?;
    let folder = workspace.path("tests/browser/node_modules/samewire");
    package::empty(&folder)?;
    run(workspace.command("tar").arg("-xzf").arg(tarball).arg("-C").arg(&folder).arg("--strip-components=1"))?;
    let missing: Vec<_> = ESSENTIAL.into_iter().filter(|file| !folder.join(file).is_file()).collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("the packed npm package lacks {}", missing.join(", "))) }
}

fn only_file(folder: &Path) -> Outcome<PathBuf> {
    let entries = fs::read_dir(folder).map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
    let mut files = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    match (files.next(), files.next()) {
        (Some(file), None) => Ok(file),
        _ => Err(format!("`npm pack` should have left one file in {}", folder.display())),
    }
}
