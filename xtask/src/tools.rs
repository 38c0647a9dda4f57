//! The tools of the wasm build: rustc's wasm target, wasm-bindgen's program and wasm-pack, each in the version that fits.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::shell::{Outcome, capture, find, run};
use crate::workspace::Workspace;

pub(crate) const WASM_TARGET: &str = "wasm32-unknown-unknown";
const WASM_PACK: &str = "0.15.1";

/// Installs what is missing: programs into `target/tools`, the target into the toolchain, as rustup has no other place for it.
pub(crate) fn ensure(workspace: &Workspace) -> Outcome {
    ensure_target(workspace)?;
    let bindgen = locked_version(&read(&workspace.path("Cargo.lock"))?, "wasm-bindgen")
        .ok_or("Cargo.lock holds no wasm-bindgen, so there is no version of its program to install")?;
    // Without --locked: the lock file that this program is published with may name crates which a registry's mirror does not serve yet.
    ensure_program(workspace, "wasm-bindgen", "wasm-bindgen-cli", &bindgen, &[])?;
    ensure_program(workspace, "wasm-pack", "wasm-pack", WASM_PACK, &["--locked"])?;
    match fs::remove_dir_all(build_folder(workspace)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(format!("cannot remove target/tools-build: {error}")),
        _ => Ok(()),
    }
}

/// `PATH` with the project's own tools first.
pub(crate) fn path(workspace: &Workspace) -> Outcome<OsString> {
    let inherited = env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(workspace.target("tools/bin")).chain(env::split_paths(&inherited));
    env::join_paths(folders).map_err(|error| format!("cannot add target/tools/bin to PATH: {error}"))
}

/// Fails with advice when node or npm is missing; neither can be installed by the project for itself.
pub(crate) fn ensure_node() -> Outcome {
    for program in ["node", "npm"] {
        if find(program).is_none() {
            return Err(format!(
                "`{program}` is not on PATH: install Node.js 20 or later, with npm, from your system's packages"
            ));
        }
    }
    Ok(())
}

pub(crate) fn ensure_target(workspace: &Workspace) -> Outcome {
    let library = capture(workspace.command("rustc").args(["--print", "target-libdir", "--target", WASM_TARGET]))?;
    if Path::new(library.trim()).is_dir() {
        return Ok(());
    }
    println!("Installing the Rust target {WASM_TARGET}");
    run(workspace.command("rustup").args(["target", "add", WASM_TARGET])).map_err(|failure| {
        format!("{failure}\nThe browser SDK needs this target. Install it by hand: rustup target add {WASM_TARGET}")
    })
}

fn ensure_program(workspace: &Workspace, program: &str, package: &str, version: &str, flags: &[&str]) -> Outcome {
    if installed_version(workspace, program)?.as_deref() == Some(version) {
        return Ok(());
    }
    println!("Installing {package} {version} into target/tools (once; some minutes)");
    let mut install =
        workspace.cargo(["install", package, "--version", &format!("={version}"), "--debug", "--quiet", "--root"]);
    install.arg(workspace.target("tools")).args(flags);
    // A build without optimisation is as good in use and half the work.
    install.env("CARGO_TARGET_DIR", build_folder(workspace)).env("CARGO_PROFILE_DEV_DEBUG", "0");
    run(&mut install)?;
    match installed_version(workspace, program)? {
        Some(found) if found == version => Ok(()),
        found => Err(format!("{package} {version} was installed, yet `{program} --version` says {found:?}")),
    }
}

/// The version that a program reports, such as `0.15.1` from `wasm-pack 0.15.1`. None when it is not there or does not run.
fn installed_version(workspace: &Workspace, program: &str) -> Outcome<Option<String>> {
    let own = workspace.target("tools/bin").join(format!("{program}{}", env::consts::EXE_SUFFIX));
    let Some(program) = own.is_file().then_some(own).or_else(|| find(program)) else {
        return Ok(None);
    };
    let Ok(output) = Command::new(&program).arg("--version").stderr(Stdio::null()).output() else {
        return Ok(None);
    };
    let said = String::from_utf8_lossy(&output.stdout);
    Ok(said.split_whitespace().nth(1).map(str::to_owned))
}

fn build_folder(workspace: &Workspace) -> std::path::PathBuf {
    workspace.target("tools-build")
}

fn read(file: &Path) -> Outcome<String> {
    fs::read_to_string(file).map_err(|error| format!("cannot read {}: {error}", file.display()))
}

/// The version of a package in the text of a `Cargo.lock`, where `version` is the line after `name`.
fn locked_version(lock: &str, package: &str) -> Option<String> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    let version = lines.nth(1)?.strip_prefix("version = \"")?.strip_suffix('"')?;
    Some(version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::locked_version;

    const LOCK: &str = "[[package]]\nname = \"wasm-bindgen-futures\"\nversion = \"0.4.80\"\n\n[[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\n";

    #[test]
    fn takes_the_package_of_exactly_that_name() {
        assert_eq!(locked_version(LOCK, "wasm-bindgen").as_deref(), Some("0.2.130"));
    }

    #[test]
    fn an_absent_package_has_no_version() {
        assert_eq!(locked_version(LOCK, "wasm"), None);
    }
}
