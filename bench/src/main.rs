//! Measurements of samewire, each beside the bare thing that it is built on or a system that does the same, in the same run.
//!
//! `cargo xtask bench [NAME…]`; with no name, all of them. Machines are noisy: what counts are the ratios, which come from runs
//! that take turns. Server and load run on a core each where there are two.

mod bare;
mod echo;
mod idle;
mod mixed;
mod peer;
mod report;
mod socket;
mod upload;

use std::process::ExitCode;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> ExitCode {
    let mut names: Vec<String> = std::env::args().skip(1).collect();
    if names.first().is_some_and(|name| name == "--bare") {
        return done(bare::serve());
    }
    if names.is_empty() {
        names = ["echo", "idle", "upload", "mixed"].map(String::from).into();
    }
    done(measure(&names))
}

fn done(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("samewire-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(names: &[String]) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for name in names {
        runtime.block_on(async {
            match name.as_str() {
                "echo" => echo::run().await,
                "idle" => idle::run().await,
                "upload" => upload::run().await,
                "mixed" => mixed::run().await,
                other => Err(format!("there is no measurement `{other}`; there are echo, idle, upload and mixed").into()),
            }
        })?;
    }
    Ok(())
}
