//! The native Rust SDK for samewire: one session that carries calls, streams and rooms, and heals itself.
//!
//! ```no_run
//! use samewire::{Client, JoinOptions, Source, StreamOptions, files};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder("http://127.0.0.1:8080").token("…").build()?;
//!
//! // A stream goes up over the session, and goes on where it was when the connection is lost.
//! let upload = client.upload(Source::file("holiday.mov").await?, StreamOptions::named("holiday.mov"));
//! upload.finished().await?;
//!
//! // The call that names it can only go over the same session.
//! let file = client.call::<files::Upload>(&files::UploadParams { stream: upload.stream(), name: None }).await?;
//!
//! // Calls that name no stream may also go over HTTP.
//! let mine = client.http().call::<files::List>(&files::ListParams::default()).await?;
//!
//! // A room is joined again by itself, and tells what happened meanwhile: see `rooms`.
//! let room = client.join("chat:general", JoinOptions::new()).await?;
//! room.publish("line", &"Hello").await?;
//! # let _ = (file, mine);
//! # Ok(())
//! # }
//! ```
//!
//! Calls and streams may be begun, and rooms joined, before there is a connection and while it is lost: they wait for it. [`rooms`]
//! tells of rooms, [`Builder::token_source`] of tokens that expire.

mod bridge;
mod call;
mod client;
mod driver;
mod http;
pub mod live;
mod read;
pub mod rooms;
mod send;
mod stored;
mod token;
mod transport;

pub use call::{Answer, CallOptions, Parts};
pub use client::{BuildError, Builder, Client};
pub use http::HttpClient;
pub use live::Live;
pub use read::Download;
pub use rooms::{JoinOptions, Room, RoomEvent};
pub use send::{Progress, Source, StreamOptions, Upload, Uploaded};
pub use stored::{Excerpt, FileWatch, Files};

pub use samewire_protocol::session::{Status, TokenReason};
pub use samewire_protocol::{
    Code, Digest, Failure, FileId, Method, Ran, SessionId, StreamId, StreamRef, files, method, system,
};
