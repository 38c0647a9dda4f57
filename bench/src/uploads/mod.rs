//! Uploads: over a session and over HTTP, one and many, near and far, alone and beside calls.

mod fair;
mod far;
mod large;
mod mixed;
mod tus;

pub(crate) use fair::run as fair;
pub(crate) use far::run as far;
pub(crate) use large::run as large;
pub(crate) use mixed::run as mixed;
pub(crate) use tus::run as tus;

use std::path::PathBuf;

use crate::Outcome;
use crate::peer::folder;

pub(crate) const MIB: u64 = 1024 * 1024;

/// Bytes that do not compress, the same ones each time.
struct Noise(u64);

impl Noise {
    fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    fn fill(&mut self, block: &mut [u8]) {
        for word in block.chunks_exact_mut(8) {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            word.copy_from_slice(&self.0.to_ne_bytes());
        }
    }
}

/// A file that does not compress.
pub(crate) fn source(size: u64) -> Outcome<PathBuf> {
    let path = folder()?.join("source.bin");
    let mut noise = Noise::new();
    let mut block = vec![0; MIB as usize];
    let file = std::fs::File::create(&path)?;
    for _ in 0..size / MIB {
        noise.fill(&mut block);
        std::io::Write::write_all(&mut &file, &block)?;
    }
    file.sync_all()?;
    Ok(path)
}

/// Makes an upload at a tus server by hand, and answers where it is.
async fn create(http: &reqwest::Client, url: &str, size: u64) -> Outcome<String> {
    let created =
        http.post(format!("{url}/files")).header("tus-resumable", "1.0.0").header("upload-length", size).send().await?;
    Ok(created.headers().get("location").ok_or("no location")?.to_str()?.to_owned())
}

/// Sends a piece of it, of so many bytes from this offset on.
async fn patch(http: &reqwest::Client, upload: &str, offset: u64, len: u64, body: reqwest::Body) -> Outcome {
    let patched = http
        .patch(upload)
        .header("tus-resumable", "1.0.0")
        .header("upload-offset", offset)
        .header("content-type", "application/offset+octet-stream")
        .header("content-length", len)
        .body(body)
        .send()
        .await?;
    let reached = patched.headers().get("upload-offset").and_then(|offset| offset.to_str().ok()?.parse::<u64>().ok());
    if reached != Some(offset + len) {
        return Err(format!("the tus server has {reached:?} of {} bytes", offset + len).into());
    }
    Ok(())
}
