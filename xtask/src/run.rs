//! `cargo xtask run`: from a fresh clone to the demo in a browser.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use crate::shell::{Outcome, announce, cannot_start, run as execute};
use crate::workspace::Workspace;
use crate::{npm, package};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Where to listen.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// The folder for stored files and records.
    #[arg(long, value_name = "DIR", default_value = "data")]
    data: PathBuf,
    /// Build the server with optimisation: slower to build, faster to use.
    #[arg(long)]
    release: bool,
}

/// Builds the npm package and the server, then becomes the server.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Outcome {
    println!("[1/4] The npm package");
    package::build(workspace)?;

    println!("\n[2/4] What the demo has from npm");
    npm::ensure_installed(workspace, npm::DEMO)?;

    println!("\n[3/4] The server");
    let mut build = workspace.cargo(["build", "--package", "samewire-server", "--bin", "samewire"]);
    if options.release {
        build.arg("--release");
    }
    execute(&mut build)?;

    println!("\n[4/4] Serving the demo, with its data in {}", options.data.display());
    let profile = if options.release { "release" } else { "debug" };
    let mut serve = workspace.command(workspace.program(profile, "samewire"));
    serve.args(["serve", "--dev", "--listen"]).arg(options.listen.to_string());
    serve.arg("--data").arg(&options.data).args(["--demo", "examples-web", "--pkg", "pkg"]);
    announce(&serve);
    println!("\nOpen {}\n", url(options.listen));
    become_program(serve)
}

/// The address that a browser on this machine can use: an address that means "all interfaces" is none.
fn url(listen: SocketAddr) -> String {
    if listen.ip().is_unspecified() { format!("http://127.0.0.1:{}/", listen.port()) } else { format!("http://{listen}/") }
}

/// Replaces this process, so that a signal to it reaches the server.
#[cfg(unix)]
fn become_program(mut program: Command) -> Outcome {
    use std::os::unix::process::CommandExt;
    let error = program.exec();
    Err(cannot_start(&program, &error))
}

#[cfg(not(unix))]
fn become_program(mut program: Command) -> Outcome {
    let status = program.status().map_err(|error| cannot_start(&program, &error))?;
    if status.success() { Ok(()) } else { Err(format!("the server ended with {status}")) }
}

#[cfg(test)]
mod tests {
    use super::url;

    #[test]
    fn the_url_is_one_to_click_on() {
        assert_eq!(url("127.0.0.1:8080".parse().unwrap()), "http://127.0.0.1:8080/");
        assert_eq!(url("0.0.0.0:80".parse().unwrap()), "http://127.0.0.1:80/");
        assert_eq!(url("[::1]:80".parse().unwrap()), "http://[::1]:80/");
    }
}
