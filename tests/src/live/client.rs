//! The native SDK, as the tests use it.

use std::time::Duration;

use bytes::Bytes;
use samewire::files::{self, FileRecord, List, ListParams, Open, OpenParams, UploadParams};
use samewire::{Client, Digest, Failure, FileId, Source, Status, StreamOptions, Upload};
use tokio::task::JoinHandle;

use crate::rng::Rng;

/// A client that dials again at once when its connection is lost, as one whose user presses "now": the backoff that is right for
/// a crowd would make a test of two hundred cuts an hour long.
#[derive(Debug)]
pub struct Insistent {
    /// The client.
    pub client: Client,
    task: JoinHandle<()>,
}

impl Insistent {
    /// A client of the server at this address.
    ///
    /// # Panics
    /// When the address is none.
    #[must_use]
    pub fn new(url: &str, token: Option<String>) -> Self {
        let mut builder = Client::builder(url);
        if let Some(token) = token {
            builder = builder.token(token);
        }
        let client = builder.build().expect("a client");
        let insisting = client.clone();
        let task = tokio::spawn(async move {
            let mut status = insisting.watch_status();
            while status.wait_for(|status| matches!(status, Status::Waiting { .. })).await.is_ok() {
                // Only asked for, and not waited for: it may fail, and then it is asked for again.
                let _ = tokio::time::timeout(Duration::ZERO, insisting.connect()).await;
                if status.changed().await.is_err() {
                    return;
                }
            }
        });
        Self { client, task }
    }
}

impl Drop for Insistent {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Random bytes and their digest.
#[must_use]
pub fn contents(seed: u64, size: usize) -> (Bytes, Digest) {
    let bytes = Rng::new(seed).bytes(size);
    let digest = Digest::of(&bytes);
    (bytes, digest)
}

/// Sends bytes and makes a file of them.
pub async fn upload(client: &Client, name: &str, bytes: Bytes) -> Result<FileRecord, Failure> {
    store(client, &client.upload(Source::bytes(bytes), StreamOptions::named(name))).await
}

/// Makes a file of a stream, under the stream's name.
pub async fn store(client: &Client, upload: &Upload) -> Result<FileRecord, Failure> {
    client.call::<files::Upload>(&UploadParams { stream: upload.stream(), name: None }).await.map(|uploaded| uploaded.file)
}

/// The caller's files.
pub async fn list(client: &Client) -> Result<Vec<FileRecord>, Failure> {
    client.call::<List>(&ListParams::default()).await.map(|list| list.files)
}

/// Reads a file, all of it.
pub async fn download(client: &Client, id: FileId) -> Result<Bytes, Failure> {
    let opened = client.call::<Open>(&OpenParams::file(id)).await?;
    client.stream(opened.stream).await?.bytes().await.map(Bytes::from)
}
