//! The samewire server, to embed or to run alone.
//!
//! A server answers calls, takes and gives streams, and keeps each client's session across lost connections. An embedding
//! program adds its own methods:
//!
//! ```no_run
//! use samewire_server::{Config, Server};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::builder().config(Config { dev: true, ..Config::default() }).build().await?;
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//! server.serve(listener, async { tokio::signal::ctrl_c().await.unwrap_or_default() }).await?;
//! # Ok(())
//! # }
//! ```
//!
//! How methods are written is told in [`calls`]; how it is configured, in [`config`].

mod app;
pub mod auth;
pub mod calls;
pub mod config;
mod dialects;
pub mod files;
mod http;
mod interim;
pub mod jobs;
pub mod limits;
mod link;
pub mod live;
pub mod media;
mod metrics;
mod pieces;
pub mod portal;
mod read_ahead;
pub mod rooms;
mod server;
pub mod session;
mod shared_write;
pub mod store;
pub mod streams;
mod system;
mod uploads;
mod websocket;
mod woken;

pub use config::Config;
pub use http::{Gate, Problem};
pub use server::{BuildError, Builder, Server};
pub use session::SessionHandle;
