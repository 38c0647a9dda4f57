//! The commands a developer types: `cargo xtask run | test | pkg | bench`.
//!
//! On a fresh machine they need rustup, node and npm; whatever else a command uses it installs itself, from package registries only, and
//! under `target/` wherever that is possible.

mod apt;
mod bare;
mod bench;
mod chromium;
mod coturn;
mod ffmpeg;
mod imports;
mod npm;
mod package;
mod purity;
mod run;
mod shell;
mod size;
mod tarball;
mod test;
mod tools;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::shell::Outcome;
use crate::workspace::Workspace;

/// Builds, runs, tests and measures samewire.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build everything and serve the demo.
    Run(run::Options),
    /// Run the checks and tests: all of them, or the named ones.
    Test(test::Options),
    /// Build the npm package's wasm into pkg/wasm, and check its size.
    Pkg,
    /// Build in release and run the measurements.
    Bench(bench::Options),
}

fn main() -> ExitCode {
    match perform(Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nerror: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn perform(task: Task) -> Outcome {
    let workspace = Workspace::locate()?;
    match task {
        Task::Run(options) => run::run(&workspace, &options),
        Task::Test(options) => test::test(&workspace, &options),
        Task::Pkg => package::build(&workspace),
        Task::Bench(options) => bench::bench(&workspace, &options),
    }
}
