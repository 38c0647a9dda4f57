//! The `samewire` program.

mod mint;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use samewire_server::{Config, Server};
use tokio::net::TcpListener;
use tracing::Level;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// One session for calls, streams, rooms and signals.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server.
    Serve(Serve),
    /// Sign a token with the server's secret and print it.
    Token(mint::Token),
    /// Read the configuration, say what is wrong with it, and stop.
    CheckConfig {
        /// The configuration file (TOML).
        #[arg(long, env = "SAMEWIRE_CONFIG")]
        config: Option<PathBuf>,
    },
}

#[derive(clap::Args)]
struct Serve {
    /// Where to listen, as ADDR:PORT; port 0 takes a free one.
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// The folder for records, files and keys.
    #[arg(long)]
    data: Option<PathBuf>,
    /// The configuration file (TOML).
    #[arg(long, env = "SAMEWIRE_CONFIG")]
    config: Option<PathBuf>,
    /// Development: tokens for the asking, sessions without one, pages of every loopback origin.
    #[arg(long)]
    dev: bool,
    /// Serve the pages of this folder at /.
    #[arg(long)]
    demo: Option<PathBuf>,
    /// Serve the npm package of this folder at /pkg.
    #[arg(long)]
    pkg: Option<PathBuf>,
}

fn main() -> ExitCode {
    log();
    let done = match Cli::parse().command {
        Command::Serve(options) => serve(options),
        Command::Token(options) => mint::mint(options),
        Command::CheckConfig { config } => check(config.as_deref()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("samewire: {error}");
            ExitCode::FAILURE
        }
    }
}

fn check(config: Option<&Path>) -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::load(config)?;
    config.check()?;
    // The files that it names, too.
    config.keys()?;
    config.api_keys()?;
    println!("the configuration is usable");
    Ok(())
}

/// The log goes to standard error, as far as `SAMEWIRE_LOG` asks for it.
fn log() {
    let asked = EnvFilter::try_from_env("SAMEWIRE_LOG").unwrap_or_else(|_| "info".into());
    // At their lower levels libraries tell what they carry: frames and requests, with the tokens and keys in them.
    let told = filter_fn(|about| *about.level() <= Level::INFO || about.target().starts_with("samewire"));
    let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(ansi);
    tracing_subscriber::registry().with(asked).with(told).with(lines).init();
}

#[tokio::main]
async fn serve(options: Serve) -> Result<(), Box<dyn std::error::Error>> {
    let mut config = Config::load(options.config.as_deref())?;
    if let Some(listen) = options.listen {
        config.listen = listen;
    }
    if let Some(data) = options.data {
        config.data = data;
    }
    config.dev |= options.dev;
    let listen = config.listen;
    let dev = config.dev;
    let mut builder = Server::builder().config(config);
    if let Some(demo) = options.demo {
        builder = builder.demo(demo);
    }
    if let Some(package) = options.pkg {
        builder = builder.package(package);
    }
    let server = builder.build().await?;
    let listener = TcpListener::bind(listen).await.map_err(|error| format!("cannot listen on {listen}: {error}"))?;
    // Programs that start a server on port 0 read the address from here.
    println!("listening on http://{}", listener.local_addr()?);
    if dev {
        tracing::warn!("development mode: anybody may mint a token; do not expose this server");
    }
    server.serve(listener, stop_signal()).await?;
    Ok(())
}

/// Ready when the program is told to stop: Ctrl-C or SIGTERM.
async fn stop_signal() {
    let interrupt = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    #[cfg(unix)]
    {
        let terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate());
        match terminate {
            Ok(mut terminate) => tokio::select! { () = interrupt => {}, _ = terminate.recv() => {} },
            Err(_) => interrupt.await,
        }
    }
    #[cfg(not(unix))]
    interrupt.await;
}
