//! Measurements of samewire, each beside the bare thing that it is built on or a system that does the same, in the same run.
//!
//! `cargo xtask bench [NAME…]`; with no name, all of them. Machines are noisy: what counts are the ratios, which come from runs
//! that take turns. Server and load run on a core each where there are two.

mod dialects;
mod echo;
mod idle;
mod live;
mod peer;
mod raw;
mod relay;
mod report;
mod rooms;
mod servers;
mod socket;
mod uploads;

use std::process::ExitCode;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> ExitCode {
    let mut names: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, name] = names.as_slice()
        && flag == "--serve"
    {
        return done(servers::serve(name));
    }
    if names.iter().any(|name| name == "--help" || name == "-h") {
        println!("samewire-bench [NAME…]: measures what is named, or all. {NAMES}.\nSee docs/figures.md for what each one is.");
        return ExitCode::SUCCESS;
    }
    if names.is_empty() {
        names = ["echo", "idle", "uploads", "rooms", "live", "dialect-socketio", "dialect-metacom"].map(String::from).into();
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
        match name.as_str() {
            "echo" => runtime.block_on(echo::run())?,
            "idle" => runtime.block_on(idle::run())?,
            "upload" => runtime.block_on(uploads::large())?,
            "mixed" => runtime.block_on(uploads::mixed())?,
            "tus" => uploads::tus()?,
            "fair" => uploads::fair()?,
            "far" => uploads::far()?,
            "uploads" => measure(&["upload", "mixed", "tus", "fair", "far"].map(String::from))?,
            "fanout" => rooms::fan_out()?,
            "latency" => rooms::latency()?,
            "idle-rooms" => rooms::idle()?,
            "storm" => rooms::storm()?,
            "slow" => rooms::slow()?,
            "rooms" => measure(&["fanout", "latency", "idle-rooms", "storm", "slow"].map(String::from))?,
            "live-counts" => live::counts()?,
            "live-signal" => live::signal()?,
            "live" => measure(&["live-counts", "live-signal"].map(String::from))?,
            "dialect-socketio" => dialects::socketio()?,
            "dialect-metacom" => dialects::metacom()?,
            other => return Err(format!("there is no measurement `{other}`. {NAMES}").into()),
        }
    }
    Ok(())
}

const NAMES: &str = "There are echo, idle; of uploads: upload, mixed, tus, fair, far; of rooms: fanout, latency, idle-rooms, storm, slow; of live streams: \
                     live-counts, live-signal; of clients of other systems: dialect-socketio, dialect-metacom";
