//! `cargo xtask bench`: the measurements, beside the systems that they are compared with.

use crate::npm;
use crate::shell::{Outcome, run};
use crate::workspace::Workspace;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Which measurements to run, and options for them; all when none is named.
    #[arg(value_name = "NAME", trailing_var_arg = true, allow_hyphen_values = true)]
    names: Vec<String>,
}

/// Builds the measurements and the server in release, in one go, so that both come from the same dependencies.
pub(crate) fn bench(workspace: &Workspace, options: &Options) -> Outcome {
    if workspace.path("bench/npm").is_dir() {
        npm::ensure_installed(workspace, "bench/npm")?;
    }
    run(&mut workspace.cargo(["build", "--release", "--package", "samewire-server", "--package", "samewire-bench", "--bins"]))?;
    let program = workspace.program("release", "samewire-bench");
    if !program.is_file() {
        return Err("bench/ builds no program named samewire-bench".to_owned());
    }
    let mut bench = workspace.command(program);
    bench.args(&options.names).env("SAMEWIRE_BIN", workspace.program("release", "samewire"));
    run(&mut bench)
}
