//! Builds the browser half of the npm package: `pkg/wasm`, from `sdk-wasm`; and the package as it is shipped, `target/pkg`.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::shell::{Outcome, run};
use crate::workspace::Workspace;
use crate::{bare, imports, size, tools};

/// Builds with wasm-pack, then checks what came out: its size, and what the wasm expects from outside.
pub(crate) fn build(workspace: &Workspace) -> Outcome {
    tools::ensure(workspace)?;
    println!("Building pkg/wasm");
    let mut wasm_pack = workspace.command(workspace_wasm_pack(workspace));
    wasm_pack.env("PATH", tools::path(workspace)?);
    // no-install: a tool of the wrong version is an error to read, never a download.
    wasm_pack.args(["build", "sdk-wasm", "--mode", "no-install", "--target", "web", "--no-pack", "--no-typescript"]);
    wasm_pack.args(["--out-dir", "../pkg/wasm", "--out-name", "samewire", "--profile", "wasm-release"]);
    run(&mut wasm_pack)?;
    // wasm-pack writes a .gitignore of `*` here, which would also keep the folder out of the packed npm package.
    match fs::remove_file(workspace.path("pkg/wasm/.gitignore")) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(format!("cannot remove pkg/wasm/.gitignore: {error}")),
        _ => {}
    }
    imports::check(&workspace.path("pkg/wasm/samewire_bg.wasm"))?;
    let shipped = shipped(workspace);
    empty(&shipped)?;
    bare::copy(&workspace.path("pkg"), &shipped)?;
    size::check(&shipped)
}

/// Where the package lies as it is shipped.
pub(crate) fn shipped(workspace: &Workspace) -> PathBuf {
    workspace.target("pkg")
}

/// Makes a folder, or empties it.
pub(crate) fn empty(folder: &Path) -> Outcome {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(format!("cannot empty {}: {error}", folder.display())),
        _ => {}
    }
    fs::create_dir_all(folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))
}

/// The project's own wasm-pack; where the system has the right version already, that one.
fn workspace_wasm_pack(workspace: &Workspace) -> PathBuf {
    let own = workspace.target(&format!("tools/bin/wasm-pack{}", std::env::consts::EXE_SUFFIX));
    if own.is_file() { own } else { "wasm-pack".into() }
}
