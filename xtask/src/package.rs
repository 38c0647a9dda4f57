//! Builds the browser half of the npm package: `pkg/wasm`, from `sdk-wasm`.

use std::fs;
use std::io::ErrorKind;

use crate::shell::{Outcome, run};
use crate::workspace::Workspace;
use crate::{imports, size, tools};

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
    size::check(&workspace.path("pkg"))
}

/// The project's own wasm-pack; where the system has the right version already, that one.
fn workspace_wasm_pack(workspace: &Workspace) -> std::path::PathBuf {
    let own = workspace.target(&format!("tools/bin/wasm-pack{}", std::env::consts::EXE_SUFFIX));
    if own.is_file() { own } else { "wasm-pack".into() }
}
